package weblogin

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
)

func TestASessionIsFreshAndBarred(t *testing.T) {
	h := newHouse(t, nil)
	alice := h.begin("alice")
	planted := &browser{h: h, cookie: &http.Cookie{Name: cookieName, Value: strings.Repeat("A", 22)}}
	planted.open(h.link(alice))
	c := planted.cookie
	if c.Value == strings.Repeat("A", 22) || len(c.Value) != 22 || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("%+v", c)
	}
	again := &browser{h: h, cookie: c}
	again.open(h.link(alice))
	if again.cookie.Value == c.Value {
		t.Error("a second link goes on with the first session")
	}
	if a := planted.look(); a.StatusCode != http.StatusForbidden {
		t.Errorf("the session before lives on: HTTP %d", a.StatusCode)
	}
	for _, cookie := range []string{"", "x", strings.Repeat("A", 22), again.cookie.Value + "A", "weblink"} {
		b := &browser{h: h, cookie: &http.Cookie{Name: cookieName, Value: cookie}}
		for _, path := range []string{"/login", "/qr.png?n=1", "/updates"} {
			if a := b.send("GET", path, nil); a.StatusCode != http.StatusForbidden {
				t.Errorf("%q opens %s: HTTP %d", cookie, path, a.StatusCode)
			}
		}
	}
}

func TestASessionEnds(t *testing.T) {
	h := newHouse(t, nil)
	alice := h.begin("alice")
	b := &browser{h: h}
	b.open(h.link(alice))
	h.wait(5*time.Minute - time.Second)
	if a := b.send("GET", "/login", nil, "Sec-Fetch-Mode", "cors"); a.StatusCode != http.StatusOK {
		t.Errorf("before it is idle for five minutes: HTTP %d", a.StatusCode)
	}
	h.wait(2 * time.Second) // the script's own request is nothing that the user did
	if a := b.look(); a.StatusCode != http.StatusForbidden {
		t.Errorf("after five idle minutes: HTTP %d", a.StatusCode)
	}
}

func TestASessionIsProlongedButNotForEver(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Idle = time.Hour })
	b := &browser{h: h}
	b.open(h.link(h.begin("alice")))
	seen := func() time.Time {
		return must(h.vault.Browser(t.Context(), vault.Secret(b.cookie.Value)))(t).Seen
	}
	first := seen()
	h.wait(touchEvery)
	b.send("GET", "/login", nil, "Sec-Fetch-Mode", "cors")
	if !seen().Equal(first) {
		t.Error("the script's own request prolongs the session")
	}
	b.look()
	if !seen().After(first) {
		t.Error("a look at the page does not prolong the session")
	}
	h.wait(15*time.Minute - touchEvery - 10*time.Second)
	if a := b.look(); a.StatusCode != http.StatusOK {
		t.Errorf("before a quarter of an hour: HTTP %d", a.StatusCode)
	}
	h.wait(20 * time.Second)
	if a := b.look(); a.StatusCode != http.StatusForbidden {
		t.Errorf("after a quarter of an hour: HTTP %d", a.StatusCode)
	}
}

