package management

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/handlers/vault"
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
		{"answers too early", testTooEarly},
		{"commands", testCommands},
		{"cancel and the password", testCancel},
		{"a third person", testThirdPerson},
		{"the user leaves", testUserLeaves},
		{"a newer room", testNewerRoom},
		{"a crowded room", testCrowdedRoom},
		{"an encrypted room", testEncryptedRoom},
		{"no power to redact", testNoPower},
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

func testLogin(t *testing.T, h *house) {
	g := h.host(t, "alice")
	g.says("Login")
	g.expect("Let's connect your Telegram account. You have 10 min. Please send me your phone number with its country code, such as `+44 7911 123456`. " +
		"I delete your message as soon as I have read it. `cancel` ends the login.")
	number := g.says("+44 (0)7911 123-456")
	u := g.awaitStep(events.StepRequestingCode)
	g.holds(u.Attempt.ID, vault.Phone, "+447911123456")
	if u.Attempt.Masked != "+44 ••••• ••3456" {
		t.Errorf("masked %q", u.Attempt.Masked)
	}
	g.deleted(number)

	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteSMS, Length: 5}
	})
	g.expect("Telegram has sent you a code by SMS. Please send me the code of 5 digits here; I delete your message at once.")
	wrong := g.says("1 1 1-11")
	g.holds(g.awaitStep(events.StepCheckingCode).Attempt.ID, vault.Code, "11111")
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.BadCode, Error: "PHONE_CODE_INVALID", Next: events.StepCode, MaxTries: 5}
	})
	g.expect("This is not the code that Telegram sent. Please look at its latest message and try again. Please send me the code here; I delete your message at once.")
	right := g.says("54321")
	g.awaitStep(events.StepCheckingCode)
	g.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of} })
	g.expect("The code is right. Your account has two-step verification. Please send me your two-step verification password")
	secret := g.says("help me ") // a password, whatever it looks like
	g.holds(g.awaitStep(events.StepCheckingPassword).Attempt.ID, vault.Password, "help me ")
	for _, message := range []id.EventID{wrong, right, secret} {
		g.deleted(message)
	}
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l-alice", Account: "acc-alice", Who: events.AccountFacts{TelegramID: 7, Name: "Alice <b>", Username: "alice"}}
	})
	g.expect("Logged in as Alice <b> (@alice, +44 ••••• ••3456). I am looking up your chats now.")
	last := g.notices(g.user.Room(g.room))[g.seen-1].Content.AsMessage()
	if !strings.HasPrefix(last.FormattedBody, "Logged in as <b>Alice &lt;b&gt; (@alice, +44 ••••• ••3456)</b>.") {
		t.Errorf("HTML %q", last.FormattedBody)
	}

	names, all := g.history()
	if want := []string{
		"bot_invited", "management_room_opened", "login_started", "phone_submitted", "secret_redacted", "code_sent",
		"code_submitted", "secret_redacted", "code_rejected", "code_submitted", "secret_redacted", "password_required",
		"password_submitted", "secret_redacted", "login_succeeded",
	}; !slices.Equal(sortedRedactions(names), sortedRedactions(want)) {
		t.Errorf("the log says %v", names)
	}
	attempt := all[2].Correlation
	for _, e := range all[2:] {
		if name := e.Fact.Type().Name(); strings.HasSuffix(name, "submitted") && (e.Correlation != attempt || attempt == "" || e.Origin == "") {
			t.Errorf("%s: correlation %q, origin %q", name, e.Correlation, e.Origin)
		}
	}
	g.logHasNot("7911123456", "7911", "11111", "54321", "help me")
	g.vaultDrops(events.AttemptID(attempt))
}

// sortedRedactions moves the redactions, which may come a little later, to the end.
func sortedRedactions(names []string) []string {
	isRedaction := func(name string) bool { return name == "secret_redacted" }
	return slices.Concat(slices.DeleteFunc(slices.Clone(names), isRedaction), slices.Repeat([]string{"secret_redacted"},
		len(names)-len(slices.DeleteFunc(slices.Clone(names), isRedaction))))
}

// holds checks what the vault keeps of an answer.
func (g *guest) holds(attempt events.AttemptID, name, want string) {
	g.t.Helper()
	value, err := g.vault.Attempt(within(g.t), attempt, name)
	if err != nil || value.Reveal() != want {
		g.t.Fatalf("the vault has not the %s that was sent: %v", name, err)
	}
}

// vaultDrops waits until nothing that was typed is left.
func (g *guest) vaultDrops(attempt events.AttemptID) {
	g.t.Helper()
	deadline := time.Now().Add(patience)
	for _, name := range []string{vault.Phone, vault.Code, vault.Password} {
		for {
			if _, err := g.vault.Attempt(within(g.t), attempt, name); err != nil {
				break
			}
			if time.Now().After(deadline) {
				g.t.Fatalf("the vault still has the %s", name)
			}
		}
	}
}

