package management

import (
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
)

func TestUnsafe(t *testing.T) {
	const bot, alice, eve = "@bot:example.org", "@alice:example.org", "@eve:example.org"
	set := func(kind event.Type, key string, content any) *event.Event {
		return &event.Event{Type: kind, StateKey: &key, Content: event.Content{Parsed: content}}
	}
	in := func(who string, how event.Membership) *event.Event {
		return set(event.StateMember, who, &event.MemberEventContent{Membership: how})
	}
	join := func(rule event.JoinRule) *event.Event {
		return set(event.StateJoinRules, "", &event.JoinRulesEventContent{JoinRule: rule})
	}
	history := func(v event.HistoryVisibility) *event.Event {
		return set(event.StateHistoryVisibility, "", &event.HistoryVisibilityEventContent{HistoryVisibility: v})
	}
	for _, c := range []struct {
		name  string
		state []*event.Event
		want  events.Failure
	}{
		{"a private chat", []*event.Event{join(event.JoinRuleInvite), history(event.HistoryVisibilityShared), in(eve, event.MembershipLeave)}, ""},
		{"knocking lets nobody in", []*event.Event{join(event.JoinRuleKnock)}, ""},
		{"a third person", []*event.Event{in(eve, event.MembershipJoin)}, events.FailedRoomShared},
		{"an invite", []*event.Event{in(eve, event.MembershipInvite)}, events.FailedRoomShared},
		{"the user is out", []*event.Event{in(alice, event.MembershipLeave)}, events.FailedRoomLeft},
		{"public", []*event.Event{join(event.JoinRulePublic)}, events.FailedRoomPublic},
		{"open to a space", []*event.Event{join(event.JoinRuleRestricted)}, events.FailedRoomPublic},
		{"readable", []*event.Event{history(event.HistoryVisibilityWorldReadable)}, events.FailedRoomReadable},
		{"encrypted", []*event.Event{set(event.StateEncryption, "", &event.EncryptionEventContent{})}, events.FailedRoomEncrypted},
	} {
		state := mautrix.RoomStateMap{}
		for _, evt := range append([]*event.Event{in(alice, event.MembershipJoin), in(bot, event.MembershipJoin)}, c.state...) {
			if state[evt.Type] == nil {
				state[evt.Type] = map[string]*event.Event{}
			}
			state[evt.Type][*evt.StateKey] = evt
		}
		if got := unsafe(state, bot, alice); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// testUnsafeRoom: a room that others can read is found at each step, and named.
func testUnsafeRoom(t *testing.T, h *house) {
	g := h.newGuest(t, "berthold")
	g.room = must(g.user.CreateRoom(within(t), &mautrix.ReqCreateRoom{
		Preset: "public_chat", Invite: []id.UserID{h.botID},
	}))(t)
	g.expect("Hello!")
	g.identify()
	g.says("login")
	g.expect("I stopped your login: people can join this room without an invitation")
	g.setting(event.StateJoinRules, map[string]any{"join_rule": "invite"})
	g.says("login")
	g.expect("Let's connect")

	// Changed between two steps, while the bot waits for Telegram.
	g.says("+44 7911 123456")
	g.awaitStep(events.StepRequestingCode)
	g.setting(event.StateHistoryVisibility, map[string]any{"history_visibility": "world_readable"})
	g.expect("I could not delete", "I stopped your login: people who are not in this room can read it.")
	g.says("login")
	g.expect("I stopped your login: people who are not in this room can read it.")
	g.setting(event.StateHistoryVisibility, map[string]any{"history_visibility": "shared"})
	g.says("login")
	g.expect("Let's connect")
	g.says("+44 7911 123456")
	g.expect("I could not delete")
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	g.expect("Telegram has sent a code")
	g.setting(event.StateEncryption, map[string]any{"algorithm": "m.megolm.v1.aes-sha2"})
	g.expect("I stopped your login: this room is encrypted")
}

// setting changes a setting of the guest's room.
func (g *guest) setting(kind event.Type, content map[string]any) {
	g.t.Helper()
	must(g.user.API().SendStateEvent(within(g.t), g.room, kind, "", content))(g.t)
}
