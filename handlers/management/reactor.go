package management

import (
	"context"
	"errors"
	"slices"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/projections"
)

// Reactor answers the user: it reacts to each fact of AUTH with what the user
// reads, joins and leaves rooms, and redacts what held a secret.
func (b *Bot) Reactor() journal.Reactor {
	return journal.Reactor{Name: "management", Stream: events.Auth, Ready: b.Users.WaitFor, Handle: b.react}
}

func (b *Bot) react(ctx context.Context, e events.Event) error {
	if e.Forgotten {
		return nil // nobody is left to tell
	}
	u := b.Users.Get(e.Aggregate.UID)
	err := b.takeDown(ctx, u, e)
	if err != nil {
		return stored(err)
	}
	switch f := e.Fact.(type) {
	case *events.QRIssued:
		err = b.onQRIssued(ctx, u, e, f)
	case *events.BotInvited:
		err = b.onBotInvited(ctx, u, e, f)
	case *events.BystanderLeft:
		err = b.onBystanderLeft(ctx, u, e, f)
	case *events.ManagementRoomOpened:
		err = b.onRoomOpened(ctx, u, e, f)
	case *events.ManagementRoomRefused:
		err = b.onRoomRefused(ctx, u, e, f)
	case *events.ManagementRoomClosed:
		err = b.onRoomClosed(ctx, u, e, f)
	case *events.PhoneSubmitted:
		err = b.withdraw(ctx, u, e, events.SecretPhone)
	case *events.TokenSubmitted:
		err = b.withdraw(ctx, u, e, events.SecretToken)
	case *events.CodeSubmitted:
		err = b.withdraw(ctx, u, e, events.SecretCode)
	case *events.PasswordSubmitted:
		err = b.withdraw(ctx, u, e, events.SecretPassword)
	case *events.InputRefused:
		if err = b.withdrawFrom(ctx, u, e, roomFor(u, f), answers.KindOf(f.Step)); err == nil {
			err = b.tell(ctx, u, e)
		}
	case *events.LoginStarted:
		err = b.onLoginStarted(ctx, u, e, f)
	case *events.PasswordRequired:
		err = b.onPasswordRequired(ctx, u, e, f)
	case *events.WebLinkMade:
		err = b.onWebLinkMade(ctx, u, e, f)
	case *events.LoginOrdered:
		err = b.onLoginOrdered(ctx, e, f)
	case *events.CommandGiven, *events.CommandRefused, *events.LogoutRequested:
		if err = b.withdrawFrom(ctx, u, e, roomFor(u, f), heldBy(f)); err == nil {
			err = b.tell(ctx, u, e)
		}
	case *events.LogoutOrdered:
		err = b.onLogoutOrdered(ctx, u, e, f)
	case *events.ChatsListed:
		if err = b.tell(ctx, u, e); err == nil {
			err = b.progress(ctx, e, u.UID, f.Login) // rooms may have been made before
		}
	default:
		err = b.tell(ctx, u, e)
	}
	return stored(err)
}

// heldBy is what the message of a command held besides.
func heldBy(f events.Fact) events.SecretKind {
	switch f := f.(type) {
	case *events.CommandGiven:
		return f.Secret
	case *events.CommandRefused:
		return f.Secret
	case *events.LogoutRequested:
		return f.Secret
	default:
		return ""
	}
}

// stored lets an outcome that the log could not take be tried until it can.
func stored(err error) error {
	if errors.Is(err, journal.ErrUnwritable) {
		return journal.Down(err)
	}
	return err
}

// tell says what there is to say of an event, where the user reads it. Where a
// secret would not be safe, it is not asked for.
func (b *Bot) tell(ctx context.Context, u projections.User, e events.Event) error {
	hint, err := b.hint(ctx, u, e.Fact)
	if err != nil {
		return err
	}
	text := b.words(u, e).and(hint)
	if id, secret := asks(e.Fact); secret {
		safe, powerless, err := b.guard(ctx, u, e, id)
		if err != nil || !safe {
			return err
		}
		if _, first := e.Fact.(*events.LoginStarted); first && powerless {
			text = text.and(powerlessWords())
		}
	}
	return b.say(ctx, e, roomFor(u, e.Fact), text)
}

// roomFor is where the user reads of a fact: where they asked, else in the
// management room. What is personal is told nowhere else; that a login has
// ended, or that a message could not be redacted, also where it just was one.
func roomFor(u projections.User, fact events.Fact) events.RoomID {
	switch f := fact.(type) {
	case *events.CommandGiven:
		return f.Sealed.Room
	case *events.CommandRefused:
		return f.Sealed.Room
	case *events.LoginStarted:
		return f.Sealed.Room
	case *events.WebLinkMade:
		return f.Sealed.Room
	case *events.InputRefused:
		if f.Sealed.Room != "" {
			return f.Sealed.Room
		}
		return roomOf(u)
	case *events.LoginFailed, *events.SecretRedacted:
		return roomOf(u)
	default:
		return u.Room
	}
}

