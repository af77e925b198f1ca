package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/projections"
)

// copyOf waits until what e records is carried over, and returns the copy.
func (h *house) copyOf(e events.Event) projections.Post {
	h.t.Helper()
	var post projections.Post
	h.thread(e.Aggregate.UID, func(th projections.Thread) bool {
		post, _ = th.ByID(e.ID)
		return th.Seq >= e.Seq && th.Settled(e.ID)
	})
	return post
}

// TestTelegramToMatrix: what is said, answered, edited and deleted on Telegram.
func TestTelegramToMatrix(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Talk")
	ghost := h.bridge.who.ghost(ann.Peer)

	hello := says(ann, "hello P and Bob", 1)
	hello.SaidAt = time.UnixMilli(1700000000000)
	hello.Sealed.Text.Spans = []events.Span{
		span(events.SpanBold, 0, 5), {Kind: events.SpanMention, Offset: 6, Length: 1, Peer: user(p.tg)},
		{Kind: events.SpanMention, Offset: 12, Length: 3, Peer: user(78)},
	}
	first := h.append(uid, hello)
	evt, err := p.WaitMessage(h.ctx, room, "", matrixtest.Saying("hello"))
	h.check(err)
	content := evt.Content.AsMessage()
	want := `<strong>hello</strong> <a href="` + p.UserID().URI().MatrixToURL() + `">P</a> and <a href="` + h.bridge.who.ghost(user(78)).URI().MatrixToURL() + `">Bob</a>`
	if evt.Sender != ghost || evt.Timestamp != 1700000000000 || content.FormattedBody != want || !content.Mentions.Has(p.UserID()) {
		t.Errorf("%s at %d: %s %+v", evt.Sender, evt.Timestamp, content.FormattedBody, content.Mentions)
	}
	if post := h.copyOf(first); post.State != projections.Copied || post.Event != events.MatrixEventID(evt.ID) {
		t.Errorf("post %+v", post)
	}
	h.portal(uid, func(p projections.Portal) bool { return p.HasGhost(ann.Peer) })
	if name := p.Room(room).DisplayName(ghost); name != "Ann" {
		t.Errorf("Ann is called %q", name)
	}

	reply := says(events.Member{Peer: user(502), Name: "Bob"}, "hi", 2)
	reply.ReplyTo = first.ID
	h.append(uid, reply)
	answer, err := p.WaitMessage(h.ctx, room, evt.ID, matrixtest.Saying("hi"))
	h.check(err)
	if answer.Content.AsMessage().RelatesTo.GetReplyTo() != evt.ID {
		t.Error("the answer answers nothing")
	}

	edited := h.append(uid, &events.MessageEdited{Side: events.OnTelegram, Message: first.ID, Content: events.ContentText,
		SaidAt: time.Now(), Sealed: events.MessageFacts{Sender: ann, Text: events.Text{Body: "hello all"}}})
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { text, _ := r.Text(evt.ID); return text == "hello all" })
	h.check(err)
	h.copyOf(edited)

	deleted := h.append(uid, &events.MessageDeleted{Side: events.OnTelegram, Message: first.ID})
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { _, there := r.Text(evt.ID); return !there })
	h.check(err)
	h.copyOf(deleted)

	// Ann is called something else from now on.
	h.append(uid, says(events.Member{Peer: ann.Peer, Name: "Ann B."}, "new name", 3))
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { return r.DisplayName(ghost) == "Ann B." })
	h.check(err)
}

