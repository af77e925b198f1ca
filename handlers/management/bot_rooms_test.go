package management

import (
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/projections"
)

func testThirdPerson(t *testing.T, h *house) {
	g := h.host(t, "grace")
	other := h.newGuest(t, "heidi")
	g.says("login")
	g.expect("Let's connect")
	number := g.says("+44 7911 123456")
	check(t, g.user.Invite(within(t), g.room, other.user.UserID()))
	g.expect("I stopped your login: somebody else has joined this room or is invited to it. Open a private chat with me alone and type `login` there.",
		"Somebody else has joined this room or is invited to it, so I take no login here any more")
	g.deleted(number)
	g.deleted(g.says("54321")) // the code, sent before the bot's answer was read
	g.expect("The login had ended when your message came, so I did not use it and delete it. Type `login` to begin again.")
	check(t, other.user.Join(within(t), g.room))
	check(t, g.user.WaitJoined(within(t), g.room, other.user.UserID()))
	g.says("login") // not heard
	g.says("!tg login")
	g.expect("Not here: open a private chat with me alone and type `login` there.")
	check(t, other.user.Leave(within(t), g.room))
	g.expect("Hello! I connect Telegram to Matrix. Type `login`")
	g.says("version")
	g.expect("natsgram v0.0-test")
	if g.count("login_failed") != 1 || g.count("management_room_closed") != 1 || g.count("management_room_opened") != 2 {
		names, _ := g.history()
		t.Errorf("the log says %v", names)
	}
}

func testUserLeaves(t *testing.T, h *house) {
	g := h.host(t, "ivan")
	g.says("login")
	g.expect("Let's connect")
	check(t, g.user.Leave(within(t), g.room))
	u := g.await("the room is closed", func(u projections.User) bool { return u.Room == "" })
	if u.Attempt != nil || g.count("login_failed") != 1 {
		t.Errorf("%+v", u.Attempt)
	}
	g.room, g.seen = must(g.user.CreateRoom(within(t), privateRoom()))(t), 0
	check(t, g.user.Invite(within(t), g.room, h.botID))
	g.expect("Hello! I connect Telegram to Matrix. Your login ended when you left our chat. Type `login`")
	check(t, g.user.Kick(within(t), g.room, h.botID))
	g.await("the room is closed", func(u projections.User) bool { return u.Room == "" })
	g.room, g.seen = must(g.user.CreateDM(within(t), h.botID))(t), 0
	g.expect("Hello!")
	g.silent()
}

func testNewerRoom(t *testing.T, h *house) {
	g := h.host(t, "judy")
	g.says("login")
	g.expect("Let's connect")
	old, seen := g.room, g.seen
	g.room, g.seen = must(g.user.CreateDM(within(t), h.botID))(t), 0
	g.expect("Hello! I connect Telegram to Matrix. Your login goes on here. Please send me your phone number")
	g.says("+44 7911 123456")
	g.awaitStep(events.StepRequestingCode)
	g.room, g.seen = old, seen
	g.expect("You have opened a newer private chat with me: I listen there now. Commands here need `!tg` in front.")
	// The old room is no safe place any more, which does not end the login.
	must(g.user.API().SendStateEvent(within(t), g.room, event.StateJoinRules, "", map[string]any{"join_rule": "public"}))(t)
	g.deleted(g.says("54321")) // the code, into the wrong room
	g.expect("I listen in our newer private chat now, and did not use this message. Please send your phone number there.")
	g.says("!tg help")
	g.expect("Commands in this room: `!tg help`, `!tg ping`, `!tg version`. To log in to Telegram, open a private chat with me alone.")
	if g.count("login_failed") != 0 {
		t.Error("the login ended for a room that it is not in")
	}
}

