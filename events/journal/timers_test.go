package journal

import (
	"context"
	"errors"
	"testing"
	"time"
)

func onTimer(t *testing.T, j *Journal, fn func(context.Context, Timer) error) (stop func()) {
	t.Helper()
	return background(t, func(ctx context.Context) error { return j.OnTimer(ctx, "test", fn) })
}

func TestTimersFireAreReplacedAndTakenBack(t *testing.T) {
	j, ctx := open(t), testContext(t)
	due := make(chan Timer, 10)
	onTimer(t, j, func(_ context.Context, tm Timer) error { due <- tm; return nil })
	agg := user()
	set := func(key, kind string, in time.Duration) Timer {
		t.Helper()
		tm := Timer{Key: key, Aggregate: agg, Kind: kind, Ref: "r", At: time.Now().Add(in).UTC()}
		if err := j.Schedule(ctx, tm); err != nil {
			t.Fatal(err)
		}
		return tm
	}
	set("login.gone", "first", 300*time.Millisecond)
	set("login.moved", "first", 300*time.Millisecond)
	if err := j.Unschedule(ctx, "login.gone"); err != nil {
		t.Fatal(err)
	}
	if err := j.Unschedule(ctx, "login.never"); err != nil {
		t.Errorf("taking back what is not there: %v", err)
	}
	moved := set("login.moved", "second", 900*time.Millisecond)
	set("login.moved", "second", 900*time.Millisecond) // safe to repeat
	set("login.other", "other", 600*time.Millisecond)
	past := set("login.past", "past", -time.Hour)

	want := []string{"past", "other", "second"}
	for i, kind := range want {
		got := receive(t, due, "timer "+kind)
		if got.Kind != kind || got.Ref != "r" || got.Aggregate != agg {
			t.Errorf("timer %d is %+v", i, got)
		}
		if time.Now().Before(got.At) {
			t.Errorf("%s fired early", kind)
		}
		if kind == "past" && !got.At.Equal(past.At) {
			t.Errorf("%s is at %s", kind, got.At)
		}
	}
	if late := time.Since(moved.At); late > 5*time.Second {
		t.Errorf("%s late", late)
	}
	if err := j.Schedule(ctx, Timer{Key: "a b"}); err == nil {
		t.Error("a bad key was taken")
	}
}

func TestOverdueTimersFireAfterARestart(t *testing.T) {
	cfg := testConfig(t)
	c, ctx := connect(t, cfg), testContext(t)
	j := New(c, newTestSealer(t))
	at := time.Now().Add(time.Second)
	for _, key := range []string{"a", "b"} {
		if err := j.Schedule(ctx, Timer{Key: key, Aggregate: user(), At: at}); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	until(t, "the timers to be overdue", func() bool { return time.Now().After(at) })

	j = hurried(New(connect(t, cfg), newTestSealer(t)))
	due, tries := make(chan string, 10), 0
	onTimer(t, j, func(_ context.Context, tm Timer) error {
		if tm.Key == "a" {
			if tries++; tries < 3 {
				return errors.New("failed")
			}
		}
		due <- tm.Key
		return nil
	})
	got := map[string]bool{receive(t, due, "a timer"): true, receive(t, due, "the other timer"): true}
	if !got["a"] || !got["b"] {
		t.Errorf("timers %v", got)
	}
}

func TestATimerThatFailsIsADeadLetter(t *testing.T) {
	j, ctx := open(t), testContext(t)
	agg := user()
	if err := j.Schedule(ctx, Timer{Key: "a", Aggregate: agg, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	onTimer(t, j, func(context.Context, Timer) error { return errors.New("failed") })
	var letters []DeadLetter
	until(t, "the dead letter", func() bool {
		var err error
		letters, err = j.DeadLetters(ctx)
		return err != nil || len(letters) > 0
	})
	if len(letters) != 1 || letters[0].Stream != "TIMERS" || letters[0].UID != agg.UID || letters[0].Subject != "timers.due.a" {
		t.Errorf("dead letters %+v", letters)
	}
}