// TestKindsOfContent: what is not bridged is told, in words.
func TestKindsOfContent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Kinds")
	for i, c := range []struct {
		content events.Content
		facts   events.MessageFacts
		kind    event.MessageType
		body    string
	}{
		{events.ContentPhoto, events.MessageFacts{Text: events.Text{Body: "look"}}, event.MsgNotice, "📷 Photo (not bridged yet)\nlook"},
		{events.ContentPoll, events.MessageFacts{Label: "poll: Lunch?"}, event.MsgNotice, "📊 Poll: Lunch? (not bridged yet)"},
		{events.ContentNotice, events.MessageFacts{Text: events.Text{Body: "Bob joined"}}, event.MsgNotice, "Bob joined"},
		{events.ContentEmote, events.MessageFacts{Text: events.Text{Body: "waves"}}, event.MsgEmote, "waves"},
		{events.ContentText, events.MessageFacts{Text: events.Text{Body: "news"}, ForwardedFrom: "Zed"}, event.MsgText, "Forwarded from Zed\nnews"},
	} {
		c.facts.Sender = ann
		h.append(uid, &events.MessagePosted{Side: events.OnTelegram, Content: c.content, Number: events.MessageNumber(i + 1), SaidAt: time.Now(), Sealed: c.facts})
		evt, err := p.WaitMessage(h.ctx, room, "", matrixtest.Saying(c.body))
		h.check(err)
		if got := evt.Content.AsMessage(); got.MsgType != c.kind || got.Body != c.body {
			t.Errorf("%s %q", got.MsgType, got.Body)
		}
	}
}

// TestLostIsTold: each reason for which a message stays on Matrix.
func TestLostIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Lost")
	for _, reason := range []events.CopyFailure{events.CopyForbidden, events.CopyTooLong, events.CopyEmpty, events.CopyUnsupported,
		events.CopyNoLogin, events.CopyGone, events.CopyTooLate, events.CopyRefused} {
		sent, err := p.SendText(h.ctx, room, "about "+string(reason))
		h.check(err)
		var post projections.Post
		h.thread(uid, func(th projections.Thread) bool {
			post, _ = th.ByEvent(events.MatrixEventID(sent))
			return post.ID != ""
		})
		e := events.Event{ID: events.NewEventID(), Causation: post.ID, Fact: &events.CopyFailed{To: events.OnTelegram, Message: post.ID, Reason: reason, Error: "WHY"}}
		h.appendAs(uid, e)
		evt, err := p.WaitMessage(h.ctx, room, sent, matrixtest.From(h.bridge.Bot()))
		h.check(err)
		content := evt.Content.AsMessage()
		if content.MsgType != event.MsgNotice || content.RelatesTo.GetReplyTo() != sent || !strings.Contains(content.Body, "Your message was not sent to Telegram") ||
			len(content.Body) < 60 || !content.Mentions.Has(p.UserID()) {
			t.Errorf("%s: %+v", reason, content)
		}
	}
}

// appendAs is append for an event that has its causation.
func (h *house) appendAs(uid events.UID, e events.Event) {
	h.t.Helper()
	e.Aggregate, e.Time, e.Actor = events.Aggregate{Stream: e.Fact.Type().Stream(), UID: uid}, time.Now().UTC(), events.ByTelegram
	last, err := h.journal.LastOf(h.ctx, e.Aggregate)
	h.check(err)
	_, err = h.journal.Append(h.ctx, e, last)
	h.check(err)
}

// texts are the messages of a sender that a person sees, in order.
func texts(p person, room id.RoomID, sender id.UserID) (found []string) {
	for _, evt := range p.Room(room).Messages() {
		if evt.Sender == sender {
			found = append(found, evt.Content.AsMessage().Body)
		}
	}
	return found
}

// once checks that the person sees what was said, each once and in order.
func (h *house) once(p person, room id.RoomID, want []string) {
	h.t.Helper()
	_, err := p.WaitMessage(h.ctx, room, "", matrixtest.Saying(want[len(want)-1]))
	h.check(err)
	if got := texts(p, room, h.bridge.who.ghost(ann.Peer)); !slices.Equal(got, want) {
		h.t.Errorf("seen: %q", got)
	}
}

