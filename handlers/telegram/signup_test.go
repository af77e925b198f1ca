package telegram

import (
	"slices"
	"testing"
	"time"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
)

// freePhone is a number without an account.
const freePhone = "15550177"

// terms are what the simulated Telegram wants to be accepted.
var terms = telegramtest.Terms{ID: `{"terms":1}`, Text: "No 🐌 spam, please. Read more.", Links: []telegramtest.Link{{Offset: 20, Length: 9, URL: "https://telegram.org/tos"}}, MinAge: 16}

// register begins to make an account; the name may come with the number.
func (p *person) register(number, name string) {
	p.h.t.Helper()
	p.attempt = events.NewAttemptID()
	p.do(login.Start{Attempt: p.attempt, User: p.id, Room: "!room:test", Deadline: time.Now().Add(10 * time.Minute), MaxLogins: 5, Method: events.MethodRegister})
	must(p.h.t, p.h.vault.PutAttempt(p.h.ctx, p.attempt, vault.Phone, vault.Secret(number), 10*time.Minute))
	if name != "" {
		must(p.h.t, p.h.vault.PutAttempt(p.h.ctx, p.attempt, vault.Name, vault.Secret(name), 10*time.Minute))
	}
	p.do(login.Submit{Attempt: p.attempt, Step: events.StepPhone, Readable: true, Masked: "+1 ••• 0177", Named: name != ""})
}

// sentTo gives the code that was sent to a number.
func (p *person) sentTo(number string) {
	p.h.t.Helper()
	await[*events.CodeSent](p.h, 1, nil)
	code, ok := p.h.server.LastCode(number)
	if !ok {
		p.h.t.Fatal("no code was sent")
	}
	p.code(code)
}

func (p *person) agree(step events.Step) {
	p.h.t.Helper()
	p.do(login.Submit{Attempt: p.attempt, Step: step, Readable: true})
}

// isRegistered checks the end of a registration.
func (p *person) isRegistered(name string) *events.LoginSucceeded {
	h := p.h
	h.t.Helper()
	in := await[*events.LoginSucceeded](h, 1, nil).Fact.(*events.LoginSucceeded)
	if in.Method != events.MethodRegister || in.Sealed.Name != name || in.Sealed.Masked == "" || !slices.Equal(in.Factors, []string{events.FactorCode}) {
		h.t.Errorf("%+v", in)
	}
	await[*events.ChatsListed](h, 1, nil)
	secretsGone(h.t.(*testing.T), h, p.attempt)
	if n := len(h.server.Sessions(telegramtest.UserID(in.Sealed.TelegramID))); n != 1 {
		h.t.Errorf("%d sessions", n)
	}
	return in
}

// A restart stands between any two steps.
func TestRegister(t *testing.T) {
	for _, c := range []struct {
		name         string
		terms, named bool
	}{{"with terms and the name at once", true, true}, {"with terms", true, false}, {"with the name at once", false, true}, {"plain", false, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, telegramtest.Options{})
			if c.terms {
				h.server.SetTerms(terms)
			}
			p, name := h.person("@alice:test"), ""
			if c.named {
				name = "Alice\nLiddell"
			}
			p.register(freePhone, name)
			await[*events.CodeSent](h, 1, nil)
			h.restart()
			p.sentTo(freePhone)
			need := await[*events.SignupRequired](h, 1, nil).Fact.(*events.SignupRequired)
			if c.terms {
				if need.Terms != "No 🐌 spam, please. Read more (https://telegram.org/tos)." || need.MinAge != 16 || need.Next != events.StepTerms {
					t.Errorf("%+v", need)
				}
				h.restart()
				p.agree(events.StepTerms)
			}
			if !c.named {
				h.restart()
				p.answer(events.StepName, vault.Name, "Alice\nLiddell")
			}
			in := p.isRegistered("Alice Liddell")
			if got := h.server.TermsAccepted(telegramtest.UserID(in.Sealed.TelegramID)); got != c.terms {
				t.Errorf("terms accepted: %v", got)
			}
		})
	}
}

// Answers are lost, before the effect and after it: one account, one login.
func TestRegisterFailedButDone(t *testing.T) {
	for _, drop := range []telegramtest.Drop{telegramtest.DropBefore, telegramtest.DropAfter} {
		for _, method := range []string{"auth.signIn", "auth.signUp", "help.acceptTermsOfService"} {
			t.Run(method+map[telegramtest.Drop]string{telegramtest.DropBefore: " before", telegramtest.DropAfter: " after"}[drop], func(t *testing.T) {
				t.Parallel()
				h := newHouse(t, telegramtest.Options{})
				h.server.SetTerms(terms)
				_, hits := h.server.Inject(telegramtest.Fault{Method: method, Times: 1, Drop: drop})
				p := h.person("@alice:test")
				p.register(freePhone, "Alice")
				p.sentTo(freePhone)
				await[*events.SignupRequired](h, 1, nil)
				p.agree(events.StepTerms)
				p.isRegistered("Alice")
				if hits() != 1 || count[*events.SignupRejected](h, nil)+count[*events.SignupRequired](h, nil) != 1 {
					t.Errorf("%d hits, log %v", hits(), h.names())
				}
			})
		}
	}
}

