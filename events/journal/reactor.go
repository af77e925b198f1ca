package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
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

// worker is one durable consumer and what is done with its messages.
type worker struct {
	stream, durable, reactor string
	filters                  []string
	lane                     func(jetstream.Msg) string
	handle                   func(ctx context.Context, m jetstream.Msg, seq uint64) error
}

// errRewind says that deliveries were lost, and the consumer starts over at its
// first unacknowledged message.
var errRewind = errors.New("a delivery was lost")

// work runs w until ctx ends or a handler halts it.
func (j *Journal) work(ctx context.Context, w worker) error {
	for try := 0; ; try++ {
		took, err := j.workOnce(ctx, w)
		var halt *haltError
		switch {
		case errors.As(err, &halt):
			return fmt.Errorf("%s: %w", w.durable, halt.err)
		case ctx.Err() != nil:
			return nil
		case took:
			try = 0
		}
		j.conn.log.Debug().Err(err).Str("consumer", w.durable).Msg("taking up the consumer again")
		if pause(ctx, j.backoff(try)) != nil {
			return nil
		}
	}
}

// workOnce consumes until something breaks. It returns when nothing of it runs
// any more, so that the next begins with clean hands.
func (j *Journal) workOnce(ctx context.Context, w worker) (took bool, err error) {
	consumer, err := j.consumer(ctx, w)
	if err != nil {
		return false, err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(maxInHand))
	if err != nil {
		return false, err
	}
	defer messages.Stop()
	h := newHand(ctx, j, w)
	defer h.finish()
	inbox := orderly{}
	for {
		m, err := messages.Next(jetstream.NextContext(h.taking))
		if err != nil {
			return took, errors.Join(h.halted(), err)
		}
		meta, err := m.Metadata()
		if err != nil {
			return took, err
		}
		fresh, err := inbox.see(meta)
		if err != nil {
			return took, err
		}
		took = true
		switch {
		case fresh:
			h.take(m, meta.Sequence.Stream)
		case !h.holds(meta.Sequence.Stream):
			_ = m.Ack() // done before; that acknowledgement was lost
		}
	}
}

// consumer makes or finds the durable consumer and rewinds it to the first
// message that is not acknowledged. Without that the server would wait for
// AckWait before it gives a dead process's messages again, and would give the
// new ones first.
func (j *Journal) consumer(ctx context.Context, w worker) (jetstream.Consumer, error) {
	cfg := jetstream.ConsumerConfig{
		Durable: w.durable, FilterSubjects: w.filters, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: j.ackWait, MaxAckPending: maxInHand, MaxDeliver: -1,
		DeliverPolicy: jetstream.DeliverAllPolicy, Replicas: j.conn.cfg.Replicas,
	}
	old, err := j.conn.js.Consumer(ctx, w.stream, w.durable)
	switch {
	case err == nil: // where it began can't be changed
		cfg.DeliverPolicy, cfg.OptStartSeq = old.CachedInfo().Config.DeliverPolicy, old.CachedInfo().Config.OptStartSeq
	case !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, fmt.Errorf("consumer %s: %w", w.durable, err)
	}
	consumer, err := j.conn.js.CreateOrUpdateConsumer(ctx, w.stream, cfg)
	if err != nil {
		return nil, fmt.Errorf("consumer %s: %w", w.durable, err)
	}
	info := consumer.CachedInfo()
	if info.NumAckPending == 0 && info.Delivered.Consumer == 0 {
		return consumer, nil // new
	}
	if _, err = j.conn.js.ResetConsumer(ctx, w.stream, w.durable); err == nil {
		return consumer, nil
	}
	if isSilence(err) && !errors.Is(err, nats.ErrNoResponders) {
		return nil, fmt.Errorf("rewind %s: %w", w.durable, err)
	}
	j.conn.log.Debug().Err(err).Str("consumer", w.durable).Msg("the server can't rewind a consumer; making it anew")
	return j.remake(ctx, w, cfg, info.AckFloor.Stream+1)
}

// remake is the rewind for servers before 2.14: the consumer is made anew where
// it stood. A crash between the two calls makes it start from the first event:
// slow, and still right, because effects are safe to repeat.
func (j *Journal) remake(ctx context.Context, w worker, cfg jetstream.ConsumerConfig, from uint64) (jetstream.Consumer, error) {
	if err := j.conn.js.DeleteConsumer(ctx, w.stream, w.durable); err != nil {
		return nil, fmt.Errorf("consumer %s: %w", w.durable, err)
	}
	cfg.DeliverPolicy, cfg.OptStartSeq = jetstream.DeliverByStartSequencePolicy, from
	return j.conn.js.CreateConsumer(ctx, w.stream, cfg)
}

// orderly watches the deliveries of one consumer. The server numbers them: a
// missing number is a delivery that the connection lost, and what came after
// it may be of the same aggregate.
type orderly struct{ delivered, highest uint64 }

// see reports whether the message is here for the first time.
func (o *orderly) see(meta *jetstream.MsgMetadata) (fresh bool, err error) {
	if meta.Sequence.Consumer != o.delivered+1 {
		return false, errRewind
	}
	o.delivered = meta.Sequence.Consumer
	if meta.Sequence.Stream <= o.highest {
		return false, nil
	}
	o.highest = meta.Sequence.Stream
	return true, nil
}
