package management

import (
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// TestBot shares one homeserver among its parts. Every event of a transaction
// is taken twice throughout. The outages come last.
func TestBot(t *testing.T) {
	h := newHouse(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, *house)
	}{
		{"a login with two factors", testLogin},
		{"rubbish loses nothing", testRubbish},
		{"edits are not answers", testEdits},
		{"a bot", testBotToken},
		{"a registration", testRegister},
		{"a registration of a number that is taken", testRegisterTaken},
		{"a QR code", testQR},
		{"a QR code and restarts", testQRRestarts},
		{"a QR code in a room that is not safe", testQRUnsafe},
		{"answers too early", testTooEarly},
		{"another code", testResendOffer},
		{"what the configuration bars", testBarred},
		{"links to the login page", testLinks},
		{"pairing with the browser", testPairing},
		{"rooms that take no logins", testRoomsWithoutLogins},
		{"a login for another", testLoginForAnother},
		{"commands", testCommands},
		{"cancel and the password", testCancel},
		{"a third person", testThirdPerson},
		{"the user leaves", testUserLeaves},
		{"a newer room", testNewerRoom},
		{"a crowded room", testCrowdedRoom},
		{"an encrypted room", testEncryptedRoom},
		{"no power to redact", testNoPower},
		{"a room that is not safe", testUnsafeRoom},
		{"strangers", testStrangers},
		{"rooms are counted", testProgress},
		{"logout and the end of a session", testSessionEnds},
		{"the deadline", testDeadline},
		{"restarts say nothing twice", testRestarts},
		{"an outage of the homeserver", testOutage},
		{"calls that fail, and that fail though done", testFaults},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, h) })
	}
}

func testCommands(t *testing.T, h *house) {
	g := h.host(t, "erin")
	for _, c := range []struct{ says, expect string }{
		{"HELP", "I connect your Telegram account to Matrix. Commands here:\nLog in and out\n• `login` – connect a Telegram account\n"},
		{"!tg version", "natsgram v0.0-test"},
		{"  ping  ", "I am here. You are not logged in to Telegram: type `login` to connect your account."},
		{"logut", "I don't know that command. Did you mean `logout`? `help` lists what I know."},
		{"lgoin", "I don't know that command. Did you mean `login`? `help` lists what I know."},
		{"what a nice day", "I don't know that command. `help` lists what I know."},
		{"!tg", "I connect your Telegram account"},
		{"resend", "There is no code to send again: no login waits for one."},
		{"cancel", "There is no login to cancel. Type `login` to begin one."},
		{"logout", "You are not logged in to Telegram. Type `login` to connect your account."},
	} {
		g.says(c.says)
		g.expect(c.expect)
	}
	for _, secret := range []struct{ says, expect string }{
		{"+44 7911 123456", "No login is under way, so I did not use this message, and I delete it. Type `login` to begin one"},
		{"123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", "No login is under way"},
		{"lgoin +44 7911 123456", "I don't know that command. Did you mean `login`?"},
		{"relogin +44 7911 123456", "You are not logged in to Telegram."},
	} {
		sent := g.says(secret.says)
		g.expect(secret.expect)
		g.deleted(sent)
	}
	g.deleted(g.says("help +44 7911 123456"))
	g.expect("I connect your Telegram account")
	g.says("help `!Logout`?")
	g.expect("`logout [account]` – disconnect a Telegram account.")
	must(g.user.SendNotice(within(t), g.room, "login"))(t) // bots don't answer bots
	must(g.user.React(within(t), g.room, g.says("help"), "👍"))(t)
	g.expect("I connect your")
	g.silent()
	g.logHasNot("nice day", "logut")
}

func testProgress(t *testing.T, h *house) {
	g := h.host(t, "sybil")
	id := g.loggedIn("acc-sybil")
	make := func(n int, answer portals.Command) {
		uid := events.UID("99999999-0000-4000-8000-0000000000" + string([]byte{'0' + byte(n/10), '0' + byte(n%10)}))
		for _, c := range []portals.Command{
			portals.See{Kind: events.KindSupergroup, User: g.uid, Login: id, Account: "acc-sybil", Chat: events.ChatFacts{Title: "Chat"}}, answer,
		} {
			_, err := h.portals.Do(within(t), uid, commit.Meta{Actor: events.BySystem}, func(p projections.Portal) (events.Fact, error) {
				return portals.Decide(p, c)
			})
			check(t, err)
		}
	}
	made := func(n int) {
		make(n, portals.RoomMade{Room: events.RoomID("!made"), Invited: []events.UID{g.uid}})
	}
	made(1) // before the list: not told yet
	g.happens(login.ListChats{Login: id, Rooms: 8, Private: 3})
	g.expect("You have 8 groups and channels on Telegram; I am making their rooms, newest first.", "1 of 8 rooms is ready.")
	for n, want := range []string{2: "2 of 8 rooms are ready.", 3: "", 4: "4 of 8 rooms are ready.", 5: "", 6: "6 of 8 rooms are ready.", 7: "", 8: ""} {
		if n < 2 {
			continue
		}
		if n == 8 {
			make(n, portals.RoomRefused{Error: "M_FORBIDDEN"})
			g.expect("7 of 8 rooms are ready; 1 could not be made, because the homeserver refused them.")
			continue
		}
		made(n)
		if want != "" {
			g.expect(want)
		}
	}
	made(9) // a chat of later on
	g.silent()
	if n := g.count("progress_made"); n != 5 {
		t.Errorf("told %d times", n)
	}
}

