package management

import (
	"context"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// The kinds of the timers of login attempts.
const (
	deadlineKind = "login_deadline" // ends the attempt
	resendKind   = "code_resend"    // Telegram sends another code from now on
)

// DeadlineReactor sets the timers of each login attempt. When the attempt has
// ended it takes them back and drops what the user typed from the vault.
func (b *Bot) DeadlineReactor() journal.Reactor {
	return journal.Reactor{
		Name: "deadlines", Stream: events.Auth, Ready: b.Users.WaitFor, Handle: b.watch,
		Only: []events.Type{
			new(events.LoginStarted).Type(), new(events.LoginSucceeded).Type(), new(events.LoginFailed).Type(),
			new(events.CodeSent).Type(), new(events.QRIssued).Type(), new(events.QRRejected).Type(),
		},
	}
}

func (b *Bot) watch(ctx context.Context, e events.Event) error {
	switch f := e.Fact.(type) {
	case *events.LoginStarted:
		if a := b.Users.Get(e.Aggregate.UID).Attempt; a == nil || a.ID != f.Attempt {
			return nil // it has ended already
		}
		return stored(b.Timers.Schedule(ctx, journal.Timer{
			Key: timerKey(f.Attempt), Aggregate: e.Aggregate, Kind: deadlineKind, Ref: string(f.Attempt), At: f.Deadline,
		}))
	case *events.CodeSent:
		if a := b.Users.Get(e.Aggregate.UID).Attempt; a == nil || a.ID != f.Attempt || !f.NextAt.After(e.Time) {
			return nil // it has ended already, or was told that another code may be had now
		}
		return stored(b.Timers.Schedule(ctx, journal.Timer{
			Key: resendKey(f.Attempt), Aggregate: e.Aggregate, Kind: resendKind, Ref: string(f.Attempt), At: f.NextAt,
		}))
	case *events.QRIssued:
		return b.renewLater(ctx, e, f.Attempt)
	case *events.QRRejected:
		return b.renewLater(ctx, e, f.Attempt)
	case *events.LoginSucceeded:
		return stored(b.clear(ctx, f.Attempt))
	case *events.LoginFailed:
		return stored(b.clear(ctx, f.Attempt))
	default:
		return nil
	}
}

func (b *Bot) clear(ctx context.Context, id events.AttemptID) error {
	for _, key := range []string{timerKey(id), resendKey(id), qrTimerKey(id)} {
		if err := b.Timers.Unschedule(ctx, key); err != nil {
			return err
		}
	}
	// The number goes once Telegram was told that no code is wanted any more.
	return b.Secrets.DropAttempt(ctx, id, vault.Code, vault.Password, vault.Hint, vault.BotToken, vault.QRToken, vault.Name, vault.Pairing)
}

func timerKey(id events.AttemptID) string  { return "login." + string(id) }
func resendKey(id events.AttemptID) string { return "resend." + string(id) }

// OnDeadline ends the attempt whose deadline has passed, tells that another code
// may be had, or has a QR code renewed, for journal.OnTimer. Timers of other
// kinds are not its business.
func (b *Bot) OnDeadline(ctx context.Context, t journal.Timer) error {
	now, attempt := b.now(), events.AttemptID(t.Ref)
	if now.Before(t.At) {
		now = t.At // the timer's clock is the journal's
	}
	var command login.Command
	switch t.Kind {
	case deadlineKind:
		command = login.Expire{Attempt: attempt, Now: now}
	case resendKind:
		command = login.OfferResend{Attempt: attempt, Now: now}
	case qrKind:
		command = login.Lapse{Attempt: attempt, Now: now}
	default:
		return nil
	}
	m := commit.Meta{Actor: events.BySystem, Correlation: t.Ref}
	_, err := b.Desk.Do(ctx, t.Aggregate.UID, m, func(u projections.User) (events.Fact, error) { return login.Decide(u, command) })
	return stored(err)
}
