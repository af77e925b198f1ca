package telegram

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	gotd "github.com/gotd/td/telegram"
	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// client is a login's presence at Telegram: one line, the updates that come
// over it, and the people and chats it knows.
type client struct {
	w       *World
	user    events.UID
	login   events.LoginID
	account events.AccountID
	selfID  int64
	book    *book
	feed    *feed
	hints   hints
	gate    limit // calls that may wait for their turn: descriptions, pictures, differences

	ctx    context.Context // ends with the client
	cancel context.CancelFunc
	log    zerolog.Logger

	mu      sync.Mutex
	current *line
	storage *kept
	tasks   sync.WaitGroup
	suspect atomic.Bool // a 401 is being looked into
	ending  atomic.Bool // its session is being ended by us: a 401 is no news
}

// lowCalls is how many calls that nobody waits for a client makes at once.
const lowCalls = 4

func newClient(w *World, user events.UID, l projections.Login) *client {
	c := &client{
		w: w, user: user, login: l.ID, account: l.Account, selfID: l.TelegramID, gate: newLimit(lowCalls),
		log: w.log.With().Str("login", string(l.ID)).Logger(),
	}
	c.ctx, c.cancel = context.WithCancel(w.dial.ctx)
	c.book = newBook(w.deps.Peers, l.ID)
	c.feed = newFeed(c, w.deps.Cursors)
	return c
}

// run connects and begins to take updates. It does not block.
func (c *client) run() {
	c.connect()
	c.task(func() {
		if err := c.feed.begin(c.ctx); err != nil {
			return // the client ended
		}
		if u := c.w.deps.Users.Get(c.user); listed(u, c.login) {
			c.describeRest(c.ctx)
		} else {
			c.listChats(c.ctx)
		}
	})
}

func listed(u projections.User, id events.LoginID) bool {
	l, ok := u.Login(id)
	return !ok || l.Listed
}

// connect opens the line anew, on the session in the vault.
func (c *client) connect() {
	storage := &kept{vault: c.w.deps.Vault, login: c.login}
	l := c.w.dial.open(storage, hooks{
		updates: gotd.UpdateHandlerFunc(func(_ context.Context, u tg.UpdatesClass) error { c.feed.push(u); return nil }),
		state: func(s gotd.ConnectionState) {
			if s != gotd.ConnectionStateReady {
				return
			}
			c.feed.connected()
			if c.w.deps.Back != nil {
				c.w.deps.Back()
			}
		},
		failed: c.onError,
	})
	c.mu.Lock()
	old := c.current
	c.current, c.storage = l, storage
	c.mu.Unlock()
	if old != nil {
		old.close()
	}
	c.task(func() { c.mind(l) })
}

// mind watches for a line that ends by itself: gotd gives up on a session that
// Telegram refuses outright.
func (c *client) mind(l *line) {
	<-l.done
	if c.ctx.Err() != nil || c.line() != l || c.ending.Load() {
		return
	}
	if l.err != nil && notAuthorised(l.err) {
		c.onError(l.err)
		return
	}
	c.log.Warn().Err(l.err).Msg("the connection ended; opening it again")
	pause(c.ctx, backoff(4))
	if c.ctx.Err() == nil && c.line() == l {
		c.connect()
	}
}

// line is the current connection. It may be down: calls wait for it.
func (c *client) line() *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current
}

// api is the current connection's calls.
func (c *client) api() *tg.Client { return c.line().api }

// task runs f as part of the client: close waits for it, and begins no new one.
func (c *client) task(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() == nil {
		c.tasks.Go(f)
	}
}

// call bounds one call in time.
func (c *client) call(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.w.cfg.Timeout)
}

// persist repeats f until it succeeds, Telegram refuses for good, or ctx ends.
// Flood waits are waited for.
func (c *client) persist(ctx context.Context, f func(context.Context) error) error {
	for n := 0; ; n++ {
		short, cancel := c.call(ctx)
		err := f(short)
		cancel()
		wait, flood := floodWait(err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case flood:
			n = 0
		case err == nil || answered(err):
			return err
		default:
			wait = backoff(n)
		}
		pause(ctx, wait)
	}
}

// close takes no more updates, stores the cursors and ends the connection.
func (c *client) close() {
	c.feed.stop()
	c.mu.Lock()
	c.cancel()
	c.mu.Unlock()
	c.line().close()
	done := make(chan struct{})
	go func() { c.tasks.Wait(); close(done) }()
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
	c.feed.store()
}
