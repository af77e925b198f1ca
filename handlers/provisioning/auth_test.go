package provisioning

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
)

func TestWhoIsLetIn(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct{ name, token, user, want string }{
		{"secret", sharedSecret, alice, ""},
		{"secret of another server's user", sharedSecret, "@bob:elsewhere.test", ""},
		{"own token", "token-of-alice", alice, ""},
		{"own token without user", "token-of-alice", "", ""},
		{"OpenID", "openid:token-of-alice", alice, ""},
		{"OpenID of another server", "openid:token-of-bob", "@bob:elsewhere.test", ""},
		{"nothing", "", alice, "M_MISSING_TOKEN"},
		{"secret for nobody", sharedSecret, "", "M_MISSING_PARAM"},
		{"secret for no Matrix ID", sharedSecret, "alice", "M_INVALID_PARAM"},
		{"path for a server", "openid:token-of-bob", "@bob:elsewhere.test/x?y", "M_INVALID_PARAM"},
		{"secret for a stranger", sharedSecret, "@stranger:example.test", "M_FORBIDDEN"},
		{"a stranger's token", "token-of-stranger", "", "M_FORBIDDEN"},
		{"another's token", "token-of-bob", alice, "M_UNKNOWN_TOKEN"},
		{"another's OpenID token", "openid:token-of-bob", alice, "M_UNKNOWN_TOKEN"},
		{"a guest's token", "guest", alice, "M_UNKNOWN_TOKEN"},
		{"a guess", sharedSecret + "0", alice, "M_UNKNOWN_TOKEN"},
		{"a short guess", sharedSecret[:8], alice, "M_UNKNOWN_TOKEN"},
		{"OpenID for nobody", "openid:token-of-alice", "", "M_MISSING_PARAM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.server.failed = newLimiter(rate.Every(time.Hour), 10)
			h.expect(h.client(c.token, c.user).Get(within(t), "logins"), c.want)
		})
	}
	asked := h.questions()
	h.server.failed = newLimiter(rate.Every(time.Hour), 10)
	h.expect(h.client("openid:token-of-stranger", "@stranger:anywhere.test").Get(within(t), "logins"), "M_FORBIDDEN")
	h.expect(h.client("token-of-alice", alice).Get(within(t), "logins"), "")
	if h.questions() != asked {
		t.Error("a homeserver was asked for a stranger, or again for who was vouched for")
	}
}

func TestAnEmptySecretOpensNothing(t *testing.T) {
	s := New(Config{}, Deps{})
	for _, secret := range []string{"", "short"} {
		s.cfg.SharedSecret = vault.Secret(secret)
		if s.isSecret(secret) {
			t.Errorf("%q", secret)
		}
	}
}

// TestAHomeserverThatDoesNotAnswer blames nobody's token.
func TestAHomeserverThatDoesNotAnswer(t *testing.T) {
	h := newHouse(t)
	h.mu.Lock()
	h.closed["/_matrix/client/v3/account/whoami"] = http.StatusBadGateway
	h.closed["/_matrix/federation/v1/openid/userinfo"] = http.StatusNotFound // served to the federation alone
	h.mu.Unlock()
	h.expect(h.client("token-of-alice", alice).Get(within(t), "logins"), "M_UNKNOWN")
	h.expect(h.client("openid:token-of-alice", alice).Get(within(t), "logins"), "")
}

// TestFailuresAreLimited: who guesses is slowed down, and neither the homeserver
// nor who has the secret bears it.
func TestFailuresAreLimited(t *testing.T) {
	h := newHouse(t)
	bad, own := h.client("guess", alice), h.client("token-of-alice", alice)
	h.expect(own.Get(within(t), "logins"), "")
	var last string
	for range 20 {
		last = bad.Get(within(t), "logins").ErrCode
	}
	asked := h.questions()
	a := bad.Get(within(t), "logins")
	if last != "M_LIMIT_EXCEEDED" || a.Status != http.StatusTooManyRequests || a.Wait <= 0 || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if h.questions() != asked || asked > 12 {
		t.Errorf("the homeserver was asked %d times", asked)
	}
	h.expect(h.client(sharedSecret, alice).Get(within(t), "logins"), "")
	h.expect(own.Get(within(t), "logins"), "") // vouched for before
}

func TestAddress(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7:1": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64", "@": "@",
	} {
		if got := address(&http.Request{RemoteAddr: from}); got != want {
			t.Errorf("%s is %s, want %s", from, got, want)
		}
	}
}

func TestLimiterForgets(t *testing.T) {
	l, now := newLimiter(rate.Every(time.Second), 1), time.Now()
	for i := range maxKeys + 5 {
		if wait := l.take(string(rune(i)), now); wait != 0 {
			t.Fatalf("key %d waits %v", i, wait)
		}
	}
	if len(l.keys) > maxKeys {
		t.Errorf("%d keys", len(l.keys))
	}
}

// TestWhatIsNoCall answers everything in JSON.
func TestWhatIsNoCall(t *testing.T) {
	h := newHouse(t)
	c := h.client(sharedSecret, alice)
	for _, r := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "nothing", 404}, {http.MethodPost, "whoami", 405}, {http.MethodGet, "login/start/phone", 405},
		{http.MethodDelete, "logout/x", 405}, {http.MethodGet, "login/step/a/b", 404},
	} {
		a := c.Do(within(t), r.method, r.path, nil)
		if a.Status != r.status || a.ErrCode != "M_UNRECOGNIZED" || a.Error == "" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d %s", r.method, r.path, a.Status, a.Body)
		}
	}
	w := httptest.NewRecorder()
	h.server.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodOptions, Prefix+"v3/whoami", nil))
	if w.Code != http.StatusNoContent || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	h.mu.Lock()
	h.sick = errors.New("the disk is full")
	h.mu.Unlock()
	if a := c.Get(within(t), "whoami"); a.Status != http.StatusServiceUnavailable || strings.Contains(string(a.Body), "disk") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestServerOf(t *testing.T) {
	for id, want := range map[events.MatrixID]string{
		"@a:b": "b", "@a:b:8448": "b:8448", "a:b": "", "@:b": "", "@a": "", "@a:": "", "@a:b/c": "", "@a:b@c": "",
		events.MatrixID("@a:" + strings.Repeat("b", 260)): "",
	} {
		if got := serverOf(id); got != want {
			t.Errorf("%s: %q", id, got)
		}
	}
}
