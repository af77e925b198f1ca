package management

import (
	"context"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/projections"
)

// lookTimeout bounds how long a message waits for the bot to have looked at the
// room it was just invited to.
const lookTimeout = 3 * time.Second

// Take takes one event of a homeserver's transaction if it is the bot's: an
// invite, a change of members of a management room, a message there, a command
// elsewhere. When it returns, what the event says is stored; an error means
// that it could not be, and the homeserver is to repeat it. A repeated event is
// taken and changes nothing.
func (b *Bot) Take(ctx context.Context, evt *event.Event) (taken bool, err error) {
	parse(evt)
	if evt.StateKey != nil {
		if evt.Type.Type != event.StateMember.Type {
			return b.takeSetting(ctx, evt)
		}
		return b.takeMember(ctx, evt)
	}
	if evt.Sender == b.cfg.Bot || b.cfg.Ours(evt.Sender) {
		_, managed := b.Users.ByRoom(events.RoomID(evt.RoomID))
		return managed, nil
	}
	where := events.RoomFacts{User: events.MatrixID(evt.Sender), Room: events.RoomID(evt.RoomID)}
	u, managed, err := b.managed(ctx, where)
	switch {
	case err != nil:
		return true, err
	case managed && u.MatrixID != where.User:
		return true, nil // somebody who is about to close the room by being there
	case managed:
		return true, b.takeManaged(ctx, u, where, evt)
	case evt.Type.Type == event.EventMessage.Type:
		return b.takeElsewhere(ctx, where, evt)
	default:
		return false, nil
	}
}

// parse reads the content unless the endpoint has. What can't be read is empty.
func parse(evt *event.Event) {
	if evt.Content.Parsed != nil {
		return
	}
	kind := evt.Type
	kind.Class = event.MessageEventType
	if evt.StateKey != nil {
		kind.Class = event.StateEventType
	}
	_ = evt.Content.ParseRaw(kind)
}

// managed finds the user whose management room it is. A user may write as soon
// as the bot has joined; whether the room is private is known a moment later.
func (b *Bot) managed(ctx context.Context, where events.RoomFacts) (projections.User, bool, error) {
	deadline := time.NewTimer(lookTimeout)
	defer deadline.Stop()
	for {
		changed := b.Users.Changed()
		if u, ok := b.Users.ByRoom(where.Room); ok {
			return u, true, nil
		}
		u, _ := b.Users.ByMatrixID(where.User)
		if !pending(u, where.Room) {
			return projections.User{}, false, nil
		}
		select {
		case <-changed:
		case <-deadline.C:
			return projections.User{}, false, nil
		case <-ctx.Done():
			return projections.User{}, false, ctx.Err()
		}
	}
}

// takeManaged takes what the user sends in their management room.
func (b *Bot) takeManaged(ctx context.Context, u projections.User, where events.RoomFacts, evt *event.Event) error {
	if u.Recorded(events.MatrixEventID(evt.ID)) {
		return nil
	}
	switch evt.Type.Type {
	case event.EventEncrypted.Type:
		return b.record(ctx, u, "", evt, func(u projections.User) (events.Fact, error) {
			if u.Encrypted == where.Room {
				return nil, nil // explained before
			}
			return &events.CommandRefused{Command: events.CommandUnknown, Reason: events.RefusedEncrypted, Sealed: where}, nil
		})
	case event.EventMessage.Type:
	default:
		return nil // a reaction, a redaction, a call
	}
	if evt.Content.AsMessage().MsgType == event.MsgNotice {
		return nil // another bot's
	}
	s := readMessage(evt.Content.AsMessage())
	o, answer := understand(u.Attempt, s, b.cfg.Prefix)
	if c := readOrder(s.body, b.cfg.Prefix); answer && b.takesNone(*u.Attempt) && s.text && !s.edit && c.name != events.CommandUnknown {
		o, answer = c, false // whatever it is, it is no answer
	}
	switch {
	case answer:
		return b.submit(ctx, u, *u.Attempt, s, evt)
	case s.edit:
		return nil // only a new message is a command
	case o.name == events.CommandUnknown && b.late(u):
		return b.tooLate(ctx, u, where, evt)
	case !b.cfg.NoRoom && (o.name == events.CommandLogin && o.args != "" && !o.names() || o.name == events.CommandRegister && o.args != ""):
		return b.loginWith(ctx, u, o, where, evt)
	default:
		return b.carryOut(ctx, u, o, where, evt)
	}
}

