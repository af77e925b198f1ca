package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestBadDays: what goes wrong around the bridge costs nobody their login.
func TestBadDays(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	chess := w.tg.AddSupergroup("Chess", bob, alice)

	// The homeserver is away when the bridge starts.
	if err := w.hs.Stop(); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.untilSaid("homeserver")
	if err := w.hs.Start(w.ctx(time.Minute)); err != nil {
		t.Fatal(err)
	}
	w.untilReady()
	room := w.openRoom(w.alice)

	// Telegram is away when the number comes.
	w.tg.Pause()
	w.ask(w.alice, room, "login", "phone number")
	w.ask(w.alice, room, alicePhone, "can't be reached")
	w.kill()
	w.run()
	if err := w.tg.Resume(); err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room, "send me the code")

	// Telegram asks for patience, and says so.
	w.tg.FloodWait("auth.signIn", 2, 1)
	w.ask(w.alice, room, aliceCode, "asks us to wait")
	<-time.After(3 * time.Second) // nothing but time ends a flood wait
	w.ask(w.alice, room, aliceCode, "Logged in as")
	portal := w.joinPortals(w.alice, 1)["Chess"]

	// The homeserver is away while somebody speaks on Telegram.
	if err := w.hs.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two", "three"} {
		w.tg.Say(bob, chess, text)
	}
	if err := w.hs.Start(w.ctx(time.Minute)); err != nil {
		t.Fatal(err)
	}
	w.see(w.alice, portal, "three")
	w.inOrder(t, portal, "one", "two", "three")

	// Telegram is away while alice speaks.
	w.tg.Pause()
	w.say(w.alice, portal, "four")
	w.say(w.alice, portal, "five")
	if err := w.tg.Resume(); err != nil {
		t.Fatal(err)
	}
	w.arrives(bob, chess, "five")
	if got := strings.Join(w.tg.Texts(alice, chess), " "); !strings.HasSuffix(got, "one two three four five") {
		t.Errorf("Telegram has %s", got)
	}

	// Telegram asks for patience: alice is told, and her message comes by itself.
	w.tg.FloodWait("messages.sendMessage", 6, 1)
	w.say(w.alice, portal, "six")
	w.see(w.alice, portal, "asks for patience")
	w.arrives(bob, chess, "six")
	w.onlyOnce(t, portal)
}

// untilSaid waits for words in the bridge's own log.
func (w *world) untilSaid(words string) {
	w.t.Helper()
	err := waitUntil(w.ctx(time.Minute), func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return contains(w.output.String(), words)
	})
	if err != nil {
		w.t.Fatalf("the bridge did not say %q", words)
	}
}

func (w *world) inOrder(t *testing.T, room id.RoomID, texts ...string) {
	t.Helper()
	i := 0
	for _, e := range w.alice.Room(room).Timeline {
		if e.Type == event.EventMessage && i < len(texts) && e.Content.AsMessage().Body == texts[i] {
			i++
		}
	}
	if i < len(texts) {
		t.Errorf("%q did not come in its place", texts[i])
	}
}

// TestThirdPersonAndRubbish: a login ends when somebody else could read along.
func TestThirdPersonAndRubbish(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.addAlice("")
	w.run()
	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "login", "phone number")
	mallory := w.register("mallory")
	if err := w.alice.Invite(w.ctx(time.Minute), room, mallory.UserID()); err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room, "I stopped your login")
	for _, e := range w.events(events.Auth) {
		if f, ok := e.Fact.(*events.LoginFailed); ok && f.Reason != events.FailedRoomShared {
			t.Errorf("the attempt failed because of %s", f.Reason)
		}
	}

	// Rubbish from whoever knows the address, and from a homeserver gone mad.
	cfg, err := LoadConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	token := cfg.Appservice.HSToken.Reveal()
	for _, c := range []struct {
		token, body string
		want        int
	}{
		{"wrong", `{"events":[]}`, http.StatusForbidden},
		{"", `{"events":[]}`, http.StatusForbidden},
		{token, `{"events":`, http.StatusBadRequest},
		{token, `[]`, http.StatusBadRequest},
		{token, `{"events":[]}`, http.StatusOK},
		{token, `{"events":[null,7,{"type":5},{"type":"m.room.message","content":"x"},{"type":"m.room.member","state_key":7}]}`, http.StatusOK},
	} {
		req, err := http.NewRequest(http.MethodPut, w.url+"/_matrix/app/v1/transactions/rubbish", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.token != "" {
			req.Header.Set("Authorization", "Bearer "+c.token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.body, resp.StatusCode, c.want)
		}
	}
	if w.health("live") != http.StatusOK {
		t.Error("the bridge did not survive")
	}
}

// TestUnwritableLog: without the log nothing is taken, and nothing is lost.
func TestUnwritableLog(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	conn := w.outsideNATS()
	w.addAlice("")
	w.run()
	room := w.openRoom(w.alice)
	conn.Close()
	if err := waitUntil(w.ctx(time.Minute), func() bool { return w.health("ready") == http.StatusServiceUnavailable }); err != nil {
		t.Fatal("the bridge calls itself ready without its log")
	}
	cfg, err := LoadConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	msg := matrixtest.NewMessage(room, w.alice.UserID(), "login")
	err = matrixtest.PutTransaction(w.ctx(time.Minute), w.url, cfg.Appservice.HSToken.Reveal(), "no-log", msg)
	if err == nil {
		t.Fatal("a transaction was taken that could not be stored")
	}
	w.serveNATS()
	w.supervise()
	w.ask(w.alice, room, "login", "phone number")
}

// supervise waits until the bridge is ready, and starts it again if it ended: a
// server that comes back has forgotten its lease.
func (w *world) supervise() {
	w.t.Helper()
	err := waitUntil(w.ctx(time.Minute), func() bool {
		select {
		case <-w.exited:
			w.start()
		default:
		}
		return w.health("ready") == http.StatusOK
	})
	if err != nil {
		w.t.Fatal("the bridge did not get ready")
	}
}

// TestStartRefusals: what stops the start is one plain sentence.
func TestStartRefusals(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.run()
	w.stop()
	dir := filepath.Join(w.dir, "natsgram")
	refused := func(name string, want ...string) {
		t.Helper()
		out, err := w.command("run", "--config", w.config).CombinedOutput()
		if err == nil {
			t.Errorf("%s: the bridge ran", name)
		}
		for _, words := range want {
			if !contains(string(out), words) {
				t.Errorf("%s: it says %q, without %q", name, out, words)
			}
		}
	}
	if err := os.Chmod(filepath.Join(dir, "keyset.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	refused("a keyset that others may read", "chmod 600")
	if err := os.Chmod(filepath.Join(dir, "keyset.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(w.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, pattern, replacement, want string }{
		{"a wrong store key", `store_key: .*`, `store_key: "0123456789abcdef0123456789abcdef"`, "key"},
		{"another partition count", `partitions: \d+`, `partitions: 3`, "partitions"},
		{"an unknown setting", `keyset: `, `keysett: `, "keysett"},
		{"a bad value", `max_tries: \d+`, `max_tries: many`, "max_tries"},
	} {
		w.setConfig(c.pattern, c.replacement)
		refused(c.name, c.want)
		if err := os.WriteFile(w.config, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.run() // and all is well again
	w.setConfig(`as_token: .*`, `as_token: "wrong"`)
	out, err := w.command("check", "--config", w.config).CombinedOutput()
	if err == nil || !contains(string(out), "as_token") {
		t.Errorf("check with a wrong as_token says %s, %v", out, err)
	}
}
