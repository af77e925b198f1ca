package telegram

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// errNoClient says that a login has no client: it is not active, or not yet
// started.
var errNoClient = errors.New("the login has no client")

// startApart is by how much two clients start apart on average, so that a
// restart is no burst that Telegram would punish.
const startApart = 5 * time.Millisecond

// maxDifferences bounds the channel differences under way in the whole bridge.
const maxDifferences = 32

// fleet is the clients of all active logins. Which they are, it is told by the
// projection of users and the reactor.
type fleet struct {
	w       *World
	differ  limit // channel differences of all clients
	mu      sync.Mutex
	clients map[events.LoginID]*client
	// accounts are the clients by the Telegram ID of their account.
	accounts map[int64]events.LoginID
	closed   bool
}

func newFleet(w *World) *fleet {
	return &fleet{w: w, differ: newLimit(maxDifferences), clients: map[events.LoginID]*client{}, accounts: map[int64]events.LoginID{}}
}

// startAll starts the client of every active login. It returns when all have
// been started; they connect on their own.
func (f *fleet) startAll(ctx context.Context) {
	users := f.w.deps.Users.Where(func(u *projections.User) bool { return len(u.Logins) > 0 })
	var g errgroup.Group
	total := 0
	for _, u := range users {
		total += len(u.ActiveLogins())
	}
	for _, u := range users {
		for _, l := range u.ActiveLogins() {
			g.Go(func() error {
				if total > 1 {
					pause(ctx, rand.N(time.Duration(total)*startApart))
				}
				if ctx.Err() == nil {
					f.start(u.UID, l)
				}
				return nil
			})
		}
	}
	_ = g.Wait()
}

// quiet is how long no update may come before Telegram is asked whether there
// are any: the last before a silence may have been lost, and nothing tells.
const quiet = 15 * time.Minute

// tend asks for clients that have heard nothing for long, until ctx ends.
func (f *fleet) tend(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		f.mu.Lock()
		for _, c := range f.clients {
			c.feed.ifQuiet(quiet)
		}
		f.mu.Unlock()
	}
}

// start starts the client of a login, unless it has one.
func (f *fleet) start(user events.UID, l projections.Login) *client {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.clients[l.ID]; ok || f.closed {
		return c
	}
	c := newClient(f.w, user, l)
	f.clients[l.ID], f.accounts[l.TelegramID] = c, l.ID
	c.run()
	return c
}

// client returns the client of a login, or errNoClient.
func (f *fleet) client(id events.LoginID) (*client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.clients[id]; ok {
		return c, nil
	}
	return nil, errNoClient
}

// owner returns the login of ours to an account, if it has a client.
func (f *fleet) owner(telegramID int64) (events.LoginID, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id, ok := f.accounts[telegramID]
	return id, ok
}

// take removes the client from the fleet without ending it.
func (f *fleet) take(id events.LoginID) *client {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.clients[id]
	delete(f.clients, id)
	if c != nil && f.accounts[c.selfID] == id {
		delete(f.accounts, c.selfID)
	}
	return c
}

// stop ends the client of a login, if it has one.
func (f *fleet) stop(id events.LoginID) {
	if c := f.take(id); c != nil {
		c.close()
	}
}

// close ends all clients at once, and allows no new ones.
func (f *fleet) close() {
	f.mu.Lock()
	clients := f.clients
	f.clients, f.accounts, f.closed = map[events.LoginID]*client{}, map[int64]events.LoginID{}, true
	f.mu.Unlock()
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(c.close)
	}
	wg.Wait()
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// backoff is how long to wait before try number n: 100 ms doubled up to 10 s,
// less up to a quarter.
func backoff(n int) time.Duration {
	d := min(100*time.Millisecond<<min(n, 8), 10*time.Second)
	return d - rand.N(d/4)
}
