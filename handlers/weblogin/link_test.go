package weblogin

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
)

// Each test here is an attack on a line of the page's promises.

func TestAPreviewSpendsNoLink(t *testing.T) {
	h := newHouse(t, nil)
	token := h.link(h.begin("alice"))
	scanner := &browser{h: h}
	for range 100 {
		// A scanner may even put the token where a browser would not.
		if a := scanner.send("GET", "/link?token="+token, nil); a.StatusCode != http.StatusOK || scanner.cookie != nil || strings.Contains(a.body, token) {
			t.Fatalf("HTTP %d, cookie %v", a.StatusCode, scanner.cookie)
		}
		scanner.send("HEAD", "/link", nil)
	}
	(&browser{h: h}).open("https://bridge.example.test/telegram/link#" + token)
}

func TestALinkLetsOneIn(t *testing.T) {
	h := newHouse(t, nil)
	token := h.link(h.begin("alice"))
	var in atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			b := &browser{h: h}
			if a := b.send("POST", "/link", url.Values{"token": {token}}); a.StatusCode == http.StatusSeeOther {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 {
		t.Errorf("%d came in by one link", in.Load())
	}
	names := h.recorded()
	redeemed := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n != "web_link_redeemed" })
	reused := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n != "web_link_reused" })
	if len(redeemed) != 1 || len(reused) != 3 { // nobody can fill the log with them
		t.Errorf("the log has %v", names)
	}
}

func TestDeadLinksLookAlike(t *testing.T) {
	h := newHouse(t, nil)
	alice, bob := h.begin("alice"), h.begin("bob")
	revoked := h.link(alice)
	spent := h.link(alice)
	(&browser{h: h}).open(spent)
	over := h.link(bob)
	h.do(bob, login.Cancel{})
	carol := h.begin("carol")
	expired := h.link(carol)
	dead := map[string]string{"revoked": revoked, "spent": spent, "of a login that is over": over, "unknown": strings.Repeat("A", 43), "empty": "", "rubbish": "<b>x</b>\x00"}
	var first *answered
	try := func(name, token string) {
		b := &browser{h: h}
		begun := time.Now()
		a := b.send("POST", "/link", url.Values{"token": {token}})
		if took := time.Since(begun); took < refusalTime {
			t.Errorf("%s: refused after %v", name, took)
		}
		if a.StatusCode != http.StatusForbidden || b.cookie != nil {
			t.Errorf("%s: HTTP %d, %v", name, a.StatusCode, b.cookie)
		}
		if first == nil {
			first = &a
		}
		if a.body != first.body || len(a.Header) != len(first.Header) {
			t.Errorf("%s is told otherwise than another", name)
		}
	}
	for name, token := range dead {
		try(name, token)
	}
	h.wait(10*time.Minute + time.Second)
	try("expired", expired)
	reasons := map[events.LinkRefusal]bool{}
	check(t, h.log.Replay(t.Context(), events.Auth, 0, 0, func(e events.Event) error {
		if f, ok := e.Fact.(*events.WebLinkReused); ok {
			reasons[f.Reason] = true
			if f.Sealed.Address != "127.0.0.1" || !strings.HasPrefix(f.Sealed.Agent, "Go-http-client") {
				t.Errorf("tried from %+v", f.Sealed)
			}
		}
		return nil
	}))
	if len(reasons) != 4 {
		t.Errorf("the log knows %v", reasons)
	}
}

// TestAForwardedLinkIsNotPaired: the code is shown in the one browser that the
// login is open in, and no refused link changes it.
func TestAForwardedLinkIsNotPaired(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Pairing = true })
	mallory := h.begin("mallory")
	first, second := h.link(mallory), ""
	second = h.link(mallory) // before anybody came in: the newer one counts
	victim := &browser{h: h}
	victim.open(second)
	attempt := h.deps.Users.Get(mallory).Attempt.ID
	h.do(mallory, login.Submit{Attempt: attempt, Step: events.StepPhone, Readable: true, Via: events.ChannelWeb})
	h.do(mallory, login.CodeIsOnItsWay{Of: h.deps.Users.Get(mallory).Attempt.Awaiting})
	h.do(mallory, login.Submit{Attempt: attempt, Step: events.StepCode, Readable: true, Via: events.ChannelWeb})
	h.do(mallory, login.LetIn{Of: h.deps.Users.Get(mallory).Attempt.Awaiting, Login: "l", Account: "c"})
	code := regexp.MustCompile(`<output>([A-Z0-9]{6})</output>`).FindStringSubmatch(victim.look().body)
	if code == nil {
		t.Fatalf("the page shows no code:\n%s", victim.page)
	}
	other := &browser{h: h}
	for range 5 {
		for _, token := range []string{first, second} {
			if a := other.send("POST", "/link", url.Values{"token": {token}}); a.StatusCode != http.StatusForbidden || other.cookie != nil {
				t.Errorf("another comes in: HTTP %d", a.StatusCode)
			}
		}
	}
	if a := victim.look(); !strings.Contains(a.body, "<output>"+code[1]+"</output>") {
		t.Error("the code has changed")
	}
	if kept := must(h.vault.Attempt(t.Context(), attempt, vault.Pairing))(t).Reveal(); kept != code[1] {
		t.Errorf("the bot waits for %s, the page shows %s", kept, code[1])
	}
}
