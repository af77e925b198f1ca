package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Lease is the right to do something alone, for as long as it is renewed. Two
// bridges on one NATS take one: the second stands by.
type Lease struct {
	bucket *Bucket
	name   string
	mark   []byte // of this holder and no other: an answer that was lost is recognised by it
	ttl    time.Duration
	rev    uint64
	lost   chan struct{}
	stop   context.CancelFunc
	done   chan struct{}
	once   sync.Once
}

// Lease blocks until the lease of name is held by holder or ctx ends. A holder
// that died is succeeded after ttl (whole seconds, 2 s at least).
func (c *Conn) Lease(ctx context.Context, name, holder string, ttl time.Duration) (*Lease, error) {
	bucket, err := c.Bucket(ctx, "LEASES")
	if err != nil {
		return nil, err
	}
	l := &Lease{
		bucket: bucket, name: name, mark: []byte(holder + " " + uuid.NewString()), ttl: max(ttl.Round(time.Second), 2*time.Second),
		lost: make(chan struct{}), done: make(chan struct{}),
	}
	for said := false; ; {
		// Nobody says when a lease runs out, so look often.
		l.rev, err = bucket.Create(ctx, name, l.mark, l.ttl)
		if err == nil || l.ours(ctx) {
			break
		}
		if !errors.Is(err, ErrKeyExists) && !errors.Is(err, ErrUnwritable) {
			return nil, fmt.Errorf("lease %s: %w", name, err)
		}
		if !said {
			said = true
			c.log.Info().Err(err).Str("lease", name).Msg("standing by")
		}
		if err := pause(ctx, l.ttl/10); err != nil {
			return nil, fmt.Errorf("lease %s: %w", name, err)
		}
	}
	keeping, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.keep(keeping)
	return l, nil
}

// Lost is closed when the lease is no longer held: stop what it protects.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Close gives the lease back, so that who stands by goes on at once. It blocks
// for one request at most and may be called twice.
func (l *Lease) Close() {
	l.once.Do(func() {
		l.stop()
		<-l.done
		select {
		case <-l.lost: // somebody else's by now
			return
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), getTimeout)
		defer cancel()
		// By revision, so that it can only be ours.
		if err := l.bucket.erase(ctx, l.rev); err != nil {
			l.bucket.conn.log.Debug().Err(err).Str("lease", l.name).Msg("give back")
		}
	})
}

// keep renews the lease three times per ttl. It gives up a second before the
// server would, so that two never hold it.
func (l *Lease) keep(ctx context.Context) {
	defer close(l.done)
	held := time.Now()
	for {
		if pause(ctx, l.ttl/3) != nil {
			return
		}
		start := time.Now()
		short, cancel := context.WithTimeout(ctx, l.ttl/3)
		rev, err := l.bucket.Update(short, l.name, l.mark, l.rev)
		cancel()
		switch {
		case err == nil:
			l.rev, held = rev, start
		case errors.Is(err, ErrRevision) && l.ours(ctx): // the last renewal did arrive
		case errors.Is(err, ErrRevision) && time.Since(held) < l.ttl && l.takeAgain(ctx):
			held = start
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrRevision) || time.Since(held) > l.ttl-l.ttl/3-time.Second/2:
			l.bucket.conn.log.Warn().Err(err).Str("lease", l.name).Msg("lost the lease")
			close(l.lost)
			return
		}
	}
}

// ours looks whether the lease is held by this holder, and takes its revision.
func (l *Lease) ours(ctx context.Context) bool {
	value, rev, err := l.bucket.Get(ctx, l.name)
	if err != nil || !bytes.Equal(value, l.mark) {
		return false
	}
	l.rev = rev
	return true
}

// takeAgain takes a lease that is gone before its time: a server that was
// restarted has dropped it. Nobody else can have held it meanwhile.
func (l *Lease) takeAgain(ctx context.Context) bool {
	rev, err := l.bucket.Create(ctx, l.name, l.mark, l.ttl)
	if err != nil {
		return false
	}
	l.rev = rev
	return true
}

// dropLeases forgets every lease. Called when the embedded server has just
// started: whoever held one had the store open, and is dead.
func (c *Conn) dropLeases(ctx context.Context) error {
	stream, err := c.js.Stream(ctx, bucketPrefix+"LEASES")
	if err == nil {
		err = stream.Purge(ctx)
	}
	if err != nil {
		return fmt.Errorf("drop the leases of the dead: %w", err)
	}
	return nil
}