// The process dies while Telegram makes the account.
func TestRegisterKilledWhileSigningUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t, telegramtest.Options{})
	h.server.Inject(telegramtest.Fault{Method: "auth.signUp", Times: 1, Drop: telegramtest.DropAfter})
	stuck, _ := h.server.Inject(telegramtest.Fault{Method: "users.getUsers", Delay: time.Minute})
	again, _ := h.server.Inject(telegramtest.Fault{Method: "auth.signUp", Delay: time.Minute})
	p := h.person("@alice:test")
	p.register(freePhone, "Alice")
	p.sentTo(freePhone)
	must(t, h.server.WaitAnswer(h.ctx, "auth.signUp", 1))
	h.crash()
	stuck()
	again()
	h.open()
	p.isRegistered("Alice")
	if count[*events.SignupRejected](h, nil) != 0 {
		t.Errorf("log %v", h.names())
	}
}

// The number has an account: nothing comes of it before the user has said so.
func TestRegisterOfANumberThatIsTaken(t *testing.T) {
	for _, c := range []struct {
		name, password string
		yes            bool
	}{{"yes", "", true}, {"no", "", false}, {"yes, with password", "open sesame", true}, {"no, with password", "open sesame", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, p, alice := withAlice(t, c.password)
			p.register(alicePhone, "Somebody\nElse")
			p.sentTo(alicePhone)
			taken := await[*events.NumberTaken](h, 1, nil).Fact.(*events.NumberTaken)
			if taken.Password != (c.password != "") || (taken.Sealed.Name == "Alice") == taken.Password || taken.Factor != events.FactorCode {
				t.Errorf("%+v", taken)
			}
			h.awaitGone(p.attempt, vault.Code)
			h.restart()
			if count[*events.LoginSucceeded](h, nil) != 0 {
				t.Fatal("logged in without being asked")
			}
			if !c.yes {
				p.do(login.Cancel{})
				f := await[*events.LoginFailed](h, 1, nil).Fact.(*events.LoginFailed)
				if f.Step != events.StepConfirm || f.Reason != events.FailedCancelled || f.Method != events.MethodRegister {
					t.Errorf("%+v", f)
				}
				secretsGone(t, h, p.attempt)
				if n := len(h.server.Sessions(alice)); n != 0 {
					t.Errorf("%d sessions are left", n)
				}
				return
			}
			p.agree(events.StepConfirm)
			factors := []string{events.FactorCode}
			if c.password != "" {
				h.restart()
				p.password("open barley")
				await[*events.PasswordRejected](h, 1, nil)
				p.password(c.password)
				factors = append(factors, events.FactorPassword)
			}
			in := await[*events.LoginSucceeded](h, 1, nil).Fact.(*events.LoginSucceeded)
			if in.Method != events.MethodPhone || in.Sealed.Name != "Alice" || !slices.Equal(in.Factors, factors) {
				t.Errorf("%+v", in)
			}
			await[*events.ChatsListed](h, 1, nil)
			secretsGone(t, h, p.attempt)
			if n := len(h.server.Sessions(alice)); n != 1 {
				t.Errorf("%d sessions", n)
			}
		})
	}
}

// The answers on the way to a taken number are lost.
func TestRegisterOfATakenNumberFailedButDone(t *testing.T) {
	for _, method := range []string{"auth.signIn", "users.getUsers"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			h, p, alice := withAlice(t, "")
			h.server.Inject(telegramtest.Fault{Method: method, Times: 1, Drop: telegramtest.DropAfter})
			p.register(alicePhone, "Alice")
			p.sentTo(alicePhone)
			await[*events.NumberTaken](h, 1, nil)
			p.agree(events.StepConfirm)
			await[*events.LoginSucceeded](h, 1, nil)
			await[*events.ChatsListed](h, 1, nil)
			if n := len(h.server.Sessions(alice)); n != 1 || count[*events.NumberTaken](h, nil) != 1 {
				t.Errorf("%d sessions, log %v", n, h.names())
			}
		})
	}
}

// A session that is ended at Telegram while the user thinks it over begins anew.
func TestRegisterConfirmedTooLate(t *testing.T) {
	t.Parallel()
	h, p, alice := withAlice(t, "")
	p.register(alicePhone, "Alice")
	p.sentTo(alicePhone)
	await[*events.NumberTaken](h, 1, nil)
	h.server.RevokeAll(alice, "")
	p.agree(events.StepConfirm)
	f := await[*events.SignupRejected](h, 1, nil).Fact.(*events.SignupRejected)
	if f.Reason != events.SessionLost || f.Next != events.StepPhone {
		t.Errorf("%+v", f)
	}
	p.phone(alicePhone)
	await[*events.CodeSent](h, 2, nil)
	p.code("12345")
	await[*events.LoginSucceeded](h, 1, nil)
}