func testCrowdedRoom(t *testing.T, h *house) {
	g, other := h.newGuest(t, "mallory"), h.newGuest(t, "niaj")
	check(t, other.user.JoinInvites(within(t), true))
	g.room = must(g.user.CreateRoom(within(t), privateRoom()))(t)
	check(t, g.user.Invite(within(t), g.room, other.user.UserID()))
	check(t, g.user.WaitJoined(within(t), g.room, other.user.UserID()))
	check(t, g.user.Invite(within(t), g.room, h.botID))
	g.expect("Somebody else is in this room or invited to it, so I take no login here: open a private chat with me alone. " +
		"Other commands work here with `!tg` in front, such as `!tg help`.")
	g.identify()
	plain := g.says("login")
	g.says("!tg login")
	g.expect("Not here: open a private chat with me alone and type `login` there.")
	g.says("!tg register +44 7911 123456 Mallory")
	g.expect("Not here: open a private chat with me alone and type `register` there. Others can read this room: if your message still stands, please delete it.")
	g.says("!TG verison")
	g.expect("I don't know that command. Did you mean `!tg version`? `!tg help` lists what I know.")
	g.says("!tgfoo")
	g.says("!tg ping")
	g.expect("I am here.")
	h.mu.Lock()
	if h.taken[plain] {
		t.Error("took a message that was not for the bot")
	}
	h.mu.Unlock()
	check(t, other.user.Leave(within(t), g.room))
	g.expect("Hello! I connect Telegram to Matrix.")
	g.silent()

	// Somebody comes between the bot's look and its record of what it saw.
	g.room, g.seen = must(g.user.CreateRoom(within(t), privateRoom()))(t), 0
	check(t, g.user.Invite(within(t), g.room, other.user.UserID()))
	check(t, g.user.WaitJoined(within(t), g.room, other.user.UserID()))
	check(t, g.user.Invite(within(t), g.room, h.botID))
	g.expect("Somebody else is in this room")
	must(g.desk.Do(within(t), g.uid, commit.Meta{Actor: events.ByMatrix}, func(u projections.User) (events.Fact, error) {
		return &events.ManagementRoomOpened{Sealed: events.RoomFacts{User: u.MatrixID, Room: events.RoomID(g.room)}}, nil
	}))(t)
	g.expect("Somebody else has joined this room")
	if u := g.deps.Users.Get(g.uid); u.Room != "" {
		t.Errorf("a crowded room is the management room")
	}
}

func testEncryptedRoom(t *testing.T, h *house) {
	g := h.host(t, "olivia")
	megolm := map[string]any{"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "s", "sender_key": "k", "device_id": "d"}
	for range 2 {
		must(g.user.API().SendMessageEvent(within(t), g.room, event.EventEncrypted, megolm))(t)
	}
	g.expect("This room is encrypted, and I can't read encrypted messages. Please open a private chat with me without encryption")
	g.silent()

	g.room, g.seen = must(g.user.CreateRoom(within(t), &mautrix.ReqCreateRoom{
		Preset: "trusted_private_chat", Invite: []id.UserID{h.botID},
		InitialState: []*event.Event{{
			Type: event.StateEncryption, StateKey: new(string),
			Content: event.Content{Raw: map[string]any{"algorithm": "m.megolm.v1.aes-sha2"}},
		}},
	}))(t), 0
	g.expect("This room is encrypted, and I can't read encrypted messages.")
	if g.count("management_room_refused") != 1 {
		t.Error("an encrypted room was taken for a management room")
	}
}

func testNoPower(t *testing.T, h *house) {
	g := h.newGuest(t, "peggy")
	g.room = must(g.user.CreateRoom(within(t), privateRoom()))(t)
	check(t, g.user.Invite(within(t), g.room, h.botID))
	g.expect("Hello!")
	g.identify()
	g.says("login")
	g.expect("Let's connect")
	asked := g.notices(g.user.Room(g.room))[g.seen-1].Content.AsMessage().Body
	if !strings.HasSuffix(asked, "I lack the power to delete your messages here: please make me a moderator first (room settings, Roles & Permissions), or delete them yourself.") {
		t.Errorf("asked %q", asked)
	}
	number := g.says("+44 7911 123456")
	g.expect("I could not delete your message with the phone number: I lack the power in this room. Please delete it yourself, and make me a moderator here so that I can.")
	if _, there := g.user.Room(g.room).Text(number); !there {
		t.Error("the message is gone")
	}
	_, all := g.history()
	f, ok := all[len(all)-1].Fact.(*events.SecretRedacted)
	if !ok || f.OK || f.Error != "M_FORBIDDEN" || f.What != events.SecretPhone {
		t.Errorf("%T %+v", all[len(all)-1].Fact, f)
	}
	check(t, g.user.SetPower(within(t), g.room, h.botID, 50))
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteCall} })
	g.expect("Telegram calls you and says a code.")
	g.deleted(g.says("12345"))
}

func testStrangers(t *testing.T, h *house) {
	g := h.newGuest(t, "stranger")
	g.room = must(g.user.CreateDM(within(t), h.botID))(t)
	g.expect("Sorry, you may not use this bridge. Ask whoever runs it to allow you in its configuration, and invite me again. I leave this room now.")
	must(g.user.WaitFor(within(t), g.room, func(r matrixtest.Room) bool { return r.Member(h.botID) == event.MembershipLeave }))(t)
	g.identify()
	if names, _ := g.history(); !slices.Equal(names, []string{"bot_invited", "management_room_refused"}) {
		t.Errorf("the log says %v", names)
	}

	host, stranger := h.host(t, "rupert"), h.newGuest(t, "stranger2")
	check(t, host.user.Invite(within(t), host.room, stranger.user.UserID()))
	host.expect("Somebody else has joined")
	check(t, stranger.user.Join(within(t), host.room))
	must(stranger.user.SendText(within(t), host.room, "!tg login"))(t)
	host.expect("Sorry, you may not use this bridge. Ask whoever runs it to allow you in its configuration.")
}
