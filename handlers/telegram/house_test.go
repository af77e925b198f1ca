package telegram

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// house is a bridge of which only the Telegram side is built, on a real log and
// a real MTProto server. The test plays the Matrix side.
type house struct {
	t      testing.TB
	ctx    context.Context
	server *telegramtest.Server
	dir    string
	cfg    Config
	*life
}

// life is what a process holds: it ends with a crash.
type life struct {
	conn    *journal.Conn
	journal *journal.Journal
	vault   *vault.Vault
	users   *projections.Users
	portals *projections.Portals
	chats   *projections.Messages
	world   *World
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu   sync.Mutex
	log  []events.Event
	wake chan struct{}
}

func newHouse(t testing.TB, opts telegramtest.Options) *house {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	server, err := telegramtest.Start(context.Background(), opts)
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	h := &house{t: t, ctx: ctx, server: server, dir: t.TempDir()}
	must(t, vault.CreateKeyset(filepath.Join(h.dir, "keyset.json")))
	h.cfg = Config{
		APIID: 1, APIHash: "hash", DCList: server.DCList(), PublicKeys: server.PublicKeys(), MaxTries: 3,
		MemberLimit: 10, Timeout: 2 * time.Second, LogoutTimeout: 2 * time.Second,
	}
	h.open()
	t.Cleanup(func() { h.crash() })
	return h
}

// open starts a process on the store.
func (h *house) open() {
	h.t.Helper()
	conf, err := filepath.Abs("../../nats.conf")
	must(h.t, err)
	l := &life{users: projections.NewUsers(), portals: projections.NewPortals(), chats: projections.NewMessages(), wake: make(chan struct{})}
	h.life = l
	l.conn, err = journal.Connect(h.ctx, journal.Config{
		SyncInterval: time.Minute,
		ConfigFile:   conf, StoreDir: filepath.Join(h.dir, "store"), Listen: "none", BridgePassword: "b", AuditorPassword: "a",
		Partitions: 2, Log: zerolog.Nop(),
	})
	must(h.t, err)
	keys, err := vault.LoadKeyset(filepath.Join(h.dir, "keyset.json"))
	must(h.t, err)
	l.vault = vault.Open(keys, h.bucket("VAULT"))
	must(h.t, l.vault.Claim(h.ctx))
	l.journal = journal.New(l.conn, l.vault)
	logger := zerolog.Nop()
	if os.Getenv("TELEGRAM_LOG") != "" {
		logger = zerolog.New(zerolog.NewConsoleWriter()).With().Timestamp().Logger()
	}
	l.world = New(h.cfg, Deps{
		Log: l.journal, Vault: l.vault, Directory: l.vault.DirectoryFor(h.bucket("DIRECTORY")),
		Users: l.users, Portals: l.portals, Messages: l.chats,
		Cursors: l.vault.Sealed("CURSORS", h.bucket("CURSORS")), Peers: l.vault.Sealed("PEERS", h.bucket("PEERS")),
		Back: l.journal.WorldIsBack, Logger: logger,
	})
	h.start()
}

func (h *house) bucket(name string) *journal.Bucket {
	h.t.Helper()
	b, err := h.conn.Bucket(h.ctx, name)
	must(h.t, err)
	return b
}

// start folds the log and sets everything to work.
func (h *house) start() {
	h.t.Helper()
	l := h.life
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for stream, apply := range map[events.Stream]func(events.Event){
		events.Auth: l.users.Apply, events.Portal: l.portals.Apply, events.Chat: l.chats.Apply,
	} {
		l.running.Go(func() {
			err := l.journal.Follow(ctx, stream, 0, func(e events.Event) error {
				apply(e)
				l.mu.Lock()
				defer l.mu.Unlock()
				l.log = append(l.log, e)
				close(l.wake)
				l.wake = make(chan struct{})
				return nil
			})
			if err != nil && ctx.Err() == nil {
				h.t.Error(err)
			}
		})
		last, err := l.journal.LastSeq(h.ctx, stream)
		must(h.t, err)
		wait := map[events.Stream]func(context.Context, uint64) error{
			events.Auth: l.users.WaitFor, events.Portal: l.portals.WaitFor, events.Chat: l.chats.WaitFor,
		}[stream]
		must(h.t, wait(h.ctx, last))
	}
	for _, r := range []journal.Reactor{l.world.LoginReactor(), l.world.PortalReactor(), l.world.ChatReactor()} {
		l.running.Go(func() { _ = l.journal.React(ctx, r) })
	}
	l.running.Go(func() { _ = l.world.Run(ctx) })
}

