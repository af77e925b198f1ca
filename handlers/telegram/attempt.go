package telegram

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// secretSlack is how long a secret outlives its attempt's deadline: the timer
// that ends the attempt may come late.
const secretSlack = time.Minute

// connectWait is how long a login waits for a connection before the user is
// told that Telegram can't be reached.
const connectWait = 10 * time.Second

// attempt is the client of a login attempt. It is a convenience: whatever is in
// it can be made again from the vault.
type attempt struct {
	line  *line
	draft *draft
	// unsure says that an earlier step may have been taken without the log
	// knowing: Telegram is asked before anything is sent again.
	unsure bool
}

func (a *attempt) close() { a.line.close() }

// moveWait bounds the wait for the session of a data centre that the attempt
// has just moved to.
const moveWait = 2 * time.Second

// settled is the attempt's session, of the data centre that it is in now. gotd
// follows Telegram to another one within a call, and the call's answer can be
// there before the new key is stored.
func (a *attempt) settled(ctx context.Context) (vault.Secret, error) {
	here, err := dataCentre(ctx, a.line.api)
	if err != nil {
		return nil, err
	}
	short, cancel := context.WithTimeout(ctx, moveWait)
	defer cancel()
	_ = a.draft.movedTo(short, here) // if it is called otherwise there, what is stored counts
	return a.draft.settled(ctx)
}

// attempts are the clients of running attempts.
type attempts struct {
	w    *World
	mu   sync.Mutex
	open map[events.AttemptID]*attempt
}

func newAttempts(w *World) *attempts {
	return &attempts{w: w, open: map[events.AttemptID]*attempt{}}
}

// get returns a connected client for the attempt: the one from the step before,
// or one made from the session in the vault, or a new one. The session is in
// the vault before get returns.
func (as *attempts) get(ctx context.Context, at projections.Attempt) (*attempt, error) {
	as.mu.Lock()
	a := as.open[at.ID]
	as.mu.Unlock()
	if a == nil {
		return as.make(ctx, at)
	}
	return a, a.line.wait(ctx, as.patience())
}

func (as *attempts) make(ctx context.Context, at projections.Attempt) (*attempt, error) {
	stored, err := as.w.deps.Vault.Attempt(ctx, at.ID, vault.Session)
	if err != nil && !errors.Is(err, vault.ErrMissing) {
		return nil, err
	}
	if stored == nil {
		// A key exchange takes most of a second of a core.
		if err := as.w.dial.fresh.enter(ctx); err != nil {
			return nil, err
		}
		defer as.w.dial.fresh.leave()
	}
	d := newDraft(stored)
	a := &attempt{draft: d, unsure: stored != nil, line: as.w.dial.open(d, as.w.ear(at, d))}
	if err := a.line.wait(ctx, as.patience()); err != nil {
		a.close()
		return nil, err
	}
	if err := as.save(ctx, at, a); err != nil {
		a.close()
		return nil, err
	}
	as.mu.Lock()
	defer as.mu.Unlock()
	if other := as.open[at.ID]; other != nil {
		go a.close() // made at the same time; a session has one line
		return other, nil
	}
	as.open[at.ID] = a
	return a, nil
}

func (as *attempts) patience() time.Duration { return min(as.w.cfg.Timeout, connectWait) }

// save puts the attempt's session into the vault. Without it the code that was
// asked for with this key could not be used after a crash.
func (as *attempts) save(ctx context.Context, at projections.Attempt, a *attempt) error {
	ctx, cancel := context.WithTimeout(ctx, as.w.cfg.Timeout)
	defer cancel()
	session, err := a.settled(ctx)
	if err != nil {
		return errors.Join(errUnreachable, err)
	}
	return as.w.deps.Vault.PutAttempt(ctx, at.ID, vault.Session, session, ttlOf(at))
}

// drop ends the client of an attempt, if there is one.
func (as *attempts) drop(id events.AttemptID) {
	as.mu.Lock()
	a := as.open[id]
	delete(as.open, id)
	as.mu.Unlock()
	if a != nil {
		a.close()
	}
}

func (as *attempts) close() {
	as.mu.Lock()
	open := as.open
	as.open = map[events.AttemptID]*attempt{}
	as.mu.Unlock()
	for _, a := range open {
		a.close()
	}
}

func ttlOf(at projections.Attempt) time.Duration { return time.Until(at.Deadline) + secretSlack }
