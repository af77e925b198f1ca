package telegram

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	gotd "github.com/gotd/td/telegram"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// How long a QR code is shown, if Telegram's clock and ours don't agree on it.
const (
	qrLife    = 25 * time.Second
	minQRLife = 2 * time.Second
	maxQRLife = time.Minute
)

// onQRWanted asks for a code: for the first, and each time that one may have
// been scanned or is too old.
func (w *World) onQRWanted(ctx context.Context, e events.Event, id events.AttemptID) error {
	return w.onSubmitted(ctx, e, id, events.StepQR, step.requestQR)
}

// requestQR asks for a code to show. If the one before was scanned, Telegram's
// answer is the login.
func (s step) requestQR(ctx context.Context) error {
	a, done, err := s.resume(ctx)
	if err != nil || done {
		return err
	}
	if moved, err := s.w.deps.Vault.Attempt(ctx, s.at.ID, vault.QRMoved); err == nil {
		return s.importQR(ctx, a, moved)
	} else if !errors.Is(err, vault.ErrMissing) {
		return journal.Down(err)
	}
	res, err := s.w.exportToken(ctx, a.line.api)
	return s.tokenAnswered(ctx, a, res, err)
}

// tokenAnswered takes Telegram's answer to auth.exportLoginToken and
// auth.importLoginToken.
func (s step) tokenAnswered(ctx context.Context, a *attempt, res tg.AuthLoginTokenClass, err error) error {
	switch {
	case tgerr.Is(err, "SESSION_PASSWORD_NEEDED"):
		return s.needPassword(ctx, a)
	case err != nil:
		return s.failed(ctx, a, err)
	}
	switch res := res.(type) {
	case *tg.AuthLoginToken:
		if done, err := s.isIn(ctx, a); done || err != nil {
			return err
		}
		if err := s.keep(ctx, vault.QRToken, res.Token); err != nil {
			return err
		}
		return s.commit(ctx, login.ShowQR{Of: s.e.ID, Until: shownUntil(res.Expires, time.Now())})
	case *tg.AuthLoginTokenMigrateTo:
		// In the vault first: after a crash only it knows of the scan.
		moved := vault.Secret(strconv.Itoa(res.DCID) + ":" + string(res.Token))
		if err := s.keep(ctx, vault.QRMoved, moved); err != nil {
			return err
		}
		return s.importQR(ctx, a, moved)
	case *tg.AuthLoginTokenSuccess:
		return s.authorised(ctx, a, res.Authorization)
	default:
		return s.refuse(ctx, verdict{reason: events.TelegramError, next: events.StepPhone}, res.TypeName())
	}
}

// isIn asks, where a code was shown before, whether that one has let the user in
// and the answer was lost: gotd repeats the call then, and gets a new code.
func (s step) isIn(ctx context.Context, a *attempt) (done bool, err error) {
	if s.at.QR == 0 {
		return false, nil
	}
	where, self, err := s.w.whoAmI(ctx, a.line.api)
	switch {
	case err != nil:
		return true, s.failed(ctx, a, err)
	case where == standsInside:
		return true, s.letIn(ctx, a, self)
	case where == standsBeforePassword:
		return true, s.needPassword(ctx, a)
	}
	return false, nil
}

// importQR takes a token that was scanned to the data centre of the account.
// The key made there is in the vault before Telegram lets it in.
func (s step) importQR(ctx context.Context, a *attempt, moved vault.Secret) error {
	where, token, _ := strings.Cut(moved.Reveal(), ":")
	dc, err := strconv.Atoi(where)
	if err != nil {
		return s.refuse(ctx, verdict{reason: events.BadQR, next: events.StepQR}, "")
	}
	if err := s.w.moveTo(ctx, a, dc); err != nil {
		return s.failed(ctx, a, errors.Join(errUnreachable, err))
	}
	if err := s.w.attempts.save(ctx, s.at, a); err != nil {
		return s.failed(ctx, a, err)
	}
	res, err := s.w.importToken(ctx, a.line.api, vault.Secret(token))
	if _, again := res.(*tg.AuthLoginTokenMigrateTo); again && err == nil {
		return s.refuse(ctx, verdict{reason: events.TelegramError, next: events.StepPhone}, res.TypeName())
	}
	return s.tokenAnswered(ctx, a, res, err)
}

// shownUntil is when a code is to be renewed: when Telegram says, unless the
// clocks are too far apart to believe it.
func shownUntil(expires int, now time.Time) time.Time {
	until := time.Unix(int64(expires), 0)
	if left := until.Sub(now); left < minQRLife || left > maxQRLife {
		until = now.Add(qrLife)
	}
	return until.UTC().Truncate(time.Millisecond)
}

// ear is what an attempt's line tells of its QR code.
func (w *World) ear(at projections.Attempt, d *draft) hooks {
	if at.Method != events.MethodQR {
		return hooks{state: d.onState} // Telegram sends it no updates
	}
	return hooks{
		ahead: true,
		state: func(s gotd.ConnectionState) {
			d.onState(s)
			if s == gotd.ConnectionStateReady {
				w.notice(at.ID, login.Lapse{Attempt: at.ID, Unheard: true})
			}
		},
		updates: gotd.UpdateHandlerFunc(func(_ context.Context, u tg.UpdatesClass) error {
			if tellsOfScan(u) {
				w.notice(at.ID, login.Scanned{Attempt: at.ID})
			}
			return nil
		}),
	}
}

// tellsOfScan reports whether updateLoginToken is among the updates.
func tellsOfScan(u tg.UpdatesClass) bool {
	var all []tg.UpdateClass
	switch u := u.(type) {
	case *tg.UpdateShort:
		all = []tg.UpdateClass{u.Update}
	case *tg.Updates:
		all = u.Updates
	case *tg.UpdatesCombined:
		all = u.Updates
	default:
		// Of chats, which an attempt has none of.
	}
	for _, one := range all {
		if _, scan := one.(*tg.UpdateLoginToken); scan {
			return true
		}
	}
	return false
}

// notice tells the log what a line heard about a QR code, without keeping the
// line waiting. What gets lost here is asked for when the code's time is over.
func (w *World) notice(id events.AttemptID, c login.Command) {
	go func() {
		ctx, cancel := context.WithTimeout(w.dial.ctx, w.cfg.Timeout)
		defer cancel()
		users := w.deps.Users.Where(func(u *projections.User) bool { return u.Attempt != nil && u.Attempt.ID == id })
		for _, u := range users {
			m := commit.Meta{Actor: events.ByTelegram, Correlation: string(id)}
			_, err := w.desk.users.Do(ctx, u.UID, m, func(u projections.User) (events.Fact, error) { return login.Decide(u, c) })
			if err != nil && ctx.Err() == nil {
				w.log.Warn().Err(err).Str("attempt", string(id)).Msg("news of a QR code not stored; it is asked about later")
			}
		}
	}()
}

// listen opens the lines of the attempts that show a QR code, after a start: a
// scan is heard only over its attempt's line. One that can't be opened is
// opened when the code is renewed.
func (w *World) listen(ctx context.Context) {
	showing := w.deps.Users.Where(func(u *projections.User) bool { return u.Attempt != nil && u.Attempt.Step == events.StepQR })
	for _, u := range showing {
		go func() {
			if _, err := w.attempts.get(ctx, *u.Attempt); err != nil {
				return
			}
			if now := w.deps.Users.Get(u.UID).Attempt; now == nil || now.ID != u.Attempt.ID {
				w.attempts.drop(u.Attempt.ID) // it ended meanwhile
			}
		}()
	}
}
