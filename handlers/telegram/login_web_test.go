package telegram

import (
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
)

// choose goes back to the beginning of the attempt.
func (p *person) choose(m events.Method) {
	p.h.t.Helper()
	p.do(login.Choose{Attempt: p.attempt, At: p.h.users.Get(p.uid).Attempt.Step, Method: m, Via: events.ChannelWeb})
}

// sent is the code that came last.
func (p *person) sent() string {
	code, _ := p.h.server.LastCode(alicePhone)
	return code
}

// TestAnotherMethodAtEveryStep goes back from each step, restarts now and then,
// and comes in by another method in the end: nothing of the ways before is left.
func TestAnotherMethodAtEveryStep(t *testing.T) {
	h, p := withScanner(t, "cave", 2)
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	p.choose(events.MethodPhone)
	must(t, h.server.WaitAnswer(h.ctx, "auth.cancelCode", 1))
	h.awaitGone(p.attempt, vault.CodeHash)

	p.phone(alicePhone)
	await[*events.CodeSent](h, 2, nil)
	p.code(p.sent())
	await[*events.PasswordRequired](h, 1, nil)
	p.choose(events.MethodQR)
	p.shown(1)
	if n := len(h.server.Sessions(p.scanner)); n != 0 {
		t.Errorf("%d sessions are half let in", n)
	}
	h.restart()
	p.choose(events.MethodPhone)
	h.awaitGone(p.attempt, vault.QRToken)
	p.choose(events.MethodQR)
	p.shown(2)
	p.scan()
	await[*events.PasswordRequired](h, 2, nil)
	p.password("cave")
	p.arrived(events.FactorPassword)
}

// TestALoginWaitsForItsBrowser: with pairing, nothing comes of Telegram's yes
// before the user has sent what the page shows, through a kill at each step.
func TestALoginWaitsForItsBrowser(t *testing.T) {
	h, p, alice := withAlice(t, "")
	p.begin()
	p.do(login.MakeLink{Attempt: p.attempt, Link: "l", Now: time.Now(), Room: "!room:test"})
	p.do(login.Redeem{Link: "l", Now: time.Now(), Pairing: true})
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	p.code(p.sent())
	f := await[*events.PairingRequired](h, 1, nil).Fact.(*events.PairingRequired)
	if f.Sealed.TelegramID != int64(alice) || f.Factor != events.FactorCode {
		t.Errorf("%+v", f)
	}
	h.restart()
	if n := count[*events.LoginSucceeded](h, nil); n != 0 || len(h.users.Get(p.uid).Logins) != 0 {
		t.Errorf("%d logins without the browser's user", n)
	}
	p.do(login.Submit{Attempt: p.attempt, Step: events.StepPairing, Readable: true, Matches: true})
	in := await[*events.LoginSucceeded](h, 1, nil).Fact.(*events.LoginSucceeded)
	if in.Sealed.TelegramID != int64(alice) || len(in.Factors) != 1 {
		t.Errorf("%+v", in)
	}
	await[*events.ChatsListed](h, 1, nil)
	secretsGone(t, h, p.attempt)
}

// TestALoginThatIsNotPairedIsTakenBack: the session that Telegram has let in is
// nobody's, and ends with the attempt.
func TestALoginThatIsNotPairedIsTakenBack(t *testing.T) {
	h, p, alice := withAlice(t, "")
	p.begin()
	p.do(login.MakeLink{Attempt: p.attempt, Link: "l", Now: time.Now(), Room: "!room:test"})
	p.do(login.Redeem{Link: "l", Now: time.Now(), Pairing: true})
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	p.code(p.sent())
	await[*events.PairingRequired](h, 1, nil)
	if n := len(h.server.Sessions(alice)); n != 1 {
		t.Errorf("%d sessions", n)
	}
	for range 3 {
		p.do(login.Submit{Attempt: p.attempt, Step: events.StepPairing, Readable: true})
	}
	await(h, 1, func(f *events.LoginFailed) bool { return f.Reason == events.FailedTooManyTries })
	must(t, h.server.Await(h.ctx, func() bool { return len(h.server.Sessions(alice)) == 0 }))
	secretsGone(t, h, p.attempt)
}
