package journal

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/natsgram/natsgram/events"
)

// Reactor reacts to the events of one stream.
type Reactor struct {
	Name   string // stable: the consumers keep their place under it
	Stream events.Stream
	// Ready waits until what Handle looks at has seen seq (a projection's
	// WaitFor). It may be nil.
	Ready func(ctx context.Context, seq uint64) error
	// Handle reacts to one event. Its error decides: nil acknowledges; [Down]
	// and [NotBefore] try again later without counting; [Halt] ends React; any
	// other (or a panic) is tried 8 times in about 12 s and then put aside as a
	// dead letter. It must be safe to repeat.
	Handle func(ctx context.Context, e events.Event) error
	// Only names the event types of interest; nil means all.
	Only []events.Type
}

// React handles every event of r.Stream from the first on, each at least once:
// the events of one aggregate in order and one at a time, different aggregates
// at the same time. It blocks until ctx ends and then returns nil; it returns
// early only with an error marked by [Halt] or ErrReadOnly. Lost connections
// are waited out.
//
// An event is acknowledged when Handle returned nil, so that a process that
// dies has what it held again, in order, when the next one starts: at once,
// not when the server gives up on the dead. An event whose turn has not come
// (retry, NotBefore) holds up its own aggregate only, as long as fewer than
// 1024 events of its partition are held.
//
// One process at a time may run a reactor: take a [Lease] first where two could.
func (j *Journal) React(ctx context.Context, r Reactor) error {
	if j.conn.cfg.ReadOnly {
		return ErrReadOnly
	}
	g, ctx := errgroup.WithContext(ctx)
	for p := range j.conn.partitions {
		g.Go(func() error {
			return j.work(ctx, worker{
				stream: string(r.Stream), reactor: r.Name,
				durable: fmt.Sprintf("%s-%s-%02d", r.Name, r.Stream, p),
				filters: r.filters(p),
				lane:    laneOfEvent,
				handle:  func(ctx context.Context, m jetstream.Msg, seq uint64) error { return j.react(ctx, r, m, seq) },
			})
		})
	}
	return g.Wait()
}

func (r Reactor) filters(partition int) []string {
	if len(r.Only) == 0 {
		return []string{r.Stream.PartitionFilter(partition)}
	}
	seen := map[string]bool{}
	var filters []string
	for _, t := range r.Only {
		if name := t.Name(); !seen[name] { // two versions of one type share a name
			seen[name] = true
			filters = append(filters, fmt.Sprintf("%s.%d.*.%s", r.Stream.Prefix(), partition, name))
		}
	}
	return filters
}

// laneOfEvent is the uid: what happens to one user or portal stays in order.
func laneOfEvent(m jetstream.Msg) string {
	agg, _, _, err := events.ParseSubject(m.Subject())
	if err != nil {
		return ""
	}
	return string(agg.UID)
}

// react decodes one message and hands it to the reactor.
func (j *Journal) react(ctx context.Context, r Reactor, m jetstream.Msg, seq uint64) error {
	e, err := j.decode(seq, m.Data())
	if err != nil {
		if _, err := events.Decode(m.Data(), nil); err != nil {
			return &corruptError{err}
		}
		if isUnwritable(err) {
			return Down(err)
		}
		return err // it could not be opened now
	}
	if unknown, ok := e.Fact.(*events.Unknown); ok {
		j.conn.log.Debug().Str("reactor", r.Name).Str("type", string(unknown.Wire)).Uint64("seq", seq).Msg("passed over an event of a newer version")
		return nil
	}
	if r.Ready != nil {
		if err := r.Ready(ctx, seq); err != nil {
			return Down(fmt.Errorf("wait until the projection has %d: %w", seq, err))
		}
	}
	return r.Handle(ctx, e)
}
