package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// TestMainLine is the promise of the bridge: log in, get rooms, talk, log out.
func TestMainLine(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice(testPassword)
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob", Username: "bobby"})
	w.tg.AddGroup("Old group", bob, alice)
	w.tg.AddChannel("News", bob, alice)
	chess := w.tg.AddSupergroup("Chess", bob, alice)
	w.tg.Say(bob, chess, "before the bridge")
	w.run()

	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "hello there", "I don't know that command")
	w.ask(w.alice, room, "login", "phone number")
	secrets := []id.EventID{w.say(w.alice, room, "my number is none of your business")}
	w.hear(w.alice, room, "can't read this as a phone number")
	secrets = append(secrets, w.say(w.alice, room, "+44 7700 900123"))
	w.hear(w.alice, room, "send me the code")
	secrets = append(secrets, w.say(w.alice, room, "99999"))
	w.hear(w.alice, room, "not the code")
	secrets = append(secrets, w.say(w.alice, room, "60-417"))
	w.hear(w.alice, room, "Your hint for the password: “"+testHint+"”")
	secrets = append(secrets, w.say(w.alice, room, "not this one"))
	w.hear(w.alice, room, "password is wrong")
	secrets = append(secrets, w.say(w.alice, room, testPassword))
	w.hear(w.alice, room, "Logged in as Alice Liddell")
	w.untilRedacted(w.alice, room, secrets)

	rooms := w.joinPortals(w.alice, 3)
	if rooms["Chess"] == "" || rooms["News"] == "" || rooms["Old group"] == "" {
		t.Fatalf("portals: %v", rooms)
	}
	w.hear(w.alice, room, "are ready")
	w.conversation(chess, alice, bob, rooms["Chess"])
	w.privateChat(alice, bob)

	out := w.natsgram("replay", "--config", w.config, "--verify")
	if !strings.Contains(out, "agree") {
		t.Fatalf("replay --verify says %s", out)
	}
	session := w.sessionKey()
	w.ask(w.alice, room, "logout", "You are logged out")
	if n := len(w.tg.Sessions(alice)); n != 0 {
		t.Errorf("%d sessions are left at Telegram", n)
	}
	if took := w.stop(); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	w.checkLog(t, session)
	if out := w.natsgram("replay", "--config", w.config, "--verify"); !strings.Contains(out, "agree") {
		t.Fatalf("replay --verify of the stopped bridge says %s", out)
	}
}

func (w *world) untilRedacted(c *matrixtest.Client, room id.RoomID, secrets []id.EventID) {
	w.t.Helper()
	_, err := c.WaitFor(w.ctx(30*time.Second), room, func(r matrixtest.Room) bool {
		for _, s := range secrets {
			if _, there := r.Text(s); there {
				return false
			}
		}
		return true
	})
	if err != nil {
		w.t.Fatalf("not everything secret was redacted: %v", err)
	}
}

// conversation goes both ways: text, formatting, reply, edit, deletion, notice.
func (w *world) conversation(chat telegramtest.ChatID, alice, bob telegramtest.UserID, room id.RoomID) {
	w.t.Helper()
	said := w.tg.Say(bob, chat, "hello from Telegram")
	came := w.see(w.alice, room, "hello from Telegram")
	if name := w.alice.Room(room).DisplayName(came.Sender); !strings.HasPrefix(name, "Bob") {
		w.t.Errorf("the ghost is called %q", name)
	}
	reply, err := w.alice.Reply(w.ctx(time.Minute), room, came.ID, "hello from Matrix")
	if err != nil {
		w.t.Fatal(err)
	}
	msg := w.arrives(bob, chat, "hello from Matrix")
	if msg.ReplyTo != said {
		w.t.Errorf("reply to %d, want %d", msg.ReplyTo, said)
	}
	if _, err := w.alice.Edit(w.ctx(time.Minute), room, reply, "hello again"); err != nil {
		w.t.Fatal(err)
	}
	w.arrives(bob, chat, "hello again")
	w.tg.Edit(bob, chat, said, "hello, edited")
	w.untilText(room, came.ID, "hello, edited")
	w.tg.Delete(bob, chat, said)
	w.untilGone(room, came.ID)
	// Dendrite tells no appservice of redactions, so the homeserver is played.
	w.transaction("redaction-1", matrixtest.NewRedaction(room, w.alice.UserID(), reply))
	err = w.tg.Await(w.ctx(time.Minute), func() bool { return !slices.Contains(w.tg.Texts(bob, chat), "hello again") })
	if err != nil {
		w.t.Errorf("the redaction did not reach Telegram: %v", err)
	}
	w.tg.Say(bob, chat, "look at this", telegramtest.Photo([]byte("no real picture")))
	w.see(w.alice, room, "photo")
	w.tg.Say(alice, chat, "from my phone")
	own := w.see(w.alice, room, "from my phone")
	if name := w.alice.Room(room).DisplayName(own.Sender); !strings.HasPrefix(name, "Alice") {
		w.t.Errorf("the own message comes from %q", name)
	}
}

