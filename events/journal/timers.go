package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/natsgram/natsgram/events"
)

// A timer is a scheduled message: it lies under timers.set.<key> until the
// server moves it, when its time has come, to timers.due.<key>.
const (
	timerSet = "timers.set."
	timerDue = "timers.due."
	// dueAge is how long a due timer stays for its reactors, in case that the
	// bridge is down while an outside server is not.
	dueAge = 30 * 24 * time.Hour
)

// Timer is a deadline that outlives the process.
type Timer struct {
	Key       string           `json:"key"` // unique, e.g. "login." + attempt
	Aggregate events.Aggregate `json:"aggregate"`
	Kind      string           `json:"kind"` // what it is for
	Ref       string           `json:"ref"`  // what it refers to, e.g. the attempt. No secrets.
	At        time.Time        `json:"at"`
}

// Schedule sets a timer; one set under the same key before is replaced. It is
// safe to repeat, blocks until stored, and returns ErrUnwritable as Append does.
// A time in the past fires at once (within 0.3 s).
//
// Replacing takes back a due timer only if no handler has it yet: handlers
// check against what they know that the deadline still stands.
func (j *Journal) Schedule(ctx context.Context, t Timer) error {
	if err := checkTimer(j, t); err != nil {
		return err
	}
	body, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("timer %s: %w", t.Key, err)
	}
	ctx, cancel := j.conn.writing(ctx)
	defer cancel()
	// First, so that the one set below can't be taken for the old one. Dying
	// between the two loses the timer, and the caller repeats the call.
	if err := j.purgeTimer(ctx, timerDue+t.Key); err != nil {
		return err
	}
	msg := nats.NewMsg(timerSet + t.Key)
	msg.Data = body
	// jetstream.WithScheduleAt would cut the fraction of the second off.
	msg.Header.Set("Nats-Schedule", "@at "+t.At.UTC().Format(time.RFC3339Nano))
	msg.Header.Set("Nats-Schedule-Target", timerDue+t.Key)
	msg.Header.Set("Nats-Schedule-TTL", dueAge.String())
	if _, err := j.conn.js.PublishMsg(ctx, msg); err != nil {
		return fmt.Errorf("set timer %s: %w", t.Key, j.conn.noteWrite(err))
	}
	return j.conn.noteWrite(nil)
}

// Unschedule takes a timer back, due or not. A timer that is not there, or that
// a handler has already, is no error. It blocks until done.
func (j *Journal) Unschedule(ctx context.Context, key string) error {
	if err := checkTimer(j, Timer{Key: key}); err != nil {
		return err
	}
	ctx, cancel := j.conn.writing(ctx)
	defer cancel()
	if err := j.purgeTimer(ctx, timerSet+key); err != nil {
		return err
	}
	return j.purgeTimer(ctx, timerDue+key)
}

func checkTimer(j *Journal, t Timer) error {
	if j.conn.cfg.ReadOnly {
		return ErrReadOnly
	}
	for token := range strings.SplitSeq(t.Key, ".") {
		if !isToken(token) {
			return fmt.Errorf("timer key %q can't be part of a subject", t.Key)
		}
	}
	return nil
}

func (j *Journal) purgeTimer(ctx context.Context, subject string) error {
	stream, err := j.conn.js.Stream(ctx, streamTimers)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(subject))
	}
	if err != nil {
		return fmt.Errorf("take back timer: %w", j.conn.noteWrite(err))
	}
	return nil
}

// OnTimer handles every timer that comes due, each at least once, under the
// rules of [Journal.React]: the timers of one aggregate one at a time, errors
// as for a Reactor. Those that came due while nobody listened come at once. It
// blocks until ctx ends.
func (j *Journal) OnTimer(ctx context.Context, name string, fn func(ctx context.Context, t Timer) error) error {
	if j.conn.cfg.ReadOnly {
		return ErrReadOnly
	}
	return j.work(ctx, worker{
		stream: streamTimers, reactor: name, durable: name + "-" + streamTimers,
		filters: []string{timerDue + ">"},
		lane:    laneOfTimer,
		handle: func(ctx context.Context, m jetstream.Msg, _ uint64) error {
			t, err := parseTimer(m.Data())
			if err != nil {
				return &corruptError{err}
			}
			return fn(ctx, t)
		},
	})
}

func laneOfTimer(m jetstream.Msg) string {
	t, err := parseTimer(m.Data())
	if err != nil {
		return ""
	}
	return string(t.Aggregate.UID)
}

func parseTimer(body []byte) (Timer, error) {
	var t Timer
	if err := json.Unmarshal(body, &t); err != nil {
		return t, fmt.Errorf("decode timer: %w", err)
	}
	if t.Key == "" {
		return t, errors.New("decode timer: it has no key")
	}
	return t, nil
}
