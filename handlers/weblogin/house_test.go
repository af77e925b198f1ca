package weblogin

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// house is a bridge of which only the login page is there: a real log and vault,
// and the test in the place of the bot and of Telegram.
type house struct {
	t      *testing.T
	deps   Deps
	desk   *commit.Desk[projections.User]
	vault  *vault.Vault
	log    *journal.Journal
	cfg    Config
	site   *Site
	server *httptest.Server
	said   *lockedBuffer // what the page logs
	read   time.Duration // the server's ReadTimeout, if another than its own

	mu    sync.Mutex
	later time.Duration // by which the page's clock is ahead
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newHouse(t *testing.T, change func(*Config)) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	conn := must(journal.Connect(ctx, journal.Config{
		SyncInterval: time.Minute,
		ConfigFile:   must(filepath.Abs("../../nats.conf"))(t), StoreDir: t.TempDir(), Listen: "none", Partitions: 2, Log: zerolog.Nop(),
	}))(t)
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	check(t, vault.CreateKeyset(keyset))
	h := &house{t: t, said: &lockedBuffer{}}
	h.vault = vault.Open(must(vault.LoadKeyset(keyset))(t), must(conn.Bucket(ctx, "VAULT"))(t))
	check(t, h.vault.Claim(ctx))
	h.log = journal.New(conn, h.vault)
	users := projections.NewUsers()
	h.desk = commit.Users(h.log, users)
	h.deps = Deps{Desk: h.desk, Users: users, Vault: h.vault, Turns: &answers.Turns{}, Log: zerolog.New(h.said)}
	folded := make(chan error, 1)
	go func() {
		folded <- h.log.Follow(ctx, events.Auth, 0, func(e events.Event) error { users.Apply(e); return nil })
	}()
	t.Cleanup(func() { cancel(); <-folded; conn.Close() })
	h.cfg = Config{Public: must(url.Parse("https://bridge.example.test/telegram"))(t), PerAddress: 10_000}
	if change != nil {
		change(&h.cfg)
	}
	h.start()
	return h
}

// start serves the page, as a bridge that starts anew does.
func (h *house) start() {
	h.t.Helper()
	if h.server != nil {
		h.server.CloseClientConnections()
		h.server.Close()
	}
	h.site = must(New(h.cfg, h.deps))(h.t)
	h.site.now = func() time.Time {
		h.mu.Lock()
		defer h.mu.Unlock()
		return time.Now().Add(h.later)
	}
	h.server = httptest.NewUnstartedServer(nil)
	h.server.Config = h.site.Server()
	if h.read > 0 {
		h.server.Config.ReadTimeout = h.read
	}
	h.server.Start()
	h.t.Cleanup(h.server.Close)
}

// wait moves the page's clock.
func (h *house) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.later += d
}

// do commits a command as the bot or Telegram would.
func (h *house) do(uid events.UID, c login.Command) events.Fact {
	h.t.Helper()
	e, err := h.desk.Do(h.t.Context(), uid, commit.Meta{Actor: events.BySystem}, func(u projections.User) (events.Fact, error) { return login.Decide(u, c) })
	if err != nil {
		h.t.Fatalf("%T: %v", c, err)
	}
	return e.Fact
}

// begin begins a login for somebody, and returns them.
func (h *house) begin(name string) events.UID {
	h.t.Helper()
	uid := events.NewUID()
	h.do(uid, login.Start{
		Attempt: events.AttemptID("attempt-of-" + name), User: events.MatrixID("@" + name + ":example.test"), Room: "!room",
		Deadline: time.Now().Add(time.Hour), MaxLogins: 5,
	})
	return uid
}

// link makes a link for a login that is under way, and returns its token.
func (h *house) link(uid events.UID) string {
	h.t.Helper()
	a := h.deps.Users.Get(uid).Attempt
	id := events.LinkID(events.NewEventID())
	h.do(uid, login.MakeLink{Attempt: a.ID, Link: id, Now: time.Now(), Room: "!room"})
	return must(h.vault.NewLink(h.t.Context(), vault.WebLink{User: uid, Attempt: a.ID, Link: id}, login.LinkLife))(h.t).Reveal()
}

// answered is a response that was read to its end.
type answered struct {
	*http.Response
	body string
}

// browser is a client that keeps a cookie.
type browser struct {
	h      *house
	cookie *http.Cookie
	page   string // the last that it saw
}

// send sends a request. Header is pairs of names and values.
func (b *browser) send(method, path string, form url.Values, header ...string) answered {
	b.h.t.Helper()
	req := must(http.NewRequestWithContext(b.h.t.Context(), method, b.h.server.URL+"/telegram"+path, strings.NewReader(form.Encode())))(b.h.t)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://bridge.example.test")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	if b.cookie != nil {
		req.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	}
	client := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableKeepAlives: true},
	}
	resp := must(client.Do(req))(b.h.t)
	defer resp.Body.Close()
	body := must(io.ReadAll(resp.Body))(b.h.t)
	for _, c := range resp.Cookies() {
		if c.Name == cookieName {
			b.cookie = c
		}
	}
	return answered{resp, string(body)}
}

// sendWithin sends a form, and gives up when ctx ends.
func (b *browser) sendWithin(ctx context.Context, path string, form url.Values) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.h.server.URL+"/telegram"+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.AddCookie(&http.Cookie{Name: b.cookie.Name, Value: b.cookie.Value})
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// open redeems a link and shows the page.
func (b *browser) open(token string) {
	b.h.t.Helper()
	if a := b.send("POST", "/link", url.Values{"token": {token}}); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/telegram/login" {
		b.h.t.Fatalf("the link leads to HTTP %d %s", a.StatusCode, a.Header.Get("Location"))
	}
	b.look()
}

func (b *browser) look() answered {
	b.h.t.Helper()
	a := b.send("GET", "/login", nil, "Sec-Fetch-Mode", "navigate")
	b.page = a.body
	return a
}

// field is the value of a hidden field of the page.
func (b *browser) field(name string) string {
	m := regexp.MustCompile(`name="?` + name + `"? value="?([^">]*)`).FindStringSubmatch(b.page)
	if m == nil {
		return ""
	}
	return m[1]
}

// fill sends a form of the page.
func (b *browser) fill(action string, pairs ...string) answered {
	b.h.t.Helper()
	form := url.Values{"form": {b.field("form")}, "step": {b.field("step")}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.send("POST", "/"+action, form)
}

// recorded are the names of the facts in the log.
func (h *house) recorded() []string {
	h.t.Helper()
	var names []string
	check(h.t, h.log.Replay(h.t.Context(), events.Auth, 0, 0, func(e events.Event) error {
		names = append(names, e.Fact.Type().Name())
		return nil
	}))
	return names
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// panicky is a vault that fails with what it was given.
type panicky struct{ *vault.Vault }

func (panicky) PutAttempt(_ context.Context, _ events.AttemptID, _ string, value vault.Secret, _ time.Duration) error {
	panic("could not keep " + value.Reveal())
}

// away is a vault that can't be read now.
type away struct{ *vault.Vault }

func (away) Browser(context.Context, vault.Secret) (vault.Browser, error) {
	return vault.Browser{}, journal.ErrUnwritable
}
