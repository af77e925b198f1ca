package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// dial opens both connections: to url, or in-process if it is empty.
func (c *Conn) dial(url, user, password string) (err error) {
	options := []nats.Option{
		nats.UserInfo(user, password), nats.CustomInboxPrefix("_INBOX_" + user),
		nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.Timeout(5 * time.Second),
		// A write that waits in a buffer for the server to come back would be
		// stored after its caller gave up: rather fail at once.
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.log.Debug().Err(err).Msg("nats") }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.log.Warn().Err(err).Msg("lost the connection to the log")
			}
		}),
	}
	if c.nc, err = nats.Connect(url, c.route(options, url, false)...); err != nil {
		return c.dialError(url, user, err)
	}
	// net.Pipe has no buffer: a bulk read over TCP loopback is up to 1.5 times as fast.
	if c.reader, err = nats.Connect(c.readURL(url), c.route(options, url, true)...); err != nil {
		return c.dialError(url, user, err)
	}
	c.js, err = jetstream.New(c.nc)
	return err
}

// route adds the in-process way to options where that is the way to go.
func (c *Conn) route(options []nats.Option, url string, bulk bool) []nats.Option {
	name := "natsgram"
	if bulk {
		name = "natsgram bulk reads"
	}
	options = append(slices.Clone(options), nats.Name(name))
	if url == "" && (!bulk || c.ClientURL() == "") {
		options = append(options, nats.InProcessServer(c.server))
	}
	return options
}

func (c *Conn) readURL(url string) string {
	if url == "" {
		return c.ClientURL()
	}
	return url
}

func (c *Conn) dialError(url, user string, err error) error {
	if url == "" {
		url = "the embedded server"
	}
	// A refused password reads as a closed pipe when in-process.
	if errors.Is(err, nats.ErrAuthorization) || strings.Contains(err.Error(), "closed pipe") {
		return fmt.Errorf("%s does not take the password of user %s", url, user)
	}
	return fmt.Errorf("connect to %s: %w", url, err)
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
