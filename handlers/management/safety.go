package management

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// asks is the attempt in which a fact makes the bot ask for a secret.
func asks(fact events.Fact) (events.AttemptID, bool) {
	switch f := fact.(type) {
	case *events.LoginStarted:
		return f.Attempt, true
	case *events.WebLinkMade:
		return f.Attempt, true
	case *events.MethodChosen:
		return f.Attempt, true
	case *events.CodeSent:
		return f.Attempt, true
	case *events.PasswordRequired:
		return f.Attempt, true
	case *events.PhoneRejected:
		return f.Attempt, true
	case *events.TokenRejected:
		return f.Attempt, true
	case *events.QRRejected:
		return f.Attempt, true
	case *events.CodeRejected:
		return f.Attempt, true
	case *events.PasswordRejected:
		return f.Attempt, true
	case *events.InputRefused:
		// In a room left behind nothing is asked for: what that room is like is
		// nothing to the login, which goes on in another.
		return f.Attempt, f.Reason != events.RoomLeftBehind
	case *events.SignupRejected:
		return f.Attempt, true
	case *events.NameSubmitted:
		return f.Attempt, f.Next == events.StepPhone
	case *events.LoginConfirmed:
		return f.Attempt, f.Next == events.StepPassword
	default:
		return "", false
	}
}

// guard looks at the room before the bot asks for a secret there. Where others
// can read it, the attempt ends in place of the question. Powerless says that
// the bot could not delete what it is sent.
func (b *Bot) guard(ctx context.Context, u projections.User, e events.Event, id events.AttemptID) (safe, powerless bool, err error) {
	room := roomFor(u, e.Fact)
	if u.Attempt == nil || u.Attempt.ID != id || room == "" {
		return true, false, nil // nothing is asked any more
	}
	state, err := b.state(ctx, room)
	switch {
	case isGone(err):
		return true, false, nil // nobody will hear the question either
	case err != nil:
		return false, false, err
	}
	why := unsafe(state, b.cfg.Bot, u.MatrixID)
	elsewhere := b.cfg.Public != nil || u.Attempt.Via == events.ChannelAPI // where it can be given
	if why == "" && !elsewhere && b.cfg.BarSecrets && u.Attempt.Step == events.StepPassword {
		why = events.FailedRoomBarred
	}
	if why == "" {
		return true, lacksRedaction(state, b.cfg.Bot), nil
	}
	m := commit.Because(e, events.ByMatrix)
	m.ID, m.Correlation = events.EventIDFor(e.Time, string(e.ID)+" unsafe"), string(id)
	_, err = b.Desk.Do(ctx, u.UID, m, func(u projections.User) (events.Fact, error) {
		if u.Attempt == nil || u.Attempt.ID != id {
			return nil, nil
		}
		return login.Decide(u, login.Abandon{Reason: why})
	})
	return false, false, err
}

// unsafe says why a secret would not stay between the user and the bot, or is
// empty: others are there or invited, may come in or may read along, or the bot
// can't read.
func unsafe(state mautrix.RoomStateMap, bot id.UserID, user events.MatrixID) events.Failure {
	for who, evt := range state[event.StateMember] {
		switch member := evt.Content.AsMember().Membership; {
		case who == string(user) && member != event.MembershipJoin:
			return events.FailedRoomLeft
		case who == string(user), who == string(bot):
		case member == event.MembershipJoin, member == event.MembershipInvite:
			return events.FailedRoomShared
		}
	}
	for _, kind := range []event.Type{event.StateJoinRules, event.StateHistoryVisibility, event.StateEncryption} {
		if evt, ok := state[kind][""]; ok {
			if why := unsafeSetting(evt); why != "" {
				return why
			}
		}
	}
	return ""
}

// unsafeSetting says what a setting of the room makes unsafe, or is empty.
func unsafeSetting(evt *event.Event) events.Failure {
	switch evt.Type.Type {
	case event.StateJoinRules.Type:
		switch evt.Content.AsJoinRules().JoinRule {
		case event.JoinRulePublic, event.JoinRuleRestricted, event.JoinRuleKnockRestricted:
			return events.FailedRoomPublic
		}
	case event.StateHistoryVisibility.Type:
		if evt.Content.AsHistoryVisibility().HistoryVisibility == event.HistoryVisibilityWorldReadable {
			return events.FailedRoomReadable
		}
	case event.StateEncryption.Type:
		return events.FailedRoomEncrypted
	}
	return ""
}

// lacksRedaction reports whether the bot may not delete others' messages.
func lacksRedaction(state mautrix.RoomStateMap, bot id.UserID) bool {
	evt, ok := state[event.StatePowerLevels][""]
	if !ok {
		return true // then only who made the room has any power
	}
	levels := evt.Content.AsPowerLevels()
	return levels.GetUserLevel(bot) < levels.Redact()
}

// takeSetting takes a change of a management room's settings: a login that is
// under way ends where the room is no safe place any more.
func (b *Bot) takeSetting(ctx context.Context, evt *event.Event) (bool, error) {
	u, managed := b.Users.ByRoom(events.RoomID(evt.RoomID))
	if !managed {
		return false, nil
	}
	why := unsafeSetting(evt)
	if why == "" || u.Attempt == nil || u.Recorded(events.MatrixEventID(evt.ID)) {
		return why != "", nil
	}
	return true, b.record(ctx, u, u.Attempt.ID, evt, func(u projections.User) (events.Fact, error) {
		return login.Decide(u, login.Abandon{Reason: why})
	})
}
