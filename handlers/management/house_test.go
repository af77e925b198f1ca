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
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
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
		ConfigFile: must(filepath.Abs("../../nats.conf"))(t), StoreDir: t.TempDir(), Listen: "none", Partitions: 2, Log: zerolog.Nop(),
	}))(t)
	keyset := filepath.Join(t.TempDir(), "keyset.json")
	check(t, vault.CreateKeyset(keyset))
	secrets, directory := must(conn.Bucket(ctx, "VAULT"))(t), must(conn.Bucket(ctx, "DIRECTORY"))(t)
	h.vault = vault.Open(must(vault.LoadKeyset(keyset))(t), secrets)
	check(t, h.vault.Claim(ctx))
	h.journal = journal.New(conn, h.vault)
	h.deps = Deps{
		Users: projections.NewUsers(), Portals: projections.NewPortals(), Log: zerolog.Nop(),
		Directory: h.vault.DirectoryFor(directory), Secrets: h.vault, Timers: h.journal,
	}
	h.desk = commit.NewDesk(events.Auth, h.journal, h.deps.Users, func(uid events.UID) (projections.User, uint64) {
		u := h.deps.Users.Get(uid)
		return u, u.Seq
	})
	h.portals = commit.NewDesk(events.Portal, h.journal, h.deps.Portals, func(uid events.UID) (projections.Portal, uint64) {
		p := h.deps.Portals.Get(uid)
		return p, p.Seq
	})
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
	bot := New(Config{
		Bot: h.botID, Prefix: "!tg", Version: "v0.0-test", AttemptTimeout: h.timeout, MaxLogins: 1,
		Permission: func(user events.MatrixID) Level {
			if strings.HasPrefix(string(user), "@stranger") {
				return LevelNone
			}
			return LevelUser
		},
		Ours: func(who id.UserID) bool { return strings.HasPrefix(string(who), "@telegram_") },
	}, client, h.deps)
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

// guest is a Matrix user with a room where the bot is.
type guest struct {
	*house
	t    *testing.T
	user *matrixtest.Client
	room id.RoomID
	uid  events.UID
	seen int // notices of the bot that the test has read
}

// newGuest registers a user who has not met the bot.
func (h *house) newGuest(t *testing.T, name string) *guest {
	t.Helper()
	return &guest{house: h, t: t, user: must(h.hs.Register(within(t), name, userPassword))(t)}
}

// host registers a user with a management room, and reads the greeting.
func (h *house) host(t *testing.T, name string) *guest {
	t.Helper()
	g := h.newGuest(t, name)
	g.room = must(g.user.CreateDM(within(t), h.botID))(t)
	g.expect("Hello! I connect Telegram to Matrix. Type `login` to connect your Telegram account, or `help` to see what I can do.")
	g.identify()
	return g
}

// identify finds the uid of the guest in the log.
func (g *guest) identify() {
	g.t.Helper()
	u, ok := g.deps.Users.ByMatrixID(events.MatrixID(g.user.UserID()))
	if !ok {
		g.t.Fatal("the log does not know the user")
	}
	g.uid = u.UID
}

// says sends a message.
func (g *guest) says(text string) id.EventID {
	g.t.Helper()
	return must(g.user.SendText(within(g.t), g.room, text))(g.t)
}

// notices are the bot's messages in the room so far.
func (g *guest) notices(r matrixtest.Room) []*event.Event {
	var found []*event.Event
	for _, evt := range r.Messages() {
		if evt.Sender == g.botID {
			found = append(found, evt)
		}
	}
	return found
}

