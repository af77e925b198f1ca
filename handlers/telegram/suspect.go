package telegram

import (
	"context"
	"errors"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// onError sees every error that Telegram answers this client with. One that
// says that the session is no more is looked into: it is known to be wrong at
// times, and must not cost a login.
func (c *client) onError(err error) {
	if !notAuthorised(err) || c.ending.Load() || c.ctx.Err() != nil || c.suspect.Swap(true) {
		return
	}
	c.task(func() {
		defer c.suspect.Store(false)
		c.confirm(err)
	})
}

// confirm asks once more, over a second connection and with the session from
// the vault. Only if that is refused too, the login is ended, once.
func (c *client) confirm(first error) {
	c.log.Warn().Str("error", codeOf(first)).Msg("Telegram refuses the session; asking once more")
	for n := 0; c.ctx.Err() == nil; n++ {
		again, keyLost, err := c.secondOpinion(c.ctx)
		switch {
		case errors.Is(err, vault.ErrMissing):
			again, keyLost = first, true // nothing left to ask with
		case err != nil:
			pause(c.ctx, backoff(n))
			continue
		case again == nil:
			c.log.Warn().Msg("the session is good after all")
			c.connect() // what gotd holds may be a key that nobody is logged in with
			return
		}
		if c.ctx.Err() != nil || c.ending.Load() {
			return
		}
		code := codeOf(again)
		c.endWith(login.End{Login: c.login, Cause: endCause(code, keyLost), Evidence: code, Remote: true})
		return
	}
}

// secondOpinion is Telegram's refusal of the session on a connection of its
// own, nil if it takes it, and err if it did not answer.
func (c *client) secondOpinion(ctx context.Context) (refusal error, keyLost bool, err error) {
	session, err := c.w.deps.Vault.Session(ctx, c.login)
	if err != nil {
		return nil, false, err
	}
	before, err := parseSession(ctx, session)
	if err != nil {
		return nil, false, err
	}
	d := newDraft(session)
	l := c.w.dial.open(d, hooks{state: d.onState})
	defer l.close()
	if err := l.wait(ctx, c.w.cfg.Timeout); err != nil {
		if notAuthorised(err) {
			return err, false, nil
		}
		return nil, false, err
	}
	short, cancel := c.call(ctx)
	defer cancel()
	_, err = l.api.UsersGetUsers(short, []tg.InputUserClass{&tg.InputUserSelf{}})
	if err == nil {
		return nil, false, nil
	}
	if !notAuthorised(err) {
		return nil, false, err
	}
	now, settleErr := d.settled(short)
	if settleErr == nil {
		after, parseErr := parseSession(ctx, now)
		keyLost = parseErr == nil && string(after.AuthKeyID) != string(before.AuthKeyID)
	}
	return err, keyLost, nil
}

// endWith tells the log that the session is over; while the log can't be
// written, it waits.
func (c *client) endWith(end login.End) {
	for n := 0; c.ctx.Err() == nil; n++ {
		err := c.w.end(c.ctx, c.user, end, commit.Meta{Actor: events.ByTelegram})
		if err == nil {
			return
		}
		c.log.Error().Err(err).Msg("the log can't be told that the session ended")
		pause(c.ctx, backoff(n))
	}
}

// end commits the end of a session.
func (w *World) end(ctx context.Context, user events.UID, end login.End, m commit.Meta) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err := w.desk.users.Do(ctx, user, m, func(u projections.User) (events.Fact, error) { return login.Decide(u, end) })
	return err
}
