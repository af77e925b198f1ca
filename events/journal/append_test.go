package journal

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/natsgram/natsgram/events"
)

func TestAppendReturnsTheSequence(t *testing.T) {
	j, ctx, agg := open(t), testContext(t), user()
	for want := uint64(1); want <= 3; want++ {
		seq, err := j.Append(ctx, submitted(agg, "a"), want-1)
		if err != nil || seq != want {
			t.Fatalf("append %d: sequence %d, %v", want, seq, err)
		}
	}
	if last, err := j.LastOf(ctx, agg); err != nil || last != 3 {
		t.Errorf("last of the aggregate: %d, %v", last, err)
	}
	if last, err := j.LastSeq(ctx, events.Auth); err != nil || last != 3 {
		t.Errorf("last of the stream: %d, %v", last, err)
	}
	if last, err := j.LastOf(ctx, user()); err != nil || last != 0 {
		t.Errorf("last of somebody new: %d, %v", last, err)
	}
}

func TestAppendConflictsBothWays(t *testing.T) {
	j, ctx, agg := open(t), testContext(t), user()
	must(t, j, submitted(agg, "first"))
	if _, err := j.Append(ctx, submitted(agg, "late"), 0); !errors.Is(err, ErrConflict) {
		t.Errorf("an append that has not seen the first: %v", err)
	}
	if _, err := j.Append(ctx, submitted(agg, "early"), 7); !errors.Is(err, ErrConflict) {
		t.Errorf("an append that has seen what is not there: %v", err)
	}
	// Events of others don't matter.
	must(t, j, submitted(user(), "other"))
	if _, err := j.Append(ctx, submitted(agg, "second"), 1); err != nil {
		t.Errorf("an append that has seen all: %v", err)
	}
}

func TestAppendOfAStoredEventReturnsItsSequence(t *testing.T) {
	j, ctx, agg := open(t), testContext(t), user()
	e := submitted(agg, "once")
	first := must(t, j, e)
	again, err := j.Append(ctx, e, 0)
	if err != nil || again != first {
		t.Errorf("repeat with the same expectation: %d, %v", again, err)
	}
	must(t, j, submitted(agg, "other"))
	again, err = j.Append(ctx, e, 0)
	if err != nil || again != first {
		t.Errorf("repeat when others came after: %d, %v", again, err)
	}
	again, err = j.Append(ctx, e, 2)
	if err != nil || again != first {
		t.Errorf("repeat after loading: %d, %v", again, err)
	}
}

func TestAppendsRaceAndEachIsStoredOnce(t *testing.T) {
	j, ctx, agg := open(t), testContext(t), user()
	const writers, each = 4, 25
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				e := submitted(agg, fmt.Sprintf("%d/%d", w, n))
				for {
					last, err := j.LastOf(ctx, agg)
					if err != nil {
						t.Error(err)
						return
					}
					_, err = j.Append(ctx, e, last)
					if err == nil {
						break
					}
					if !errors.Is(err, ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	err := j.ReplayAggregate(ctx, agg, func(e events.Event) error { seen[phone(t, e)]++; return nil })
	if err != nil || len(seen) != writers*each {
		t.Fatalf("%d different events, %v", len(seen), err)
	}
	for p, n := range seen {
		if n != 1 {
			t.Errorf("%s is stored %d times", p, n)
		}
	}
}

func TestAppendRefusesWhatDoesNotFit(t *testing.T) {
	j, ctx := open(t), testContext(t)
	for _, uid := range []events.UID{"", "a.b", "*", ">", "a b"} {
		e := submitted(events.Aggregate{Stream: events.Auth, UID: uid}, "x")
		if _, err := j.Append(ctx, e, 0); err == nil || !strings.Contains(err.Error(), "subject") {
			t.Errorf("uid %q: %v", uid, err)
		}
	}
	e := submitted(events.Aggregate{Stream: events.Portal, UID: events.NewUID()}, "x")
	if _, err := j.Append(ctx, e, 0); err == nil {
		t.Error("an event was stored in another's stream")
	}
	if last, _ := j.LastSeq(ctx, events.Auth); last != 0 {
		t.Errorf("the log has %d events", last)
	}
}

// An append whose answer is lost is looked up: stored, overtaken, or neither.
func TestAppendSettlesALostAnswer(t *testing.T) {
	j, ctx, agg := open(t), testContext(t), user()
	must(t, j, submitted(agg, "before"))
	e := submitted(agg, "answer lost")
	settle := func() (uint64, error) {
		return j.settle(ctx, e.ID, "AUTH", agg.Filter(j.conn.partitions), 1, nats.ErrTimeout)
	}
	if _, err := settle(); !errors.Is(err, ErrUnwritable) {
		t.Errorf("not stored: %v", err)
	}
	if err := j.conn.Healthy(); err != nil || j.conn.failure.Load() != nil {
		t.Errorf("health after the probe went well: %v", err)
	}
	stored := must(t, j, e)
	must(t, j, submitted(agg, "after"))
	if seq, err := settle(); err != nil || seq != stored {
		t.Errorf("stored: %d, %v", seq, err)
	}
	e = submitted(agg, "never stored")
	if _, err := settle(); !errors.Is(err, ErrConflict) {
		t.Errorf("overtaken: %v", err)
	}
}
