package management

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"maunium.net/go/mautrix/event"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// submit takes a message as the answer that the attempt asks for, or refuses
// it. The value is in the vault before the log knows of it.
func (b *Bot) submit(ctx context.Context, u projections.User, a projections.Attempt, s said, evt *event.Event) error {
	defer b.Turns.Take(u.UID)()
	command := login.Submit{Attempt: a.ID, Step: a.Step, Reason: hindrance(a, s, b.now())}
	if now := b.Users.Get(u.UID).Attempt; now == nil || now.ID != a.ID || now.Step != a.Step || now.Awaiting != a.Awaiting {
		command.Reason = events.NotNow // answered through another door just now
	}
	if command.Reason == "" {
		read := answers.Read(a, s.body, s.named)
		if why := b.barredHere(a, read); why != "" {
			read.OK, read.Why = false, why
		}
		command = read.Submit(a, "")
		if a.Step == events.StepPairing && read.OK {
			var err error
			if command.Matches, err = b.matchesPairing(ctx, a.ID, read.Value); err != nil {
				return fmt.Errorf("compare the code of the page: %w", err)
			}
		}
		if err := read.Keep(ctx, a, b.now(), b.Secrets.PutAttempt); err != nil {
			return fmt.Errorf("keep an answer: %w", err)
		}
	}
	return b.record(ctx, u, a.ID, evt, func(u projections.User) (events.Fact, error) {
		fact, err := login.Decide(u, command)
		if fact == nil && err == nil {
			// The attempt moved on or ended meanwhile. The message is still redacted.
			fact = &events.InputRefused{Attempt: a.ID, Step: a.Step, Reason: events.NotNow}
		}
		return fact, err
	})
}

// barredHere says why the configuration lets an answer not be taken in a room.
func (b *Bot) barredHere(a projections.Attempt, read answers.Answer) events.Refusal {
	switch {
	case a.Step == events.StepPairing:
		return ""
	case b.cfg.NoRoom:
		return events.LoginBarred
	case b.cfg.BarSecrets && (read.Secret == vault.BotToken || read.Secret == vault.Password):
		return events.RoomBarred
	default:
		return ""
	}
}

// loginWith takes "login +44 …" and "register +44 … Alice Liddell": the message
// starts an attempt and holds its first answer. Dying between the two leaves an
// attempt that asks for the number, and the homeserver repeats the message.
func (b *Bot) loginWith(ctx context.Context, u projections.User, o order, where events.RoomFacts, evt *event.Event) error {
	if b.mayStart(u, o, where.User) {
		meta := meta(evt, " start")
		meta.Origin = ""
		start := b.start(where)
		start.Method, start.Answered = o.method, true
		meta.Correlation = string(start.Attempt)
		_, err := b.Desk.Do(ctx, u.UID, meta, func(u projections.User) (events.Fact, error) {
			if u.Attempt != nil {
				return nil, nil
			}
			return login.Decide(u, start)
		})
		var refused login.Refused
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		u = b.Users.Get(u.UID)
	}
	registers := o.name == events.CommandRegister
	if a := u.Attempt; a != nil && (a.Step == events.StepPhone || a.Step == events.StepToken) && registers == (a.Method == events.MethodRegister) {
		return b.submit(ctx, u, *a, said{body: o.args, text: true, named: registers}, evt)
	}
	return b.carryOut(ctx, u, o, where, evt)
}

// carryOut takes a command given in the management room.
func (b *Bot) carryOut(ctx context.Context, u projections.User, o order, where events.RoomFacts, evt *event.Event) error {
	start := b.start(where)
	start.Method, start.Secret = o.method, o.secret
	target, err := b.target(ctx, o)
	if err != nil {
		return err
	}
	var attempt events.AttemptID
	switch {
	case u.Attempt != nil:
		attempt = u.Attempt.ID
	case o.starts() && b.mayStart(u, o, where.User):
		attempt = start.Attempt
	}
	return b.record(ctx, u, attempt, evt, func(u projections.User) (events.Fact, error) {
		return b.obey(u, o, target, start)
	})
}

