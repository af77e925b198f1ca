package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/projections"
)

// request calls the bridge as the homeserver would, and returns status and errcode.
func (h *house) request(method, path, token, body string) (int, string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.ctx, method, h.slot.reg.URL+path, strings.NewReader(body))
	h.check(err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	h.check(err)
	defer resp.Body.Close()
	var answer struct {
		ErrCode string `json:"errcode"`
	}
	data, err := io.ReadAll(resp.Body)
	h.check(err)
	h.check(json.Unmarshal(data, &answer))
	return resp.StatusCode, answer.ErrCode
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hs := h.slot.reg.ServerToken
	const txn = "/_matrix/app/v1/transactions/1"
	for _, c := range []struct {
		method, path, token, body string
		status                    int
		code                      string
	}{
		{"PUT", txn, hs, `{"events":[]}`, 200, ""},
		{"PUT", txn, hs, `{}`, 200, ""},
		{"PUT", "/transactions/1", hs, `{"events":[]}`, 200, ""},
		{"PUT", "/transactions/1?access_token=" + hs, "", `{"events":[]}`, 200, ""},
		{"PUT", txn, "wrong", `{"events":[]}`, 403, "M_FORBIDDEN"},
		{"PUT", txn, "", `{"events":[]}`, 403, "M_FORBIDDEN"},
		{"PUT", txn + "?access_token=wrong", "", `{"events":[]}`, 403, "M_FORBIDDEN"},
		{"PUT", txn, hs, `{"events":`, 400, "M_NOT_JSON"},
		{"PUT", txn, hs, "\x00\xff", 400, "M_NOT_JSON"},
		{"PUT", txn, hs, ``, 400, "M_NOT_JSON"},
		{"PUT", txn, hs, `[]`, 400, "M_BAD_JSON"},
		{"PUT", txn, hs, `{"events":5}`, 400, "M_BAD_JSON"},
		{"PUT", txn, hs, `{"events":[null,5,"x",{},{"type":5},{"type":"m.room.message"},{"type":"m.room.message","event_id":"$1","sender":"@a:b","room_id":"!r:x","content":[1]},` +
			`{"type":"m.room.message","event_id":"$1","sender":"@a:b","room_id":"!r:x","content":{"msgtype":7}},{"type":"m.room.member","state_key":null,"event_id":"$1","sender":"@a:b","room_id":"!r:x","content":null}]}`, 200, ""},
		{"GET", "/_matrix/app/v1/users/@x:y", hs, "", 404, "M_NOT_FOUND"},
		{"GET", "/_matrix/app/v1/users/%40x%3Ay", hs, "", 404, "M_NOT_FOUND"},
		{"GET", "/users/@x:y", "wrong", "", 403, "M_FORBIDDEN"},
		{"GET", "/_matrix/app/v1/rooms/%23x:y", hs, "", 404, "M_NOT_FOUND"},
		{"POST", "/_matrix/app/v1/ping", hs, `{"transaction_id":"x"}`, 200, ""},
		{"POST", "/_matrix/app/v1/ping", "", ``, 403, "M_FORBIDDEN"},
		{"GET", "/_matrix/mau/live", "", "", 200, ""},
		{"GET", "/_matrix/mau/ready", "", "", 200, ""},
		{"GET", "/", "", "", 404, "M_UNRECOGNIZED"},
		{"POST", txn, hs, "{}", 404, "M_UNRECOGNIZED"},
	} {
		if status, code := h.request(c.method, c.path, c.token, c.body); status != c.status || code != c.code {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, code, c.status, c.code)
		}
	}
	h.sick.Store(true)
	if status, _ := h.request("GET", "/_matrix/mau/ready", "", ""); status != 503 {
		t.Errorf("ready while sick: %d", status)
	}
	if status, _ := h.request("PUT", txn, hs, `{"events":[]}`); status != 503 {
		t.Errorf("a transaction while sick: %d", status)
	}
	if status, _ := h.request("GET", "/_matrix/mau/live", "", ""); status != 200 {
		t.Errorf("live while sick: %d", status)
	}
}

// put gives the bridge a transaction and expects that it is taken.
func (h *house) put(txn string, evts ...*event.Event) {
	h.t.Helper()
	h.check(matrixtest.PutTransaction(h.ctx, h.slot.reg.URL, h.slot.reg.ServerToken, txn, evts...))
}

