package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gotd/td/tgerr"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

const (
	adaPhone = "+447700900177"
	adaCode  = "51730"
)

// addAda adds a second account, that of alice's work.
func (w *world) addAda() telegramtest.UserID {
	return w.tg.AddUser(telegramtest.UserSpec{Phone: adaPhone, FirstName: "Ada", LastName: "Byron", Username: "ada_b", Code: adaCode})
}

// logInAda logs a user in to Ada's account.
func (w *world) logInAda(c *matrixtest.Client, room id.RoomID) {
	w.t.Helper()
	w.ask(c, room, "login", "phone number")
	w.ask(c, room, adaPhone, "send me the code")
	w.ask(c, room, adaCode, "Logged in as Ada Byron")
}

// TestTwoAccountsOfOneUser: both are bridged, and logging out of one leaves the
// other as it is.
func TestTwoAccountsOfOneUser(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice, ada := w.addAlice(""), w.addAda()
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	w.tg.AddGroup("Family", bob, alice)
	chess := w.tg.AddSupergroup("Chess", bob, alice, ada)
	desk := w.tg.AddSupergroup("Desk", bob, ada)
	w.run()
	room := w.openRoom(w.alice)
	w.logIn(w.alice, room, "")
	w.joinPortals(w.alice, 2)
	w.hear(w.alice, room, "are ready")
	w.logInAda(w.alice, room)
	rooms := w.joinPortals(w.alice, 3)

	list := w.ask(w.alice, room, "logins", "Your Telegram accounts")
	for _, want := range []string{"1. Alice Liddell (@alice_l, +44 ••••• ••0123)", "2. Ada Byron (@ada_b, +44 ••••• ••0177)", "connected since"} {
		if !strings.Contains(list, want) {
			t.Errorf("no %q in %q", want, list)
		}
	}
	w.tg.Say(bob, desk, "to work")
	w.see(w.alice, rooms["Desk"], "to work")
	w.say(w.alice, rooms["Desk"], "at once")
	if m := w.arrives(bob, desk, "at once"); m.From != ada {
		t.Errorf("sent by %d, not by Ada", m.From)
	}
	w.say(w.alice, rooms["Chess"], "e4")
	if m := w.arrives(bob, chess, "e4"); m.From != alice {
		t.Errorf("sent by %d, not by the first account", m.From)
	}

	w.ask(w.alice, room, "logout", "Which one?")
	w.ask(w.alice, room, "logout carol", "None of your Telegram accounts is called that")
	w.ask(w.alice, room, "logout 0123", "Alice Liddell (@alice_l, +44 ••••• ••0123): You are logged out")
	if a, b := len(w.tg.Sessions(alice)), len(w.tg.Sessions(ada)); a != 0 || b != 1 {
		t.Errorf("%d and %d sessions at Telegram", a, b)
	}
	w.tg.Say(bob, chess, "your move")
	w.see(w.alice, rooms["Chess"], "your move")
	w.say(w.alice, rooms["Chess"], "e5")
	if m := w.arrives(bob, chess, "e5"); m.From != ada {
		t.Errorf("sent by %d, not by the account that is left", m.From)
	}
	if list := w.ask(w.alice, room, "logins", "Your Telegram accounts"); strings.Contains(list, "Alice") || !strings.Contains(list, "1. Ada Byron") {
		t.Errorf("%q", list)
	}
	w.untilOut(w.alice, rooms["Family"])
	w.onlyOnce(t, rooms["Chess"])
	if out := w.natsgram("replay", "--config", w.config, "--verify"); !strings.Contains(out, "agree") {
		t.Fatalf("replay --verify says %s", out)
	}
}

// untilOut waits until the user is no longer in a room.
func (w *world) untilOut(c *matrixtest.Client, room id.RoomID) {
	w.t.Helper()
	_, err := c.WaitFor(w.ctx(time.Minute), room, func(r matrixtest.Room) bool { return r.Membership == event.MembershipLeave })
	if err != nil {
		w.t.Fatalf("the user is still in the room: %v", err)
	}
}

