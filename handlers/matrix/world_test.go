package matrix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

const serverName = "example.test"

// slot is a place for one bridge at a homeserver: the registration is written
// before the homeserver starts.
type slot struct {
	reg  *appservice.Registration
	file string
	port int
}

func newSlot(dir, name string) (slot, error) {
	port, err := matrixtest.FreePort()
	if err != nil {
		return slot{}, err
	}
	s := slot{reg: appservice.CreateRegistration(), file: filepath.Join(dir, name+".yaml"), port: port}
	s.reg.ID, s.reg.SenderLocalpart, s.reg.URL = name, name+"bot", fmt.Sprintf("http://127.0.0.1:%d", port)
	s.reg.Namespaces.UserIDs.Register(regexp.MustCompile("@"+name+"_.*:"+serverName), true)
	s.reg.Namespaces.RoomAliases.Register(regexp.MustCompile("#"+name+"_.*:"+serverName), true)
	return s, s.reg.Save(s.file)
}

// shared is the homeserver that most tests use, with a slot for each.
type shared struct {
	hs    *matrixtest.Homeserver
	slots chan slot
}

var common shared

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "natsgram-matrix-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		var files []string
		common.slots = make(chan slot, 40)
		for i := range cap(common.slots) {
			s, err := newSlot(dir, fmt.Sprintf("tg%d", i))
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
			files = append(files, s.file)
			common.slots <- s
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		common.hs, err = matrixtest.Start(ctx, matrixtest.Options{ServerName: serverName, RegistrationFiles: files})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer common.hs.Close()
		return m.Run()
	}())
}

type plain struct{}

func (plain) Seal(_ events.UID, text, _ []byte) ([]byte, error)   { return text, nil }
func (plain) Open(_ events.UID, sealed, _ []byte) ([]byte, error) { return sealed, nil }

// house is a bridge's Matrix side with its log, and a homeserver behind a proxy
// that can fail. It may be crashed and started again.
type house struct {
	t     testing.TB
	ctx   context.Context
	hs    *matrixtest.Homeserver
	slot  slot
	proxy *proxy
	base  string
	pics  *fakePictures
	cfg   Config
	inbox []Inbox // before the bridge's own

	*life
}

// life is what a crash ends.
type life struct {
	conn     *journal.Conn
	journal  *journal.Journal
	dir      *vault.Directory
	users    *projections.Users
	portals  *projections.Portals
	messages *projections.Messages
	bridge   *Bridge
	sick     atomic.Bool // Healthy fails
	stop     func()
}

// newHouse starts a bridge at the shared homeserver.
func newHouse(t testing.TB) *house {
	p := newProxy(t, common.hs.URL())
	return houseAt(t, common.hs, <-common.slots, p.url, p)
}

// houseOf starts a bridge with a homeserver of its own.
func houseOf(t testing.TB, direct bool) *house {
	t.Helper()
	s, err := newSlot(t.TempDir(), "own")
	if err != nil {
		t.Fatal(err)
	}
	hs := matrixtest.ForTest(t, matrixtest.Options{ServerName: serverName, RegistrationFiles: []string{s.file}})
	if direct {
		return houseAt(t, hs, s, hs.URL(), nil)
	}
	p := newProxy(t, hs.URL())
	return houseAt(t, hs, s, p.url, p)
}

func houseAt(t testing.TB, hs *matrixtest.Homeserver, s slot, url string, p *proxy) *house {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	h := &house{t: t, ctx: ctx, hs: hs, slot: s, base: t.TempDir(), pics: &fakePictures{}, proxy: p}
	h.cfg = Config{
		HomeserverURL: url, ServerName: serverName, ASToken: s.reg.AppToken, HSToken: s.reg.ServerToken,
		BotLocalpart: s.reg.SenderLocalpart, GhostPrefix: s.reg.ID + "_", AppserviceID: s.reg.ID,
	}
	if err := vault.CreateKeyset(filepath.Join(h.base, "keyset.json")); err != nil {
		t.Fatal(err)
	}
	h.start(true)
	t.Cleanup(func() {
		if h.life != nil {
			h.crash()
		}
	})
	return h
}

