package management

import (
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

func testRegister(t *testing.T, h *house) {
	g := h.host(t, "gwen")
	g.says("register")
	g.expect("Let's make you a Telegram account. You have 10 min.")
	odd := g.says("Alice Liddell")
	g.expect("I can't read this as a phone number. Please send me the phone number for it")
	number := g.says("+44 7911 123456 van Beethoven, Ludwig")
	u := g.awaitStep(events.StepRequestingCode)
	g.holds(u.Attempt.ID, vault.Phone, "+447911123456")
	g.holds(u.Attempt.ID, vault.Name, "Ludwig\nvan Beethoven")
	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteSMS, Length: 5}
	})
	g.expect("Telegram has sent you a code by SMS.")
	code := g.says("54321")
	g.awaitStep(events.StepCheckingCode)
	g.telegram(func(of events.EventID) login.Command {
		return login.NeedSignUp{Of: of, Terms: "Be nice.\nOr <else>.", MinAge: 16}
	})
	g.expect("The code is right, and the number has no Telegram account yet. Telegram wants you to accept its terms of service first:\n\nBe nice.\nOr <else>.\n\n" +
		"You must be at least 16 years old; with `accept` you confirm that you are. Type `accept` if you accept Telegram's terms of service, or `cancel`")
	g.says("why?")
	g.expect("I did not understand that. Type `accept`")
	g.says("login")
	g.expect("A registration with +44 ••••• ••3456 is under way since ")
	again := g.says("register +44 7911 123457 Alice")
	g.expect("A registration with +44 ••••• ••3456 is under way since ")
	g.says("I agree")
	g.awaitStep(events.StepSigningUp)
	g.telegram(func(of events.EventID) login.Command {
		return login.Refuse{Of: of, Reason: events.BadName, Error: "FIRSTNAME_INVALID", Next: events.StepName, MaxTries: 5}
	})
	g.expect("Telegram does not take this as a name. Please send me the name for the account")
	third := g.says("register +44 7911 123457 Alice")
	g.expect("A registration with +44 ••••• ••3456 is under way since ")
	fourth := g.says("+44 7911 123457")
	g.expect("I can't read this as a name. Please send me the name for the account")
	g.says("Ping Li")
	g.holds(g.awaitStep(events.StepSigningUp).Attempt.ID, vault.Name, "Ping\nLi")
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l-gwen", Account: "acc-gwen", Who: events.AccountFacts{TelegramID: 21, Name: "Ping Li"}}
	})
	g.expect("Registered: you have a Telegram account now, and are logged in as Ping Li (+44 ••••• ••3456).")
	for _, message := range []id.EventID{odd, number, code, again, third, fourth} {
		g.deleted(message)
	}
	names, _ := g.history()
	if want := []string{
		"bot_invited", "management_room_opened", "login_started", "input_refused", "phone_submitted", "code_sent", "code_submitted", "signup_required",
		"input_refused", "command_refused", "command_refused", "terms_accepted", "signup_rejected", "command_refused", "input_refused", "name_submitted", "login_succeeded",
	}; !slices.Equal(slices.DeleteFunc(names, func(n string) bool { return n == "secret_redacted" }), want) {
		t.Errorf("the log says %v", names)
	}
	if n := g.count("secret_redacted"); n != 6 {
		t.Errorf("%d messages redacted", n)
	}
	g.vaultDrops(u.Attempt.ID)
	g.logHasNot("7911", "54321", "Beethoven", "Ludwig", "Ping")
}

func testRegisterTaken(t *testing.T, h *house) {
	g := h.host(t, "hugo")
	g.says("register Alice Liddell")
	g.expect("Let's make you a Telegram account.", "Thank you, I have the name. Please send me the phone number")
	g.says("cancel")
	g.expect("The registration is cancelled. Type `register` to begin again")
	number := g.says("register +44 (0)7911 123-456 Alice Liddell")
	g.expect("Let's make you a Telegram account.")
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	g.expect("Telegram has sent a code")
	g.says("12345")
	g.awaitStep(events.StepCheckingCode)
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l-hugo", Account: "acc-hugo", Who: events.AccountFacts{TelegramID: 22, Name: "Hugo"}}
	})
	g.expect("The code is right, but this number has a Telegram account already, Hugo (+44 ••••• ••3456), so there is nothing to make. " +
		"I have not connected it. Type `yes` if I am to log you in")
	g.says("No!")
	g.expect("The registration is cancelled.")

	g.says("register +44 7911 123456 Alice")
	g.expect("Let's make you a Telegram account.")
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	g.expect("Telegram has sent a code")
	g.says("12345")
	g.awaitStep(events.StepCheckingCode)
	g.telegram(func(of events.EventID) login.Command { return login.NeedPassword{Of: of} })
	g.expect("The code is right, but this number has a Telegram account already, with two-step verification, so there is nothing to make. Type `yes`")
	check(t, h.vault.PutAttempt(within(t), g.await("an attempt", func(u projections.User) bool { return u.Attempt != nil }).Attempt.ID, vault.Hint, vault.Secret("the cave"), time.Minute))
	g.says("Yes")
	g.expect("The account has two-step verification. Please send me your two-step verification password; I delete your message at once. " +
		"Whatever you send now is taken as the password, only `cancel` ends the login. Your hint for the password: “the cave”.")
	g.says("open sesame")
	g.awaitStep(events.StepCheckingPassword)
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: "l-hugo", Account: "acc-hugo", Who: events.AccountFacts{TelegramID: 22, Name: "Hugo"}}
	})
	g.expect("Logged in as Hugo (+44 ••••• ••3456). I am looking up your chats now.")
	full := g.says("register +44 7911 123458 Alice")
	g.expect("You are logged in already, as Hugo")
	g.deleted(number)
	g.deleted(full)
	g.logHasNot("7911", "Liddell", "Hugo")
}
