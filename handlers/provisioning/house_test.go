package provisioning

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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
	"github.com/natsgram/natsgram/handlers/provisioning/provisioningtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

const (
	serverName   = "example.test"
	sharedSecret = "0123456789abcdef"
	alice        = "@alice:example.test"
	patience     = 30 * time.Second
)

// house is the API with a log of its own, a homeserver that knows a few tokens,
// and the test in Telegram's place.
type house struct {
	t      *testing.T
	server *Server
	vault  *vault.Vault
	desk   *commit.Desk[projections.User]
	users  *projections.Users
	url    string
	api    provisioningtest.Client
	left   chan error // what became of the caller, when a call is over

	mu     sync.Mutex
	asked  int            // how often the homeserver was asked
	closed map[string]int // paths that it answers with this status
	sick   error          // why nothing can be recorded
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, users: projections.NewUsers(), closed: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	conn := must(journal.Connect(ctx, journal.Config{
		SyncInterval: time.Minute,
		ConfigFile:   must(filepath.Abs("../../nats.conf"))(t), StoreDir: t.TempDir(), Listen: "none", Partitions: 2, Log: zerolog.Nop(),
	}))(t)
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	check(t, vault.CreateKeyset(keyset))
	secrets, rows := must(conn.Bucket(ctx, "VAULT"))(t), must(conn.Bucket(ctx, "DIRECTORY"))(t)
	h.vault = vault.Open(must(vault.LoadKeyset(keyset))(t), secrets)
	check(t, h.vault.Claim(ctx))
	log := journal.New(conn, h.vault)
	h.desk = commit.Users(log, h.users)
	folded := make(chan error, 1)
	go func() {
		folded <- log.Follow(ctx, events.Auth, 0, func(e events.Event) error { h.users.Apply(e); return nil })
	}()
	hs := httptest.NewServer(http.HandlerFunc(h.homeserver))
	h.server = New(Config{
		SharedSecret: vault.Secret(sharedSecret), HomeserverURL: hs.URL, ServerName: serverName, Bot: "@bot:example.test", Prefix: "!tg",
		AttemptTimeout: 10 * time.Minute, MaxLogins: 2,
		Permission: func(id events.MatrixID) bool { return !strings.HasPrefix(string(id), "@stranger") },
	}, Deps{
		Desk: h.desk, Users: h.users, Directory: h.vault.DirectoryFor(rows), Vault: h.vault, Turns: &answers.Turns{}, HTTP: hs.Client(), OpenID: h.federation,
		Healthy: func() error { h.mu.Lock(); defer h.mu.Unlock(); return h.sick }, Log: zerolog.Nop(),
	})
	handler := h.server.Handler()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r)
		if h.left != nil {
			h.left <- r.Context().Err()
		}
	}))
	h.url, h.api = api.URL, provisioningtest.New(within(t), t, api.URL, "", "")
	t.Cleanup(func() {
		api.Close()
		hs.Close()
		cancel()
		<-folded
		conn.Close()
	})
	return h
}

// client calls the API with a token, for a user.
func (h *house) client(token, user string) provisioningtest.Client {
	h.t.Helper()
	c := h.api
	c.Token, c.User = token, user
	return c
}

// homeserver knows the tokens "token-of-NAME" and "guest".
func (h *house) homeserver(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.asked++
	status, shut := h.closed[r.URL.Path]
	h.mu.Unlock()
	if shut {
		w.WriteHeader(status)
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + r.URL.Query().Get("access_token")
	name, ok := strings.CutPrefix(token, "token-of-")
	switch {
	case token == "guest":
		_ = json.NewEncoder(w).Encode(map[string]any{"user_id": alice, "is_guest": true})
	case !ok:
		w.WriteHeader(http.StatusUnauthorized)
	case strings.HasSuffix(r.URL.Path, "/userinfo"):
		_ = json.NewEncoder(w).Encode(map[string]any{"sub": "@" + name + ":" + serverName})
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"user_id": "@" + name + ":" + serverName})
	}
}

// federation knows them too, of every server.
func (h *house) federation(_ context.Context, server, token string) (events.MatrixID, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	name, ok := strings.CutPrefix(token, "token-of-")
	if !ok {
		return "", ErrNotTheirs
	}
	return events.MatrixID("@" + name + ":" + server), nil
}

func (h *house) questions() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// telegram answers for Telegram once alice's attempt is at a step.
func (h *house) telegram(at events.Step, answer func(of events.EventID) login.Command) {
	h.t.Helper()
	ctx := within(h.t)
	for {
		changed := h.users.Changed()
		u, ok := h.users.ByMatrixID(alice)
		if ok && u.Attempt != nil && u.Attempt.Step == at {
			_, err := h.desk.Do(ctx, u.UID, commit.Meta{Actor: events.ByTelegram}, func(u projections.User) (events.Fact, error) {
				return login.Decide(u, answer(u.Attempt.Awaiting))
			})
			check(h.t, err)
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			h.t.Errorf("no attempt came to %s", at)
			return
		}
	}
}

// waits reports whether a call of the user is open.
func (h *house) waits(uid events.UID) bool {
	h.server.doors.mu.Lock()
	defer h.server.doors.mu.Unlock()
	return h.server.doors.open[uid] > 0
}

// expect holds an answer against the step that should come, by its short name,
// or against an error code.
func (h *house) expect(a provisioningtest.Answer, want string) provisioningtest.Step {
	h.t.Helper()
	if got := strings.TrimPrefix(a.Step.ID, stepPrefix) + a.ErrCode; got != want {
		h.t.Fatalf("%d %s, want %s", a.Status, a.Body, want)
	}
	return a.Step
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// must ends the test if a call failed, and passes on its answer.
func must[T any](answer T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return answer
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