// crash ends the process as kill -9 would, as far as a test can: nothing is
// stored any more from the moment on.
func (h *house) crash() {
	h.t.Helper()
	h.conn.Close()
	h.cancel()
	h.world.Close()
	h.running.Wait()
}

// restart is a crash and a new process.
func (h *house) restart() {
	h.t.Helper()
	h.crash()
	h.open()
}

// stop ends the process in order.
func (h *house) stop() {
	h.t.Helper()
	h.cancel()
	h.running.Wait()
	h.conn.Close()
}

// await returns the n-th fact (from 1) of a kind that ok takes.
func await[F events.Fact](h *house, n int, ok func(F) bool) events.Event {
	h.t.Helper()
	for {
		h.life.mu.Lock()
		wake := h.life.wake
		found := 0
		for _, e := range h.life.log {
			if f, is := e.Fact.(F); is && (ok == nil || ok(f)) {
				if found++; found == n {
					h.life.mu.Unlock()
					return e
				}
			}
		}
		h.life.mu.Unlock()
		select {
		case <-wake:
		case <-h.ctx.Done():
			var none F
			h.t.Fatalf("no %s number %d; the log has %v", none.Type().Name(), n, h.names())
		}
	}
}

// count is how many facts of a kind the log has.
func count[F events.Fact](h *house, ok func(F) bool) int {
	h.life.mu.Lock()
	defer h.life.mu.Unlock()
	n := 0
	for _, e := range h.life.log {
		if f, is := e.Fact.(F); is && (ok == nil || ok(f)) {
			n++
		}
	}
	return n
}

func (h *house) names() []string {
	h.life.mu.Lock()
	defer h.life.mu.Unlock()
	var names []string
	for _, e := range h.life.log {
		names = append(names, e.Fact.Type().Name())
	}
	return names
}

// person is a Matrix user on the way to a login.
type person struct {
	h       *house
	uid     events.UID
	id      events.MatrixID
	attempt events.AttemptID
	token   string              // of a bot
	scanner telegramtest.UserID // whose telephone scans QR codes; 0: nobody's
}

func (h *house) person(id events.MatrixID) *person {
	h.t.Helper()
	uid, err := h.world.deps.Directory.EnsureUser(h.ctx, id)
	must(h.t, err)
	return &person{h: h, uid: uid, id: id}
}

func (p *person) do(c login.Command) events.Event {
	p.h.t.Helper()
	e, err := p.h.world.desk.users.Do(p.h.ctx, p.uid, commit.Meta{Actor: events.ByUser}, func(u projections.User) (events.Fact, error) {
		return login.Decide(u, c)
	})
	must(p.h.t, err)
	return e
}

func (p *person) begin() {
	p.h.t.Helper()
	p.attempt = events.NewAttemptID()
	p.do(login.Start{Attempt: p.attempt, User: p.id, Room: "!room:test", Deadline: time.Now().Add(10 * time.Minute), MaxLogins: 5})
}

// answer gives the attempt what it asks for.
func (p *person) answer(step events.Step, name, value string) events.Event {
	p.h.t.Helper()
	must(p.h.t, p.h.vault.PutAttempt(p.h.ctx, p.attempt, name, vault.Secret(value), 10*time.Minute))
	return p.do(login.Submit{Attempt: p.attempt, Step: step, Readable: true, Masked: "+1 ••• 0100"})
}

// awaitGone waits until a secret is dropped, just after the outcome of its step.
func (h *house) awaitGone(id events.AttemptID, name string) {
	h.t.Helper()
	for {
		_, err := h.vault.Attempt(h.ctx, id, name)
		if errors.Is(err, vault.ErrMissing) {
			return
		}
		must(h.t, err)
		pause(h.ctx, time.Millisecond)
	}
}

func (p *person) phone(v string) events.Event { return p.answer(events.StepPhone, vault.Phone, v) }
func (p *person) code(v string) events.Event  { return p.answer(events.StepCode, vault.Code, v) }
func (p *person) password(v string) events.Event {
	return p.answer(events.StepPassword, vault.Password, v)
}