// roomOf is the user's management room or, if there is none now, the last.
func roomOf(u projections.User) events.RoomID {
	if u.Room != "" {
		return u.Room
	}
	return u.Last
}

func (b *Bot) onBotInvited(ctx context.Context, u projections.User, e events.Event, f *events.BotInvited) error {
	if !pending(u, f.Sealed.Room) {
		return nil // its outcome is recorded
	}
	err := b.join(ctx, f.Sealed.Room)
	switch {
	case isGone(err):
		return b.refuse(ctx, e, f.Sealed, events.RoomUnreachable, 0)
	case err != nil:
		return err
	case !b.permitted(f.Sealed.User):
		return b.refuse(ctx, e, f.Sealed, events.RoomForbidden, 0)
	}
	why, members, err := b.look(ctx, f.Sealed.Room, f.Sealed.User)
	switch {
	case err != nil && !isGone(err):
		return err
	case why != "":
		return b.refuse(ctx, e, f.Sealed, why, members)
	default:
		return b.open(ctx, e, f.Sealed)
	}
}

func (b *Bot) onBystanderLeft(ctx context.Context, u projections.User, e events.Event, f *events.BystanderLeft) error {
	if u.Aside != f.Sealed.Room || !b.permitted(f.Sealed.User) {
		return nil
	}
	why, _, err := b.look(ctx, f.Sealed.Room, f.Sealed.User)
	switch {
	case isGone(err):
		return nil // the bot is out as well
	case err != nil:
		return err
	case why != "":
		return nil // still not private; said before
	default:
		return b.open(ctx, e, f.Sealed)
	}
}

// onRoomOpened looks once more before it greets: somebody may have come in
// between the look and its record, when nobody watched the room's members yet.
func (b *Bot) onRoomOpened(ctx context.Context, u projections.User, e events.Event, f *events.ManagementRoomOpened) error {
	if u.Room != f.Sealed.Room {
		return nil
	}
	why, _, err := b.look(ctx, f.Sealed.Room, f.Sealed.User)
	switch {
	case err != nil && !isGone(err):
		return err
	case why == events.RoomCrowded:
		why = events.RoomThirdPerson
	case why == events.RoomUserAbsent:
		why = events.RoomUserLeft
	case why == events.RoomUnreachable:
		why = events.RoomBotRemoved
	}
	if why != "" && why != events.RoomEncrypted {
		m := commit.Because(e, events.ByMatrix)
		return b.close(ctx, u, f.Sealed.Room, why, m, m)
	}
	hint, err := b.hint(ctx, u, f)
	if err != nil {
		return err
	}
	return b.say(ctx, e, f.Sealed.Room, b.words(u, e).and(hint))
}

func (b *Bot) onRoomRefused(ctx context.Context, u projections.User, e events.Event, f *events.ManagementRoomRefused) error {
	if f.Reason == events.RoomUnreachable {
		return nil
	}
	if err := b.say(ctx, e, f.Sealed.Room, b.words(u, e)); err != nil {
		return err
	}
	if f.Reason == events.RoomForbidden || f.Reason == events.RoomUserAbsent {
		return b.leave(ctx, f.Sealed.Room)
	}
	return nil
}

func (b *Bot) onRoomClosed(ctx context.Context, u projections.User, e events.Event, f *events.ManagementRoomClosed) error {
	switch f.Reason {
	case events.RoomUserLeft:
		if u.Room == f.Sealed.Room || pending(u, f.Sealed.Room) {
			return nil // the user is back already
		}
		if err := b.suspendAll(ctx, u, e); err != nil {
			return err
		}
		return b.leave(ctx, f.Sealed.Room)
	case events.RoomBotRemoved:
		return nil
	default:
		return b.say(ctx, e, f.Sealed.Room, b.words(u, e))
	}
}

// withdraw redacts the message that an answer came in, and records what became
// of it. A submission without one came through another door.
func (b *Bot) withdraw(ctx context.Context, u projections.User, e events.Event, what events.SecretKind) error {
	return b.withdrawFrom(ctx, u, e, roomOf(u), what)
}

func (b *Bot) withdrawFrom(ctx context.Context, u projections.User, e events.Event, room events.RoomID, what events.SecretKind) error {
	if e.Origin == "" || what == "" {
		return nil
	}
	code, err := b.redact(ctx, e, room)
	if err != nil {
		return err
	}
	m := commit.Because(e, events.ByMatrix)
	// Repeated after a crash, it is one event with one notice.
	m.ID = events.EventIDFor(e.Time, string(e.ID)+" redacted")
	_, err = b.Desk.Do(ctx, u.UID, m, func(projections.User) (events.Fact, error) {
		return &events.SecretRedacted{What: what, OK: code == "", Error: code}, nil
	})
	return err
}

// pending reports whether the room is one that the bot was invited to and has
// not looked at.
func pending(u projections.User, room events.RoomID) bool { return slices.Contains(u.Invited, room) }
