package weblogin

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestWhoComesTooOftenWaits(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.PerAddress = 10
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	guess := func(address string) answered {
		return (&browser{h: h}).send("POST", "/link", url.Values{"token": {strings.Repeat("A", 43)}}, "X-Forwarded-For", "203.0.113.200, "+address)
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { guess("198.51.100.7") })
	}
	all.Wait()
	a := guess("198.51.100.7")
	wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if a.StatusCode != http.StatusTooManyRequests || err != nil || wait < 1 || wait > 61 || !strings.Contains(a.body, "<h1") {
		t.Errorf("HTTP %d, Retry-After %q", a.StatusCode, a.Header.Get("Retry-After"))
	}
	if a := guess("198.51.100.8"); a.StatusCode != http.StatusForbidden {
		t.Errorf("another address: HTTP %d", a.StatusCode)
	}
	h.wait(time.Duration(wait) * time.Second)
	if a := guess("198.51.100.7"); a.StatusCode != http.StatusForbidden {
		t.Errorf("after the wait: HTTP %d", a.StatusCode)
	}
}

func TestASessionHasItsOwnBound(t *testing.T) {
	h := newHouse(t, nil)
	b := &browser{h: h}
	b.open(h.link(h.begin("alice")))
	for i := range perAttempt {
		if a := b.fill("stay"); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("form %d: HTTP %d", i, a.StatusCode)
		}
	}
	if a := b.fill("stay"); a.StatusCode != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("HTTP %d", a.StatusCode)
	}
}

func TestWhoseWordOnAnAddressCounts(t *testing.T) {
	s := &Site{cfg: Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"198.51.100.7:5000", "", "198.51.100.7"},
		{"198.51.100.7:5000", "203.0.113.1", "198.51.100.7"}, // no proxy of ours: its word is nothing
		{"10.0.0.1:5000", "203.0.113.1", "203.0.113.1"},
		{"10.0.0.1:5000", "203.0.113.9, 203.0.113.1", "203.0.113.1"}, // the first is what the client said
		{"10.0.0.1:5000", "203.0.113.9, 203.0.113.1, 10.0.0.2", "203.0.113.1"},
		{"[::1]:5000", "2001:db8::5", "2001:db8::5"},
		{"[::ffff:10.0.0.1]:5000", "203.0.113.1", "203.0.113.1"},
		{"10.0.0.1:5000", "rubbish", "10.0.0.1"},
		{"10.0.0.1:5000", "203.0.113.1:4711", "203.0.113.1"},
		{"10.0.0.1:5000", "", "10.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": {c.forwarded}}}
		if got := s.address(r).String(); got != c.want {
			t.Errorf("from %s by %q: %s, not %s", c.remote, c.forwarded, got, c.want)
		}
	}
	if network(netip.MustParseAddr("2001:db8::5")) != network(netip.MustParseAddr("2001:db8::ffff:6")) ||
		network(netip.MustParseAddr("2001:db8::5")) == network(netip.MustParseAddr("2001:db8:0:1::5")) {
		t.Error("a household is a /64")
	}
}
