package projections

import (
	"context"
	"sync"
)

// cursor is how far a projection has folded its stream.
type cursor struct {
	mu      sync.RWMutex
	seq     uint64
	changed chan struct{} // closed and replaced at every advance while somebody waits
}

// Seq is the sequence of the last event folded.
func (c *cursor) Seq() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.seq
}

// WaitFor returns when the event at seq is folded, so that a writer reads its
// own write. It returns the context's error if that comes first.
func (c *cursor) WaitFor(ctx context.Context, seq uint64) error {
	for {
		c.mu.Lock()
		if c.seq >= seq {
			c.mu.Unlock()
			return nil
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Changed is closed at the next event folded. Take it before looking at the
// projection, then look, then wait for it.
func (c *cursor) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	return c.changed
}

// advance moves the cursor to seq and wakes who waits; c.mu is held. It
// returns false if seq is already folded.
func (c *cursor) advance(seq uint64) bool {
	if seq <= c.seq {
		return false
	}
	c.seq = seq
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
	return true
}
