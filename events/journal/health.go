package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Healthy reports whether the log can be read and written now. After a failed
// write it tries one, for at most 2 s; else it costs nothing.
func (c *Conn) Healthy() error {
	if !c.nc.IsConnected() {
		return fmt.Errorf("%w: the connection is %s", ErrUnwritable, strings.ToLower(c.nc.Status().String()))
	}
	if c.working.Err() != nil {
		return c.brokenError()
	}
	if c.server != nil && !c.server.JetStreamEnabled() {
		return fmt.Errorf("%w: the server gave up its store: see to the disk and restart", ErrUnwritable)
	}
	if c.failure.Load() == nil || c.cfg.ReadOnly {
		return nil
	}
	return c.probe(context.Background())
}

// probe tries a write that means nothing.
func (c *Conn) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	bucket, err := c.Bucket(ctx, "CURSORS")
	if err == nil {
		_, err = bucket.Put(ctx, "journal.probe", []byte(time.Now().UTC().Format(time.RFC3339)))
	}
	return err
}

// Broken is closed when the embedded server met a disk that it can't write to.
// The server tries such a stream no more: only a restart of the process helps,
// after somebody has seen to the disk. Everything acknowledged is safe.
func (c *Conn) Broken() <-chan struct{} { return c.working.Done() }

func (c *Conn) brokenError() error {
	return fmt.Errorf("%w: see to the disk and restart: %w", ErrUnwritable, context.Cause(c.working))
}

// writing bounds a write: by its own time, and by the end of a server that
// would leave it without an answer.
func (c *Conn) writing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	stop := context.AfterFunc(c.working, cancel)
	return ctx, func() { stop(); cancel() }
}

// noteWrite remembers how the last write went, and marks what means that
// nothing can be written.
func (c *Conn) noteWrite(err error) error {
	switch {
	case err == nil:
		c.failure.Store(nil)
		return nil
	case errors.Is(err, ErrUnwritable):
	case c.working.Err() != nil:
		err = c.brokenError()
	case isFull(err):
		err = fmt.Errorf("%w: the disk of the store is full: %w", ErrUnwritable, err)
	case isUnwritable(err):
		err = fmt.Errorf("%w: %w", ErrUnwritable, err)
	}
	if errors.Is(err, ErrUnwritable) {
		c.failure.Store(&err)
	}
	return err
}