// TestSendFails: failed, and failed but done, at each of a message's calls.
func TestSendFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Shaky")
	var want []string
	for i, f := range []fault{lostDone, lost502, limited, cut, lostDone} {
		for _, call := range []string{"/send/", "/register", "/displayname", "/invite", "/join"} {
			if i > 0 && call != "/send/" {
				continue // only the first message needs them
			}
			text := fmt.Sprintf("message %d %s", i, call)
			want = append(want, text)
			h.proxy.spoil(call, 1, f)
			h.copyOf(h.append(uid, says(ann, text, len(want))))
		}
	}
	h.proxy.heal()
	h.once(p, room, want)
	for _, call := range []string{"/register", "/displayname", "/invite", "/join"} {
		for i, f := range []fault{lostDone, cut} {
			h.proxy.spoil(call, 1, f)
			who := events.Member{Peer: user(int64(5000 + 10*len(call) + i)), Name: "New"}
			text := fmt.Sprintf("new one %s %d", call, i)
			h.copyOf(h.append(uid, says(who, text, 100+10*len(call)+i)))
			_, err := p.WaitMessage(h.ctx, room, "", matrixtest.Saying(text))
			h.check(err)
		}
	}
}

// TestGhostIsPutOut: somebody kicked the ghost; it comes back to speak.
func TestGhostIsPutOut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Kicked")
	h.copyOf(h.append(uid, says(ann, "one", 1)))
	h.check(h.bridge.hs.kick(h.ctx, room, h.bridge.who.ghost(ann.Peer), "test"))
	h.copyOf(h.append(uid, says(ann, "two", 2)))
	h.once(p, room, []string{"one", "two"})
}

// TestEditAndDeleteFail: each carried out although the answer is lost.
func TestEditAndDeleteFail(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Changes")
	first := h.append(uid, says(ann, "original", 1))
	post := h.copyOf(first)
	h.proxy.spoil("/send/", 1, lostDone)
	h.copyOf(h.append(uid, &events.MessageEdited{Side: events.OnTelegram, Message: first.ID, Content: events.ContentText,
		Sealed: events.MessageFacts{Sender: ann, Text: events.Text{Body: "changed"}}}))
	edits := func(r matrixtest.Room) (n int) {
		for _, evt := range r.Timeline {
			if evt.Type == event.EventMessage && evt.Content.AsMessage().RelatesTo.GetReplaceID() == id.EventID(post.Event) {
				n++
			}
		}
		return n
	}
	h.proxy.spoil("/redact/", 1, lostDone)
	h.copyOf(h.append(uid, &events.MessageDeleted{Side: events.OnTelegram, Message: first.ID}))
	r, err := p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { _, there := r.Text(id.EventID(post.Event)); return !there })
	h.check(err)
	if n := edits(r); n != 1 {
		t.Errorf("%d edits", n)
	}
	// What is not there can't be changed.
	gone := h.append(uid, &events.MessageDeleted{Side: events.OnTelegram, Message: events.NewEventID()})
	h.copyOf(gone)
	facts := h.facts(events.Chat, uid)
	f, ok := facts[len(facts)-1].Fact.(*events.CopyFailed)
	if !ok || f.Reason != events.CopyGone {
		t.Errorf("the last fact is %+v", facts[len(facts)-1].Fact)
	}
}

// TestEditedByTelegramOfMatrixMessage: nobody can edit for a Matrix user; the
// new words are said.
func TestEditOfMatrixMessage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	uid, room := h.room(p, "Edits")
	sent, err := p.SendText(h.ctx, room, "from matrix")
	h.check(err)
	var post projections.Post
	h.thread(uid, func(th projections.Thread) bool {
		post, _ = th.ByEvent(events.MatrixEventID(sent))
		return post.ID != ""
	})
	h.append(uid, &events.MessageEdited{Side: events.OnTelegram, Message: post.ID, Content: events.ContentText,
		Sealed: events.MessageFacts{Sender: events.Member{Peer: user(p.tg), Name: "P"}, Text: events.Text{Body: "better words"}}})
	evt, err := p.WaitMessage(h.ctx, room, sent, matrixtest.Saying("better words"))
	h.check(err)
	if evt.Content.AsMessage().RelatesTo.GetReplyTo() != sent {
		t.Error("it answers nothing")
	}
	h.append(uid, &events.MessageDeleted{Side: events.OnTelegram, Message: post.ID})
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { _, there := r.Text(sent); return !there })
	h.check(err)
}

