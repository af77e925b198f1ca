package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
)

// handled records, per aggregate, what a reactor handled to the end.
type handled struct {
	mu    sync.Mutex
	order map[events.UID][]string
	total int
}

func (h *handled) done(t testing.TB, e events.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.order == nil {
		h.order = map[events.UID][]string{}
	}
	h.order[e.Aggregate.UID] = append(h.order[e.Aggregate.UID], phone(t, e))
	h.total++
}

func (h *handled) of(uid events.UID) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.order[uid])
}

func (h *handled) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.total
}

func react(t testing.TB, j *Journal, handle func(context.Context, events.Event) error) (stop func()) {
	t.Helper()
	return background(t, func(ctx context.Context) error {
		return j.React(ctx, Reactor{Name: "test", Stream: events.Auth, Handle: handle})
	})
}

func TestReactorKeepsTheOrderOfAnAggregateWhateverFails(t *testing.T) {
	j := open(t)
	rapid.Check(t, func(rt *rapid.T) {
		people := []events.Aggregate{user(), user(), user()}
		const each = 6
		// How each event fails before it succeeds.
		failures := map[string][]int{}
		for p := range people {
			for n := range each {
				failures[fmt.Sprintf("%d/%d", p, n)] = rapid.SliceOfN(rapid.IntRange(0, 3), 0, 3).Draw(rt, "failures")
			}
		}
		var mu sync.Mutex
		var h handled
		stop := background(t, func(ctx context.Context) error {
			return j.React(ctx, Reactor{Name: "order", Stream: events.Auth, Handle: func(_ context.Context, e events.Event) error {
				mu.Lock()
				left := failures[phone(t, e)]
				if len(left) > 0 {
					failures[phone(t, e)] = left[1:]
				}
				mu.Unlock()
				if len(left) == 0 {
					h.done(t, e)
					return nil
				}
				switch left[0] {
				case 0:
					return Down(errors.New("unreachable"))
				case 1:
					return NotBefore(time.Now().Add(time.Millisecond), nil)
				case 2:
					panic("a bug")
				default:
					return errors.New("failed")
				}
			}})
		})
		for n := range each {
			for p, agg := range people {
				must(t, j, submitted(agg, fmt.Sprintf("%d/%d", p, n)))
			}
		}
		until(t, "all events to be handled", func() bool { return h.count() == each*len(people) })
		stop()
		for p, agg := range people {
			for n, got := range h.of(agg.UID) {
				if want := fmt.Sprintf("%d/%d", p, n); got != want {
					rt.Fatalf("%s was handled where %s was due", got, want)
				}
			}
		}
	})
}

func TestReactorHandlesAggregatesAtTheSameTime(t *testing.T) {
	j := open(t)
	slow, quick := user(), user()
	release, done := make(chan struct{}), make(chan string, 10)
	react(t, j, func(_ context.Context, e events.Event) error {
		if e.Aggregate.UID == slow.UID {
			<-release
		}
		done <- phone(t, e)
		return nil
	})
	must(t, j, submitted(slow, "slow"))
	must(t, j, submitted(quick, "quick"))
	if got := receive(t, done, "the quick one"); got != "quick" {
		t.Errorf("%s came first", got)
	}
	close(release)
	receive(t, done, "the slow one")
}

func TestPoisonGoesToDeadLettersAndBlocksNobody(t *testing.T) {
	j, ctx := open(t), testContext(t)
	agg := user()
	poison := must(t, j, submitted(agg, "poison"))
	must(t, j, submitted(agg, "after"))
	subject := strings.Replace(agg.Filter(j.conn.partitions), ">", "phone_submitted", 1)
	corrupt, err := j.conn.js.Publish(ctx, subject, []byte("not an event"))
	if err != nil {
		t.Fatal(err)
	}
	must(t, j, submitted(agg, "last"))

	var h handled
	tries := 0
	stop := react(t, j, func(_ context.Context, e events.Event) error {
		if e.Seq == poison {
			tries++
			return errors.New("it is\r\npoison")
		}
		h.done(t, e)
		return nil
	})
	until(t, "the rest to be handled", func() bool { return h.count() == 2 })
	stop()
	if tries != 8 {
		t.Errorf("the poison was tried %d times", tries)
	}
	letters, err := j.DeadLetters(ctx)
	if err != nil || len(letters) != 2 {
		t.Fatalf("%d dead letters, %v", len(letters), err)
	}
	first, second := letters[0], letters[1]
	if first.Event != poison || first.Reactor != "test" || first.Stream != "AUTH" || first.UID != agg.UID ||
		first.Tries != 8 || first.Reason != "it is poison" || first.Subject != subject || first.At.IsZero() {
		t.Errorf("dead letter %+v", first)
	}
	if e, err := events.Decode(first.Body, j.sealer); err != nil || phone(t, e) != "poison" {
		t.Errorf("the body of a dead letter is not the event's: %v", err)
	}
	if second.Event != corrupt.Sequence || string(second.Body) != "not an event" || second.Tries != 1 {
		t.Errorf("dead letter %+v", second)
	}
}

