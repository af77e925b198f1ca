package management

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

const (
	serverName   = "example.test"
	userPassword = "correct horse"
	patience     = 30 * time.Second
)

// house is a bridge of which only the bot is there: a real homeserver, a log of
// its own, and the test in Telegram's place.
type house struct {
	t       *testing.T
	hs      *matrixtest.Homeserver
	reg     *appservice.Registration
	journal *journal.Journal
	vault   *vault.Vault
	deps    Deps
	desk    *commit.Desk[projections.User]
	portals *commit.Desk[projections.Portal]
	botID   id.UserID
	timeout time.Duration
	change  func(*Config) // of the bot's configuration

	faults faults

	mu    sync.Mutex
	bot   *Bot
	taken map[id.EventID]bool // what Take said of each event
	stop  func()
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{
		t: t, botID: id.NewUserID("tgbot", serverName), taken: map[id.EventID]bool{}, timeout: 10 * time.Minute,
		reg: appservice.CreateRegistration(),
	}
	port := must(matrixtest.FreePort())(t)
	h.reg.ID, h.reg.URL, h.reg.SenderLocalpart = "natsgram", "http://127.0.0.1:"+strconv.Itoa(port), "tgbot"
	h.reg.Namespaces.UserIDs.Register(regexp.MustCompile("@telegram_.*:"+serverName), true)
	file := filepath.Join(t.TempDir(), "registration.yaml")
	check(t, h.reg.Save(file))
	server := &http.Server{Addr: "127.0.0.1:" + strconv.Itoa(port), Handler: h, ReadHeaderTimeout: time.Second}
	go func() { _ = server.ListenAndServe() }()
	t.Cleanup(func() { _ = server.Close() })
	h.hs = matrixtest.ForTest(t, matrixtest.Options{
		Dir: filepath.Join(t.TempDir(), "homeserver"), ServerName: serverName, RegistrationFiles: []string{file},
	})
	h.openLog()
	h.start()
	t.Cleanup(func() { h.stop() })
	return h
}

// openLog makes log, vault and projections, and keeps folding.
func (h *house) openLog() {
	t := h.t
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	conn := must(journal.Connect(ctx, journal.Config{
		SyncInterval: time.Minute,
		ConfigFile:   must(filepath.Abs("../../nats.conf"))(t), StoreDir: t.TempDir(), Listen: "none", Partitions: 2, Log: zerolog.Nop(),
	}))(t)
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	check(t, vault.CreateKeyset(keyset))
	secrets, directory := must(conn.Bucket(ctx, "VAULT"))(t), must(conn.Bucket(ctx, "DIRECTORY"))(t)
	h.vault = vault.Open(must(vault.LoadKeyset(keyset))(t), secrets)
	check(t, h.vault.Claim(ctx))
	h.journal = journal.New(conn, h.vault)
	h.deps = Deps{
		Users: projections.NewUsers(), Portals: projections.NewPortals(), Log: zerolog.Nop(),
		Directory: h.vault.DirectoryFor(directory), Secrets: h.vault, Turns: &answers.Turns{}, Timers: h.journal,
	}
	h.desk, h.portals = commit.Users(h.journal, h.deps.Users), commit.Portals(h.journal, h.deps.Portals)
	h.deps.Desk = h.desk
	var folding errgroup.Group
	folding.Go(func() error {
		return h.journal.Follow(ctx, events.Auth, 0, func(e events.Event) error { h.deps.Users.Apply(e); return nil })
	})
	folding.Go(func() error {
		return h.journal.Follow(ctx, events.Portal, 0, func(e events.Event) error { h.deps.Portals.Apply(e); return nil })
	})
	t.Cleanup(func() {
		cancel()
		_ = folding.Wait()
		conn.Close()
	})
}

// start runs the bot and its reactors, as a process that starts does.
func (h *house) start() {
	h.t.Helper()
	client := must(NewClient(h.hs.URL(), h.botID, h.reg.AppToken))(h.t)
	client.Client.Transport = &h.faults
	cfg := Config{
		Bot: h.botID, Prefix: "!tg", Version: "v0.0-test", AttemptTimeout: h.timeout, MaxLogins: 1,
		Permission: func(user events.MatrixID) Level {
			if strings.HasPrefix(string(user), "@stranger") {
				return LevelNone
			}
			return LevelUser
		},
		Ours: func(who id.UserID) bool { return strings.HasPrefix(string(who), "@telegram_") },
	}
	if h.change != nil {
		h.change(&cfg)
	}
	bot := New(cfg, client, h.deps)
	ctx, cancel := context.WithCancel(context.Background())
	var running errgroup.Group
	for _, r := range []journal.Reactor{bot.Reactor(), bot.ProgressReactor(), bot.DeadlineReactor()} {
		running.Go(func() error { return h.journal.React(ctx, r) })
	}
	running.Go(func() error { return h.journal.OnTimer(ctx, "management", bot.OnDeadline) })
	h.mu.Lock()
	h.bot = bot
	h.mu.Unlock()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := running.Wait(); err != nil {
			h.t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
}

// restartWith starts the bot anew with another configuration.
func (h *house) restartWith(change func(*Config)) {
	h.stop()
	h.change = change
	h.start()
}

// ServeHTTP takes a transaction. It gives the bot every event twice, as a
// homeserver does that missed the answer.
func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var txn appservice.Transaction
	if err := json.NewDecoder(r.Body).Decode(&txn); r.Method == http.MethodPut && err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, evt := range slices.Concat(txn.Events, txn.Events) {
		taken, err := h.bot.Take(r.Context(), evt)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		h.taken[evt.ID] = taken
	}
	_, _ = w.Write([]byte("{}"))
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
