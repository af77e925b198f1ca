package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Conn is an open log: the connection, and the embedded server if there is one.
// Its methods may be called from several goroutines.
type Conn struct {
	cfg        Config
	log        zerolog.Logger
	partitions int

	nc *nats.Conn // writes, small reads, consumers
	// reader is for bulk reads. The server serves a direct get on the
	// connection's own goroutine, so that a replay on nc would hold up appends.
	reader *nats.Conn
	js     jetstream.JetStream

	server  *server.Server // nil if outside
	lock    *storeLock     // nil if outside
	closing sync.Once
	failure atomic.Pointer[error] // the last write's, nil after a success
	working context.Context       // ends when the embedded server can't write any more
	broken  context.CancelCauseFunc
}

// Connect opens the log: it starts the embedded server or connects to URL, and
// brings streams and buckets to their definition. It blocks until the log can
// be used: about 20 ms for a new store, about 1 s for a million events, up to
// 20 s while a cluster settles.
//
// Its errors are whole sentences; errors.Is tells ErrLocked, ErrStoreKey,
// ErrPartitions, ErrStore (not writable, port taken), ErrUnwritable (disk full)
// and ErrNoLog (ReadOnly only) apart.
func Connect(ctx context.Context, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	c := &Conn{cfg: cfg, log: cfg.Log}
	c.working, c.broken = context.WithCancelCause(context.Background())
	open := c.embed
	if cfg.URL != "" {
		open = func(context.Context) error { return c.dial(cfg.URL, cfg.User, cfg.Password) }
	}
	if err := open(ctx); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.ready(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// ready checks and completes what was opened.
func (c *Conn) ready(ctx context.Context) error {
	if c.server != nil {
		if err := c.checkStoreKey(ctx); err != nil {
			return err
		}
	}
	if c.cfg.ReadOnly {
		return c.readPartitions(ctx)
	}
	if err := c.reconcile(ctx); err != nil {
		return err
	}
	if err := c.probe(ctx); err != nil {
		return err
	}
	if c.server == nil {
		return nil
	}
	if err := c.dropLeases(ctx); err != nil {
		return err
	}
	return c.lock.write(tenant{URL: c.ClientURL()})
}

// embed locks the store and starts the server on it. A reader that finds the
// store open connects to whoever has it.
func (c *Conn) embed(ctx context.Context) error {
	opts, err := serverOptions(&c.cfg)
	if err != nil {
		return err
	}
	password := func(user string) string {
		for _, u := range opts.Users {
			if u.Username == user {
				return u.Password
			}
		}
		return c.cfg.Password
	}
	if c.cfg.ReadOnly {
		if !opts.DontListen {
			// For itself alone: another port than the bridge's, which may be taken.
			opts.Host, opts.Port = "127.0.0.1", server.RANDOM_PORT
		}
		if _, err := os.Stat(filepath.Join(opts.StoreDir, server.JetStreamStoreDir)); err != nil {
			return fmt.Errorf("%w (nothing in %s)", ErrNoLog, opts.StoreDir)
		}
	} else if err := os.MkdirAll(opts.StoreDir, 0o700); err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	lock, holder, err := lockStore(ctx, opts.StoreDir, tenant{Reader: c.cfg.ReadOnly})
	if c.cfg.ReadOnly && errors.Is(err, ErrLocked) && holder.URL != "" {
		return c.dial(holder.URL, c.cfg.User, password(c.cfg.User))
	}
	if err != nil {
		return err
	}
	c.lock = lock
	if c.server, err = startServer(ctx, opts, c.log, c.broken); err != nil {
		return err
	}
	return c.dial("", c.cfg.User, password(c.cfg.User))
}

// checkStoreKey compares the streams on disk with those that the server could
// open, before any is made anew over them.
func (c *Conn) checkStoreKey(ctx context.Context) error {
	names, err := storedStreams(c.server.StoreDir())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStore, err)
	}
	for _, name := range names {
		_, err := c.streamInfo(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("%w (stream %s in %s)", ErrStoreKey, name, c.server.StoreDir())
		}
		if err != nil {
			return fmt.Errorf("read stream %s: %w", name, err)
		}
	}
	return nil
}

// Close stops the server if it is ours and releases the store. Whatever
// blocks in a call on c returns with an error. It blocks until the store is
// closed, and may be called twice.
func (c *Conn) Close() {
	c.closing.Do(func() {
		for _, nc := range []*nats.Conn{c.reader, c.nc} {
			if nc == nil {
				continue
			}
			if nc.IsConnected() {
				_ = nc.FlushTimeout(2 * time.Second) // acknowledgements on their way
			}
			nc.Close()
		}
		if c.server != nil {
			c.server.Shutdown()
			c.server.WaitForShutdown()
		}
		if c.lock != nil {
			if err := c.lock.release(); err != nil {
				c.log.Debug().Err(err).Msg("release the store")
			}
		}
	})
}

// ClientURL is where TCP clients connect, "" if nowhere.
func (c *Conn) ClientURL() string {
	switch {
	case c.server == nil && c.nc != nil:
		return c.nc.ConnectedUrl()
	case c.server == nil || c.server.Addr() == nil:
		return ""
	}
	return c.server.ClientURL()
}

// Partitions is the log's number of partitions.
func (c *Conn) Partitions() int { return c.partitions }
