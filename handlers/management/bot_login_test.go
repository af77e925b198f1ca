package management

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/vault"
)

func testLogin(t *testing.T, h *house) {
	g := h.host(t, "alice")
	g.says("Login")
	g.expect("Let's connect your Telegram account. You have 10 min. The bridge will read and write there whatever you can. Please send me your phone number with its country code, such as `+44 7911 123456`. " +
		"I delete your message as soon as I have read it. `cancel` ends the login.")
	number := g.says("+44 (0)7911 123-456")
	u := g.awaitStep(events.StepRequestingCode)
	g.holds(u.Attempt.ID, vault.Phone, "+447911123456")
	if u.Attempt.Masked != "+44 ••••• ••3456" {
		t.Errorf("masked %q", u.Attempt.Masked)
	}
	g.deleted(number)

	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteSMS, Length: 5, Next: events.RouteCall}
	})
	g.expect("Telegram has sent you a code by SMS. Please send me the code of 5 digits here; I delete your message at once. " +
		"If it does not come: type `resend` for a call that says a code.")
	g.says("Resend")
	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteMissedCall, Length: 5, Next: events.RouteSMS, NextAt: time.Now().Add(time.Hour), What: events.CodeFacts{Pattern: "99966"}}
	})
	g.expect("Telegram calls you and hangs up at once. The code is the last 5 digits of the number that called, which begins with 99966. " +
		"Please send me the code of 5 digits here; I delete your message at once. If it does not come: at ")
	g.says("resend")
	g.expect("Not yet: Telegram allows a code by SMS at ")
	wrong := g.says("1 1 1-11")
	g.holds(g.awaitStep(events.StepCheckingCode).Attempt.ID, vault.Code, "11111")
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.BadCode, Error: "PHONE_CODE_INVALID", Next: events.StepCode, MaxTries: 5}
	})
	g.expect("This is not the code that Telegram sent. Please look at its latest message and try again. Please send me the code here; I delete your message at once.")
	right := g.says("54321")
	g.awaitStep(events.StepCheckingCode)
	check(t, h.vault.PutAttempt(within(t), u.Attempt.ID, vault.Hint, vault.Secret("the <cave>"), time.Minute))
	g.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of, HasHint: true} })
	g.expect("The code is right. Your account has two-step verification. Please send me your two-step verification password; I delete your message at once. " +
		"Whatever you send now is taken as the password, only `cancel` ends the login. The homeserver may keep it in its database even so: go on only if you trust whoever runs it. Your hint for the password: “the <cave>”.")
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
		"resend_requested", "code_sent", "command_refused", "code_submitted", "secret_redacted", "code_rejected", "code_submitted", "secret_redacted", "password_required",
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
	g.logHasNot("the <cave>", "cave", "7911123456", "7911", "11111", "54321", "help me")
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
	for _, name := range []string{vault.Code, vault.Password, vault.Hint} {
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

// withoutIDs is a text without its UUIDs: random digits, among which a short
// secret stands by chance.
func withoutIDs(text []byte) []byte {
	return regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`).ReplaceAll(text, nil)
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
			if bytes.Contains(withoutIDs(r.Body), []byte(text)) || bytes.Contains(withoutIDs(opened), []byte(text)) {
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
	for number, want := range map[string]string{"0171 1234567": "The country code is missing.", "+44 12": "This phone number is too short", "+210 123456": "No country has the code"} {
		g.says(number)
		g.expect(want)
	}
	for _, rubbish := range []string{"my number", "📞", "+44 7911 123456 and more"} {
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
	g.expect("A login is under way since ")

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
	g.logHasNot("7911", "not a code", "0171 1234567")
}

func testBotToken(t *testing.T, h *house) {
	const token = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"
	g := h.host(t, "bertha")
	g.says("login bot")
	g.expect("Let's connect your Telegram bot. You have 10 min. The bridge will read what the bot is sent, and write in its name. Please send me your bot's token, as BotFather gave it to you;")
	wrong := g.says("+44 7911 123456")
	g.expect("I can't read this as a bot's token.")
	first := g.says(token)
	g.holds(g.awaitStep(events.StepCheckingToken).Attempt.ID, vault.BotToken, token)
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.BadToken, Error: "ACCESS_TOKEN_INVALID", Next: events.StepToken, MaxTries: 5}
	})
	g.expect("Telegram does not know this token, or BotFather has made a newer one: look there. Please send me your bot's token")
	g.says("cancel")
	g.expect("The login is cancelled.")
	second := g.says("login " + token) // where a number could stand
	g.expect("Let's connect your Telegram account.")
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l-bot", Account: "acc-bot", Who: events.AccountFacts{TelegramID: 9, Name: "Robot"}}
	})
	g.expect("Logged in as Robot. A bot has no list of chats: each gets its room when a message comes.")
	for _, message := range []id.EventID{wrong, first, second} {
		g.deleted(message)
	}
	g.happens(login.ListChats{Login: "l-bot"})
	g.silent()
	g.logHasNot("ABC-DEF", token)
}

// testBarred: the configuration forbids the room for secrets, or for all of a login.
func testBarred(t *testing.T, h *house) {
	h.restartWith(func(c *Config) { c.BarSecrets = true })
	g := h.host(t, "conny")
	g.says("login bot")
	g.expect("This bridge takes no bot tokens in rooms. Ask whoever runs it how to connect a bot;")
	g.says("login")
	g.expect("Let's connect")
	g.deleted(g.says("123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"))
	g.expect("This bridge takes no bot tokens in rooms, so I did not use it.")
	g.says("+44 7911 123456")
	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp, Length: 5}
	})
	g.expect("Telegram has sent a code")
	g.says("12345")
	g.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of} })
	g.expect("Your account has two-step verification, and this bridge takes no passwords in rooms, so I ended the login.")
	g.deleted(g.says("open sesame")) // sent before the bot's answer was read
	g.expect("The login had ended when your message came, so I did not use it and delete it.")
	h.restartWith(func(c *Config) { c.NoRoom = true })
	g.says("login +44 7911 123456")
	g.expect("Whoever runs this bridge has turned off logging in.")
	h.restartWith(func(*Config) {})
	if n := g.count("login_started"); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

// testResendOffer: the user is told when Telegram sends another code.
func testResendOffer(t *testing.T, h *house) {
	g := h.host(t, "rosa")
	g.says("login +44 7911 123456")
	g.expect("Let's connect")
	at := time.Now().Add(1500 * time.Millisecond)
	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp, Length: 5, Next: events.RouteSMS, NextAt: at}
	})
	g.expect("Telegram has sent a code", "If no code has come: type `resend` for a code by SMS. The one that is on its way is good still.")
	g.says("resend")
	g.awaitStep(events.StepResendingCode)
	g.says("cancel")
	g.expect("The login is cancelled.")
	if n := g.count("resend_offered"); n != 1 {
		t.Errorf("offered %d times", n)
	}
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
	g.expect("Telegram has banned this phone number, so the login has ended. You can write to Telegram's support about it; with another number, type `login`.")
	g.silent()
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
	g.deleted(g.says("correct horse")) // typed as the user changed their mind
	g.expect("The login had ended when your message came, so I did not use it and delete it.")
	g.silent()
}
