package journal

import (
	"context"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/natsgram/natsgram/events"
)

const (
	decodeWorkers = 2   // the reader of the connection and the server want the rest
	decodeChunk   = 250 // events that one worker takes at a time
)

// Replay gives the events of stream with after < Seq <= until to fn in order,
// opened; until 0 is the end of the stream at the time of the call. It blocks
// until all are delivered. An auditor may replay.
//
// It returns fn's error as it is; an event that can't be decoded ends it with
// an error that names its sequence. What happens here can't be undone by a
// crash: nothing is written.
func (j *Journal) Replay(ctx context.Context, stream events.Stream, after, until uint64, fn func(events.Event) error) error {
	if until == 0 {
		last, err := j.LastSeq(ctx, stream)
		if err != nil {
			return err
		}
		until = last
	}
	return j.replay(ctx, span{stream: string(stream), after: after, until: until, bare: true}, fn)
}

// ReplayAggregate gives the events of one aggregate to fn in order. It blocks
// as Replay does: about 30 ms in a log of a million events.
func (j *Journal) ReplayAggregate(ctx context.Context, agg events.Aggregate, fn func(events.Event) error) error {
	if err := checkUID(agg.UID); err != nil {
		return err
	}
	return j.replay(ctx, span{stream: string(agg.Stream), filter: agg.Filter(j.conn.partitions), until: math.MaxUint64}, fn)
}

// Records gives the messages of stream as they are stored to fn, for proofs and
// exports. It is three to ten times slower than Replay, because of the headers.
func (j *Journal) Records(ctx context.Context, stream events.Stream, after, until uint64, fn func(Record) error) error {
	if until == 0 {
		last, err := j.LastSeq(ctx, stream)
		if err != nil {
			return err
		}
		until = last
	}
	return j.conn.scan(ctx, span{stream: string(stream), after: after, until: until}, func(records []Record) error {
		for _, r := range records {
			if err := fn(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// chunk is a run of records on its way through a worker. Done is closed when
// its events are decoded.
type chunk struct {
	records []Record
	events  []events.Event
	err     error
	done    chan struct{}
}

// replay reads, decodes and delivers at the same time. Chunks go to the workers
// and, in the same order, to the deliverer; both channels are short, so that a
// slow fn holds the reading up and memory stays bounded.
func (j *Journal) replay(ctx context.Context, s span, fn func(events.Event) error) error {
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan *chunk, decodeWorkers)
	order := make(chan *chunk, 4*decodeWorkers)
	g.Go(func() error {
		defer close(work)
		defer close(order)
		return j.conn.scan(ctx, s, func(records []Record) error { return cut(ctx, records, work, order) })
	})
	for range decodeWorkers {
		g.Go(func() error {
			for c := range work {
				c.events, c.err = j.decodeAll(s.stream, c.records)
				close(c.done)
			}
			return nil
		})
	}
	g.Go(func() error {
		for c := range order {
			select {
			case <-c.done:
			case <-ctx.Done():
				return ctx.Err()
			}
			for _, e := range c.events {
				if err := fn(e); err != nil {
					return err
				}
			}
			if c.err != nil {
				return c.err
			}
		}
		return nil
	})
	return g.Wait()
}

// cut hands records out in chunks.
func cut(ctx context.Context, records []Record, work, order chan<- *chunk) error {
	for len(records) > 0 {
		n := min(decodeChunk, len(records))
		c := &chunk{records: records[:n], done: make(chan struct{})}
		records = records[n:]
		for _, to := range []chan<- *chunk{order, work} {
			select {
			case to <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// decodeAll decodes up to the first that can't be.
func (j *Journal) decodeAll(stream string, records []Record) ([]events.Event, error) {
	out := make([]events.Event, 0, len(records))
	for _, r := range records {
		e, err := j.decode(r.Seq, r.Body)
		if err != nil {
			return out, corrupt(stream, r.Seq, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func (j *Journal) decode(seq uint64, body []byte) (events.Event, error) {
	e, err := events.Decode(body, j.sealer)
	e.Seq = seq
	return e, err
}

// corrupt says which event can't be decoded. A sealer that could not reach its
// keys is another matter: that passes.
func corrupt(stream string, seq uint64, err error) error {
	err = fmt.Errorf("%s event %d: %w", stream, seq, err)
	if isUnwritable(err) {
		return err
	}
	return &corruptError{err}
}

// corruptError marks what no repeat can mend.
type corruptError struct{ err error }

func (e *corruptError) Error() string { return e.err.Error() }
func (e *corruptError) Unwrap() error { return e.err }
