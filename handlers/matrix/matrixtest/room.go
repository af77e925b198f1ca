package matrixtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Room is what a user has seen of one room up to some moment. It doesn't change
// afterwards; its events are shared and must not be written to.
type Room struct {
	ID id.RoomID
	// Membership is the user's own; empty for a room never heard of.
	Membership event.Membership
	// Timeline holds every event the user may see, state changes and edits
	// included, each once, in the homeserver's order.
	Timeline []*event.Event

	state    map[stateKey]*event.Event
	typing   []id.UserID
	receipts map[id.UserID]id.EventID
}

type stateKey struct{ kind, key string }

// Invite is one invitation of the user.
type Invite struct {
	Room    id.RoomID
	Name    string // the room's name, if the invite told it
	Inviter id.UserID
	Direct  bool           // meant as a conversation of two
	State   []*event.Event // all the invite told, stripped: no IDs, no times
	Arrived time.Time      // when this client saw it
}

// State returns the current state event of a type and key, or nil.
func (r Room) State(kind event.Type, key string) *event.Event {
	return r.state[stateKey{kind.Type, key}]
}

// Name is the room's name, or empty.
func (r Room) Name() string { return r.text(event.StateRoomName, "name") }

// Topic is the room's topic, or empty.
func (r Room) Topic() string { return r.text(event.StateTopic, "topic") }

// Avatar is the address of the room's picture, or empty.
func (r Room) Avatar() id.ContentURIString {
	return id.ContentURIString(r.text(event.StateRoomAvatar, "url"))
}

func (r Room) text(kind event.Type, field string) string {
	evt := r.State(kind, "")
	if evt == nil {
		return ""
	}
	text, _ := evt.Content.Raw[field].(string)
	return text
}

// Member is a user's membership, or empty if they never were in the room.
func (r Room) Member(user id.UserID) event.Membership {
	if evt := r.State(event.StateMember, user.String()); evt != nil {
		return evt.Content.AsMember().Membership
	}
	return ""
}

// Joined are the users now in the room, sorted.
func (r Room) Joined() []id.UserID {
	var users []id.UserID
	for at := range maps.Keys(r.state) {
		user := id.UserID(at.key)
		if at.kind == event.StateMember.Type && r.Member(user) == event.MembershipJoin {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// DisplayName is a member's name in the room, or empty.
func (r Room) DisplayName(user id.UserID) string {
	if evt := r.State(event.StateMember, user.String()); evt != nil {
		return evt.Content.AsMember().Displayname
	}
	return ""
}

// Power is a user's power level in the room.
func (r Room) Power(user id.UserID) int {
	if evt := r.State(event.StatePowerLevels, ""); evt != nil {
		return evt.Content.AsPowerLevels().GetUserLevel(user)
	}
	return 0
}

// Typing are the users who write just now.
func (r Room) Typing() []id.UserID { return r.typing }

// ReadUpTo is the message a user has read up to, or empty.
func (r Room) ReadUpTo(user id.UserID) id.EventID { return r.receipts[user] }

// Event returns an event of the timeline, or nil.
func (r Room) Event(wanted id.EventID) *event.Event {
	for _, evt := range r.Timeline {
		if evt.ID == wanted {
			return evt
		}
	}
	return nil
}

// Messages are the messages in order, as sent, without edits.
func (r Room) Messages() []*event.Event {
	var messages []*event.Event
	for _, evt := range r.Timeline {
		if evt.Type == event.EventMessage && replaces(evt) == "" {
			messages = append(messages, evt)
		}
	}
	return messages
}

// Text is what a message says now, after its author's edits; ok is false if it
// was deleted or never seen.
func (r Room) Text(message id.EventID) (text string, ok bool) {
	var author id.UserID
	for _, evt := range r.Timeline {
		switch {
		case evt.ID == message:
			author, text, ok = evt.Sender, evt.Content.AsMessage().Body, true
		case evt.Type == event.EventRedaction && redacts(evt) == message:
			return "", false
		case ok && evt.Sender == author && evt.Type == event.EventMessage && replaces(evt) == message:
			if edited := evt.Content.AsMessage().NewContent; edited != nil {
				text = edited.Body
			}
		}
	}
	if evt := r.Event(message); evt != nil && evt.Unsigned.RedactedBecause != nil {
		return "", false
	}
	return text, ok
}

func replaces(evt *event.Event) id.EventID {
	return evt.Content.AsMessage().RelatesTo.GetReplaceID()
}

// redacts is what a redaction deletes: room versions from 11 on say it in the content.
func redacts(evt *event.Event) id.EventID {
	if evt.Redacts != "" {
		return evt.Redacts
	}
	return evt.Content.AsRedaction().Redacts
}

// describe shows the end of the timeline in an error message. What the user
// wrote is left out: it may be a login code or a password.
func (r Room) describe(self id.UserID) string {
	var out strings.Builder
	fmt.Fprintf(&out, "membership %q, %d events", r.Membership, len(r.Timeline))
	for _, evt := range r.Timeline[max(0, len(r.Timeline)-8):] {
		fmt.Fprintf(&out, "\n\t%s %s", evt.Sender, evt.Type.Type)
		switch {
		case evt.StateKey != nil:
			fmt.Fprintf(&out, " [%s]", *evt.StateKey)
		case evt.Type != event.EventMessage:
		case evt.Sender == self:
			out.WriteString(" (own text)")
		default:
			fmt.Fprintf(&out, " %.200q", evt.Content.AsMessage().Body)
		}
	}
	return out.String()
}