// botToken gives a bot's token, whatever was asked for.
func (p *person) botToken(v string) events.Event {
	p.h.t.Helper()
	must(p.h.t, p.h.vault.PutAttempt(p.h.ctx, p.attempt, vault.BotToken, vault.Secret(v), 5*time.Minute))
	return p.do(login.Submit{Attempt: p.attempt, Step: p.h.users.Get(p.uid).Attempt.Step, Readable: true, Bot: true})
}

// member gives a person a login without the trouble of logging in.
func (h *house) member(id events.MatrixID, u telegramtest.UserID) (*person, events.LoginID) {
	h.t.Helper()
	p := h.person(id)
	l := h.letIn(p, u)
	await(h, 1, func(f *events.ChatsListed) bool { return f.Login == l })
	return p, l
}

// letIn records a login whose session the server made up.
func (h *house) letIn(p *person, u telegramtest.UserID) events.LoginID {
	h.t.Helper()
	account, err := h.world.deps.Directory.EnsureAccount(h.ctx, int64(u))
	must(h.t, err)
	l := events.NewLoginID()
	must(h.t, h.vault.PutSession(h.ctx, l, h.server.Session(u)))
	fact := &events.LoginSucceeded{
		Attempt: events.NewAttemptID(), Login: l, Account: account, Method: events.MethodPhone,
		Sealed: events.AccountFacts{TelegramID: int64(u), Name: "Somebody"},
	}
	_, err = h.world.desk.users.Do(h.ctx, p.uid, commit.Meta{Actor: events.ByTelegram}, func(projections.User) (events.Fact, error) { return fact, nil })
	must(h.t, err)
	return l
}

// portalOf waits for the portal of a chat.
func (h *house) portalOf(p *person, chat int64) projections.Portal {
	h.t.Helper()
	e := await[*events.PortalOpened](h, 1, func(f *events.PortalOpened) bool {
		return f.Sealed.Peer.ID == chat && (f.Kind.Shared() || f.User == p.uid)
	})
	return h.portals.Get(e.Aggregate.UID)
}

// room plays the Matrix side making a room.
func (h *house) room(p projections.Portal, users ...events.UID) {
	h.t.Helper()
	_, err := h.world.desk.portals.Do(h.ctx, p.UID, commit.Meta{Actor: events.ByMatrix}, func(p projections.Portal) (events.Fact, error) {
		return portals.Decide(p, portals.RoomMade{Room: events.RoomID("!" + string(p.UID)), Invited: users})
	})
	must(h.t, err)
}

// typed plays a Matrix user's message.
func (h *house) typed(p *person, portal projections.Portal, id events.LoginID, text string) events.Event {
	h.t.Helper()
	return h.chat(portal.UID, messages.Typed{
		Origin: events.MatrixEventID("$" + text), User: p.uid, Login: id, Content: events.ContentText,
		SaidAt: time.Now().UTC(), What: events.MessageFacts{Text: events.Text{Body: text}},
	})
}

func (h *house) chat(portal events.UID, c messages.Command) events.Event {
	h.t.Helper()
	m := commit.Meta{Actor: events.ByUser}
	switch c := c.(type) {
	case messages.Typed:
		m.Origin = c.Origin
	case messages.Edit:
		m.Origin = c.Origin
	case messages.Delete:
		m.Origin = c.Origin
	}
	e, err := h.world.desk.chats.Do(h.ctx, portal, m, func(t projections.Thread) (events.Fact, error) {
		return messages.Decide(t, c)
	})
	must(h.t, err)
	return e
}

// bodies are the texts from Telegram in the log, in its order.
func (h *house) bodies() []string {
	h.life.mu.Lock()
	defer h.life.mu.Unlock()
	var out []string
	for _, e := range h.life.log {
		if f, ok := e.Fact.(*events.MessagePosted); ok && f.Side == events.OnTelegram && f.Content == events.ContentText {
			out = append(out, f.Sealed.Text.Body)
		}
	}
	return out
}

// awaitBody waits for a text from Telegram.
func (h *house) awaitBody(text string) events.Event {
	h.t.Helper()
	return await(h, 1, func(f *events.MessagePosted) bool { return f.Side == events.OnTelegram && f.Sealed.Text.Body == text })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