// Cancelled at any step, nothing is left: no session, no code, no secret.
func TestRegisterCancelled(t *testing.T) {
	for _, step := range []events.Step{events.StepCode, events.StepTerms, events.StepName} {
		t.Run(string(step), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, telegramtest.Options{})
			if step == events.StepTerms {
				h.server.SetTerms(terms)
			}
			p := h.person("@alice:test")
			p.register(freePhone, "")
			await[*events.CodeSent](h, 1, nil)
			if step != events.StepCode {
				p.sentTo(freePhone)
				await[*events.SignupRequired](h, 1, nil)
			}
			p.do(login.Cancel{})
			if f := await[*events.LoginFailed](h, 1, nil).Fact.(*events.LoginFailed); f.Step != step {
				t.Errorf("%+v", f)
			}
			secretsGone(t, h, p.attempt)
			if _, ok := h.server.LastCode(freePhone); ok {
				t.Error("the code is not taken back")
			}
		})
	}
}

// A wrong code, a name that Telegram does not take, a flood wait: it goes on.
func TestRegisterWrongOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, telegramtest.Options{})
	p := h.person("@alice:test")
	p.register(freePhone, "Nobody")
	await[*events.CodeSent](h, 1, nil)
	p.code("0000000")
	await[*events.CodeRejected](h, 1, nil)
	h.server.Inject(telegramtest.Fault{Method: "auth.signUp", Times: 1, Err: tgerr.New(400, "FIRSTNAME_INVALID")})
	p.sentTo(freePhone)
	if f := await[*events.SignupRejected](h, 1, nil).Fact.(*events.SignupRejected); f.Reason != events.BadName || f.Next != events.StepName {
		t.Errorf("%+v", f)
	}
	h.server.FloodWait("auth.signUp", 1, 1)
	p.answer(events.StepName, vault.Name, "Alice")
	if f := await[*events.SignupRejected](h, 2, nil).Fact.(*events.SignupRejected); f.Reason != events.FloodWait || f.RetryAt.IsZero() || f.Next != events.StepName {
		t.Errorf("%+v", f)
	}
	p.answer(events.StepName, vault.Name, "Alice")
	p.isRegistered("Alice")
}

// A plain login to a number without an account ends, and makes none.
func TestLoginWithANumberWithoutAnAccount(t *testing.T) {
	t.Parallel()
	h := newHouse(t, telegramtest.Options{})
	p := h.person("@alice:test")
	p.begin()
	p.phone(freePhone)
	p.sentTo(freePhone)
	if f := await[*events.LoginFailed](h, 1, nil).Fact.(*events.LoginFailed); f.Refusal != events.PhoneUnknown || f.Reason != events.FailedRefused {
		t.Errorf("%+v", f)
	}
	secretsGone(t, h, p.attempt)
	if calls := h.server.Calls("auth.signUp"); calls != 0 {
		t.Errorf("signed up %d times", calls)
	}
}

func TestLegible(t *testing.T) {
	link := func(offset, length int) tg.MessageEntityClass {
		return &tg.MessageEntityTextURL{Offset: offset, Length: length, URL: "u"}
	}
	for _, c := range []struct {
		entities []tg.MessageEntityClass
		want     string
	}{
		{nil, "a🐌b c"},
		{[]tg.MessageEntityClass{link(3, 1)}, "a🐌b (u) c"},
		{[]tg.MessageEntityClass{&tg.MessageEntityBold{Length: 3}, link(0, 1), link(5, 1)}, "a (u)🐌b c (u)"},
		{[]tg.MessageEntityClass{link(4, 9), link(-1, 2), link(0, -1)}, "a🐌b c"},
		{[]tg.MessageEntityClass{link(0, 3), link(1, 1)}, "a🐌 (u)b c"},
	} {
		if got := legible("a🐌b c", c.entities); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Telegram says of a right code, as it once did, that the number is free, and
// then has a doubt of the code: it is asked for again, the name is not.
func TestRegisterWithADoubtOfTheCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t, telegramtest.Options{})
	h.server.Inject(telegramtest.Fault{Method: "auth.signIn", Times: 1, Err: tgerr.New(400, "PHONE_NUMBER_UNOCCUPIED")})
	p := h.person("@alice:test")
	p.register(freePhone, "Alice")
	p.sentTo(freePhone)
	if f := await[*events.SignupRejected](h, 1, nil).Fact.(*events.SignupRejected); f.Reason != events.BadCode || f.Next != events.StepCode {
		t.Errorf("%+v", f)
	}
	p.sentTo(freePhone)
	await[*events.SignupRequired](h, 2, nil)
	p.isRegistered("Alice")
}
