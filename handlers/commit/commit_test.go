package commit_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
)

// counter folds nothing but how many events an aggregate has, and their last.
type counter struct {
	mu      sync.Mutex
	seq     uint64
	n       map[events.UID]int
	last    map[events.UID]uint64
	changed chan struct{}
}

func newCounter() *counter {
	return &counter{n: map[events.UID]int{}, last: map[events.UID]uint64{}, changed: make(chan struct{})}
}

func (c *counter) apply(e events.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq = e.Seq
	c.n[e.Aggregate.UID]++
	c.last[e.Aggregate.UID] = e.Seq
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

func (c *counter) WaitFor(ctx context.Context, seq uint64) error {
	for {
		c.mu.Lock()
		done, changed := c.seq >= seq, c.changed
		c.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *counter) load(uid events.UID) (int, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[uid], c.last[uid]
}

type plain struct{}

func (plain) Seal(_ events.UID, text, _ []byte) ([]byte, error)   { return text, nil }
func (plain) Open(_ events.UID, sealed, _ []byte) ([]byte, error) { return sealed, nil }

func open(t *testing.T) (context.Context, *journal.Journal) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	conn, err := journal.Connect(ctx, journal.Config{SyncInterval: time.Minute, ConfigFile: "../../nats.conf", StoreDir: t.TempDir(), StoreKey: "k", Listen: "none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return ctx, journal.New(conn, plain{})
}

// desk returns a desk with a projection of its own, as another process has it.
func desk(ctx context.Context, t *testing.T, j *journal.Journal) (*commit.Desk[int], *counter) {
	c := newCounter()
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	go func() { done <- j.Follow(ctx, events.Auth, 0, c.apply) }()
	t.Cleanup(func() { cancel(); <-done })
	return commit.NewDesk(events.Auth, j, c, c.load), c
}

func TestRivalsDecideAgain(t *testing.T) {
	ctx, j := open(t)
	a, _ := desk(ctx, t, j)
	b, _ := desk(ctx, t, j)
	uid := events.NewUID()
	// Both count up to 50 together: each decision sees all events before it.
	const total = 50
	var wg sync.WaitGroup
	for _, d := range []*commit.Desk[int]{a, b} {
		wg.Go(func() {
			for {
				e, err := d.Do(ctx, uid, commit.Meta{Actor: events.BySystem}, func(n int) (events.Fact, error) {
					if n >= total {
						return nil, nil
					}
					return &events.CodeSent{Length: n + 1}, nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				if e.Fact == nil {
					return
				}
			}
		})
	}
	wg.Wait()
	want := 0
	err := j.Replay(ctx, events.Auth, 0, 0, func(e events.Event) error {
		want++
		if got := e.Fact.(*events.CodeSent).Length; got != want {
			return fmt.Errorf("event %d says %d", want, got)
		}
		return nil
	})
	if err != nil || want != total {
		t.Fatalf("%d events, %v", want, err)
	}
}

func TestWriterReadsItsOwnWrite(t *testing.T) {
	ctx, j := open(t)
	d, c := desk(ctx, t, j)
	uid := events.NewUID()
	e, err := d.Do(ctx, uid, commit.Meta{Correlation: "attempt", Causation: "cause", Origin: "$m", Actor: events.ByUser}, func(int) (events.Fact, error) {
		return &events.CodeSent{}, nil
	})
	if err != nil || e.Seq == 0 || e.ID == "" || e.Time.IsZero() {
		t.Fatalf("%+v, %v", e, err)
	}
	if n, last := c.load(uid); n != 1 || last != e.Seq {
		t.Fatalf("the projection has %d events up to %d", n, last)
	}
	refusal := errors.New("no")
	if _, err := d.Do(ctx, uid, commit.Meta{}, func(int) (events.Fact, error) { return nil, refusal }); !errors.Is(err, refusal) {
		t.Fatalf("refusal became %v", err)
	}
}

// forgetful is a log that has dropped the aggregate's old events, as CHAT does.
type forgetful struct {
	commit.Log
	expected []uint64
}

func (f *forgetful) Append(_ context.Context, _ events.Event, expect uint64) (uint64, error) {
	f.expected = append(f.expected, expect)
	if expect != 0 {
		return 0, journal.ErrConflict
	}
	return 8, nil
}

func (f *forgetful) LastOf(context.Context, events.Aggregate) (uint64, error) { return 0, nil }

type folded struct{}

func (folded) WaitFor(context.Context, uint64) error { return nil }

func TestOldEventsMayBeGone(t *testing.T) {
	log := &forgetful{}
	d := commit.NewDesk(events.Chat, log, folded{}, func(events.UID) (int, uint64) { return 1, 7 })
	_, err := d.Do(t.Context(), "u", commit.Meta{}, func(int) (events.Fact, error) { return &events.CopyFailed{}, nil })
	if err != nil || len(log.expected) != 2 || log.expected[0] != 7 || log.expected[1] != 0 {
		t.Fatalf("expected %v, %v", log.expected, err)
	}
}