// TestCrashInBurst: the bridge dies again and again while messages are carried;
// each arrives once, in order. The homeserver forgets its transaction IDs too.
func TestCrashInBurst(t *testing.T) {
	t.Parallel()
	h := houseOf(t, false)
	p := h.person()
	const rooms, each = 3, 60
	uids, ids, want := [rooms]events.UID{}, [rooms]id.RoomID{}, [rooms][]string{}
	for i := range rooms {
		uids[i], ids[i] = h.room(p, fmt.Sprintf("Burst %d", i))
	}
	for n := range each {
		for i := range rooms {
			text := fmt.Sprintf("burst %03d", n)
			want[i] = append(want[i], text)
			h.append(uids[i], says(ann, text, n+1))
		}
		switch n {
		case 15, 30:
			h.restart()
		case 45:
			h.crash()
			h.check(h.hs.Restart(h.ctx))
			h.start(true)
		}
	}
	h.restart()
	for i := range rooms {
		h.once(p, ids[i], want[i])
	}
}

// TestCrashBetweenSendAndOutcome: the message is in the room and the log does
// not say so; neither does the homeserver remember the transaction.
func TestCrashBetweenSendAndOutcome(t *testing.T) {
	t.Parallel()
	h := houseOf(t, false)
	p := h.person()
	uid, room := h.room(p, "Between")
	h.copyOf(h.append(uid, says(ann, "one", 1)))
	h.crash()
	h.start(false)
	two := h.append(uid, says(ann, "two", 2))
	three := h.append(uid, says(ann, "three", 3))
	ghost := h.bridge.who.ghost(ann.Peer)
	l := write(two.ID, events.ContentText, two.Fact.(*events.MessagePosted).Sealed, h.bridge.who.ghost)
	_, err := h.bridge.hs.send(h.ctx, room, ghost, txnOf(two.ID, ghost), time.Time{}, &l)
	h.check(err)
	failed := events.Event{ID: events.NewEventID(), Fact: &events.CopyFailed{To: events.OnTelegram, Message: "x", Reason: events.CopyEmpty}}
	h.appendAs(uid, failed)
	notice := letter{Cause: failed.ID}
	notice.MsgType, notice.Body = event.MsgNotice, "told"
	_, err = h.bridge.hs.send(h.ctx, room, h.bridge.Bot(), txnOf(failed.ID, h.bridge.Bot()), time.Time{}, &notice)
	h.check(err)
	// Somebody writes the key of a message that is still to come.
	_, err = p.API().SendMessageEvent(h.ctx, room, event.EventMessage, map[string]any{"msgtype": "m.text", "body": "fake", causeKey: three.ID})
	h.check(err)
	h.crash()
	h.check(h.hs.Restart(h.ctx))
	h.start(true)
	h.copyOf(h.append(uid, says(ann, "four", 4)))
	h.once(p, room, []string{"one", "two", "three", "four"})
	if told := texts(p, room, h.bridge.Bot()); !slices.Equal(told, []string{"told"}) {
		t.Errorf("the bot says %q", told)
	}
}

// TestOutages: the homeserver stops, is killed, and hangs, while messages come.
func TestOutages(t *testing.T) {
	t.Parallel()
	h := houseOf(t, false)
	p := h.person()
	uid, room := h.room(p, "Outage")
	var want []string
	say := func(n int) {
		for range n {
			text := fmt.Sprintf("line %03d", len(want))
			want = append(want, text)
			h.append(uid, says(ann, text, len(want)))
		}
	}
	for _, away := range []func() error{h.hs.Stop, h.hs.Kill} {
		say(10)
		h.check(away())
		say(10)
		h.check(pause(h.ctx, 700*time.Millisecond)) // an outage takes time
		h.check(h.hs.Start(h.ctx))
	}
	say(5)
	h.check(h.hs.Pause())
	say(5)
	h.check(pause(h.ctx, 700*time.Millisecond))
	h.check(h.hs.Resume())
	say(5)
	h.once(p, room, want)
}
