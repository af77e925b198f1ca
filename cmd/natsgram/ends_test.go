package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// tenant is a Matrix user who is logged in to an account of their own.
type tenant struct {
	*matrixtest.Client
	room    id.RoomID
	phone   string
	account telegramtest.UserID
}

func (w *world) tenant(n int) tenant {
	w.t.Helper()
	t := tenant{phone: fmt.Sprintf("+4477009002%02d", n)}
	t.account = w.tg.AddUser(telegramtest.UserSpec{Phone: t.phone, FirstName: fmt.Sprint("Number ", n), Code: aliceCode})
	t.Client = w.register(fmt.Sprint("tenant", n))
	t.room = w.openRoom(t.Client)
	w.ask(t.Client, t.room, "login", "phone number")
	w.ask(t.Client, t.room, t.phone, "send me the code")
	w.ask(t.Client, t.room, aliceCode, "Logged in as")
	w.hear(t.Client, t.room, "no groups or channels")
	return t
}

// ends are the ends of sessions of a Matrix user, in order.
func (w *world) ends(user id.UserID) (found []*events.SessionEnded) {
	w.t.Helper()
	all := w.events(events.Auth)
	uid := events.UID("")
	for _, e := range all {
		if f, ok := e.Fact.(*events.BotInvited); ok && f.Sealed.User == events.MatrixID(user) {
			uid = e.Aggregate.UID
		}
	}
	for _, e := range all {
		if f, ok := e.Fact.(*events.SessionEnded); ok && e.Aggregate.UID == uid {
			found = append(found, f)
		}
	}
	return found
}

// TestEveryEndOfASession: one event with one cause and its evidence, one notice
// in plain words with the way back.
func TestEveryEndOfASession(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.run()
	ends := []struct {
		name     string
		end      func(telegramtest.UserID)
		cause    events.EndCause
		evidence string
		told     string
		back     string
	}{
		{"revoked", func(u telegramtest.UserID) { w.tg.RevokeSession(w.tg.Sessions(u)[0].KeyID) },
			events.EndedByRevocation, "SESSION_REVOKED", "was ended from another Telegram app", "relogin"},
		{"expired", func(u telegramtest.UserID) { w.tg.RevokeAll(u, "SESSION_EXPIRED") },
			events.EndedByExpiry, "SESSION_EXPIRED", "let your session expire", "relogin"},
		{"forgotten", func(u telegramtest.UserID) { w.tg.ForgetKeys(u) },
			events.EndedByExpiry, "AUTH_KEY_UNREGISTERED", "let your session expire", "relogin"},
		{"banned", w.tg.BanUser, events.EndedByBan, "USER_DEACTIVATED_BAN", "closed your account", "relogin"},
		{"deleted", w.tg.DeleteAccount, events.EndedByBan, "USER_DEACTIVATED", "closed your account", "relogin"},
		{"duplicated", func(u telegramtest.UserID) { w.tg.RevokeAll(u, "AUTH_KEY_DUPLICATED") },
			events.EndedByDuplicate, "AUTH_KEY_DUPLICATED", "used in two places", "relogin"},
	}
	for i, c := range ends {
		who := w.tenant(i)
		c.end(who.account)
		told := w.hear(who.Client, who.room, c.told)
		if !strings.Contains(told, "`"+c.back+"`") {
			t.Errorf("%s: told %q, without the way back", c.name, told)
		}
		w.onlyOneEnd(t, c.name, who, c.cause, c.evidence, c.told)
		w.ask(who.Client, who.room, "logins", "suspended")
	}

	// Displaced: both are told.
	old := w.tenant(len(ends))
	taker := w.register("taker")
	room := w.openRoom(taker)
	w.ask(taker, room, "login", "phone number")
	w.ask(taker, room, old.phone, "send me the code")
	w.ask(taker, room, aliceCode, "Somebody else on this bridge was connected to this account")
	told := w.hear(old.Client, old.room, "Somebody else on this bridge has logged in")
	if !strings.Contains(told, "`login`") {
		t.Errorf("told %q", told)
	}
	w.onlyOneEnd(t, "displaced", old, events.EndedByDisplacing, "", "Somebody else on this bridge has logged in")
	who := tenant{Client: taker, room: room}
	w.ask(taker, room, "logout", "You are logged out of Telegram")
	w.onlyOneEnd(t, "by the user", who, events.EndedByUser, "", "You are logged out of Telegram")
}