// posted are the messages of a portal in the log, by text.
func (h *house) posted(uid events.UID) (found []*events.MessagePosted) {
	for _, e := range h.facts(events.Chat, uid) {
		if f, ok := e.Fact.(*events.MessagePosted); ok {
			found = append(found, f)
		}
	}
	return found
}

// TestEventTooLargeToStore: it blocks nothing that comes after it.
func TestEventTooLargeToStore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Large")
	h.put("1", matrixtest.NewMessage(room, p.UserID(), strings.Repeat("x", 2<<20)), matrixtest.NewMessage(room, p.UserID(), "after it"))
	if found := h.posted(uid); len(found) != 1 || found[0].Sealed.Text.Body != "after it" {
		t.Errorf("%d messages in the log", len(found))
	}
}

// TestTransactionComesAgain: a retry brings more events under the same ID. What
// was stored is stored once, what is new is not dropped.
func TestTransactionComesAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Again")
	one, two := matrixtest.NewMessage(room, p.UserID(), "one"), matrixtest.NewMessage(room, p.UserID(), "two")
	h.put("7", one)
	h.put("7", one, two)
	h.put("8", two, one)
	h.restart()
	h.put("7", one, two)
	found := h.posted(uid)
	if len(found) != 2 || found[0].Sealed.Text.Body != "one" || found[1].Sealed.Text.Body != "two" {
		t.Errorf("%d messages in the log", len(found))
	}
	if first := h.facts(events.Chat, uid)[0]; first.ID != events.EventIDFor(time.UnixMilli(one.Timestamp), string(one.ID)) ||
		first.Origin != events.MatrixEventID(one.ID) || first.Actor != events.ByUser {
		t.Errorf("the envelope says %+v", first)
	}
}

// TestMatrixToLog: what is said, answered, edited and deleted on Matrix.
func TestMatrixToLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Words")
	copied := h.copyOf(h.append(uid, says(ann, "from telegram", 1)))

	content := &event.MessageEventContent{MsgType: event.MsgText, Body: "> <@x:y> from telegram\n\nhi Ann", Format: event.FormatHTML,
		FormattedBody: `<mx-reply><blockquote>from telegram</blockquote></mx-reply><b>hi</b> <a href="` + h.bridge.who.ghost(ann.Peer).URI().MatrixToURL() + `">Ann</a>`,
		RelatesTo:     (&event.RelatesTo{}).SetReplyTo(id.EventID(copied.Event))}
	sent, err := p.Send(h.ctx, room, content)
	h.check(err)
	var post projections.Post
	h.thread(uid, func(th projections.Thread) bool {
		post, _ = th.ByEvent(events.MatrixEventID(sent))
		return post.ID != ""
	})
	found := h.posted(uid)
	f := found[len(found)-1]
	if f.Login != p.login || f.User != p.uid || f.ReplyTo != copied.ID || f.Sealed.Text.Body != "hi Ann" || len(f.Sealed.Text.Spans) != 2 ||
		f.Sealed.Text.Spans[1].Peer != ann.Peer {
		t.Errorf("recorded: %+v", f)
	}
	_, err = p.Edit(h.ctx, room, sent, "hello Ann")
	h.check(err)
	h.thread(uid, func(th projections.Thread) bool { return len(th.Changes) == 1 })
	// Dendrite does not push redactions.
	redaction := matrixtest.NewRedaction(room, p.UserID(), sent)
	h.put("r", redaction)
	h.put("r", redaction)
	var edited *events.MessageEdited
	var deleted []*events.MessageDeleted
	for _, e := range h.facts(events.Chat, uid) {
		switch f := e.Fact.(type) {
		case *events.MessageEdited:
			edited = f
		case *events.MessageDeleted:
			deleted = append(deleted, f)
		default:
		}
	}
	if edited.Message != post.ID || edited.Sealed.Text.Body != "hello Ann" || edited.Login != p.login {
		t.Errorf("edited: %+v", edited)
	}
	if len(deleted) != 1 || deleted[0].Message != post.ID || deleted[0].Login != p.login || deleted[0].Side != events.OnMatrix {
		t.Errorf("deleted: %+v", deleted)
	}
}