func (w *world) privateChat(alice, bob telegramtest.UserID) {
	w.t.Helper()
	w.tg.Say(bob, alice, "psst")
	rooms := w.joinPortals(w.alice, 4)
	for name, room := range rooms {
		if strings.HasPrefix(name, "Bob") {
			w.see(w.alice, room, "psst")
			w.say(w.alice, room, "yes?")
			w.arrives(bob, alice, "yes?")
			return
		}
	}
	w.t.Fatalf("no room for the private chat: %v", rooms)
}

// see waits for a message with the words in a portal.
func (w *world) see(c *matrixtest.Client, room id.RoomID, words string) *event.Event {
	w.t.Helper()
	evt, err := c.WaitMessage(w.ctx(time.Minute), room, "", func(e *event.Event) bool {
		return e.Sender != c.UserID() && contains(e.Content.AsMessage().Body, words)
	})
	if err != nil {
		w.t.Fatalf("waiting for %q in the portal: %v", words, err)
	}
	return evt
}

func (w *world) untilText(room id.RoomID, message id.EventID, text string) {
	w.t.Helper()
	_, err := w.alice.WaitFor(w.ctx(time.Minute), room, func(r matrixtest.Room) bool {
		got, there := r.Text(message)
		return there && got == text
	})
	if err != nil {
		w.t.Fatalf("the message did not become %q: %v", text, err)
	}
}

func (w *world) untilGone(room id.RoomID, message id.EventID) {
	w.t.Helper()
	_, err := w.alice.WaitFor(w.ctx(time.Minute), room, func(r matrixtest.Room) bool {
		_, there := r.Text(message)
		return !there
	})
	if err != nil {
		w.t.Fatalf("the deletion did not come: %v", err)
	}
}

