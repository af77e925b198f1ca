// Package commit is the one way by which a decision enters the log: load the
// aggregate from its projection, decide, append with compare-and-set, and after
// a conflict load and decide again. It owns no state and knows no network but
// the journal behind the Log interface.
package commit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// Log is what commit needs of the journal.
type Log interface {
	// Append stores e if expect is the last sequence of its aggregate, and
	// returns journal.ErrConflict if not. It returns once e is stored.
	Append(ctx context.Context, e events.Event, expect uint64) (uint64, error)
	// LastOf is the last sequence of an aggregate, 0 if it has no event.
	LastOf(ctx context.Context, a events.Aggregate) (uint64, error)
}

// Projection is what commit needs of the projection behind an aggregate.
type Projection interface {
	WaitFor(ctx context.Context, seq uint64) error
}

// Meta is what the envelope says beside the fact.
type Meta struct {
	ID          events.EventID // empty for a fresh one
	Actor       events.Actor
	Correlation string
	Causation   events.EventID
	Origin      events.MatrixEventID
}

// Because is the Meta of an outcome of e.
func Because(e events.Event, actor events.Actor) Meta {
	return Meta{Actor: actor, Correlation: e.Correlation, Causation: e.ID}
}

// Desk commits decisions about aggregates of one stream whose state is an S.
type Desk[S any] struct {
	stream events.Stream
	log    Log
	proj   Projection
	load   func(events.UID) (S, uint64) // the state and the aggregate's last sequence in it
	now    func() time.Time
}

// NewDesk returns the desk for a stream. load must answer from proj.
func NewDesk[S any](stream events.Stream, log Log, proj Projection, load func(events.UID) (S, uint64)) *Desk[S] {
	return &Desk[S]{stream: stream, log: log, proj: proj, load: load, now: time.Now}
}

// Do decides and appends. It returns the stored event, folded already; or a
// zero event and nil if decide wanted none; or decide's refusal; or the
// journal's error, after which nothing may be assumed to have happened.
func (d *Desk[S]) Do(ctx context.Context, uid events.UID, m Meta, decide func(S) (events.Fact, error)) (events.Event, error) {
	e := events.Event{
		ID: m.ID, Aggregate: events.Aggregate{Stream: d.stream, UID: uid}, Actor: m.Actor,
		Correlation: m.Correlation, Causation: m.Causation, Origin: m.Origin,
	}
	if e.ID == "" {
		e.ID = events.NewEventID()
	}
	// Once a conflict has shown the log's own last sequence, no higher one is
	// expected: CHAT forgets old events, and with them an aggregate's last.
	var last *uint64
	for {
		state, expect := d.load(uid)
		if last != nil {
			expect = min(expect, *last)
		}
		fact, err := decide(state)
		if err != nil || fact == nil {
			return events.Event{}, err
		}
		e.Fact, e.Time = fact, d.now().UTC().Truncate(time.Millisecond)
		e.Seq, err = d.log.Append(ctx, e, expect)
		if errors.Is(err, journal.ErrConflict) {
			if last, err = d.catchUp(ctx, e.Aggregate); err != nil {
				return events.Event{}, err
			}
			continue
		}
		if err != nil {
			return events.Event{}, fmt.Errorf("append %s: %w", fact.Type(), err)
		}
		return e, d.proj.WaitFor(ctx, e.Seq)
	}
}

// catchUp waits until the projection has folded what another writer appended,
// and returns the sequence of that.
func (d *Desk[S]) catchUp(ctx context.Context, a events.Aggregate) (*uint64, error) {
	last, err := d.log.LastOf(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("read last event of %s: %w", a.UID, err)
	}
	return &last, d.proj.WaitFor(ctx, last)
}
