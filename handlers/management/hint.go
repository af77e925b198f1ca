package management

import (
	"context"
	"errors"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// hint is what Telegram lets the user know of the secret that a fact asks for.
// It never stands in the log: it is read from the vault, where it lies as long
// as the attempt. A notice that comes too late for it goes without.
func (b *Bot) hint(ctx context.Context, u projections.User, fact events.Fact) (notice, error) {
	id, step := asksFor(u, fact)
	if id == "" {
		return notice{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	hint, err := b.Secrets.Attempt(ctx, id, vault.Hint)
	switch {
	case errors.Is(err, vault.ErrMissing):
		return notice{}, nil
	case err != nil:
		return notice{}, journal.Down(err)
	}
	return hintWords(step, hint.Reveal()), nil
}

// asksFor is the attempt and step of a secret with a hint that a fact has the
// bot ask for; empty if there is none.
func asksFor(u projections.User, fact events.Fact) (events.AttemptID, events.Step) {
	switch f := fact.(type) {
	case *events.CodeSent:
		if f.HasHint {
			return f.Attempt, events.StepCode
		}
	case *events.PasswordRequired:
		if f.HasHint {
			return f.Attempt, events.StepPassword
		}
	case *events.PasswordRejected:
		if f.Next == events.StepPassword && f.Reason != events.FloodWait {
			return f.Attempt, f.Next
		}
	case *events.LoginConfirmed:
		if f.Next == events.StepPassword {
			return f.Attempt, f.Next
		}
	case *events.ManagementRoomOpened:
		return running(u)
	case *events.CommandRefused:
		if f.Reason == events.RefusedLoginRunning {
			return running(u)
		}
	default:
		// Asks for nothing.
	}
	return "", ""
}

func running(u projections.User) (events.AttemptID, events.Step) {
	if a := u.Attempt; a != nil && (a.Step == events.StepPassword || a.Step == events.StepCode && answers.WordRoute(a.Route)) {
		return a.ID, a.Step
	}
	return "", ""
}
