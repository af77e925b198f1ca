package telegram

import (
	"testing"
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
)

const alicePhone = "15550100"

func withAlice(t *testing.T, password string) (*house, *person, telegramtest.UserID) {
	t.Helper()
	h := newHouse(t, telegramtest.Options{})
	alice := h.server.AddUser(telegramtest.UserSpec{Phone: alicePhone, FirstName: "Alice", Username: "alice", Code: "12345", Password: password, Hint: "cave"})
	return h, h.person("@alice:test"), alice
}

// secretsGone checks that nothing of the attempt is left in the vault.
func secretsGone(t testing.TB, h *house, id events.AttemptID) {
	t.Helper()
	for _, name := range []string{vault.Phone, vault.Code, vault.Password, vault.CodeHash, vault.Session, vault.Hint, vault.BotToken, vault.Name, vault.Terms, vault.QRToken, vault.QRMoved} {
		h.awaitGone(id, name)
	}
}

func TestLoginWithPassword(t *testing.T) {
	t.Parallel()
	h, p, alice := withAlice(t, "open sesame")
	p.begin()
	p.phone("+15550100")
	sent := await[*events.CodeSent](h, 1, nil).Fact.(*events.CodeSent)
	if sent.Route != events.RouteSMS || sent.Length != 5 {
		t.Errorf("code sent: %+v", sent)
	}
	p.code("99999")
	wrong := await[*events.CodeRejected](h, 1, nil).Fact.(*events.CodeRejected)
	if wrong.Reason != events.BadCode || wrong.Next != events.StepCode {
		t.Errorf("wrong code: %+v", wrong)
	}
	p.code("12345")
	if need := await[*events.PasswordRequired](h, 1, nil).Fact.(*events.PasswordRequired); !need.HasHint {
		t.Error("the hint is not told of")
	}
	p.password("open barley")
	bad := await[*events.PasswordRejected](h, 1, nil).Fact.(*events.PasswordRejected)
	if bad.Reason != events.BadPassword || bad.Next != events.StepPassword {
		t.Errorf("wrong password: %+v", bad)
	}
	p.password("open sesame")
	in := await[*events.LoginSucceeded](h, 1, nil).Fact.(*events.LoginSucceeded)
	if in.Sealed.TelegramID != int64(alice) || in.Sealed.Name != "Alice" || len(in.Factors) != 2 {
		t.Errorf("login: %+v", in)
	}
	await[*events.ChatsListed](h, 1, nil)
	secretsGone(t, h, p.attempt)
	if n := len(h.server.Sessions(alice)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestLoginSurvivesRestartsBetweenSteps(t *testing.T) {
	t.Parallel()
	h, p, alice := withAlice(t, "open sesame")
	p.begin()
	h.restart()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	h.restart()
	p.code("12345")
	await[*events.PasswordRequired](h, 1, nil)
	h.restart()
	p.password("open sesame")
	await[*events.LoginSucceeded](h, 1, nil)
	h.restart()
	await[*events.ChatsListed](h, 1, nil)
	secretsGone(t, h, p.attempt)
	if n := len(h.server.Sessions(alice)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// The answer is lost, after the effect or before it: the step is taken once.
func TestLoginStepsFailedButDone(t *testing.T) {
	for _, drop := range []telegramtest.Drop{telegramtest.DropBefore, telegramtest.DropAfter} {
		for _, method := range []string{"auth.sendCode", "auth.signIn", "auth.checkPassword"} {
			t.Run(method+map[telegramtest.Drop]string{telegramtest.DropBefore: " before", telegramtest.DropAfter: " after"}[drop], func(t *testing.T) {
				t.Parallel()
				h, p, alice := withAlice(t, "open sesame")
				_, hits := h.server.Inject(telegramtest.Fault{Method: method, Times: 1, Drop: drop})
				p.begin()
				p.phone(alicePhone)
				await[*events.CodeSent](h, 1, nil)
				p.code("12345")
				await[*events.PasswordRequired](h, 1, nil)
				p.password("open sesame")
				await[*events.LoginSucceeded](h, 1, nil)
				await[*events.ChatsListed](h, 1, nil)
				if hits() != 1 || len(h.server.Sessions(alice)) != 1 || count[*events.CodeRejected](h, nil)+count[*events.PasswordRejected](h, nil) != 0 {
					t.Errorf("hits %d, sessions %d, log %v", hits(), len(h.server.Sessions(alice)), h.names())
				}
			})
		}
	}
}

// The process dies while Telegram is being asked, and its question was heard.
func TestLoginKilledInTheMiddleOfAStep(t *testing.T) {
	for _, method := range []string{"auth.sendCode", "auth.signIn", "auth.checkPassword"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			h, p, alice := withAlice(t, "open sesame")
			// The answer is lost and what is asked next is not answered for long:
			// the step is stuck in the middle until the crash.
			h.server.Inject(telegramtest.Fault{Method: method, Times: 1, Drop: telegramtest.DropAfter})
			stuck, _ := h.server.Inject(telegramtest.Fault{Method: "users.getUsers", Delay: time.Minute})
			again, _ := h.server.Inject(telegramtest.Fault{Method: method, Skip: 0, Delay: time.Minute})
			p.begin()
			p.phone(alicePhone)
			kill := func() {
				must(t, h.server.WaitAnswer(h.ctx, method, 1))
				h.crash()
				stuck()
				again()
				h.open()
			}
			if method == "auth.sendCode" {
				kill()
			}
			await[*events.CodeSent](h, 1, nil)
			p.code("12345")
			if method == "auth.signIn" {
				kill()
			}
			await[*events.PasswordRequired](h, 1, nil)
			p.password("open sesame")
			if method == "auth.checkPassword" {
				kill()
			}
			await[*events.LoginSucceeded](h, 1, nil)
			await[*events.ChatsListed](h, 1, nil)
			if n := len(h.server.Sessions(alice)); n != 1 {
				t.Errorf("%d sessions", n)
			}
		})
	}
}

func TestTooManyTries(t *testing.T) {
	t.Parallel()
	h, p, _ := withAlice(t, "")
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	for i := range 3 {
		p.code("9999" + string(rune('0'+i)))
		if i < 2 {
			await[*events.CodeRejected](h, i+1, nil)
		}
	}
	failed := await[*events.LoginFailed](h, 1, nil).Fact.(*events.LoginFailed)
	if failed.Reason != events.FailedTooManyTries {
		t.Errorf("%+v", failed)
	}
	secretsGone(t, h, p.attempt)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	h, p, _ := withAlice(t, "")
	p.begin()
	p.phone("12")
	if f := await[*events.PhoneRejected](h, 1, nil).Fact.(*events.PhoneRejected); f.Reason != events.BadPhone || f.Error != "PHONE_NUMBER_INVALID" {
		t.Errorf("%+v", f)
	}
	h.server.FloodWait("auth.sendCode", 600, 1)
	p.phone(alicePhone)
	f := await[*events.PhoneRejected](h, 2, nil).Fact.(*events.PhoneRejected)
	if f.Reason != events.FloodWait || f.Next != events.StepPhone || time.Until(f.RetryAt) < 9*time.Minute {
		t.Errorf("%+v", f)
	}
	h.server.Inject(telegramtest.Fault{Method: "auth.sendCode", Times: 1, Err: tgerr.New(400, "BRAND_NEW_ERROR")})
	p.phone(alicePhone)
	if f := await[*events.PhoneRejected](h, 3, nil).Fact.(*events.PhoneRejected); f.Reason != events.TelegramError || f.Error != "BRAND_NEW_ERROR" {
		t.Errorf("%+v", f)
	}
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	h.server.ExpireCodes(alicePhone)
	p.code("12345")
	if f := await[*events.CodeRejected](h, 1, nil).Fact.(*events.CodeRejected); f.Reason != events.CodeExpired || f.Next != events.StepPhone {
		t.Errorf("%+v", f)
	}
	// Nobody has this number.
	h.server.SetCodeRoutes("", telegramtest.ViaSMS)
	p.phone("15559999")
	await[*events.CodeSent](h, 2, nil)
	code, _ := h.server.LastCode("15559999")
	p.code(code)
	end := await[*events.LoginFailed](h, 1, nil).Fact.(*events.LoginFailed)
	if end.Reason != events.FailedRefused || end.Error != "PHONE_NUMBER_UNOCCUPIED" {
		t.Errorf("%+v", end)
	}
}

func TestMissingSecretEndsTheAttempt(t *testing.T) {
	h, p, _ := withAlice(t, "")
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	must(t, h.vault.DropAttempt(h.ctx, p.attempt, vault.CodeHash))
	p.code("12345")
	if f := await[*events.LoginFailed](h, 1, nil).Fact.(*events.LoginFailed); f.Reason != events.FailedSecretsGone {
		t.Errorf("%+v", f)
	}
}

func TestUnreachableThenBack(t *testing.T) {
	t.Parallel()
	h, p, _ := withAlice(t, "")
	h.server.Pause()
	p.begin()
	p.phone(alicePhone)
	await[*events.StepDelayed](h, 1, nil)
	must(t, h.server.Resume())
	h.journal.WorldIsBack()
	await[*events.CodeSent](h, 1, nil)
	if n := count[*events.StepDelayed](h, nil); n != 1 {
		t.Errorf("told %d times of the delay", n)
	}
}

func TestCancelTakesBackTheCode(t *testing.T) {
	h, p, _ := withAlice(t, "")
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	p.do(login.Cancel{})
	must(t, h.server.WaitAnswer(h.ctx, "auth.cancelCode", 1))
	secretsGone(t, h, p.attempt)
}

func TestNewHolderDisplacesTheOld(t *testing.T) {
	t.Parallel()
	h, p, alice := withAlice(t, "")
	_, old := h.member("@first:test", alice)
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	p.code("12345")
	in := await(h, 1, func(f *events.LoginSucceeded) bool { return f.Attempt == p.attempt })
	end := await[*events.SessionEnded](h, 1, nil)
	f := end.Fact.(*events.SessionEnded)
	if f.Login != old || f.Cause != events.EndedByDisplacing || f.Evidence != string(in.ID) || !f.Remote {
		t.Errorf("%+v", f)
	}
	must(t, h.server.Await(h.ctx, func() bool { return len(h.server.Sessions(alice)) == 1 }))
	await[*events.ChatsListed](h, 2, nil)
	if n := count[*events.SessionEnded](h, nil); n != 1 {
		t.Errorf("%d ends", n)
	}
}

// The number has its home in another data centre: the key changes in the middle.
func TestLoginInAnotherDataCentre(t *testing.T) {
	t.Parallel()
	h := newHouse(t, telegramtest.Options{DCs: 2})
	h.cfg.DCList.Options = h.cfg.DCList.Options[:1] // where the other is, only Telegram says
	h.restart()
	alice := h.server.AddUser(telegramtest.UserSpec{Phone: alicePhone, FirstName: "Alice", Code: "12345", DC: 4})
	p := h.person("@alice:test")
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	h.restart()
	p.code("12345")
	await[*events.LoginSucceeded](h, 1, nil)
	await[*events.ChatsListed](h, 1, nil)
	h.restart()
	must(t, h.server.Await(h.ctx, func() bool { return h.server.Listening(alice) > 0 }))
	if n := len(h.server.Sessions(alice)); n != 1 || count[*events.CodeRejected](h, nil) != 0 {
		t.Errorf("%d sessions, log %v", n, h.names())
	}
}
