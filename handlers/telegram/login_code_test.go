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

// Every way by which Telegram sends a code, as the log tells of it.
func TestOnItsWay(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	word, phrase := &tg.AuthSentCodeTypeSMSWord{}, &tg.AuthSentCodeTypeSMSPhrase{}
	word.SetBeginning("ba")
	phrase.SetBeginning("green")
	for _, c := range []struct {
		sent      tg.AuthSentCode
		want      login.CodeIsOnItsWay
		beginning string
	}{
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeApp{Length: 5}, NextType: &tg.AuthCodeTypeSMS{}, Timeout: 60},
			login.CodeIsOnItsWay{Route: events.RouteApp, Length: 5, Next: events.RouteSMS, NextAt: now.Add(time.Minute)}, ""},
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeSMS{Length: 6}, NextType: &tg.AuthCodeTypeCall{}},
			login.CodeIsOnItsWay{Route: events.RouteSMS, Length: 6, Next: events.RouteCall}, ""},
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeFirebaseSMS{Length: 6}, Timeout: 60}, login.CodeIsOnItsWay{Route: events.RouteSMS, Length: 6}, ""},
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeCall{Length: 5}, NextType: &tg.AuthCodeTypeFlashCall{}},
			login.CodeIsOnItsWay{Route: events.RouteCall, Length: 5, Next: events.RouteFlashCall}, ""},
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeFlashCall{Pattern: "+999*1*"}, NextType: &tg.AuthCodeTypeMissedCall{}},
			login.CodeIsOnItsWay{Route: events.RouteFlashCall, Next: events.RouteMissedCall, What: events.CodeFacts{Pattern: "+999*1*"}}, ""},
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeMissedCall{Prefix: "99966", Length: 6}, NextType: &tg.AuthCodeTypeFragmentSMS{}},
			login.CodeIsOnItsWay{Route: events.RouteMissedCall, Length: 6, Next: events.RouteFragment, What: events.CodeFacts{Pattern: "99966"}}, ""},
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeEmailCode{EmailPattern: "a**@e.org", Length: 6}},
			login.CodeIsOnItsWay{Route: events.RouteEmail, Length: 6, What: events.CodeFacts{Pattern: "a**@e.org"}}, ""},
		{tg.AuthSentCode{Type: &tg.AuthSentCodeTypeFragmentSMS{URL: "https://fragment.com/x", Length: 5}},
			login.CodeIsOnItsWay{Route: events.RouteFragment, Length: 5, What: events.CodeFacts{URL: "https://fragment.com/x"}}, ""},
		{tg.AuthSentCode{Type: word}, login.CodeIsOnItsWay{Route: events.RouteSMSWord, HasHint: true}, "ba"},
		{tg.AuthSentCode{Type: phrase}, login.CodeIsOnItsWay{Route: events.RouteSMSPhrase, HasHint: true}, "green"},
	} {
		if got, beginning := onItsWay(&c.sent, now); got != c.want || beginning.Reveal() != c.beginning {
			t.Errorf("%s is told as %+v, %q", c.sent.Type.TypeName(), got, beginning.Reveal())
		}
	}
}

// The code does not come; another route brings one, and only its hash is good.
func TestResend(t *testing.T) {
	for _, drop := range []telegramtest.Drop{0, telegramtest.DropBefore, telegramtest.DropAfter} {
		t.Run(map[telegramtest.Drop]string{0: "plain", telegramtest.DropBefore: "dropped before", telegramtest.DropAfter: "dropped after"}[drop], func(t *testing.T) {
			t.Parallel()
			h, p, _ := withAlice(t, "")
			h.server.SetCodeRoutes(alicePhone, telegramtest.ViaSMS, telegramtest.ViaCall)
			if drop != 0 {
				h.server.Inject(telegramtest.Fault{Method: "auth.resendCode", Times: 1, Drop: drop})
			}
			p.begin()
			p.phone(alicePhone)
			sent := await[*events.CodeSent](h, 1, nil).Fact.(*events.CodeSent)
			if sent.Route != events.RouteSMS || sent.Next != events.RouteCall {
				t.Fatalf("%+v", sent)
			}
			h.restart()
			p.do(login.Resend{Now: time.Now().Add(time.Hour)})
			again := await[*events.CodeSent](h, 2, nil).Fact.(*events.CodeSent)
			if drop != telegramtest.DropAfter && (again.Route != events.RouteCall || again.Next != "") {
				t.Errorf("%+v", again)
			}
			p.code("12345")
			await[*events.LoginSucceeded](h, 1, nil)
			if n := count[*events.CodeRejected](h, nil); n != 0 {
				t.Errorf("log %v", h.names())
			}
			secretsGone(t, h, p.attempt)
		})
	}
}

func TestNoOtherRouteAfterAll(t *testing.T) {
	t.Parallel()
	h, p, _ := withAlice(t, "")
	h.server.SetCodeRoutes(alicePhone, telegramtest.ViaSMS, telegramtest.ViaCall)
	h.server.FloodWait("auth.resendCode", 600, 1)
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	p.do(login.Resend{Now: time.Now().Add(time.Hour)})
	wait := await[*events.CodeRejected](h, 1, nil).Fact.(*events.CodeRejected)
	a := h.users.Get(p.uid).Attempt
	if wait.Reason != events.ResendWait || !a.NextAt.Equal(wait.RetryAt) || !a.RetryAt.IsZero() {
		t.Errorf("%+v, %+v", wait, a)
	}
	h.server.Inject(telegramtest.Fault{Method: "auth.resendCode", Times: 1, Err: tgerr.New(406, "SEND_CODE_UNAVAILABLE")})
	p.do(login.Resend{Now: time.Now().Add(time.Hour)})
	f := await[*events.CodeRejected](h, 2, nil).Fact.(*events.CodeRejected)
	if f.Reason != events.NoOtherRoute || f.Next != events.StepCode {
		t.Errorf("%+v", f)
	}
	p.code("12345") // the first code is good still
	await[*events.LoginSucceeded](h, 1, nil)
}