// logHasNot looks for texts in every stored byte of AUTH, and in every fact.
func (g *guest) logHasNot(texts ...string) {
	g.t.Helper()
	last := must(g.journal.LastSeq(within(g.t), events.Auth))(g.t)
	check(g.t, g.journal.Records(within(g.t), events.Auth, 0, last, func(r journal.Record) error {
		e, err := events.Decode(r.Body, g.vault)
		if err != nil {
			return err
		}
		opened, err := events.Encode(e, openSealer{})
		for _, text := range texts {
			if bytes.Contains(r.Body, []byte(text)) || bytes.Contains(opened, []byte(text)) {
				g.t.Errorf("%s holds a secret", e.Fact.Type())
			}
		}
		return err
	}))
}

// openSealer leaves the personal part as plain text in place of its seal.
type openSealer struct{}

func (openSealer) Seal(_ events.UID, plain, _ []byte) ([]byte, error) { return plain, nil }
func (openSealer) Open(_ events.UID, plain, _ []byte) ([]byte, error) { return plain, nil }

func testRubbish(t *testing.T, h *house) {
	g := h.host(t, "bob")
	g.says("login")
	g.expect("Let's connect")
	for _, rubbish := range []string{"my number", "0171 1234567", "+12", "📞", "+44 7911 123456 and more", strings.Repeat("9", 4000)} {
		message := g.says(rubbish)
		g.expect("I can't read this as a phone number. Please send it with its country code and nothing else, such as `+44 7911 123456`; `cancel` ends the login.")
		g.deleted(message)
	}
	picture := must(g.user.SendMedia(within(t), g.room, event.MsgImage, "12345678", "image/png", []byte("png")))(t)
	g.expect("I can't read this as a phone number.")
	g.deleted(picture)
	g.says("Help!")
	g.expect("I connect your Telegram account to Matrix. Commands here:")
	g.says("login")
	g.expect("A login is under way; `cancel` ends it. Please send me your phone number")

	g.says("0044 7911 123456")
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.FloodWait, Error: "FLOOD_WAIT_37", RetryAt: time.Now().Add(37 * time.Second), Next: events.StepPhone, MaxTries: 5}
	})
	g.expect("Telegram asks us to wait. Please send your phone number again at ")
	waiting := g.says("+44 7911 123456")
	g.expect("Telegram asked us to wait, so I did not use this message. Please send your phone number again at ")
	g.deleted(waiting)
	if u := g.deps.Users.Get(g.uid); u.Attempt.Step != events.StepPhone || u.Attempt.Tries != 0 {
		t.Errorf("%+v", u.Attempt)
	}
	g.says("cancel")
	g.expect("The login is cancelled. Type `login` to begin again.")

	g.says("login +44 7911 123456") // the number at once
	g.expect("Let's connect")
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	g.expect("Telegram has sent a code to your Telegram app on another device, in the chat named Telegram. Please send me the code here;")
	code := g.says("not a code")
	g.expect("I can't read this as a code. Please send the digits and nothing else; `cancel` ends the login.")
	g.deleted(code)
	g.says("cancel")
	g.expect("The login is cancelled.")
	g.logHasNot("7911", "not a code", "9999999")
}

func testEdits(t *testing.T, h *house) {
	g := h.host(t, "carol")
	g.says("login")
	g.expect("Let's connect")
	number := g.says("+44 7911 123456")
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	g.expect("Telegram has sent a code")
	g.deleted(number)
	wrong := g.says("11111")
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.BadCode, Next: events.StepCode, MaxTries: 5}
	})
	g.expect("This is not the code")
	edit := must(g.user.Edit(within(t), g.room, wrong, "22222"))(t)
	g.expect("I don't read edited messages. Please send the code as a new message.")
	must(g.user.WaitFor(within(t), g.room, func(r matrixtest.Room) bool {
		return slices.ContainsFunc(r.Timeline, func(evt *event.Event) bool {
			return evt.Type == event.EventRedaction && (evt.Redacts == edit || evt.Content.AsRedaction().Redacts == edit)
		})
	}))(t)
	if n := g.count("code_submitted"); n != 1 {
		t.Errorf("%d codes submitted", n)
	}
	formatted := must(g.user.SendHTML(within(t), g.room, "333 33", "<b>333</b> 33"))(t)
	g.awaitStep(events.StepCheckingCode)
	g.deleted(formatted)
	g.says("cancel")
	g.expect("The login is cancelled.")
	help := g.says("help")
	g.expect("I connect your")
	must(g.user.Edit(within(t), g.room, help, "login"))(t)
	g.silent()
	g.logHasNot("22222", "33333")
}

