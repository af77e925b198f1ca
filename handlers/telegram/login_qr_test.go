package telegram

import (
	"slices"
	"testing"
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
)

// withScanner is Alice with a telephone that can scan, at home in a data centre.
func withScanner(t *testing.T, password string, dc int) (*house, *person) {
	t.Helper()
	h := newHouse(t, telegramtest.Options{DCs: 2})
	p := h.person("@alice:test")
	p.scanner = h.server.AddUser(telegramtest.UserSpec{Phone: alicePhone, FirstName: "Alice", Password: password, Hint: "cave", DC: dc})
	return h, p
}

func (p *person) beginQR() {
	p.h.t.Helper()
	p.attempt = events.NewAttemptID()
	p.do(login.Start{
		Attempt: p.attempt, User: p.id, Room: "!room:test", Deadline: time.Now().Add(10 * time.Minute), MaxLogins: 5, Method: events.MethodQR,
	})
}

// shown waits for the n-th code of the attempt.
func (p *person) shown(n int) *events.QRIssued {
	p.h.t.Helper()
	return await(p.h, 1, func(f *events.QRIssued) bool { return f.Attempt == p.attempt && f.N == n }).Fact.(*events.QRIssued)
}

// lapse plays the timer at the end of a code's time.
func (p *person) lapse() {
	p.h.t.Helper()
	p.do(login.Lapse{Attempt: p.attempt, Now: time.Now().Add(time.Hour)})
}

// scan has the telephone accept the code that is shown, a fresh one if the one
// before was refused. Without a telephone the code's time passes.
func (p *person) scan() {
	p.h.t.Helper()
	if p.scanner == 0 {
		p.lapse()
		return
	}
	if a := p.h.users.Get(p.uid).Attempt; a.QRUntil.IsZero() {
		p.h.awaitGone(p.attempt, vault.QRToken)
		p.lapse()
		p.shown(a.QR + 1)
	}
	token, err := p.h.vault.Attempt(p.h.ctx, p.attempt, vault.QRToken)
	must(p.h.t, err)
	must(p.h.t, p.h.server.ScanQR(p.scanner, token.Reveal()))
}

// arrived checks a login by QR code, with its other factors.
func (p *person) arrived(more ...string) {
	p.h.t.Helper()
	f := await[*events.LoginSucceeded](p.h, 1, nil).Fact.(*events.LoginSucceeded)
	factors := append([]string{events.FactorQR}, more...)
	if f.Method != events.MethodQR || !slices.Equal(f.Factors, factors) || f.Sealed.TelegramID != int64(p.scanner) {
		p.h.t.Errorf("%+v", f)
	}
	await[*events.ChatsListed](p.h, 1, nil)
	secretsGone(p.h.t, p.h, p.attempt)
	if n := len(p.h.server.Sessions(p.scanner)); n != 1 {
		p.h.t.Errorf("%d sessions, log %v", n, p.h.names())
	}
}

func TestLoginByQR(t *testing.T) {
	for name, c := range map[string]struct {
		dc       int
		password string
	}{"at home": {2, ""}, "with a password": {2, "open sesame"}, "from another data centre": {4, ""}, "from another, with a password": {4, "open sesame"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p := withScanner(t, c.password, c.dc)
			p.beginQR()
			if left := time.Until(p.shown(1).Until); left < 20*time.Second || left > 31*time.Second {
				t.Errorf("shown for %v", left)
			}
			p.scan()
			await[*events.QRScanned](h, 1, nil)
			if c.password == "" {
				p.arrived()
				return
			}
			f := await[*events.PasswordRequired](h, 1, nil).Fact.(*events.PasswordRequired)
			if f.Factor != events.FactorQR || !f.HasHint {
				t.Errorf("%+v", f)
			}
			h.awaitGone(p.attempt, vault.QRToken)
			h.restart()
			p.password("open barley")
			await[*events.PasswordRejected](h, 1, nil)
			p.password("open sesame")
			p.arrived(events.FactorPassword)
		})
	}
}

// A code that is too old is no good, and the next one is.
func TestQRCodeIsRenewed(t *testing.T) {
	t.Parallel()
	h, p := withScanner(t, "", 2)
	p.beginQR()
	p.shown(1)
	old, err := h.vault.Attempt(h.ctx, p.attempt, vault.QRToken)
	must(t, err)
	h.server.ExpireQR()
	if err := h.server.ScanQR(p.scanner, old.Reveal()); !tgerr.Is(err, "AUTH_TOKEN_EXPIRED") {
		t.Errorf("the old code: %v", err)
	}
	p.lapse()
	p.shown(2)
	p.scan()
	p.arrived()
	if n := count[*events.QRRejected](h, nil); n != 0 {
		t.Errorf("log %v", h.names())
	}
}

// What is scanned while nobody listens is found out as soon as somebody does.
func TestQRCodeScannedUnheard(t *testing.T) {
	for name, dc := range map[string]int{"at home": 2, "in another data centre": 4} {
		t.Run("while the bridge is down, "+name, func(t *testing.T) {
			t.Parallel()
			h, p := withScanner(t, "", dc)
			p.beginQR()
			p.shown(1)
			token, err := h.vault.Attempt(h.ctx, p.attempt, vault.QRToken)
			must(t, err)
			h.crash()
			must(t, h.server.ScanQR(p.scanner, token.Reveal()))
			h.open()
			p.arrived()
		})
	}
	t.Run("while the connection is down", func(t *testing.T) {
		t.Parallel()
		h, p := withScanner(t, "", 2)
		p.beginQR()
		p.shown(1)
		token, err := h.vault.Attempt(h.ctx, p.attempt, vault.QRToken)
		must(t, err)
		h.server.Pause()
		must(t, h.server.ScanQR(p.scanner, token.Reveal()))
		must(t, h.server.Resume())
		p.arrived()
	})
}