// start opens the log and, if asked, runs the reactors.
func (h *house) start(react bool) {
	h.t.Helper()
	l := &life{users: projections.NewUsers(), portals: projections.NewPortals(), messages: projections.NewMessages()}
	conn, err := journal.Connect(h.ctx, journal.Config{
		SyncInterval: time.Minute,
		ConfigFile:   "../../nats.conf", StoreDir: filepath.Join(h.base, "store"), StoreKey: "k", Listen: "none", Partitions: 2,
	})
	h.check(err)
	l.conn, l.journal = conn, journal.New(conn, plain{})
	keys, err := vault.LoadKeyset(filepath.Join(h.base, "keyset.json"))
	h.check(err)
	rows, err := conn.Bucket(h.ctx, "DIRECTORY")
	h.check(err)
	looks, err := conn.Bucket(h.ctx, "GHOSTS")
	h.check(err)
	v := vault.Open(keys, rows)
	l.dir = v.DirectoryFor(rows)
	log := zerolog.Nop()
	if testing.Verbose() {
		log = zerolog.New(zerolog.NewTestWriter(h.t)).Level(zerolog.WarnLevel)
	}
	l.bridge, err = New(h.cfg, Deps{
		Log: l.journal, Users: l.users, Portals: l.portals, Messages: l.messages, Directory: l.dir,
		Ghosts: v.Sealed("ghosts", looks), Pictures: h.pics, Back: l.journal.WorldIsBack, Logger: log, Inboxes: h.inbox,
		Healthy: func() error {
			if l.sick.Load() {
				return errors.New("sick")
			}
			return nil
		},
	})
	h.check(err)
	h.life = l
	h.run(react)
}

// run folds the log and, if asked, serves and reacts.
func (h *house) run(react bool) {
	h.t.Helper()
	l := h.life
	ctx, cancel := context.WithCancel(h.ctx)
	var wg sync.WaitGroup
	follow := func(stream events.Stream, apply func(events.Event), p commit.Projection) {
		wg.Go(func() {
			if err := l.journal.Follow(ctx, stream, 0, func(e events.Event) error { apply(e); return nil }); err != nil && ctx.Err() == nil {
				h.t.Error(err)
			}
		})
		last, err := l.journal.LastSeq(ctx, stream)
		h.check(err)
		h.check(p.WaitFor(ctx, last))
	}
	follow(events.Auth, l.users.Apply, l.users)
	follow(events.Portal, l.portals.Apply, l.portals)
	follow(events.Chat, l.messages.Apply, l.messages)
	server := &http.Server{Handler: l.bridge.Handler(), ReadHeaderTimeout: time.Second}
	l.stop = func() {
		cancel()
		_ = server.Close()
		wg.Wait()
		l.conn.Close()
	}
	if !react {
		return
	}
	h.check(l.bridge.EnsureBot(ctx))
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(h.slot.port))
	h.check(err)
	wg.Go(func() { _ = server.Serve(listener) })
	for _, r := range []journal.Reactor{l.bridge.PortalReactor(), l.bridge.DressReactor(), l.bridge.ChatReactor()} {
		wg.Go(func() {
			if err := l.journal.React(ctx, r); err != nil {
				h.t.Error(err)
			}
		})
	}
}

// crash ends the bridge without a word to anybody.
func (h *house) crash() {
	h.stop()
	h.life = nil
}