func testTooEarly(t *testing.T, h *house) {
	g := h.host(t, "dave")
	g.says("login")
	g.expect("Let's connect")
	g.says("+44 7911 123456")
	g.awaitStep(events.StepRequestingCode)
	early := g.says("55555")
	g.expect("One moment: I am still waiting for Telegram's answer to what you sent before. I did not use this message.")
	g.deleted(early)
	g.happens(login.Delay{Of: g.awaitStep(events.StepRequestingCode).Attempt.Awaiting})
	g.expect("Telegram can't be reached just now. I keep trying, and your login stays as it is: please wait, or type `cancel` to end it.")
	g.says("ping")
	g.expect("I am here. You are not logged in to Telegram: type `login` to connect your account.")
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.PhoneBanned, Error: "PHONE_NUMBER_BANNED", Final: true}
	})
	g.expect("Telegram has banned this phone number, so the login has ended. You can write to Telegram's support about it.")
	g.silent()
}

func testCommands(t *testing.T, h *house) {
	g := h.host(t, "erin")
	for _, c := range []struct{ says, expect string }{
		{"HELP", "I connect your Telegram account to Matrix. Commands here:\n• `login` – connect your Telegram account\n"},
		{"!tg version", "natsgram v0.0-test"},
		{"  ping  ", "I am here. You are not logged in to Telegram: type `login` to connect your account."},
		{"logut", "I don't know that command. Did you mean `logout`? `help` lists what I know."},
		{"lgoin", "I don't know that command. Did you mean `login`? `help` lists what I know."},
		{"what a nice day", "I don't know that command. `help` lists what I know."},
		{"!tg", "I connect your Telegram account"},
		{"cancel", "There is no login to cancel. Type `login` to begin one."},
		{"logout", "You are not logged in to Telegram. Type `login` to connect your account."},
	} {
		g.says(c.says)
		g.expect(c.expect)
	}
	must(g.user.SendNotice(within(t), g.room, "login"))(t) // bots don't answer bots
	must(g.user.React(within(t), g.room, g.says("help"), "👍"))(t)
	g.expect("I connect your")
	g.silent()
	g.logHasNot("nice day", "logut")
}

func testCancel(t *testing.T, h *house) {
	g := h.host(t, "frank")
	g.says("login")
	g.expect("Let's connect")
	g.says("+44 7911 123456")
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	g.expect("Telegram has sent a code")
	g.says("12345")
	g.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of} })
	g.expect("The code is right.")
	g.says("logout")
	g.holds(g.awaitStep(events.StepCheckingPassword).Attempt.ID, vault.Password, "logout")
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.BadPassword, Next: events.StepPassword, MaxTries: 5}
	})
	g.expect("The password is wrong. Please try again.")
	g.says("Cancel")
	g.expect("The login is cancelled.")
	g.silent()
}

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
	g.expect("Hello!")
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
	g.says("help")
	g.says("!tg help")
	g.expect("Commands in this room: `!tg help`, `!tg ping`, `!tg version`. To log in to Telegram, open a private chat with me alone.")
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
	g.expect("You have 8 groups and channels on Telegram; I am making their rooms, newest first.", "1 of 8 rooms are ready.")
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
	g.expect("You are logged in already, as Alice <b> (@alice, +44 ••••• ••3456). To use another account, type `logout` first.")
	g.says("ping")
	g.expect("I am here. You are logged in as Alice <b> (@alice, +44 ••••• ••3456); asking Telegram…")
	for _, answer := range []*events.PingAnswered{{Login: id, OK: true, Millis: 43}, {Login: id, Error: "unreachable"}, {Login: id, Error: "AUTH_KEY_UNREGISTERED"}} {
		must(g.desk.Do(within(t), g.uid, commit.Meta{Actor: events.ByTelegram}, func(projections.User) (events.Fact, error) { return answer, nil }))(t)
	}
	g.expect("Telegram answers in 43 ms (Alice <b> (@alice, +44 ••••• ••3456)).", "Telegram can't be reached just now", "Telegram refuses")
	g.happens(login.End{Login: id, Cause: events.EndedByRevocation, Evidence: "SESSION_REVOKED"})
	g.expect("Your Telegram session was ended from another Telegram app (Settings, Devices). Your rooms are kept: type `login` to connect them again.")
	g.says("ping")
	g.expect("I am here. Telegram has ended your session")
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
	g.expect("Let's connect your Telegram account. You have 2 s.", "The login took too long, so I ended it. Type `login` to begin again.")
	g.says("login")
	g.expect("Let's connect")
	g.says("cancel")
	g.expect("The login is cancelled.")
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