func TestOtherSitesSendNoForms(t *testing.T) {
	h := newHouse(t, nil)
	alice := h.begin("alice")
	token := h.link(alice)
	evil := [][]string{
		{"Origin", "https://evil.test", "Sec-Fetch-Site", "cross-site"},
		{"Origin", "https://evil.test", "Sec-Fetch-Site", ""},
		{"Origin", "null", "Sec-Fetch-Site", "cross-site"},
		{"Origin", "https://other.example.test", "Sec-Fetch-Site", "same-site"},
	}
	for _, header := range evil {
		if a := (&browser{h: h}).send("POST", "/link", url.Values{"token": {token}}, header...); a.StatusCode != http.StatusForbidden {
			t.Errorf("%v takes up a link: HTTP %d", header, a.StatusCode)
		}
	}
	b := &browser{h: h}
	b.open(token)
	good := url.Values{"form": {b.field("form")}, "step": {"phone"}, "phone": {"+447700900123"}}
	if good.Get("form") == "" {
		t.Fatalf("the page has no form's token:\n%s", b.page)
	}
	for _, header := range evil {
		if a := b.send("POST", "/answer", good, header...); a.StatusCode != http.StatusForbidden {
			t.Errorf("%v sends a form: HTTP %d", header, a.StatusCode)
		}
	}
	mallory := &browser{h: h}
	mallory.open(h.link(h.begin("mallory")))
	for name, form := range map[string]url.Values{
		"without a token":          {"step": {"phone"}, "phone": {"+447700900123"}},
		"with another session's":   {"form": {mallory.field("form")}, "step": {"phone"}, "phone": {"+447700900123"}},
		"with one of another step": {"form": {b.field("form")}, "step": {"password"}, "password": {"x"}},
	} {
		if a := b.send("POST", "/answer", form); a.StatusCode != http.StatusForbidden {
			t.Errorf("a form %s: HTTP %d", name, a.StatusCode)
		}
	}
	if names := h.recorded(); slices.Contains(names, "phone_submitted") || slices.Contains(names, "password_submitted") {
		t.Errorf("something was taken: %v", names)
	}
}

func TestASessionIsForOneLogin(t *testing.T) {
	h := newHouse(t, nil)
	alice := h.begin("alice")
	b := &browser{h: h}
	b.open(h.link(alice))
	h.do(alice, login.Cancel{})
	h.do(alice, login.Start{Attempt: "another", User: "@alice:example.test", Room: "!room", Deadline: time.Now().Add(time.Hour), MaxLogins: 5})
	if a := b.look(); a.StatusCode != http.StatusOK || strings.Contains(a.body, `name="phone"`) {
		t.Errorf("the page of a login that is over shows the next one: HTTP %d", a.StatusCode)
	}
	for _, action := range []string{"answer", "cancel", "choose", "resend"} {
		b.send("POST", "/"+action, url.Values{
			"form": {formToken(must(h.vault.Browser(t.Context(), vault.Secret(b.cookie.Value)))(t), "phone")}, "step": {"phone"}, "phone": {"+447700900123"}, "method": {"bot"},
		})
	}
	if u := h.deps.Users.Get(alice); u.Attempt == nil || u.Attempt.ID != "another" || u.Attempt.Step != events.StepPhone || u.Attempt.Masked != "" {
		t.Errorf("it changed the next one: %+v", u.Attempt)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h := newHouse(t, nil)
	b := &browser{h: h}
	b.open(h.link(h.begin("alice")))
	for _, at := range []struct{ method, path string }{
		{"GET", "/link"}, {"GET", "/login"}, {"POST", "/link"}, {"POST", "/answer"}, {"GET", "/nowhere"}, {"GET", "/qr.png"}, {"GET", ""}, {"PUT", "/login"},
	} {
		a := b.send(at.method, at.path, nil, "Host", "evil.test", "X-Forwarded-Host", "evil.test")
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			"Strict-Transport-Security": "max-age=", "X-Robots-Tag": "noindex",
		} {
			if !strings.Contains(a.Header.Get(name), want) {
				t.Errorf("%s %s: %s is %q", at.method, at.path, name, a.Header.Get(name))
			}
		}
		if csp := a.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s", csp)
		}
		if strings.Contains(a.Header.Get("Location")+a.body, "evil.test") || strings.HasPrefix(a.Header.Get("Location"), "http") {
			t.Errorf("%s %s believes the host: %s", at.method, at.path, a.Header.Get("Location"))
		}
	}
	plain := newHouse(t, func(c *Config) { c.Public = &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/telegram"} })
	if a := (&browser{h: plain}).send("GET", "/link", nil); a.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS without TLS")
	}
}

func TestALargeFormIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	b := &browser{h: h}
	b.open(h.link(h.begin("alice")))
	if a := b.fill("answer", "phone", strings.Repeat("1", 5000)); a.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("HTTP %d", a.StatusCode)
	}
	s := h.site.Server()
	if s.ReadHeaderTimeout > 10*time.Second || s.ReadTimeout > 30*time.Second || s.WriteTimeout > time.Minute || s.IdleTimeout > 2*time.Minute || s.MaxHeaderBytes > 64<<10 ||
		s.ReadHeaderTimeout*s.ReadTimeout*s.WriteTimeout*s.IdleTimeout == 0 {
		t.Errorf("%+v", s)
	}
}

func TestNothingTypedIsLogged(t *testing.T) {
	h := newHouse(t, nil)
	b := &browser{h: h}
	token := h.link(h.begin("alice"))
	b.open(token)
	number := "+447700900987"
	h.site.Vault = panicky{h.vault}
	if a := b.fill("answer", "phone", number); a.StatusCode != http.StatusInternalServerError || strings.Contains(a.body, number) {
		t.Errorf("HTTP %d %s", a.StatusCode, a.body)
	}
	said := h.said.String()
	if !strings.Contains(said, "a request failed") || !strings.Contains(said, "ingress.go") {
		t.Errorf("the log has %q", said)
	}
	for _, secret := range []string{number, number[1:], token, b.cookie.Value, b.field("form"), "127.0.0.1"} {
		if strings.Contains(said, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestASessionSurvivesARestart(t *testing.T) {
	h := newHouse(t, nil)
	alice := h.begin("alice")
	b := &browser{h: h}
	b.open(h.link(alice))
	form := b.field("form")
	h.start()
	if a := b.send("POST", "/choose", url.Values{"form": {form}, "step": {"phone"}, "method": {"bot"}}); a.StatusCode != http.StatusSeeOther {
		t.Errorf("HTTP %d", a.StatusCode)
	}
	b.look()
	if !strings.Contains(b.page, `name="token"`) {
		t.Errorf("the page shows another step:\n%s", b.page)
	}
}

// TestTwoAnswersAtOnce: of answers that come at once, the one that the log has is
// the one that Telegram gets, and whoever gave another is told.
func TestTwoAnswersAtOnce(t *testing.T) {
	h := newHouse(t, nil)
	for i := range 5 {
		alice := h.begin("alice" + strconv.Itoa(i))
		b := &browser{h: h}
		b.open(h.link(alice))
		var taken atomic.Int32
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				number := "+44770090012" + strconv.Itoa(n)
				form := url.Values{"form": {b.field("form")}, "step": {"phone"}, "phone": {number}}
				// Telegram answers nobody here: who is taken is told at once that it is asked.
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				status, err := b.sendWithin(ctx, "/answer", form)
				if err != nil || status == http.StatusSeeOther {
					taken.Add(1)
				} else if status != http.StatusConflict {
					t.Errorf("HTTP %d", status)
				}
			})
		}
		all.Wait()
		a := h.deps.Users.Get(alice).Attempt
		number := must(h.vault.Attempt(t.Context(), a.ID, vault.Phone))(t).Reveal()
		if taken.Load() != 1 || !strings.HasSuffix(a.Masked, number[len(number)-4:]) {
			t.Errorf("%d were taken; the log has %s, the vault %s", taken.Load(), a.Masked, number)
		}
	}
}

// TestAVaultOutOfReachEndsNoSession: it is no reason to tell somebody that their
// page is closed.
func TestAVaultOutOfReachEndsNoSession(t *testing.T) {
	h := newHouse(t, nil)
	b := &browser{h: h}
	b.open(h.link(h.begin("alice")))
	h.site.Vault = away{h.vault}
	if a := b.look(); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("HTTP %d", a.StatusCode)
	}
	h.site.Vault = h.vault
	if a := b.look(); a.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d", a.StatusCode)
	}
}
