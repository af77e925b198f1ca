package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gotd/td/tgerr"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

const newPhone = "+447700900199"

// code is the code that Telegram sent to a number.
func (w *world) code(phone string) string {
	w.t.Helper()
	code, err := w.tg.WaitCode(w.ctx(time.Minute), phone)
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// TestRegister makes a Telegram account from the room, with the bridge killed
// between the steps; then the same number is tried again.
func TestRegister(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.tg.SetTerms(telegramtest.Terms{ID: `{"v":7}`, Text: "Do not send spam.", MinAge: 16})
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	w.run()
	room := w.openRoom(w.alice)

	// A login with a number that nobody has makes no account.
	secrets := []id.EventID{w.say(w.alice, room, "login "+newPhone)}
	w.hear(w.alice, room, "send me the code")
	w.ask(w.alice, room, w.code(newPhone), "To make one here, type `register`")
	// Telegram may not want to.
	cancel, _ := w.tg.Inject(telegramtest.Fault{Method: "auth.sendCode", Err: tgerr.New(400, "PHONE_NUMBER_APP_SIGNUP_FORBIDDEN")})
	secrets = append(secrets, w.say(w.alice, room, "register "+newPhone+" Wilhelmina van der Tester"))
	w.hear(w.alice, room, "Make the account in an official Telegram app")
	cancel()

	secrets = append(secrets, w.say(w.alice, room, "register +44 7700 900199 van der Tester, Wilhelmina"))
	w.hear(w.alice, room, "send me the code")
	w.kill()
	w.run()
	secrets = append(secrets, w.say(w.alice, room, "000000"))
	w.hear(w.alice, room, "not the code")
	code := w.code(newPhone)
	secrets = append(secrets, w.say(w.alice, room, code))
	told := w.hear(w.alice, room, "terms of service")
	if !strings.Contains(told, "Do not send spam.") || !strings.Contains(told, "16 years") {
		t.Errorf("%q", told)
	}
	w.kill()
	w.run()
	w.ask(w.alice, room, "accept", "Registered")
	w.untilRedacted(w.alice, room, secrets)
	w.hear(w.alice, room, "no groups")
	list := w.ask(w.alice, room, "logins", "Your Telegram accounts")
	if !strings.Contains(list, "1. Wilhelmina van der Tester (+44 ••••• ••0199)") {
		t.Errorf("%q", list)
	}

	// The account is bridged as any other.
	in := w.succeeded()
	mina := telegramtest.UserID(in[0].Sealed.TelegramID)
	if len(in) != 1 || in[0].Method != events.MethodRegister || !w.tg.TermsAccepted(mina) {
		t.Errorf("%+v", in)
	}
	chess := w.tg.AddSupergroup("Chess", bob, mina)
	w.tg.Say(bob, chess, "welcome")
	rooms := w.joinPortals(w.alice, 1)
	w.see(w.alice, rooms["Chess"], "welcome")
	w.ask(w.alice, room, "logout", "You are logged out")

	// Now the number is taken.
	w.ask(w.alice, room, "register "+newPhone, "send me the code")
	w.ask(w.alice, room, w.code(newPhone), "has a Telegram account already, Wilhelmina van der Tester")
	w.ask(w.alice, room, "no", "The registration is cancelled")
	if err := w.tg.Await(w.ctx(time.Minute), func() bool { return len(w.tg.Sessions(mina)) == 0 }); err != nil {
		t.Error("the session is left at Telegram")
	}
	w.ask(w.alice, room, "register "+newPhone+" Mina", "send me the code")
	w.ask(w.alice, room, w.code(newPhone), "has a Telegram account already, Wilhelmina van der Tester")
	w.kill()
	w.run()
	w.ask(w.alice, room, "yes", "Logged in as Wilhelmina van der Tester")
	if in := w.succeeded(); len(in) != 2 || in[1].Method != events.MethodPhone || len(w.tg.Sessions(mina)) != 1 {
		t.Errorf("%+v", in)
	}
	w.registrationInLog(t)
	if out := w.natsgram("replay", "--config", w.config, "--verify"); !strings.Contains(out, "agree") {
		t.Fatalf("replay --verify says %s", out)
	}
	w.stop()
	w.grepAll(t, []string{"447700900199", "7700 900199", "Wilhelmina", "van der Tester", "@alice:"})
}

// succeeded are the logins in the log.
func (w *world) succeeded() (all []*events.LoginSucceeded) {
	w.t.Helper()
	for _, e := range w.events(events.Auth) {
		if f, ok := e.Fact.(*events.LoginSucceeded); ok {
			all = append(all, f)
		}
	}
	return all
}

// registrationInLog holds the log against what happened.
func (w *world) registrationInLog(t *testing.T) {
	t.Helper()
	want := []string{
		"login_started", "phone_submitted", "code_sent", "code_submitted", "login_failed",
		"login_started", "phone_submitted", "login_failed",
		"login_started", "phone_submitted", "code_sent", "code_submitted", "code_rejected", "code_submitted",
		"signup_required", "terms_accepted", "login_succeeded",
		"login_started", "phone_submitted", "code_sent", "code_submitted", "number_taken", "login_failed",
		"login_started", "phone_submitted", "code_sent", "code_submitted", "number_taken", "login_confirmed", "login_succeeded",
	}
	got := slices.DeleteFunc(names(w.events(events.Auth)), func(n string) bool { return !slices.Contains(want, n) })
	if !slices.Equal(got, want) {
		t.Errorf("the log has\n%v\nwant\n%v", got, want)
	}
	if dead, err := w.deadLetters(); err != nil || dead != 0 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
}
