package main

import (
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestSessionRevokedAndLogout: a session that Telegram ends suspends the login,
// and a new login takes up the same rooms and what was missed. A logout takes
// the user out of the rooms, and a login after it brings them back in.
func TestSessionRevokedAndLogout(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	chess := w.tg.AddSupergroup("Chess", bob, alice)
	old := w.tg.AddGroup("Old", bob, alice)
	w.run()
	room := w.openRoom(w.alice)
	w.logIn(w.alice, room, "")
	rooms := w.joinPortals(w.alice, 2)
	w.tg.Say(bob, chess, "one")
	w.see(w.alice, rooms["Chess"], "one")

	w.tg.RevokeAll(alice, "SESSION_REVOKED")
	w.hear(w.alice, room, "session was ended from another Telegram app")
	w.tg.Say(bob, chess, "missed")
	w.tg.Say(bob, old, "missed, too")
	w.say(w.alice, rooms["Chess"], "into the void")
	w.see(w.alice, rooms["Chess"], "was not sent")
	w.logIn(w.alice, room, "")
	w.see(w.alice, rooms["Chess"], "missed")
	w.see(w.alice, rooms["Old"], "missed, too")
	w.say(w.alice, rooms["Chess"], "back")
	w.arrives(bob, chess, "back")

	w.ask(w.alice, room, "logout", "You are logged out")
	for _, portal := range rooms {
		w.untilMember(w.alice, portal, event.MembershipLeave)
	}
	w.logIn(w.alice, room, "")
	for name, portal := range w.joinPortals(w.alice, 2) {
		if portal != rooms[name] {
			t.Errorf("%s has another room", name)
		}
	}
	w.tg.Say(bob, chess, "seen again")
	w.see(w.alice, rooms["Chess"], "seen again")
	w.onlyOnce(t, room)
	w.onlyOnce(t, rooms["Chess"])
	var causes []events.EndCause
	for _, e := range w.events(events.Auth) {
		if f, ok := e.Fact.(*events.SessionEnded); ok {
			causes = append(causes, f.Cause)
		}
	}
	if len(causes) != 2 || causes[0] != events.EndedByRevocation || causes[1] != events.EndedByUser {
		t.Errorf("sessions ended by %v", causes)
	}
}

func (w *world) untilMember(c *matrixtest.Client, room id.RoomID, is event.Membership) {
	w.t.Helper()
	_, err := c.WaitFor(w.ctx(30*time.Second), room, func(r matrixtest.Room) bool { return r.Member(c.UserID()) == is })
	if err != nil {
		w.t.Fatalf("membership %s: %v", is, err)
	}
}

// TestTwoUsersShareASupergroup: one room, each message once, each one's own
// from their own account; and what becomes of it when one takes the other's
// account over.
func TestTwoUsersShareASupergroup(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	carol := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900125", FirstName: "Carol", Code: "11111"})
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	chess := w.tg.AddSupergroup("Chess", bob, alice, carol)
	w.tg.AddGroup("Old", bob, alice, carol)
	w.run()
	room := w.openRoom(w.alice)
	w.logIn(w.alice, room, "")
	rooms := w.joinPortals(w.alice, 2)
	other := w.register("carol")
	hers := w.openRoom(other)
	w.ask(other, hers, "login", "phone number")
	w.ask(other, hers, "+447700900125", "send me the code")
	w.ask(other, hers, "11111", "Logged in as Carol")
	her := w.joinPortals(other, 2)
	if her["Chess"] != rooms["Chess"] || her["Old"] == rooms["Old"] {
		t.Fatalf("alice has %v, carol %v", rooms, her)
	}

	w.tg.Say(bob, chess, "from bob")
	w.see(other, rooms["Chess"], "from bob")
	w.say(w.alice, rooms["Chess"], "from alice")
	w.say(other, rooms["Chess"], "from carol")
	for text, author := range map[string]telegramtest.UserID{"from alice": alice, "from carol": carol} {
		if m := w.arrives(bob, chess, text); m.From != author {
			t.Errorf("%q is said by %v", text, m.From)
		}
	}
	w.tg.Say(bob, chess, "the end")
	w.see(w.alice, rooms["Chess"], "the end")
	for _, text := range []string{"from bob", "from alice", "from carol"} {
		if n := count(w.bodies(rooms["Chess"]), text); n != 1 {
			t.Errorf("%q stands %d times in the room", text, n)
		}
	}

	w.ask(other, hers, "logout", "You are logged out")
	w.ask(other, hers, "login", "phone number")
	w.ask(other, hers, alicePhone, "send me the code")
	w.ask(other, hers, aliceCode, "Logged in as Alice")
	w.hear(w.alice, room, "Somebody else on this bridge has logged in")
	w.untilMember(w.alice, rooms["Chess"], event.MembershipLeave)
	w.untilMember(other, rooms["Chess"], event.MembershipInvite)
	if err := other.Join(w.ctx(time.Minute), rooms["Chess"]); err != nil {
		t.Fatal(err)
	}
	w.say(other, rooms["Chess"], "as alice")
	if m := w.arrives(bob, chess, "as alice"); m.From != alice {
		t.Errorf("said by %v", m.From)
	}
	if n := len(w.tg.Sessions(alice)); n != 1 {
		t.Errorf("the account has %d sessions", n)
	}
}

func (w *world) bodies(room id.RoomID) []string {
	var list []string
	for _, e := range w.alice.Room(room).Messages() {
		list = append(list, e.Content.AsMessage().Body)
	}
	return list
}