func testSessionEnds(t *testing.T, h *house) {
	g := h.host(t, "trent")
	id := g.loggedIn("acc-trent")
	g.says("login")
	g.expect("You are logged in already, as Alice <b> (@alice, +44 ••••• ••3456), and this bridge allows one account. To use another, type `logout` first.")
	g.says("ping")
	g.expect("I am here. You are logged in as Alice <b> (@alice, +44 ••••• ••3456); asking Telegram…")
	for _, answer := range []*events.PingAnswered{{Login: id, OK: true, Millis: 43}, {Login: id, Error: "unreachable"}, {Login: id, Error: "AUTH_KEY_UNREGISTERED"}} {
		must(g.desk.Do(within(t), g.uid, commit.Meta{Actor: events.ByTelegram}, func(projections.User) (events.Fact, error) { return answer, nil }))(t)
	}
	g.expect("Telegram answers in 43 ms (Alice <b> (@alice, +44 ••••• ••3456)).", "Telegram can't be reached just now", "Telegram refuses")
	g.happens(login.End{Login: id, Cause: events.EndedByRevocation, Evidence: "SESSION_REVOKED"})
	g.expect("Your Telegram session was ended from another Telegram app (Settings, Devices). Your rooms are kept: type `relogin` to connect them again.")
	g.says("ping")
	g.expect("I am here. Your Telegram session has ended")
	again := g.loggedIn("acc-trent")
	if u := g.deps.Users.Get(g.uid); len(u.Logins) != 1 || u.Logins[0].ID != id || again == id {
		t.Errorf("logins %+v", u.Logins)
	}
	g.says("logout")
	g.expect("Logging you out of Telegram…")
	g.says("logout")
	g.expect("I am logging you out already.")
	g.happens(login.End{Login: id, Cause: events.EndedByUser, Remote: false})
	g.expect("You are logged out of Telegram. Type `login` to connect an account again. Telegram could not confirm it")
	g.silent()
}

func testDeadline(t *testing.T, h *house) {
	h.stop()
	h.timeout = 1500 * time.Millisecond
	h.start()
	g := h.host(t, "victor")
	g.says("login")
	g.expect("Let's connect", "The login took too long, so I ended it. Type `login` to begin again.")
	g.says("login")
	g.expect("Let's connect")
	g.says("cancel")
	g.expect("The login is cancelled.")
	h.stop()
	h.timeout = 4 * time.Second // the picture is to be there first
	h.start()
	g.says("login qr")
	g.expect("Let's connect")
	g.issues("token", time.Now().Add(time.Hour))
	pictures := g.pictures(1)
	g.seen++
	g.expect("The login took too long, so I ended it.")
	g.takenDown(pictures)
	h.stop()
	h.timeout = 10 * time.Minute
	h.start()
}

func testRestarts(t *testing.T, h *house) {
	g := h.host(t, "wendy")
	g.says("login")
	g.expect("Let's connect")
	h.stop() // nobody reacts while this happens
	number := g.says("+44 7911 123456")
	g.awaitStep(events.StepRequestingCode)
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	h.start()
	g.expect("Telegram has sent a code")
	g.deleted(number)

	// Dying after the notice and before its acknowledgement: the event comes
	// again to a new process, which the homeserver does not remember.
	_, all := g.history()
	check(t, h.hs.Restart(within(t)))
	h.stop()
	h.start()
	for _, e := range all {
		check(t, h.bot.react(within(t), e))
	}
	g.says("12345")
	g.awaitStep(events.StepCheckingCode)
	g.says("cancel")
	g.expect("The login is cancelled.")
	g.silent()
	if n := len(g.notices(g.user.Room(g.room))); n != g.seen {
		t.Errorf("%d notices, %d expected", n, g.seen)
	}
	if n := g.count("secret_redacted"); n != 2 {
		t.Errorf("%d redactions recorded", n)
	}
}

func testOutage(t *testing.T, h *house) {
	g := h.host(t, "walter")
	g.says("login")
	g.expect("Let's connect")
	number := g.says("+44 7911 123456")
	g.deleted(number)
	check(t, h.hs.Stop())
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	e := g.happens(login.Abandon{Reason: events.FailedRoomShared})
	check(t, h.hs.Start(within(t)))
	g.expect("Telegram has sent a code", "I stopped your login")
	g.silent()
	if _, tried := h.bot.tried.Load(e.ID); tried {
		t.Error("a notice that was sent is still kept in mind")
	}
}