func TestDownAndNotBeforeAreNotCounted(t *testing.T) {
	j, ctx := open(t), testContext(t)
	var h handled
	tries := 0
	must(t, j, submitted(user(), "patience"))
	react(t, j, func(_ context.Context, e events.Event) error {
		tries++
		switch {
		case tries < 20:
			return Down(errors.New("unreachable"))
		case tries < 40:
			return fmt.Errorf("wrapped: %w", NotBefore(time.Now(), errors.New("flood")))
		}
		h.done(t, e)
		return nil
	})
	until(t, "the event to be handled", func() bool { return h.count() == 1 })
	if letters, err := j.DeadLetters(ctx); err != nil || len(letters) != 0 {
		t.Errorf("dead letters: %v, %v", letters, err)
	}
}

func TestWorldIsBackEndsTheWait(t *testing.T) {
	j := open(t)
	j.backoff = func(int) time.Duration { return time.Hour }
	tried := make(chan int, 10)
	n := 0
	must(t, j, submitted(user(), "a"))
	react(t, j, func(context.Context, events.Event) error {
		n++
		tried <- n
		if n == 1 {
			return Down(errors.New("unreachable"))
		}
		return nil
	})
	receive(t, tried, "the first try")
	for again := false; !again; {
		j.WorldIsBack()
		select {
		case <-tried:
			again = true
		case <-time.After(time.Millisecond): // it may not have begun to wait
		}
	}
}

func TestHaltEndsReact(t *testing.T) {
	j, ctx := open(t), testContext(t)
	stop := errors.New("no further")
	must(t, j, submitted(user(), "a"))
	err := j.React(ctx, Reactor{Name: "halt", Stream: events.Auth, Handle: func(context.Context, events.Event) error { return Halt(stop) }})
	if !errors.Is(err, stop) {
		t.Errorf("React returned %v", err)
	}
	lags, err := j.Lag(ctx)
	if err != nil {
		t.Fatal(err)
	}
	behind := 0 // whether the other partitions have their consumers yet is not known
	for _, l := range lags {
		behind += l.InHand + int(l.Waiting)
	}
	if behind != 1 {
		t.Errorf("%d events are behind: %+v", behind, lags)
	}
}

func TestReactorPassesOverWhatItDoesNotKnowOrWant(t *testing.T) {
	j, ctx := open(t), testContext(t)
	agg := user()
	unknown := `{"specversion":"1.0","id":"x","source":"natsgram","type":"natsgram.auth.moon_landed.v9","subject":"` + string(agg.UID) +
		`","time":"2025-01-01T00:00:00Z","actor":"user","data":{}}`
	subject := strings.Replace(agg.Filter(j.conn.partitions), ">", "moon_landed", 1)
	if _, err := j.conn.js.Publish(ctx, subject, []byte(unknown)); err != nil {
		t.Fatal(err)
	}
	must(t, j, submitted(agg, "known"))
	e := submitted(agg, "")
	e.Fact = &events.LogoutRequested{}
	must(t, j, e)

	all, some := make(chan events.Type, 10), make(chan events.Type, 10)
	react(t, j, func(_ context.Context, e events.Event) error { all <- e.Fact.Type(); return nil })
	background(t, func(ctx context.Context) error {
		return j.React(ctx, Reactor{
			Name: "some", Stream: events.Auth, Only: []events.Type{"natsgram.auth.logout_requested.v1", "natsgram.auth.logout_requested.v2"},
			Handle: func(_ context.Context, e events.Event) error { some <- e.Fact.Type(); return nil },
		})
	})
	if got := receive(t, some, "the event of interest"); got != "natsgram.auth.logout_requested.v1" {
		t.Errorf("got %s", got)
	}
	if got := receive(t, all, "the first known event"); got != "natsgram.auth.phone_submitted.v1" {
		t.Errorf("got %s", got)
	}
}