// expect waits for the bot's next messages. Each must begin as given.
func (g *guest) expect(texts ...string) {
	g.t.Helper()
	for _, want := range texts {
		r, err := g.user.WaitFor(within(g.t), g.room, func(r matrixtest.Room) bool { return len(g.notices(r)) > g.seen })
		if err != nil {
			g.t.Fatalf("waiting for %q: %v", want, err)
		}
		evt := g.notices(r)[g.seen]
		g.seen++
		content := evt.Content.AsMessage()
		if got := content.Body; !strings.HasPrefix(got, want) {
			g.t.Fatalf("the bot said\n%q\nnot\n%q", got, want)
		}
		if content.MsgType != event.MsgNotice || evt.Content.Raw[noticeKey] == nil || content.FormattedBody == "" {
			g.t.Errorf("notice %+v", evt.Content.Raw)
		}
	}
}

// silent checks that the bot has said nothing but what was expected. It lets
// the bot say one thing more, after which nothing older can come.
func (g *guest) silent() {
	g.t.Helper()
	g.says("version")
	g.expect("natsgram v0.0-test")
}

// deleted waits until a message is redacted.
func (g *guest) deleted(message id.EventID) {
	g.t.Helper()
	must(g.user.WaitFor(within(g.t), g.room, func(r matrixtest.Room) bool {
		_, there := r.Text(message)
		return r.Event(message) != nil && !there
	}))(g.t)
}

// await waits for a state of the user.
func (g *guest) await(what string, holds func(projections.User) bool) projections.User {
	g.t.Helper()
	ctx := within(g.t)
	for {
		changed := g.deps.Users.Changed()
		u := g.deps.Users.Get(g.uid)
		if holds(u) {
			return u
		}
		select {
		case <-changed:
		case <-ctx.Done():
			g.t.Fatalf("%s: never, it is %+v", what, u)
		}
	}
}

func (g *guest) awaitStep(step events.Step) projections.User {
	g.t.Helper()
	return g.await("step "+string(step), func(u projections.User) bool { return u.Attempt != nil && u.Attempt.Step == step })
}

// telegram answers what the attempt waits for.
func (g *guest) telegram(answer func(of events.EventID) login.Command) {
	g.t.Helper()
	u := g.await("a submission", func(u projections.User) bool { return u.Attempt != nil && u.Attempt.Awaiting != "" })
	g.happens(answer(u.Attempt.Awaiting))
}

// happens decides and appends.
func (g *guest) happens(c login.Command) events.Event {
	g.t.Helper()
	e, err := g.desk.Do(within(g.t), g.uid, commit.Meta{Actor: events.ByTelegram}, func(u projections.User) (events.Fact, error) {
		return login.Decide(u, c)
	})
	if err != nil || e.Fact == nil {
		g.t.Fatalf("%T came to nothing: %v", c, err)
	}
	return e
}

// history is the user's events, by name.
func (g *guest) history() (names []string, all []events.Event) {
	g.t.Helper()
	check(g.t, g.journal.ReplayAggregate(within(g.t), events.Aggregate{Stream: events.Auth, UID: g.uid}, func(e events.Event) error {
		names, all = append(names, e.Fact.Type().Name()), append(all, e)
		return nil
	}))
	return names, all
}

// count is how many events of a name the user's history has.
func (g *guest) count(name string) int {
	g.t.Helper()
	n := 0
	names, _ := g.history()
	for _, each := range names {
		if each == name {
			n++
		}
	}
	return n
}

// loggedIn brings the guest into Telegram without a word.
func (g *guest) loggedIn(account events.AccountID) events.LoginID {
	g.t.Helper()
	g.says("login")
	g.expect("Let's connect your Telegram account.")
	g.says("+44 7911 123456")
	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp, Length: 5}
	})
	g.expect("Telegram has sent a code")
	g.says("12345")
	id := events.NewLoginID()
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: id, Account: account, Who: events.AccountFacts{TelegramID: 7, Name: "Alice <b>", Username: "alice"}}
	})
	g.expect("Logged in as Alice <b> (@alice, +44 ••••• ••3456).")
	return id
}

func privateRoom() *mautrix.ReqCreateRoom { return &mautrix.ReqCreateRoom{Preset: "private_chat"} }

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
