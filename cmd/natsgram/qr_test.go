package main

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestLoginByQR: the telephone scans the picture that stands in the room, after
// one was renewed and the bridge was killed. The account has a password.
func TestLoginByQR(t *testing.T) {
	w := newWorld(t, telegramtest.Options{QRLife: 6 * time.Second})
	alice := w.tg.AddUser(telegramtest.UserSpec{Phone: alicePhone, FirstName: "Alice", LastName: "Liddell", Username: "alice_l", Password: testPassword, Hint: testHint})
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	w.tg.AddSupergroup("Chess", bob, alice)
	w.run()
	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "login qr", "QR code to scan")
	w.picture(w.alice, room, 1)
	second := w.picture(w.alice, room, 2) // by the timer
	if second.RelatesTo.GetReplaceID() == "" {
		t.Error("the code was not renewed in place")
	}
	w.kill()
	w.run()
	w.picture(w.alice, room, 3)
	// Before its time is over a code is scanned; the newest may just come.
	if err := waitUntil(w.ctx(time.Minute), func() bool { return w.tg.ScanQR(alice, w.read(w.alice, room)) == nil }); err != nil {
		t.Fatal("no code could be scanned")
	}
	w.hear(w.alice, room, "Your hint for the password: “"+testHint+"”")
	password := w.say(w.alice, room, testPassword)
	w.hear(w.alice, room, "Logged in as Alice Liddell")
	shown := w.shown()
	if len(shown) < 3 {
		t.Errorf("%d codes shown", len(shown))
	}
	w.untilRedactions(w.alice, room, append(shown, password))
	if rooms := w.joinPortals(w.alice, 1); rooms["Chess"] == "" {
		t.Errorf("portals: %v", rooms)
	}
	w.hear(w.alice, room, "room is ready")
	w.say(w.alice, room, "version")
	w.hear(w.alice, room, "natsgram")
	w.tg.RevokeAll(alice, "")
	w.hear(w.alice, room, "session was ended")
	w.ask(w.alice, room, "relogin qr", "Let's connect Alice Liddell (@alice_l) again; your rooms are kept")
	w.picture(w.alice, room, len(shown)+1)
	if err := w.tg.ScanQR(alice, w.read(w.alice, room)); err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room, "verification password")
	password = w.say(w.alice, room, testPassword)
	w.hear(w.alice, room, "Logged in as Alice Liddell (@alice_l) again")
	shown = w.shown()
	w.untilRedactions(w.alice, room, append(shown, password))
	if n := len(w.tg.Sessions(alice)); n != 1 {
		t.Errorf("%d sessions at Telegram", n)
	}
	if out := w.natsgram("replay", "--config", w.config, "--verify"); !strings.Contains(out, "agree") {
		t.Fatalf("replay --verify says %s", out)
	}
	w.stop()
	w.checkQRLog(t, room, len(shown))
}

// checkQRLog holds the log against what happened, and looks for tokens.
func (w *world) checkQRLog(t *testing.T, room id.RoomID, shown int) {
	t.Helper()
	redacted, succeeded := 0, false
	for _, e := range w.events(events.Auth) {
		switch f := e.Fact.(type) {
		case *events.SecretRedacted:
			if !f.OK {
				t.Errorf("%+v", f)
			}
			if f.What == events.SecretQR {
				redacted++
			}
		case *events.LoginSucceeded:
			succeeded = f.Method == events.MethodQR && slices.Equal(f.Factors, []string{events.FactorQR, events.FactorPassword})
		}
	}
	if redacted != shown || !succeeded {
		t.Errorf("%d of %d codes redacted; by QR code: %v", redacted, shown, succeeded)
	}
	if dead, err := w.deadLetters(); err != nil || dead != 0 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
	secret := []string{testPassword, testHint, "447700900123", "Liddell"}
	tokens := w.tokens(w.alice, room)
	if len(tokens) < 3 {
		t.Errorf("%d tokens were seen", len(tokens)/2)
	}
	w.grepAll(t, append(secret, tokens...))
}

// picture waits for the n-th message with a code and returns what it shows.
func (w *world) picture(c *matrixtest.Client, room id.RoomID, n int) *event.MessageEventContent {
	w.t.Helper()
	var found *event.MessageEventContent
	_, err := c.WaitFor(w.ctx(time.Minute), room, func(r matrixtest.Room) bool {
		all := pictures(r)
		if len(all) >= n {
			found = all[n-1].Content.AsMessage()
		}
		return found != nil
	})
	if err != nil {
		w.t.Fatalf("waiting for the QR code number %d: %v", n, err)
	}
	return found
}

func pictures(r matrixtest.Room) []*event.Event {
	var all []*event.Event
	for _, evt := range r.Timeline {
		if evt.Sender == botID() && evt.Type == event.EventMessage && evt.Content.AsMessage().MsgType == event.MsgImage {
			all = append(all, evt)
		}
	}
	return all
}

// read is what the newest code in the room says to a telephone.
func (w *world) read(c *matrixtest.Client, room id.RoomID) string {
	w.t.Helper()
	all := pictures(c.Room(room))
	content := all[len(all)-1].Content.AsMessage()
	if content.NewContent != nil {
		content = content.NewContent
	}
	data, err := c.Download(w.ctx(time.Minute), content.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	shown, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	bits, err := gozxing.NewBinaryBitmapFromImage(shown)
	if err != nil {
		w.t.Fatal(err)
	}
	read, err := qrcode.NewQRCodeReader().Decode(bits, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if !strings.Contains(content.Body, read.GetText()) {
		w.t.Errorf("the text beside the code does not say what the code does: %q", content.Body)
	}
	return read.GetText()
}

// links are what the codes in the room said before they were deleted.
func (w *world) links(c *matrixtest.Client, room id.RoomID) []string {
	var all []string
	for _, evt := range pictures(c.Room(room)) {
		for _, word := range strings.Split(evt.Content.AsMessage().Body, "`") {
			if strings.HasPrefix(word, "tg://login?token=") {
				all = append(all, word)
			}
		}
	}
	return all
}

// tokens are what is secret in those, as it was said and as it is.
func (w *world) tokens(c *matrixtest.Client, room id.RoomID) (all []string) {
	w.t.Helper()
	for _, link := range w.links(c, room) {
		token := strings.TrimPrefix(link, "tg://login?token=")
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(raw) != 32 {
			w.t.Errorf("a token of %d bytes, %v", len(raw), err)
		}
		all = append(all, token, string(raw))
	}
	return all
}

// shown are the messages with codes, as the log has them.
func (w *world) shown() []id.EventID {
	w.t.Helper()
	var all []id.EventID
	for _, e := range w.events(events.Auth) {
		if f, ok := e.Fact.(*events.QRShown); ok {
			all = append(all, id.EventID(f.Message))
		}
	}
	return all
}

// untilRedactions waits until each message, edits too, has been redacted.
func (w *world) untilRedactions(c *matrixtest.Client, room id.RoomID, messages []id.EventID) {
	w.t.Helper()
	_, err := c.WaitFor(w.ctx(30*time.Second), room, func(r matrixtest.Room) bool {
		return !slices.ContainsFunc(messages, func(m id.EventID) bool {
			return !slices.ContainsFunc(r.Timeline, func(e *event.Event) bool {
				return e.Type == event.EventRedaction && (e.Redacts == m || e.Content.AsRedaction().Redacts == m)
			})
		})
	})
	if err != nil {
		w.t.Fatalf("not everything secret was redacted: %v", err)
	}
}