// onlyOneEnd holds log and room against one end of a session.
func (w *world) onlyOneEnd(t *testing.T, name string, who tenant, cause events.EndCause, evidence, told string) {
	t.Helper()
	w.ask(who.Client, who.room, "version", "natsgram") // after it nothing older can come
	ends := w.ends(who.UserID())
	if len(ends) != 1 || ends[0].Cause != cause || evidence != "" && ends[0].Evidence != evidence || ends[0].Evidence == "" {
		t.Errorf("%s: ends %+v", name, ends)
	}
	notices := 0
	for _, e := range who.Room(who.room).Timeline {
		if e.Type == event.EventMessage && e.Sender == botID() && contains(e.Content.AsMessage().Body, told) {
			notices++
		}
	}
	if notices != 1 {
		t.Errorf("%s: told %d times", name, notices)
	}
}

// TestLeavingTheManagementRoom: by the operator's choice the logins of somebody
// who has left go on, or are suspended.
func TestLeavingTheManagementRoom(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.setConfig(`on_leave: suspend`, `on_leave: keep`)
	w.run()
	stays := w.tenant(0)
	w.leave(stays)
	stays.room = w.openRoomAgain(stays.Client, "You are logged in as Number 0")
	if n := len(w.ends(stays.UserID())); n != 0 || len(w.tg.Sessions(stays.account)) != 1 {
		t.Errorf("%d ends, against the operator's choice", n)
	}
	w.stop()
	w.setConfig(`on_leave: keep`, `on_leave: suspend`)
	w.run()
	w.leave(stays)
	if err := w.tg.Await(w.ctx(time.Minute), func() bool { return len(w.tg.Sessions(stays.account)) == 0 }); err != nil {
		t.Fatal("the session was not ended")
	}
	stays.room = w.openRoomAgain(stays.Client, "`relogin`")
	w.ask(stays.Client, stays.room, "logins", "suspended: you had left our private chat")
	if ends := w.ends(stays.UserID()); len(ends) != 1 || ends[0].Cause != events.EndedByLeaving || !ends[0].Remote {
		t.Errorf("%+v", ends)
	}
	w.ask(stays.Client, stays.room, "relogin", "Let's connect Number 0")
	w.ask(stays.Client, stays.room, stays.phone, "send me the code")
	w.ask(stays.Client, stays.room, aliceCode, "Number 0 (+44 ••••• ••0200) again")
}

// TestDeactivation: a Matrix account that is closed leaves no session running.
func TestDeactivation(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.run()
	gone := w.tenant(0)
	auth := map[string]any{
		"type": mautrix.AuthTypePassword, "password": "tenant0-password",
		"identifier": mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: gone.UserID().String()},
	}
	_, err := gone.API().MakeRequest(w.ctx(time.Minute), http.MethodPost, gone.API().BuildClientURL("v3", "account", "deactivate"),
		map[string]any{"auth": auth}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.tg.Await(w.ctx(time.Minute), func() bool { return len(w.tg.Sessions(gone.account)) == 0 }); err != nil {
		t.Fatal("the session goes on")
	}
	if err := waitUntil(w.ctx(time.Minute), func() bool { return w.count("session_ended") == 1 }); err != nil {
		t.Fatal("the log has no end of the session")
	}
	if ends := w.ends(gone.UserID()); len(ends) != 1 || ends[0].Cause != events.EndedByLeaving || !ends[0].Remote {
		t.Errorf("%+v", ends)
	}
}

// leave leaves the management room and waits until the bot has left, too.
func (w *world) leave(who tenant) {
	w.t.Helper()
	n := w.count("management_room_closed")
	if err := who.Leave(w.ctx(time.Minute), who.room); err != nil {
		w.t.Fatal(err)
	}
	if err := waitUntil(w.ctx(time.Minute), func() bool { return w.count("management_room_closed") > n }); err != nil {
		w.t.Fatal("the log does not know that the user left")
	}
}

func (w *world) count(name string) int {
	n := 0
	for _, each := range names(w.events(events.Auth)) {
		if each == name {
			n++
		}
	}
	return n
}

// openRoomAgain opens another management room and waits for its greeting.
func (w *world) openRoomAgain(c *matrixtest.Client, words string) id.RoomID {
	w.t.Helper()
	room, err := c.CreateDM(w.ctx(time.Minute), botID())
	if err != nil {
		w.t.Fatal(err)
	}
	w.hear(c, room, words)
	return room
}
