package weblogin

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// TestEveryAddressLeadsOn holds that who loads a form's address anew comes to the
// login, and that other methods are refused with those that are taken.
func TestEveryAddressLeadsOn(t *testing.T) {
	h := newHouse(t, nil)
	b := &browser{h: h}
	b.open(h.link(h.begin("alice")))
	if a := b.send("POST", "/answer", url.Values{"form": {b.field("form")}, "step": {b.field("step")}, "phone": {strings.Repeat("1", 5000)}}); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Fatalf("HTTP %d", a.StatusCode)
	}
	for _, path := range []string{"/answer", "/cancel", "/resend", "/choose", "/stay", "/close"} {
		if a := b.send("GET", path, nil); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/telegram/login" {
			t.Errorf("GET %s: HTTP %d to %q", path, a.StatusCode, a.Header.Get("Location"))
		}
		if a := b.send("PUT", path, nil); a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("PUT %s: HTTP %d, allowed %q", path, a.StatusCode, a.Header.Get("Allow"))
		}
	}
	for path, allowed := range map[string]string{
		"/link": "GET, HEAD, POST", "/login": "GET, HEAD", "/updates": "GET, HEAD", "/qr.png": "GET, HEAD", "/": "GET, HEAD", "": "GET, HEAD", "/static/page.css": "GET, HEAD",
	} {
		for _, method := range []string{"DELETE", "OPTIONS"} {
			a := b.send(method, path, nil)
			if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != allowed || !strings.Contains(a.body, "<h1") {
				t.Errorf("%s %s: HTTP %d, allowed %q", method, path, a.StatusCode, a.Header.Get("Allow"))
			}
		}
	}
	if a := b.send("DELETE", "/nowhere", nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown address: HTTP %d", a.StatusCode)
	}
}

// TestWhoHasALoginOpenIsLedBack holds that the pages outside a login lead to the
// one that is open in the same browser, and nobody else to anything.
func TestWhoHasALoginOpenIsLedBack(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.PerAddress = 4 })
	alice := h.begin("alice")
	in, out := &browser{h: h}, &browser{h: h}
	in.open(h.link(alice))
	const back = `href="/telegram/login"`
	dead := url.Values{"token": {strings.Repeat("A", 43)}}
	for name, page := range map[string]func(b *browser) answered{
		"landing":   func(b *browser) answered { return b.send("GET", "/link", nil) },
		"dead link": func(b *browser) answered { return b.send("POST", "/link", dead) },
	} {
		if a := page(in); !strings.Contains(a.body, back) {
			t.Errorf("%s does not lead back", name)
		}
		if a := page(out); strings.Contains(a.body, back) {
			t.Errorf("%s leads who has no session to the login", name)
		}
	}
	var busy answered
	for range 8 {
		busy = out.send("POST", "/link", dead)
	}
	if busy.StatusCode != http.StatusTooManyRequests || strings.Contains(busy.body, back) {
		t.Errorf("HTTP %d, leads to the login: %t", busy.StatusCode, strings.Contains(busy.body, back))
	}
	if a := in.send("POST", "/link", dead); a.StatusCode != http.StatusTooManyRequests || !strings.Contains(a.body, back) {
		t.Errorf("HTTP %d, leads to the login: %t", a.StatusCode, strings.Contains(a.body, back))
	}
}

// TestWhoClosesThePageIsToldSo holds it apart from one that was closed for want
// of anybody.
func TestWhoClosesThePageIsToldSo(t *testing.T) {
	h := newHouse(t, nil)
	alice := h.begin("alice")
	b := &browser{h: h}
	b.open(h.link(alice))
	h.do(alice, login.Cancel{})
	b.look()
	if a := b.fill("close"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "You may close this tab") || strings.Contains(a.body, "Nothing was done here") {
		t.Errorf("HTTP %d\n%s", a.StatusCode, a.body)
	}
	if a := b.look(); a.StatusCode != http.StatusForbidden {
		t.Errorf("the page is open still: HTTP %d", a.StatusCode)
	}
}

// TestAWaitBeyondTheLoginIsTold holds that nobody waits for a login that is over
// by then.
func TestAWaitBeyondTheLoginIsTold(t *testing.T) {
	english := english(t)
	for _, why := range []events.Refusal{events.FloodWait, events.ResendWait} {
		for wait, late := range map[time.Duration]bool{14 * time.Minute: false, 15 * time.Minute: true, 24 * time.Hour: true} {
			p := viewOf(at(events.StepCode, refused(events.StepResendingCode, why), func(_ *input, a *projections.Attempt) {
				a.RetryAt = noon.Add(wait)
			})).Problem
			said := english.plain(p.Text)
			if strings.Contains(said, "this login ends before then") != late && strings.Contains(said, "This login ends before then") != late ||
				strings.Contains(said, "type `login`") || strings.Contains(said, "type login in your chat") != late {
				t.Errorf("%s for %s: %s", why, wait, said)
			}
		}
	}
}

// TestALoginThatWasToReviveSaysHow holds that who was to connect an account again
// is told the command for it.
func TestALoginThatWasToReviveSaysHow(t *testing.T) {
	english := english(t)
	for login, want := range map[events.LoginID]string{"l": "type relogin", "": "type login"} {
		next := english.plain(viewOf(over(projections.Over{Reason: events.FailedTimeout, Revives: login}, liddell)).Next[0])
		if !strings.Contains(next, want) {
			t.Errorf("of login %q: %s", login, next)
		}
	}
}
