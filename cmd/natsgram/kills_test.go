package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// outsideNATS runs the NATS server in the test itself, from the same nats.conf,
// and has the bridge connect to it: the log outlives the bridge.
func (w *world) outsideNATS() *journal.Conn {
	w.t.Helper()
	conn := w.serveNATS()
	w.setConfig(`(?m)^( +)url: ""`, fmt.Sprintf(`${1}url: "nats://127.0.0.1:%d"`, w.nats))
	return conn
}

// serveNATS starts that server, or starts it again on the same store.
func (w *world) serveNATS() *journal.Conn {
	w.t.Helper()
	cfg, err := LoadConfig(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := journal.Connect(w.ctx(time.Minute), journal.Config{
		SyncInterval: time.Minute,
		ConfigFile:   cfg.NATS.Config, StoreDir: filepath.Join(w.dir, "nats"), StoreKey: "outside",
		Listen: fmt.Sprintf("127.0.0.1:%d", w.nats), Partitions: cfg.NATS.Partitions, Log: zerolog.Nop(),
		BridgePassword: cfg.NATS.BridgePassword.Reveal(), AuditorPassword: cfg.NATS.AuditorPassword.Reveal(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(conn.Close)
	return conn
}

// setConfig changes a line of config.yaml.
func (w *world) setConfig(pattern, replacement string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	re := regexp.MustCompile(pattern)
	if !re.Match(text) {
		w.t.Fatalf("config.yaml has no %s", pattern)
	}
	if err := os.WriteFile(w.config, re.ReplaceAll(text, []byte(replacement)), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// killer kills the bridge after every single event and starts it again.
type killer struct {
	w     *world
	mu    sync.Mutex
	kills int
	stop  context.CancelFunc
	done  sync.WaitGroup
}

func (w *world) killAfterEveryEvent(conn *journal.Conn) *killer {
	ctx, cancel := context.WithCancel(context.Background())
	k := &killer{w: w, stop: cancel}
	j := journal.New(conn, nil)
	leases, err := conn.Bucket(ctx, "LEASES")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, stream := range events.Streams() {
		k.done.Go(func() {
			err := j.Follow(ctx, stream, 0, func(e events.Event) error {
				k.mu.Lock()
				defer k.mu.Unlock()
				if ctx.Err() == nil {
					k.kills++
					w.kill()
					// The dead bridge's lease runs out in seconds; the test does not wait for that.
					if err := leases.Delete(ctx, leaseName); err != nil && ctx.Err() == nil {
						w.t.Errorf("lease: %v", err)
					}
					w.start()
				}
				return nil
			})
			if err != nil {
				w.t.Errorf("following %s: %v", stream, err)
			}
		})
	}
	return k
}

func (k *killer) end() int {
	k.stop()
	k.done.Wait()
	return k.kills
}

// TestKillAfterEveryEvent drives a login and the making of portals while the
// bridge is killed at every event that it stores: all ends as it would have.
func TestKillAfterEveryEvent(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	conn := w.outsideNATS()
	alice := w.addAlice(testPassword)
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	w.tg.AddGroup("Old group", bob, alice)
	chess := w.tg.AddSupergroup("Chess", bob, alice)
	w.run()

	k := w.killAfterEveryEvent(conn)
	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "login", "phone number")
	w.ask(w.alice, room, alicePhone, "send me the code")
	w.ask(w.alice, room, "99999", "not the code")
	w.ask(w.alice, room, aliceCode, "verification password")
	w.ask(w.alice, room, testPassword, "Logged in as Alice")
	rooms := w.joinPortals(w.alice, 2)
	w.tg.Say(bob, chess, "one")
	w.see(w.alice, rooms["Chess"], "one")
	w.say(w.alice, rooms["Chess"], "two")
	w.arrives(bob, chess, "two")
	kills := k.end()
	t.Logf("killed %d times", kills)
	if kills < 15 {
		t.Errorf("only %d kills: the test did not test", kills)
	}
	w.untilReady()
	w.tg.Say(bob, chess, "the end")
	w.see(w.alice, rooms["Chess"], "the end")

	w.onlyOnce(t, room)
	w.onlyOnce(t, rooms["Chess"])
	for text, want := range map[string]int{"two": 1, "one": 1} {
		if n := count(w.tg.Texts(bob, chess), text); n != want {
			t.Errorf("%q stands %d times on Telegram", text, n)
		}
	}
	if n := len(w.alice.Rooms()); n != 3 {
		t.Errorf("alice is in %d rooms, want the management room and two portals", n)
	}
	ends := 0
	for _, e := range w.events(events.Auth) {
		if _, ok := e.Fact.(*events.LoginSucceeded); ok {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("the attempt succeeded %d times", ends)
	}
	created := 0
	for _, e := range w.events(events.Portal) {
		if _, ok := e.Fact.(*events.RoomCreated); ok {
			created++
		}
	}
	if created != 2 {
		t.Errorf("%d rooms were made for two chats", created)
	}
}

// onlyOnce asserts that no event was told twice in a room: everything that the
// bridge says carries the ID of the event it tells.
func (w *world) onlyOnce(t *testing.T, room id.RoomID) {
	t.Helper()
	toldOnce(t, w.alice, room)
}

func toldOnce(t *testing.T, c *matrixtest.Client, room id.RoomID) {
	t.Helper()
	told := map[string]string{}
	for _, e := range c.Room(room).Timeline {
		if e.Type != event.EventMessage || e.Sender == c.UserID() {
			continue
		}
		key, _ := e.Content.Raw["org.natsgram.event"].(string)
		body := e.Content.AsMessage().Body
		if key == "" {
			t.Errorf("%q does not say which event it tells", body)
			continue
		}
		key += fmt.Sprint(e.Content.Raw["org.natsgram.part"])
		if before, twice := told[key]; twice {
			t.Errorf("told twice: %q and %q", before, body)
		}
		told[key] = body
	}
}

func count(list []string, text string) int {
	n := 0
	for _, s := range list {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}
