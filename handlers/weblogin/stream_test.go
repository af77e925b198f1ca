package weblogin

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
)

// follow opens a stream of a session, and returns what it tells, line by line.
func (b *browser) follow() <-chan string {
	b.h.t.Helper()
	req := must(http.NewRequestWithContext(b.h.t.Context(), http.MethodGet, b.h.server.URL+"/telegram/updates", nil))(b.h.t)
	req.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	resp := must((&http.Client{Transport: &http.Transport{}}).Do(req))(b.h.t)
	b.h.t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.h.t.Fatalf("HTTP %d, %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	told := make(chan string, 64)
	go func() {
		defer close(told)
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				told <- data
			}
		}
	}()
	return told
}

// next waits for what a stream tells next; empty if it has ended.
func next(t *testing.T, told <-chan string) string {
	t.Helper()
	select {
	case data := <-told:
		return data
	case <-time.After(20 * time.Second):
		t.Fatal("the stream tells nothing")
		return ""
	}
}

func TestAPageFollowsTheLog(t *testing.T) {
	h := newHouse(t, nil)
	h.read = 100 * time.Millisecond // which a stream outlives
	h.start()
	alice, bob := h.begin("alice"), h.begin("bob")
	b := &browser{h: h}
	b.open(h.link(alice))
	one, two := b.follow(), b.follow()
	first := next(t, one)
	if next(t, two) != first || first == "" {
		t.Error("two tabs see two states")
	}
	select {
	case data := <-one:
		t.Fatalf("without news it tells %q", data)
	case <-time.After(5 * h.read):
	}
	h.do(bob, login.Cancel{}) // nothing to alice
	h.do(alice, login.Choose{Attempt: h.deps.Users.Get(alice).Attempt.ID, At: events.StepPhone, Method: events.MethodBot})
	for _, told := range []<-chan string{one, two} {
		if v := next(t, told); v == first || v == "" {
			t.Errorf("told %q after %q", v, first)
		}
	}
	for range maxStreams - 2 {
		b.follow()
	}
	if a := b.send("GET", "/updates", nil); a.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one stream more: HTTP %d", a.StatusCode)
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Idle = 300 * time.Millisecond })
	b := &browser{h: h}
	b.open(h.link(h.begin("alice")))
	told := b.follow()
	next(t, told)
	if v := next(t, told); v != "closed" {
		t.Errorf("told %q", v)
	}
	if v := next(t, told); v != "" {
		t.Errorf("and then %q", v)
	}
}