func (b *Bot) mayStart(u projections.User, o order, user events.MatrixID) bool {
	return u.Attempt == nil && b.permitted(user) && len(u.ActiveLogins()) < b.cfg.MaxLogins && b.barred(u, o) == ""
}

// starts reports whether a command begins an attempt.
func (o order) starts() bool {
	return o.name == events.CommandLogin || o.name == events.CommandRegister || o.name == events.CommandRelogin
}

// barred says why the configuration allows no such login, or is empty.
func (b *Bot) barred(u projections.User, o order) events.CommandRefusal {
	switch {
	case u.Attempt != nil || !o.starts():
		return ""
	case b.cfg.Public != nil:
		return "" // by the page
	case b.cfg.NoRoom:
		return events.RefusedNoDoor
	case b.cfg.BarSecrets && o.method == events.MethodBot:
		return events.RefusedRoomBarred
	default:
		return ""
	}
}

func (b *Bot) start(where events.RoomFacts) login.Start {
	return login.Start{
		Attempt: events.NewAttemptID(), User: where.User, Room: where.Room, MaxLogins: b.cfg.MaxLogins,
		Deadline: b.now().UTC().Truncate(time.Millisecond).Add(b.cfg.AttemptTimeout),
	}
}

// obey decides on a command given in the management room.
func (b *Bot) obey(u projections.User, o order, target events.UID, start login.Start) (events.Fact, error) {
	where := events.RoomFacts{User: start.User, Room: start.Room}
	if !b.permitted(where.User) {
		return &events.CommandRefused{Command: o.name, Reason: events.RefusedNotPermitted, Secret: o.secret, Sealed: where}, nil
	}
	o.linkAgain = b.cfg.Public != nil && o.name == events.CommandLogin
	fact, others, err := b.administer(o, target, where)
	if why := b.barred(u, o); !others && why != "" {
		return &events.CommandRefused{Command: o.name, Reason: why, Secret: o.secret, Sealed: where}, nil
	}
	if !others {
		fact, err = decide(u, o, start, b.now())
	}
	var refused login.Refused
	switch {
	case errors.As(err, &refused):
		return &events.CommandRefused{Command: o.name, Reason: refused.Reason, Suggestion: o.suggestion, Secret: o.secret, Sealed: where}, nil
	case fact == nil && err == nil:
		return &events.CommandGiven{Command: o.name, About: o.about(), Secret: o.secret, Sealed: where}, nil
	}
	return fact, err
}

// decide decides on a command about the user's own logins.
func decide(u projections.User, o order, start login.Start, now time.Time) (events.Fact, error) {
	switch o.name {
	case events.CommandLogin, events.CommandRegister:
		if u.Attempt != nil && o.linkAgain && o.method == "" && o.args == "" {
			return login.Decide(u, login.MakeLink{Attempt: u.Attempt.ID, Link: events.LinkID(uuid.NewString()), Now: now, Room: start.Room})
		}
		return login.Decide(u, start)
	case events.CommandRelogin:
		return relogin(u, o.args, start)
	case events.CommandSessions:
		return sessions(u, o.args, events.RoomFacts{User: start.User, Room: start.Room})
	case events.CommandCancel:
		return login.Decide(u, login.Cancel{})
	case events.CommandResend:
		return login.Decide(u, login.Resend{Now: now})
	case events.CommandLogout:
		id, why := chooseLogin(u, o.args, anyLogin)
		if why != "" {
			return nil, login.Refused{Reason: why}
		}
		return login.Decide(u, login.Logout{Login: id, Secret: o.secret})
	case events.CommandUnknown:
		return nil, login.Refused{Reason: events.RefusedUnknown}
	default:
		return nil, nil // changes nothing and is answered
	}
}