// TestKindsFromMatrix: what the user can send, told apart.
func TestKindsFromMatrix(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Kinds from Matrix")
	raw := func(kind, content string) *event.Event {
		evt := matrixtest.NewMessage(room, p.UserID(), "")
		evt.Type = event.Type{Type: kind, Class: event.MessageEventType}
		evt.Content = event.Content{VeryRaw: json.RawMessage(content)}
		return evt
	}
	type want struct {
		content     events.Content
		label, text string
	}
	cases := []struct {
		evt  *event.Event
		want want
	}{
		{raw("m.room.message", `{"msgtype":"m.notice","body":"n"}`), want{events.ContentNotice, "", "n"}},
		{raw("m.room.message", `{"msgtype":"m.emote","body":"e"}`), want{events.ContentEmote, "", "e"}},
		{raw("m.room.message", `{"msgtype":"m.image","body":"cat.jpg","url":"mxc://x/y"}`), want{events.ContentPhoto, "photo: cat.jpg", ""}},
		{raw("m.room.message", `{"msgtype":"m.image","body":"look","filename":"cat.jpg","url":"mxc://x/y"}`), want{events.ContentPhoto, "photo: cat.jpg", "look"}},
		{raw("m.room.message", `{"msgtype":"m.audio","body":"v.ogg","org.matrix.msc3245.voice":{}}`), want{events.ContentVoice, "voice message", ""}},
		{raw("m.room.message", `{"msgtype":"m.location","body":"here","geo_uri":"geo:1,2"}`), want{events.ContentLocation, "location", ""}},
		{raw("m.room.message", `{"msgtype":"x.custom","body":"?"}`), want{events.ContentOther, "x.custom", ""}},
		{raw("m.sticker", `{"body":"wave","url":"mxc://x/y"}`), want{events.ContentSticker, "sticker: wave", ""}},
		{raw("org.matrix.msc3381.poll.start", `{}`), want{events.ContentPoll, "poll", ""}},
		{raw("m.room.encrypted", `{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"x","session_id":"s"}`), want{events.ContentEncrypted, "", ""}},
	}
	for i, c := range cases {
		h.put(fmt.Sprint(i), c.evt, raw("m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$x","key":"y"}}`))
	}
	found := h.posted(uid)
	if len(found) != len(cases) {
		t.Fatalf("%d of %d recorded", len(found), len(cases))
	}
	for i, c := range cases {
		if got := (want{found[i].Content, found[i].Sealed.Label, found[i].Sealed.Text.Body}); got != c.want {
			t.Errorf("got %+v, want %+v", got, c.want)
		}
	}
}

// TestWhoseLogin: whose session sends, and what of those who have none.
func TestWhoseLogin(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p, out := h.person(), h.person()
	uid, room := h.room(p, "Whose")
	ghost := h.bridge.who.ghost(ann.Peer)
	h.put("1",
		matrixtest.NewMessage(room, out.UserID(), "no login sees it"),
		matrixtest.NewMessage(room, "@stranger:example.test", "unknown"),
		matrixtest.NewMessage(room, ghost, "a ghost"), matrixtest.NewMessage(room, h.bridge.Bot(), "the bot"),
		matrixtest.NewMessage("!elsewhere:example.test", p.UserID(), "elsewhere"))
	notice := matrixtest.NewMessage(room, "@otherbot:example.test", "beep")
	notice.Content.AsMessage().MsgType = event.MsgNotice
	h.put("2", notice)
	ended := h.append(p.uid, &events.SessionEnded{Login: p.login, Cause: events.EndedByRevocation})
	h.check(h.users.WaitFor(h.ctx, ended.Seq))
	h.put("3", matrixtest.NewMessage(room, p.UserID(), "suspended"))
	found := h.posted(uid)
	if len(found) != 3 {
		t.Fatalf("%d recorded", len(found))
	}
	for i, want := range []events.UID{out.uid, "", p.uid} {
		if found[i].Login != "" || found[i].User != want {
			t.Errorf("recorded: %+v", found[i])
		}
	}
}

// inboxFunc is an Inbox of a test.
type inboxFunc func(*event.Event) (bool, error)

func (f inboxFunc) Take(_ context.Context, evt *event.Event) (bool, error) { return f(evt) }

// TestInboxes: who comes first has it; an error refuses the transaction, a
// panic does not block it.
func TestInboxes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.crash()
	broken := true
	h.inbox = []Inbox{inboxFunc(func(evt *event.Event) (bool, error) {
		body := evt.Content.AsMessage().Body
		switch {
		case body == "panic":
			panic("oh")
		case body == "later" && broken:
			return false, errors.New("not now")
		}
		return strings.HasPrefix(body, "!tg "), nil
	})}
	h.start(true)
	p := h.person()
	uid, room := h.room(p, "Boxes")
	say := func(text string) *event.Event { return matrixtest.NewMessage(room, p.UserID(), text) }
	one, later, last := say("one"), say("later"), say("last")
	err := matrixtest.PutTransaction(h.ctx, h.slot.reg.URL, h.slot.reg.ServerToken, "1", say("!tg help"), one, say("panic"), later, last)
	var status *matrixtest.StatusError
	if !errors.As(err, &status) || status.Code != 503 {
		t.Errorf("the transaction gives %v", err)
	}
	if found := h.posted(uid); len(found) != 1 {
		t.Errorf("%d recorded", len(found))
	}
	broken = false
	h.put("1", one, later, last)
	if found := h.posted(uid); len(found) != 3 || found[2].Sealed.Text.Body != "last" {
		t.Errorf("%d recorded", len(found))
	}
}

// TestCheck: each thing that can be wrong, and what it says then.
func TestCheck(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	failed := func(cfg Config) string {
		for _, f := range Check(h.ctx, cfg) {
			if !f.OK && !f.Unknown {
				return f.Fix
			}
		}
		return ""
	}
	if fix := failed(h.cfg); fix != "" {
		t.Errorf("a healthy homeserver: %s", fix)
	}
	findings := Check(h.ctx, h.cfg)
	if last := findings[len(findings)-1]; len(findings) != 3 || !last.Unknown || last.Fix == "" {
		t.Errorf("Dendrite can't ping: %+v", last)
	}
	wrong := h.cfg
	wrong.ASToken = "wrong"
	if fix := failed(wrong); !strings.Contains(fix, "as_token") {
		t.Errorf("wrong as_token: %s", fix)
	}
	wrong = h.cfg
	wrong.HomeserverURL = "http://127.0.0.1:1"
	if fix := failed(wrong); !strings.Contains(fix, "start the homeserver") {
		t.Errorf("no homeserver: %s", fix)
	}
	wrong = h.cfg
	wrong.HomeserverURL = h.slot.reg.URL
	if fix := failed(wrong); fix == "" {
		t.Error("the bridge itself is taken for a homeserver")
	}
	wrong = h.cfg
	wrong.BotLocalpart = "somebody"
	if fix := failed(wrong); fix == "" {
		t.Error("another's user is taken for the bot")
	}
	for _, f := range CheckRegistration(h.cfg, h.slot.reg) {
		if !f.OK {
			t.Errorf("registration: %s", f.What)
		}
	}
	other := *h.slot.reg
	other.ServerToken = "x"
	if f := CheckRegistration(h.cfg, &other)[1]; f.OK || f.Fix == "" {
		t.Error("another hs_token agrees")
	}
}

// TestBotWaits: the bridge starts before the homeserver, and waits.
func TestBotWaits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.proxy.spoil("/register", 2, lost502)
	h.check(h.bridge.EnsureBot(h.ctx))
	h.proxy.spoil("/register", 1, forbidden)
	if err := h.bridge.EnsureBot(h.ctx); err == nil || !strings.Contains(err.Error(), "registration.yaml") {
		t.Errorf("a refusal: %v", err)
	}
	ctx, cancel := context.WithTimeout(h.ctx, 300*time.Millisecond)
	defer cancel()
	h.proxy.spoil("/register", 1000, cut)
	if err := h.bridge.EnsureBot(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it waits: %v", err)
	}
	h.proxy.heal()
	got, err := h.bridge.hs.as(h.bridge.Bot()).GetProfile(h.ctx, h.bridge.Bot())
	h.check(err)
	if got.DisplayName != "Telegram bridge" {
		t.Errorf("the bot is called %q", got.DisplayName)
	}
}