// arrives waits for a message on Telegram, as a member sees it.
func (w *world) arrives(viewer telegramtest.UserID, chat telegramtest.Peer, text string) telegramtest.Message {
	w.t.Helper()
	var found telegramtest.Message
	err := w.tg.Await(w.ctx(time.Minute), func() bool {
		for _, m := range w.tg.History(viewer, chat) {
			if m.Text == text {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		w.t.Fatalf("%q did not reach Telegram, where there is %q: %v", text, w.tg.Texts(viewer, chat), err)
	}
	return found
}

func (w *world) transaction(txn string, evts ...*event.Event) {
	w.t.Helper()
	cfg, err := LoadConfig(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := matrixtest.PutTransaction(w.ctx(time.Minute), w.url, cfg.Appservice.HSToken.Reveal(), txn, evts...); err != nil {
		w.t.Fatal(err)
	}
}

// checkLog holds the stored log against what happened, and looks for secrets
// and names in the bridge's files.
func (w *world) checkLog(t *testing.T, session string) {
	t.Helper()
	auth := names(w.events(events.Auth))
	want := []string{
		"bot_invited", "management_room_opened", "login_started", "input_refused", "phone_submitted", "code_sent",
		"code_submitted", "code_rejected", "code_submitted", "password_required", "password_submitted", "password_rejected",
		"password_submitted", "login_succeeded", "chats_listed", "logout_requested", "session_ended",
	}
	if got := slices.DeleteFunc(auth, func(n string) bool { return !slices.Contains(want, n) }); !slices.Equal(got, want) {
		t.Errorf("the log has\n%v\nwant\n%v", got, want)
	}
	w.checkListing(t)
	dead, err := w.deadLetters()
	if err != nil || dead != 0 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
	personal := []string{"@alice:", "Liddell", "alice_l", "hello from", "Chess", "psst"}
	secret := []string{testHint, "447700900123", "7700 900123", testPassword, session}
	w.grepAll(t, append(secret, personal...))
}

// checkListing holds what natsgram events prints against the streams: every
// event once, in the order of time.
func (w *world) checkListing(t *testing.T) {
	t.Helper()
	want := 0
	for _, stream := range events.Streams() {
		want += len(w.events(stream))
	}
	lines := strings.Split(strings.TrimSpace(w.natsgram("events", "--config", w.config, "--output", "json")), "\n")
	if len(lines) != want {
		t.Errorf("natsgram events prints %d events of %d", len(lines), want)
	}
	var last time.Time
	for _, line := range lines {
		var e struct {
			Time time.Time `json:"time"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Time.Before(last) {
			t.Errorf("out of its time (%v): %s", err, line)
		}
		last = e.Time
	}
}

func (w *world) deadLetters() (int, error) {
	l := w.logbook()
	defer l.close()
	dead, err := l.journal.DeadLetters(w.ctx(time.Minute))
	return len(dead), err
}

// grep looks for texts, plain or trivially encoded, in the bridge's store and
// in what it logged.
func (w *world) grep(t *testing.T, texts []string) {
	t.Helper()
	look := looker(t, texts)
	w.mu.Lock()
	look("the bridge's log", w.output.Bytes())
	w.mu.Unlock()
	err := filepath.WalkDir(filepath.Join(w.dir, "natsgram"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		look(path, data)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	// The store is encrypted as a whole; what stands in the streams must be
	// sealed for itself.
	l := w.logbook()
	defer l.close()
	for _, stream := range events.Streams() {
		w.grepRecords(l.journal, stream, look)
	}
}

// grepAll is grep for a stopped bridge: it looks into every stream and bucket.
func (w *world) grepAll(t *testing.T, texts []string) {
	t.Helper()
	w.grep(t, texts)
	cfg, err := LoadConfig(w.config)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := journal.Connect(w.ctx(time.Minute), cfg.journal(zerolog.Nop()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	streams := []events.Stream{"TIMERS", "DEAD", "OBJ_SNAPSHOTS"}
	for _, name := range journal.Buckets() {
		streams = append(streams, events.Stream("KV_"+name))
	}
	for _, stream := range streams {
		w.grepRecords(journal.New(conn, nil), stream, looker(t, texts))
	}
}

func (w *world) grepRecords(j *journal.Journal, stream events.Stream, look func(string, []byte)) {
	w.t.Helper()
	err := j.Records(w.ctx(time.Minute), stream, 0, 0, func(r journal.Record) error {
		look(fmt.Sprintf("%s %d", stream, r.Seq), append([]byte(r.Subject+"\n"), r.Body...))
		return nil
	})
	if err != nil {
		w.t.Errorf("%s: %v", stream, err)
	}
}

// looker looks for texts, plain or trivially encoded.
func looker(t *testing.T, texts []string) func(where string, data []byte) {
	return func(where string, data []byte) {
		for _, s := range texts {
			for _, form := range []string{s, hex.EncodeToString([]byte(s)), base64.StdEncoding.EncodeToString([]byte(s))} {
				if bytes.Contains(data, []byte(form)) {
					t.Errorf("%q lies in %s", s, where)
				}
			}
		}
	}
}

// sessionKey is the key of the only login's Telegram session: who has it is
// logged in.
func (w *world) sessionKey() string {
	w.t.Helper()
	l := w.logbook()
	defer l.close()
	ids, err := l.vault.Sessions(w.ctx(time.Minute))
	if err != nil || len(ids) != 1 {
		w.t.Fatalf("%d sessions in the vault, %v", len(ids), err)
	}
	stored, err := l.vault.Session(w.ctx(time.Minute), ids[0])
	if err != nil {
		w.t.Fatal(err)
	}
	var session struct{ Data struct{ AuthKey []byte } }
	if err := json.Unmarshal([]byte(stored.Reveal()), &session); err != nil || len(session.Data.AuthKey) != 256 {
		w.t.Fatalf("a key of %d bytes, %v", len(session.Data.AuthKey), err)
	}
	return string(session.Data.AuthKey)
}
