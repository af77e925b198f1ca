package matrix

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// urgency orders what waits at a gate.
type urgency struct {
	class int    // making before decorating
	seq   uint64 // the event's sequence: what was opened first comes first
}

// The classes of work on rooms. A user waits for the room, not for its picture.
const (
	making = iota
	decorating
)

// gate lets a few pass at a time, the most urgent of those who wait first. A
// homeserver makes one room after the other in less time than all at once.
type gate struct {
	mu      sync.Mutex
	free    int
	waiting []*turn
}

type turn struct {
	urgency
	come chan struct{}
}

func newGate(places int) *gate { return &gate{free: places} }

// pass calls do when it is its turn, or returns the context's error.
func (g *gate) pass(ctx context.Context, u urgency, do func() error) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
	} else {
		t := &turn{u, make(chan struct{})}
		g.waiting = append(g.waiting, t)
		g.mu.Unlock()
		select {
		case <-t.come:
		case <-ctx.Done():
			g.giveUp(t)
			return ctx.Err()
		}
	}
	defer g.leave()
	return do()
}

// leave hands the place to the most urgent who waits.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	next := slices.MinFunc(g.waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.seq, b.seq))
	})
	g.waiting = slices.DeleteFunc(g.waiting, func(t *turn) bool { return t == next })
	close(next.come)
}

// giveUp takes a turn out of the queue. If its turn came at the same moment,
// the place goes on to the next.
func (g *gate) giveUp(t *turn) {
	g.mu.Lock()
	i := slices.Index(g.waiting, t)
	if i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
	g.mu.Unlock()
	if i < 0 {
		g.leave()
	}
}
