package telegram

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// onLoginSucceeded starts the login's client, and displaces whoever held the
// account before.
func (w *World) onLoginSucceeded(ctx context.Context, e events.Event, f *events.LoginSucceeded) error {
	u := w.deps.Users.Get(e.Aggregate.UID)
	l, ok := u.Login(f.Login)
	if !ok || l.State != projections.LoginActive {
		return nil // ended since
	}
	w.attempts.drop(f.Attempt)
	if err := w.deps.Vault.DropAttempt(ctx, f.Attempt); err != nil {
		return journal.Down(err)
	}
	w.fleet.start(u.UID, l)
	for _, holder := range w.deps.Users.HoldersOf(f.Account) {
		if holder.UID == u.UID {
			continue
		}
		if err := w.displace(ctx, holder, e, f.Account); err != nil {
			return err
		}
	}
	return nil
}

// heldByOthers reports whether another Matrix user is logged in to the account.
func (w *World) heldByOthers(user events.UID, account events.AccountID) bool {
	return slices.ContainsFunc(w.deps.Users.HoldersOf(account), func(u projections.User) bool { return u.UID != user })
}

// displace ends the former holder's login, at Telegram first: once the log has
// the end, its session is dropped.
func (w *World) displace(ctx context.Context, holder projections.User, by events.Event, account events.AccountID) error {
	for _, l := range holder.ActiveLogins() {
		if l.Account != account || l.Since.After(by.Time) {
			continue // an even newer login: this event is old
		}
		// Whoever is displaced gets no way back without a code.
		_, remote := w.endRemote(ctx, l.ID, time.Now().Add(min(w.cfg.Timeout, 10*time.Second)))
		end := login.End{Login: l.ID, Cause: events.EndedByDisplacing, Evidence: string(by.ID), Remote: remote}
		if err := w.end(ctx, holder.UID, end, commit.Meta{Actor: events.BySystem, Causation: by.ID}); err != nil {
			return journal.Down(err)
		}
	}
	return nil
}

// onLogoutRequested logs out at Telegram, for a bounded time, and then ends the
// login in any case: whoever asked is not to wait for Telegram.
func (w *World) onLogoutRequested(ctx context.Context, e events.Event, f *events.LogoutRequested) error {
	l, ok := w.deps.Users.Get(e.Aggregate.UID).Login(f.Login)
	if !ok {
		return nil
	}
	var token vault.Secret
	remote := l.State == projections.LoginSuspended
	if !remote {
		token, remote = w.endRemote(ctx, l.ID, e.Time.Add(w.cfg.LogoutTimeout))
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	cause := events.EndedByUser
	switch {
	case f.Keep:
		cause = events.EndedByLeaving
	case e.Actor == events.ByOperator:
		cause = events.EndedByOperator
	case len(token) > 0:
		if err := w.deps.Vault.PutToken(ctx, e.Aggregate.UID, vault.Token{Account: l.Account, Value: token}); err != nil {
			// The next login needs a code, that is all.
			w.log.Warn().Err(err).Str("login", string(l.ID)).Msg("token not kept")
		}
	}
	m := commit.Because(e, events.ByTelegram)
	return journal.Down(w.end(ctx, e.Aggregate.UID, login.End{Login: l.ID, Cause: cause, Evidence: string(e.ID), Remote: remote}, m))
}

// endRemote logs a login's session out, trying again until the deadline while
// Telegram can't be reached. It reports whether Telegram confirmed it, and passes
// on the token that Telegram may give for the next login.
func (w *World) endRemote(ctx context.Context, id events.LoginID, deadline time.Time) (token vault.Secret, ended bool) {
	ctx, cancel := context.WithDeadline(ctx, maxTime(deadline, time.Now().Add(time.Second)))
	defer cancel()
	for n := 0; ctx.Err() == nil; n++ {
		if c, err := w.fleet.client(id); err == nil {
			c.ending.Store(true) // what it is told from now on is our own doing
			if token, err := w.logOut(ctx, c.api()); err == nil {
				return token, true
			}
		} else {
			session, err := w.deps.Vault.Session(ctx, id)
			if errors.Is(err, vault.ErrMissing) {
				return nil, false
			}
			if err == nil {
				if token, ended := w.endSession(ctx, session); ended {
					return token, true
				}
			}
		}
		pause(ctx, backoff(n))
	}
	return nil, false
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// onSessionEnded stops the client. An end that removes the login also removes
// its session, its cursors and its place in the portals; one that suspends it
// removes nothing, so that a new login takes up where it stopped.
func (w *World) onSessionEnded(ctx context.Context, e events.Event, f *events.SessionEnded) error {
	l, ok := w.deps.Users.Get(e.Aggregate.UID).Login(f.Login)
	if ok && l.State == projections.LoginActive {
		return nil // logged in again since
	}
	w.fleet.stop(f.Login)
	if ok {
		return nil // suspended
	}
	for _, p := range w.deps.Portals.OfLogin(f.Login) {
		lose := portals.Lose{Login: f.Login, Reason: "logged_out"}
		if err := w.commitPortal(ctx, p.UID, commit.Because(e, events.BySystem), lose); err != nil {
			return journal.Down(err)
		}
	}
	err := errors.Join(
		w.deps.Vault.DropSession(ctx, f.Login),
		dropAll(ctx, w.deps.Cursors, f.Login),
		dropAll(ctx, w.deps.Peers, f.Login),
	)
	return journal.Down(err)
}

// dropAll removes what a bucket holds of a login.
func dropAll(ctx context.Context, b vault.Bucket, id events.LoginID) error {
	var keys []string
	err := b.All(ctx, string(id)+".", func(key string, _ []byte) error {
		keys = append(keys, key)
		return nil
	})
	for _, key := range keys {
		err = errors.Join(err, b.Delete(ctx, key))
	}
	return err
}

// commitPortal decides on a portal and tells the log.
func (w *World) commitPortal(ctx context.Context, uid events.UID, m commit.Meta, c portals.Command) error {
	_, err := w.desk.portals.Do(ctx, uid, m, func(p projections.Portal) (events.Fact, error) { return portals.Decide(p, c) })
	return err
}