// takeElsewhere takes a command with the prefix in a room that is no management
// room. What has no prefix is not the bot's.
func (b *Bot) takeElsewhere(ctx context.Context, where events.RoomFacts, evt *event.Event) (bool, error) {
	s := readMessage(evt.Content.AsMessage())
	rest, ours := cutPrefix(s.body, b.cfg.Prefix)
	if !ours || !s.text {
		return b.takeBehind(ctx, where, s, evt)
	}
	if s.edit {
		return true, nil
	}
	uid, err := b.Directory.EnsureUser(ctx, where.User)
	if err != nil {
		return true, err
	}
	o := readOrder(rest, b.cfg.Prefix)
	return true, b.record(ctx, b.Users.Get(uid), "", evt, func(projections.User) (events.Fact, error) {
		refused := &events.CommandRefused{Command: o.name, Suggestion: o.suggestion, Secret: o.secret, Sealed: where}
		switch {
		case !b.permitted(where.User):
			refused.Reason = events.RefusedNotPermitted
		case o.name == events.CommandUnknown:
			refused.Reason = events.RefusedUnknown
		case o.name == events.CommandHelp, o.name == events.CommandVersion, o.name == events.CommandPing:
			return &events.CommandGiven{Command: o.name, About: o.about(), Sealed: where}, nil
		default:
			refused.Reason = events.RefusedNotHere
		}
		return refused, nil
	})
}

// takeBehind takes what is probably an answer, given in a private chat that a
// newer one has replaced or that is private no more: it is not used, and deleted
// as it would be there.
func (b *Bot) takeBehind(ctx context.Context, where events.RoomFacts, s said, evt *event.Event) (bool, error) {
	u, ok := b.Users.ByMatrixID(where.User)
	former := slices.Contains(u.Former, where.Room)
	switch {
	case !ok || !s.text || u.Recorded(events.MatrixEventID(evt.ID)):
		return former, nil
	case (former || where.Room == u.Aside || where.Room == u.Last) && b.late(u) && readOrder(s.body, b.cfg.Prefix).name == events.CommandUnknown:
		return true, b.tooLate(ctx, u, where, evt)
	case !former || u.Attempt == nil:
		return former, nil
	}
	a := u.Attempt
	return true, b.record(ctx, u, a.ID, evt, func(projections.User) (events.Fact, error) {
		return &events.InputRefused{Attempt: a.ID, Step: a.Step, Reason: events.RoomLeftBehind, Sealed: where}, nil
	})
}

// lateAnswer is how long after the end of a login the answer to its last
// question is looked for. Who has cancelled it themselves may still have sent the
// password.
const lateAnswer, lateAfterCancel = 2 * time.Minute, 15 * time.Second

// late reports whether a message may be the answer to a question of a login that
// has just ended, such as a password.
func (b *Bot) late(u projections.User) bool {
	step, over, missed := u.Missed()
	window := lateAnswer
	if over.Reason == events.FailedCancelled {
		window = lateAfterCancel
		missed = missed && answers.KindOf(step) == events.SecretPassword
	}
	return missed && b.now().Sub(over.At) < window
}

// tooLate takes such a message: it is not used, and deleted.
func (b *Bot) tooLate(ctx context.Context, u projections.User, where events.RoomFacts, evt *event.Event) error {
	return b.record(ctx, u, "", evt, func(u projections.User) (events.Fact, error) {
		step, _, missed := u.Missed()
		if !missed {
			return nil, nil
		}
		return &events.CommandRefused{
			Command: events.CommandUnknown, Reason: events.RefusedTooLate, Secret: answers.KindOf(step), Sealed: where,
		}, nil
	})
}

// record appends what decide makes of a Matrix event, once.
func (b *Bot) record(ctx context.Context, u projections.User, attempt events.AttemptID, evt *event.Event, decide func(projections.User) (events.Fact, error)) error {
	m := meta(evt, "")
	m.Correlation = string(attempt)
	_, err := b.Desk.Do(ctx, u.UID, m, func(u projections.User) (events.Fact, error) {
		if u.Recorded(m.Origin) {
			return nil, nil
		}
		return decide(u)
	})
	return err
}

// meta is the envelope of what a Matrix event says. Its ID derives from the
// Matrix event's, so that a repeated append is recognised. What tells further
// events of the same Matrix event apart.
func meta(evt *event.Event, what string) commit.Meta {
	return commit.Meta{
		ID:    events.EventIDFor(time.UnixMilli(evt.Timestamp), string(evt.ID)+what),
		Actor: events.ByUser, Origin: events.MatrixEventID(evt.ID),
	}
}
