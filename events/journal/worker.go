package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

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