func TestACodeThatIsAWord(t *testing.T) {
	t.Parallel()
	h := newHouse(t, telegramtest.Options{})
	h.server.AddUser(telegramtest.UserSpec{Phone: alicePhone, FirstName: "Alice", Code: "banana", Password: "open sesame"})
	h.server.SetCodeRoutes(alicePhone, telegramtest.ViaSMSWord)
	p := h.person("@alice:test")
	p.begin()
	p.phone(alicePhone)
	sent := await[*events.CodeSent](h, 1, nil).Fact.(*events.CodeSent)
	hint, err := h.vault.Attempt(h.ctx, p.attempt, vault.Hint)
	if sent.Route != events.RouteSMSWord || !sent.HasHint || err != nil || hint.Reveal() != "ba" {
		t.Errorf("%+v, %v", sent, err)
	}
	p.code("banana")
	await[*events.PasswordRequired](h, 1, func(f *events.PasswordRequired) bool { return !f.HasHint })
	if _, err := h.vault.Attempt(h.ctx, p.attempt, vault.Hint); err == nil {
		t.Error("how the word began is kept as the password's hint")
	}
}

// What Telegram demands before it sends a code can only be done in its own apps.
func TestDemandsThatEndTheAttempt(t *testing.T) {
	for via, want := range map[telegramtest.CodeRoute]events.Refusal{
		telegramtest.ViaEmailSetUp: events.EmailDemanded, telegramtest.ViaPayment: events.PaymentDemanded,
	} {
		t.Run(string(via), func(t *testing.T) {
			t.Parallel()
			h, p, _ := withAlice(t, "")
			h.server.SetCodeRoutes(alicePhone, via)
			p.begin()
			p.phone(alicePhone)
			f := await[*events.LoginFailed](h, 1, nil).Fact.(*events.LoginFailed)
			if f.Reason != events.FailedRefused || f.Refusal != want {
				t.Errorf("%+v", f)
			}
			must(t, h.server.WaitAnswer(h.ctx, "auth.cancelCode", 1))
			secretsGone(t, h, p.attempt)
		})
	}
}

// Who logs out here and in again needs no code, and nobody else profits.
func TestLoginWithoutACode(t *testing.T) {
	for _, password := range []string{"", "open sesame"} {
		t.Run("password "+password, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, telegramtest.Options{})
			alice := h.server.AddUser(telegramtest.UserSpec{Phone: alicePhone, FirstName: "Alice", Code: "12345", Password: password, FutureToken: true})
			p, l := h.member("@alice:test", alice)
			p.do(login.Logout{Login: l})
			await[*events.SessionEnded](h, 1, nil)
			if kept, err := h.vault.Tokens(h.ctx, p.uid); err != nil || len(kept) != 1 {
				t.Fatalf("%d tokens, %v", len(kept), err)
			}

			other := h.person("@mallory:test")
			other.begin()
			other.phone(alicePhone)
			await[*events.CodeSent](h, 1, nil) // a code, for it is not Mallory's token
			other.do(login.Cancel{})

			h.restart()
			p.begin()
			p.phone(alicePhone)
			want := []string{events.FactorToken}
			if password != "" {
				await(h, 1, func(f *events.PasswordRequired) bool { return f.Factor == events.FactorToken })
				p.password(password)
				want = append(want, events.FactorPassword)
			}
			in := await(h, 1, func(f *events.LoginSucceeded) bool { return f.Attempt == p.attempt }).Fact.(*events.LoginSucceeded)
			if in.Method != events.MethodToken || !slices.Equal(in.Factors, want) {
				t.Errorf("%+v", in)
			}
			await(h, 1, func(f *events.ChatsListed) bool { return f.Login == in.Login })
			secretsGone(t, h, p.attempt)
			if kept, err := h.vault.Tokens(h.ctx, p.uid); err != nil || len(kept) != 0 {
				t.Errorf("%d tokens are left, %v", len(kept), err)
			}
		})
	}
}

// The challenge ages while the answer is computed: another is asked for.
func TestAnAgedChallengeIsRenewed(t *testing.T) {
	for _, code := range []string{"SRP_ID_INVALID", "SRP_PASSWORD_CHANGED"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			h, p, _ := withAlice(t, "open sesame")
			_, hits := h.server.Inject(telegramtest.Fault{Method: "auth.checkPassword", Times: 2, Err: tgerr.New(400, code)})
			p.begin()
			p.phone(alicePhone)
			await[*events.CodeSent](h, 1, nil)
			p.code("12345")
			await[*events.PasswordRequired](h, 1, nil)
			hint, err := h.vault.Attempt(h.ctx, p.attempt, vault.Hint)
			if err != nil || hint.Reveal() != "cave" {
				t.Errorf("the hint is not in the vault: %v", err)
			}
			p.password("open sesame")
			await[*events.LoginSucceeded](h, 1, nil)
			if hits() != 2 || count[*events.PasswordRejected](h, nil) != 0 {
				t.Errorf("%d hits, log %v", hits(), h.names())
			}
			secretsGone(t, h, p.attempt)
		})
	}
}