func (h *house) restart() {
	h.t.Helper()
	h.crash()
	h.start(true)
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// append stores a fact as another part of the house would.
func (h *house) append(uid events.UID, fact events.Fact) events.Event {
	h.t.Helper()
	e := events.Event{
		ID: events.NewEventID(), Aggregate: events.Aggregate{Stream: fact.Type().Stream(), UID: uid},
		Time: time.Now().UTC().Truncate(time.Millisecond), Actor: events.ByTelegram, Fact: fact,
	}
	for {
		last, err := h.journal.LastOf(h.ctx, e.Aggregate)
		h.check(err)
		e.Seq, err = h.journal.Append(h.ctx, e, last)
		if errors.Is(err, journal.ErrConflict) {
			continue
		}
		h.check(err)
		return e
	}
}

// person is a Matrix user of ours with a Telegram login.
type person struct {
	*matrixtest.Client
	uid     events.UID
	login   events.LoginID
	account events.AccountID
	tg      int64
}

var people atomic.Int64

// person registers a Matrix user who is logged in to Telegram.
func (h *house) person() person {
	h.t.Helper()
	n := people.Add(1)
	c, err := h.hs.Register(h.ctx, fmt.Sprintf("user%d", n), "correct horse")
	h.check(err)
	h.check(c.JoinInvites(h.ctx, true))
	uid, err := h.dir.EnsureUser(h.ctx, events.MatrixID(c.UserID()))
	h.check(err)
	p := person{Client: c, uid: uid, login: events.NewLoginID(), account: events.AccountID(events.NewUID()), tg: 1_000_000 + n}
	h.append(uid, &events.BotInvited{Sealed: events.RoomFacts{User: events.MatrixID(c.UserID()), Room: "!m:x"}})
	e := h.append(uid, &events.LoginSucceeded{
		Login: p.login, Account: p.account, Method: events.MethodPhone, Sealed: events.AccountFacts{TelegramID: p.tg, Name: "P"},
	})
	h.check(h.users.WaitFor(h.ctx, e.Seq))
	return p
}

// open opens a portal for a chat that a person sees, and returns its event.
func (h *house) open(p person, kind events.ChatKind, chat events.ChatFacts) events.Event {
	h.t.Helper()
	return h.append(events.NewUID(), &events.PortalOpened{
		Kind: kind, User: p.uid, Login: p.login, Account: p.account, CanPost: kind != events.KindChannel, Sealed: chat,
	})
}

// room opens a group's portal and waits until the person is in its room.
func (h *house) room(p person, title string) (events.UID, id.RoomID) {
	h.t.Helper()
	e := h.open(p, events.KindSupergroup, events.ChatFacts{Peer: channel(time.Now().UnixNano()), Title: title})
	return e.Aggregate.UID, h.joined(p, e.Aggregate.UID)
}

// joined waits until the person is in the portal's room, and the log says so.
func (h *house) joined(p person, portal events.UID) id.RoomID {
	h.t.Helper()
	got := h.portal(portal, func(got projections.Portal) bool { return got.Present[p.uid] == projections.Entered })
	room := id.RoomID(got.Room)
	_, err := p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { return r.Membership == event.MembershipJoin })
	h.check(err)
	return room
}

// portal waits until the projection of portals is as wanted.
func (h *house) portal(uid events.UID, wanted func(projections.Portal) bool) projections.Portal {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, 30*time.Second)
	defer cancel()
	for {
		changed := h.portals.Changed()
		p := h.portals.Get(uid)
		if wanted(p) {
			return p
		}
		select {
		case <-changed:
		case <-ctx.Done():
			h.t.Fatalf("the portal stays %+v", p)
		}
	}
}

// thread waits until the portal's messages are as wanted.
func (h *house) thread(uid events.UID, wanted func(projections.Thread) bool) projections.Thread {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.ctx, 60*time.Second)
	defer cancel()
	for {
		changed := h.messages.Changed()
		p := h.messages.Get(uid)
		if wanted(p) {
			return p
		}
		select {
		case <-changed:
		case <-ctx.Done():
			h.t.Fatalf("the thread stays %+v", p)
		}
	}
}

// facts are the stored events of an aggregate.
func (h *house) facts(stream events.Stream, uid events.UID) []events.Event {
	h.t.Helper()
	var found []events.Event
	h.check(h.journal.Replay(h.ctx, stream, 0, 0, func(e events.Event) error {
		if e.Aggregate.UID == uid {
			found = append(found, e)
		}
		return nil
	}))
	return found
}

func user(n int64) events.Peer    { return events.Peer{Kind: events.PeerUser, ID: n} }
func channel(n int64) events.Peer { return events.Peer{Kind: events.PeerChannel, ID: n} }

// says is a message on Telegram.
func says(who events.Member, text string, number int) *events.MessagePosted {
	return &events.MessagePosted{
		Side: events.OnTelegram, Content: events.ContentText, Number: events.MessageNumber(number), SaidAt: time.Now(),
		Sealed: events.MessageFacts{Sender: who, Text: events.Text{Body: text}},
	}
}

var ann = events.Member{Peer: user(501), Name: "Ann"}

// fakePictures draws what is asked for, unless it is to fail.
type fakePictures struct {
	mu    sync.Mutex
	asked map[int64]int
	fail  bool
}

func (f *fakePictures) Picture(_ context.Context, _ events.LoginID, _ events.Peer, photo int64) ([]byte, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail {
		return nil, "", errors.New("no such picture")
	}
	if f.asked == nil {
		f.asked = map[int64]int{}
	}
	f.asked[photo]++
	var out bytes.Buffer
	err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 1+int(photo%5), 1)))
	return out.Bytes(), "image/png", err
}