func TestReactorWaitsForTheProjection(t *testing.T) {
	j := open(t)
	seq := must(t, j, submitted(user(), "a"))
	asked, release, done := make(chan uint64, 1), make(chan struct{}), make(chan struct{}, 1)
	background(t, func(ctx context.Context) error {
		return j.React(ctx, Reactor{
			Name: "ready", Stream: events.Auth,
			Ready:  func(_ context.Context, seq uint64) error { asked <- seq; <-release; return nil },
			Handle: func(context.Context, events.Event) error { done <- struct{}{}; return nil },
		})
	})
	if got := receive(t, asked, "the question"); got != seq {
		t.Errorf("asked for %d", got)
	}
	if len(done) != 0 {
		t.Error("handled before the projection was ready")
	}
	close(release)
	receive(t, done, "the event to be handled")
}

func TestLostDeliveryRewinds(t *testing.T) {
	j, ctx := open(t), testContext(t)
	agg := user()
	var h handled
	first := make(chan struct{}, 1)
	react(t, j, func(_ context.Context, e events.Event) error {
		if phone(t, e) == "0" {
			first <- struct{}{}
		}
		h.done(t, e)
		return nil
	})
	must(t, j, submitted(agg, "0"))
	receive(t, first, "the first event")
	// Somebody else takes a delivery of the consumer: to the reactor it is lost.
	durable := fmt.Sprintf("test-AUTH-%02d", agg.UID.Partition(j.conn.partitions))
	thief, err := j.conn.js.Consumer(ctx, "AUTH", durable)
	if err != nil {
		t.Fatal(err)
	}
	stolen := make(chan struct{}, 100)
	theft, err := thief.Messages()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := theft.Next(); err != nil {
				return
			}
			stolen <- struct{}{}
		}
	}()
	n := 1
	for len(stolen) == 0 {
		must(t, j, submitted(agg, fmt.Sprint(n)))
		n++
	}
	theft.Stop()
	must(t, j, submitted(agg, "last"))
	until(t, "every event to be handled", func() bool {
		got := h.of(agg.UID)
		seen := map[string]bool{}
		for _, p := range got {
			seen[p] = true
		}
		return len(seen) == n+1
	})
}

// A server that can't rewind has the consumer made anew; it must go on from
// there, now and after the next start.
func TestRemadeConsumerGoesOn(t *testing.T) {
	j, ctx := open(t), testContext(t)
	agg := user()
	for n := range 6 {
		must(t, j, submitted(agg, fmt.Sprint(n)))
	}
	w := worker{stream: "AUTH", durable: "old-AUTH-00", reactor: "old", filters: []string{"auth.>"}, lane: laneOfEvent}
	if _, err := j.consumer(ctx, w); err != nil {
		t.Fatal(err)
	}
	info, err := j.conn.js.Consumer(ctx, w.stream, w.durable)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.remake(ctx, w, info.CachedInfo().Config, 4); err != nil {
		t.Fatal(err)
	}
	for _, stop := range []uint64{5, 6} {
		seen := make(chan uint64, 10)
		w.handle = func(_ context.Context, _ jetstream.Msg, seq uint64) error {
			seen <- seq
			if seq > stop {
				return Halt(errors.New("enough"))
			}
			return nil
		}
		end := background(t, func(ctx context.Context) error {
			if err := j.work(ctx, w); err != nil && err.Error() != w.durable+": enough" {
				return err
			}
			return nil
		})
		if got := receive(t, seen, "an event"); got != map[uint64]uint64{5: 4, 6: 6}[stop] {
			t.Errorf("event %d came first", got)
		}
		until(t, "event "+fmt.Sprint(stop), func() bool {
			lags, err := j.Lag(ctx)
			return err == nil && len(lags) == 1 && lags[0].Done == stop
		})
		end()
	}
}