// After a restart the code that stands in the room can still be scanned, or the
// one that takes its place.
func TestQRCodeAfterRestart(t *testing.T) {
	t.Parallel()
	h, p := withScanner(t, "", 2)
	p.beginQR()
	p.shown(1)
	h.restart()
	p.shown(2)
	p.scan()
	p.arrived()
}

// The answer is lost, after the effect or before it, and nobody is let in twice.
func TestQRStepsFailedButDone(t *testing.T) {
	for _, drop := range []telegramtest.Drop{telegramtest.DropBefore, telegramtest.DropAfter} {
		for _, method := range []string{exportToken, importToken} {
			t.Run(method+map[telegramtest.Drop]string{telegramtest.DropBefore: " before", telegramtest.DropAfter: " after"}[drop], func(t *testing.T) {
				t.Parallel()
				h, p := withScanner(t, "", map[string]int{exportToken: 2, importToken: 4}[method])
				p.beginQR()
				p.shown(1)
				_, hits := h.server.Inject(telegramtest.Fault{Method: method, Times: 1, Drop: drop})
				p.scan()
				p.arrived()
				if hits() != 1 || count[*events.QRRejected](h, nil) != 0 {
					t.Errorf("%d hits, log %v", hits(), h.names())
				}
			})
		}
	}
}

// Telegram can't be reached: the user is told once, and it goes on by itself.
func TestQRDelayed(t *testing.T) {
	t.Parallel()
	h, p := withScanner(t, "", 2)
	h.server.Pause()
	p.beginQR()
	f := await[*events.StepDelayed](h, 1, nil).Fact.(*events.StepDelayed)
	if f.Step != events.StepRequestingQR {
		t.Errorf("%+v", f)
	}
	must(t, h.server.Resume())
	p.shown(1)
	p.scan()
	p.arrived()
	if n := count[*events.StepDelayed](h, nil); n != 1 {
		t.Errorf("log %v", h.names())
	}
}

// Telegram asks to wait: the attempt waits, and goes on.
func TestQRFloodWait(t *testing.T) {
	t.Parallel()
	h, p := withScanner(t, "", 2)
	h.server.FloodWait(exportToken, 37, 1)
	p.beginQR()
	f := await[*events.QRRejected](h, 1, nil).Fact.(*events.QRRejected)
	if left := time.Until(f.RetryAt); f.Reason != events.FloodWait || f.Next != events.StepQR || left < 30*time.Second || left > 40*time.Second {
		t.Errorf("%+v", f)
	}
	p.lapse()
	p.shown(1)
	p.scan()
	p.arrived()
}

// A scan that Telegram refuses is not the end: the next code is taken.
func TestQRRefusedAndRenewed(t *testing.T) {
	t.Parallel()
	h, p := withScanner(t, "", 4)
	h.server.Inject(telegramtest.Fault{Method: importToken, Times: 1, Err: tgerr.New(400, "AUTH_TOKEN_EXPIRED")})
	p.beginQR()
	p.shown(1)
	p.scan()
	f := await[*events.QRRejected](h, 1, nil).Fact.(*events.QRRejected)
	if f.Reason != events.BadQR || f.Next != events.StepQR || f.Error != "AUTH_TOKEN_EXPIRED" {
		t.Errorf("%+v", f)
	}
	p.scan()
	p.arrived()
}

func TestQRCancelled(t *testing.T) {
	t.Parallel()
	h, p := withScanner(t, "", 2)
	p.beginQR()
	p.shown(1)
	p.do(login.Cancel{})
	secretsGone(t, h, p.attempt)
	if n := len(h.server.Sessions(p.scanner)); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// A phone number may be given in place of the scan.
func TestQRGivenUpForANumber(t *testing.T) {
	t.Parallel()
	h, p, _ := withAlice(t, "")
	p.beginQR()
	p.shown(1)
	p.answer(events.StepQR, vault.Phone, alicePhone)
	await[*events.CodeSent](h, 1, nil)
	p.code("12345")
	f := await[*events.LoginSucceeded](h, 1, nil).Fact.(*events.LoginSucceeded)
	if f.Method != events.MethodPhone || !slices.Equal(f.Factors, []string{events.FactorCode}) {
		t.Errorf("%+v", f)
	}
	secretsGone(t, h, p.attempt)
}

// TestRefusalsOfAScan has auth.importLoginToken answer with each of its errors.
func TestRefusalsOfAScan(t *testing.T) {
	t.Parallel()
	h, p := withScanner(t, "", 4)
	h.stop()
	h.cfg.MaxTries = 1000
	h.open()
	for _, row := range refusals() {
		if slices.Contains(row.methods, importToken) {
			p.isRefused(importToken, events.StepQR, row)
			p.do(login.Cancel{}) // the next try would find itself at home there
		}
	}
	p.beginQR()
	p.shown(1)
	p.scan()
	p.arrived()
}
