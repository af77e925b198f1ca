package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/natsgram/natsgram/events"
)

// pollInterval is how often a reader without the right to make a consumer looks
// for new events.
const pollInterval = 250 * time.Millisecond

// Follow gives the events of stream after sequence after to fn, in order and
// each once: first those that are there (as fast as Replay), then every new one
// as it is stored. It blocks until ctx ends and then returns nil.
//
// It outlives lost connections and restarted servers, and goes on with the
// event after the last delivered. It returns early with fn's error, or with the
// error of an event that can't be decoded: a projection must not pass over one.
func (j *Journal) Follow(ctx context.Context, stream events.Stream, after uint64, fn func(events.Event) error) error {
	f := &follower{journal: j, stream: stream, last: after, fn: fn}
	for try := 0; ; try++ {
		before := f.last
		err := f.catchUp(ctx)
		if err == nil {
			err = f.live(ctx)
		}
		var stop *stopError
		var corrupt *corruptError
		switch {
		case errors.As(err, &stop):
			return stop.err
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &corrupt):
			return err
		}
		if f.last > before {
			try = 0
		}
		j.conn.log.Debug().Err(err).Str("stream", string(stream)).Uint64("after", f.last).Msg("following the log again")
		if pause(ctx, j.backoff(try)) != nil {
			return nil
		}
	}
}

// stopError carries the error of a caller's function past our own retries.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }

// follower remembers how far one Follow has come.
type follower struct {
	journal *Journal
	stream  events.Stream
	last    uint64
	fn      func(events.Event) error
}

func (f *follower) deliver(e events.Event) error {
	if e.Seq <= f.last {
		return nil
	}
	if err := f.fn(e); err != nil {
		return &stopError{err}
	}
	f.last = e.Seq
	return nil
}

func (f *follower) catchUp(ctx context.Context) error {
	return f.journal.Replay(ctx, f.stream, f.last, 0, f.deliver)
}

// live follows by an ordered consumer, which starts over by itself where the
// server or the connection lost its place.
func (f *follower) live(ctx context.Context) error {
	if f.journal.conn.cfg.ReadOnly {
		return f.poll(ctx)
	}
	consumer, err := f.journal.conn.js.OrderedConsumer(ctx, string(f.stream), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: f.last + 1,
	})
	if err != nil {
		return fmt.Errorf("follow %s: %w", f.stream, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(500))
	if err != nil {
		return fmt.Errorf("follow %s: %w", f.stream, err)
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		e, err := f.journal.decode(meta.Sequence.Stream, m.Data())
		if err != nil {
			return corrupt(string(f.stream), meta.Sequence.Stream, err)
		}
		if err := f.deliver(e); err != nil {
			return err
		}
	}
}

func (f *follower) poll(ctx context.Context) error {
	for {
		if err := pause(ctx, pollInterval); err != nil {
			return err
		}
		if err := f.catchUp(ctx); err != nil {
			return err
		}
	}
}
