package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// maxInHand is how many messages of one consumer are held at a time, done ones
// not counted. More than that of unfinished aggregates hold up the partition.
const maxInHand = 1024

// hand holds what one consumer has delivered and nobody has finished: a queue
// (lane) per aggregate, each worked off by its own goroutine, gone when empty.
type hand struct {
	journal *Journal
	worker  worker
	ctx     context.Context // of the handlers: ends with React
	taking  context.Context // ends when no further message is taken or begun
	stop    context.CancelCauseFunc
	running sync.WaitGroup

	mu    sync.Mutex
	lanes map[string][]held // queue of each running lane
	all   map[uint64]jetstream.Msg
}

// held is a message in hand.
type held struct {
	msg jetstream.Msg
	seq uint64
}

func newHand(ctx context.Context, j *Journal, w worker) *hand {
	h := &hand{journal: j, worker: w, ctx: ctx, lanes: map[string][]held{}, all: map[uint64]jetstream.Msg{}}
	h.taking, h.stop = context.WithCancelCause(ctx)
	h.running.Go(h.keepAlive)
	return h
}

// finish lets the handlers that run come to their end and begins no other.
func (h *hand) finish() {
	h.stop(nil)
	h.running.Wait()
}

// halted is the error that ended the taking, if a handler did.
func (h *hand) halted() error {
	var halt *haltError
	if err := context.Cause(h.taking); errors.As(err, &halt) {
		return err
	}
	return nil
}

func (h *hand) holds(seq uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.all[seq]
	return ok
}

// take puts a message at the end of its lane.
func (h *hand) take(m jetstream.Msg, seq uint64) {
	key := h.worker.lane(m)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all[seq] = m
	queue, running := h.lanes[key]
	h.lanes[key] = append(queue, held{m, seq})
	if !running {
		h.running.Go(func() { h.runLane(key) })
	}
}

// runLane works its queue off, in order. A message that is not finished when
// the taking ends stays unacknowledged, and so do all behind it.
func (h *hand) runLane(key string) {
	for {
		h.mu.Lock()
		queue := h.lanes[key]
		if len(queue) == 0 {
			delete(h.lanes, key)
			h.mu.Unlock()
			return
		}
		next := queue[0]
		h.lanes[key] = queue[1:]
		h.mu.Unlock()
		if h.taking.Err() != nil || !h.finishOne(next) {
			return
		}
		h.mu.Lock()
		delete(h.all, next.seq)
		h.mu.Unlock()
	}
}

// finishOne tries until the message is handled or is a dead letter, and
// acknowledges it. Dying before the acknowledgement repeats the effect.
func (h *hand) finishOne(m held) (finished bool) {
	failures, waits := 0, 0
	for {
		err := h.handle(m)
		var halt *haltError
		var later *laterError
		var down *downError
		var bad *corruptError
		var wait time.Duration
		var early <-chan struct{}
		switch {
		case err == nil:
			return h.ack(m)
		case h.taking.Err() != nil:
			return false
		case errors.As(err, &halt):
			h.stop(err)
			return false
		case errors.As(err, &later):
			wait = time.Until(later.at)
		case errors.As(err, &down):
			wait, early = h.journal.backoff(waits), h.journal.back.next()
			waits++
		default:
			failures++
			if failures == h.journal.tries || errors.As(err, &bad) {
				return h.bury(m, err, failures) && h.ack(m)
			}
			wait = h.journal.backoff(failures - 1)
		}
		h.journal.conn.log.Debug().Err(err).Str("consumer", h.worker.durable).Uint64("seq", m.seq).Dur("again_in", wait).Msg("an event is tried again")
		if !h.wait(wait, early) {
			return false
		}
	}
}

// wait reports whether to go on: after d, or when early is closed.
func (h *hand) wait(d time.Duration, early <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-early:
		return true
	case <-h.taking.Done():
		return false
	}
}

// handle calls the handler; a panic in it is its error.
func (h *hand) handle(m held) (err error) {
	defer func() {
		if p := recover(); p != nil {
			h.journal.conn.log.Debug().Str("consumer", h.worker.durable).Bytes("stack", debug.Stack()).Msg("a handler panicked")
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return h.worker.handle(h.ctx, m.msg, m.seq)
}

func (h *hand) ack(m held) bool {
	if err := m.msg.Ack(); err != nil {
		// The connection is gone. The message comes again after the rewind.
		h.journal.conn.log.Debug().Err(err).Str("consumer", h.worker.durable).Uint64("seq", m.seq).Msg("acknowledge")
	}
	return true
}

// bury stores the dead letter; until that is done the lane waits.
func (h *hand) bury(m held, cause error, tries int) bool {
	for n := 0; ; n++ {
		err := h.journal.bury(h.ctx, h.worker, m, cause, tries)
		if err == nil {
			return true
		}
		h.journal.conn.log.Debug().Err(err).Str("consumer", h.worker.durable).Uint64("seq", m.seq).Msg("store a dead letter")
		if !h.wait(h.journal.backoff(n), nil) {
			return false
		}
	}
}

// keepAlive tells the server, three times per AckWait, that what is in hand is
// still being worked on.
func (h *hand) keepAlive() {
	ticker := time.NewTicker(h.journal.ackWait / 3)
	defer ticker.Stop()
	for {
		select {
		case <-h.taking.Done():
			return
		case <-ticker.C:
		}
		h.mu.Lock()
		for _, m := range h.all {
			_ = m.InProgress()
		}
		h.mu.Unlock()
	}
}