// TestRelogin: a session that Telegram ends is one event and one notice, rooms
// stay, and the way back in brings what was said meanwhile.
func TestRelogin(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice, ada := w.addAlice(""), w.addAda()
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	family := w.tg.AddGroup("Family", bob, alice)
	chess := w.tg.AddSupergroup("Chess", bob, alice)
	w.run()
	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "relogin", "not logged in")
	w.logIn(w.alice, room, "")
	rooms := w.joinPortals(w.alice, 2)
	w.hear(w.alice, room, "are ready")
	w.ask(w.alice, room, "relogin", "nothing is to be revived")

	w.say(w.alice, room, "version")
	w.hear(w.alice, room, "natsgram")
	w.tg.RevokeAll(alice, "")
	told := w.hear(w.alice, room, "session was ended")
	if !strings.Contains(told, "`relogin`") || !strings.Contains(told, "rooms are kept") {
		t.Errorf("told %q", told)
	}
	for _, text := range []string{"one", "two", "three"} {
		w.tg.Say(bob, chess, "chess "+text)
		w.tg.Say(bob, family, "family "+text)
	}
	w.ask(w.alice, room, "logins", "suspended: the session was ended from another Telegram app. `relogin` connects it again")

	// To another account is no way back.
	w.ask(w.alice, room, "relogin", "Let's connect Alice Liddell")
	w.ask(w.alice, room, adaPhone, "send me the code")
	w.ask(w.alice, room, adaCode, "another Telegram account than Alice Liddell")
	if err := w.tg.Await(w.ctx(time.Minute), func() bool { return len(w.tg.Sessions(ada)) == 0 }); err != nil {
		t.Error("the other account's session was left at Telegram")
	}

	w.kill()
	w.run()
	w.ask(w.alice, room, "relogin 0123", "Let's connect Alice Liddell")
	w.ask(w.alice, room, alicePhone, "send me the code")
	w.ask(w.alice, room, aliceCode, "Logged in as Alice Liddell (@alice_l, +44 ••••• ••0123) again")
	w.see(w.alice, rooms["Chess"], "chess three")
	w.see(w.alice, rooms["Family"], "family three")
	w.inOrder(t, rooms["Chess"], "chess one", "chess two", "chess three")
	w.inOrder(t, rooms["Family"], "family one", "family two", "family three")
	w.onlyOnce(t, rooms["Chess"])
	w.onlyOnce(t, rooms["Family"])
	w.say(w.alice, rooms["Chess"], "I am back")
	w.arrives(bob, chess, "I am back")
	w.onlyOnce(t, room)
	ends := slices.DeleteFunc(w.events(events.Auth), func(e events.Event) bool {
		_, ends := e.Fact.(*events.SessionEnded)
		return !ends
	})
	if len(ends) != 1 {
		t.Fatalf("%d ends of a session", len(ends))
	}
	if f := ends[0].Fact.(*events.SessionEnded); f.Cause != events.EndedByRevocation || f.Evidence != "AUTH_KEY_UNREGISTERED" {
		t.Errorf("%+v", f)
	}
	if n := len(w.tg.Sessions(alice)); n != 1 {
		t.Errorf("%d sessions at Telegram", n)
	}
}

// TestSessions: the account's other sessions are seen and ended from the room;
// the bridge's own wants to be confirmed.
func TestSessions(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	w.run()
	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "sessions", "not logged in")
	w.logIn(w.alice, room, "")
	w.hear(w.alice, room, "no groups")
	w.tg.Session(alice) // on another device
	w.ask(w.alice, room, "sessions end 1", "`sessions` lists them")
	list := w.ask(w.alice, room, "sessions", "is logged in to Telegram here")
	if !strings.Contains(list, "this bridge") || !strings.Contains(list, "\n2. ") || !strings.Contains(list, "telegramtest") || strings.Contains(list, "\n3. ") {
		t.Errorf("%q", list)
	}
	w.ask(w.alice, room, "sessions end 1", "`sessions end 1 confirm`")
	w.ask(w.alice, room, "sessions end 2", "The session is ended")
	if n := len(w.tg.Sessions(alice)); n != 1 {
		t.Errorf("%d sessions at Telegram", n)
	}
	w.ask(w.alice, room, "sessions end 2", "no more")
	w.tg.Inject(telegramtest.Fault{Method: "account.getAuthorizations", Times: 1, Err: tgerr.New(400, "SOMETHING_ODD")})
	w.ask(w.alice, room, "sessions", "SOMETHING_ODD")
	w.ask(w.alice, room, "sessions end 1 confirm", "You are logged out of Telegram")
	if n := len(w.tg.Sessions(alice)); n != 0 {
		t.Errorf("%d sessions at Telegram", n)
	}
	if dead, err := w.deadLetters(); err != nil || dead != 0 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
	w.grep(t, []string{"telegramtest", "Nowhere", "Liddell"})
}
