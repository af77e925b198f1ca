package telegram

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/projections"
)

// town is Alice with a login, Bob without, and a chat of each kind with both.
type town struct {
	*house
	p                     *person
	login                 events.LoginID
	alice, bob            telegramtest.UserID
	group, super, channel telegramtest.ChatID
}

func newTown(t *testing.T) *town {
	t.Helper()
	h := newHouse(t, telegramtest.Options{})
	w := &town{house: h}
	w.alice = h.server.AddUser(telegramtest.UserSpec{Phone: "15550100", FirstName: "Alice"})
	w.bob = h.server.AddUser(telegramtest.UserSpec{Phone: "15550101", FirstName: "Bob", LastName: "Builder", Username: "bob", Photo: []byte("\xff\xd8\xffbob")})
	w.group = h.server.AddGroup("Group", w.bob, w.alice)
	w.super = h.server.AddChat(telegramtest.ChatSpec{Kind: telegramtest.Supergroup, Title: "Super", About: "All of it", Photo: []byte("\xff\xd8\xffsuper"), Members: []telegramtest.UserID{w.bob, w.alice}})
	w.channel = h.server.AddChannel("Channel", w.bob, w.alice)
	w.p, w.login = h.member("@alice:test", w.alice)
	must(t, h.server.Await(h.ctx, func() bool { return h.server.Listening(w.alice) > 0 }))
	return w
}

func TestChatsAreListedNewestFirst(t *testing.T) {
	w := newTown(t)
	listed := await[*events.ChatsListed](w.house, 1, nil).Fact.(*events.ChatsListed)
	if listed.Rooms != 3 || listed.Private != 0 {
		t.Errorf("listed %+v", listed)
	}
	var kinds []events.ChatKind
	for i := range 3 {
		kinds = append(kinds, await[*events.PortalOpened](w.house, i+1, nil).Fact.(*events.PortalOpened).Kind)
	}
	if want := []events.ChatKind{events.KindChannel, events.KindSupergroup, events.KindGroup}; !slices.Equal(kinds, want) {
		t.Errorf("opened %v", kinds)
	}
	if v := w.portalOf(w.p, int64(w.channel)).Viewers[0]; v.CanPost {
		t.Error("a reader can post in a channel")
	}
}

func TestChatIsDescribedOnceItHasARoom(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, chat := range []telegramtest.ChatID{w.group, w.super, w.channel} {
		w.room(w.portalOf(w.p, int64(chat)), w.p.uid)
	}
	for i := range 3 {
		f := await[*events.ChatDescribed](w.house, i+1, nil).Fact.(*events.ChatDescribed)
		switch f.Sealed.Title {
		case "Channel":
			if len(f.Sealed.Members) != 0 || f.Members != 2 {
				t.Errorf("channel: %+v", f)
			}
		case "Super":
			if f.Sealed.About != "All of it" || f.Sealed.Photo == 0 || len(f.Sealed.Members) != 2 {
				t.Errorf("supergroup: %+v", f)
			}
			data, mime, err := w.world.Picture(w.ctx, w.login, events.Peer{Kind: events.PeerChannel, ID: int64(w.super)}, f.Sealed.Photo)
			if err != nil || string(data) != "\xff\xd8\xffsuper" || mime != "image/jpeg" {
				t.Errorf("picture %q %s %v", data, mime, err)
			}
			i := slices.IndexFunc(f.Sealed.Members, func(m events.Member) bool { return m.Admin })
			if i < 0 || f.Sealed.Members[i].Name != "Bob Builder" {
				t.Fatalf("members %+v", f.Sealed.Members)
			}
			bob := f.Sealed.Members[i]
			if data, _, err = w.world.Picture(w.ctx, w.login, bob.Peer, bob.Photo); err != nil || string(data) != "\xff\xd8\xffbob" {
				t.Errorf("picture of Bob %q %v", data, err)
			}
		case "Group":
			if len(f.Sealed.Members) != 2 {
				t.Errorf("group: %+v", f)
			}
		}
	}
	w.server.SetAbout(w.super, "Less of it")
	await(w.house, 1, func(f *events.ChatDescribed) bool { return f.Sealed.About == "Less of it" })
	w.server.Rename(w.super, "Hyper")
	await(w.house, 1, func(f *events.ChatDescribed) bool { return f.Sealed.Title == "Hyper" && f.Sealed.About == "Less of it" })
	await(w.house, 1, func(f *events.MessagePosted) bool {
		return f.Content == events.ContentNotice && f.Sealed.Text.Body == "Bob Builder renamed the group to Hyper"
	})
}

func TestMessagesFromTelegram(t *testing.T) {
	w := newTown(t)
	bold := telegramtest.Entities(&tg.MessageEntityBold{Offset: 3, Length: 4})
	first := w.server.Say(w.bob, w.super, "🐘 bold", bold)
	e := w.awaitBody("🐘 bold")
	f := e.Fact.(*events.MessagePosted)
	want := []events.Span{{Kind: events.SpanBold, Offset: 3, Length: 4}}
	if !slices.Equal(f.Sealed.Text.Spans, want) || f.Sealed.Sender.Name != "Bob Builder" || f.Number != events.MessageNumber(first) {
		t.Errorf("%+v", f)
	}
	w.server.Say(w.bob, w.super, "answer", telegramtest.ReplyTo(first))
	if f := w.awaitBody("answer").Fact.(*events.MessagePosted); f.ReplyTo != e.ID {
		t.Errorf("answers %q", f.ReplyTo)
	}
	w.server.Say(w.bob, w.alice, "hello")
	pm := w.awaitBody("hello")
	if p := w.portals.Get(pm.Aggregate.UID); p.Kind != events.KindPrivate || p.Title != "Bob Builder" || p.Owner != w.p.uid {
		t.Errorf("private portal %+v", p)
	}
	w.server.Say(w.bob, w.group, "look", telegramtest.Photo([]byte("x")))
	if f := w.awaitBody("look").Fact.(*events.MessagePosted); f.Content != events.ContentPhoto || f.Sealed.Label != "photo" {
		t.Errorf("%+v", f)
	}
	w.server.Say(w.bob, w.channel, "news")
	if f := w.awaitBody("news").Fact.(*events.MessagePosted); f.Sealed.Sender.Peer.Kind != events.PeerChannel || f.Sealed.Sender.Name != "Channel" {
		t.Errorf("%+v", f)
	}
	// Another client of the same account.
	w.server.Say(w.alice, w.bob, "from my phone")
	if f := w.awaitBody("from my phone").Fact.(*events.MessagePosted); f.Sealed.Sender.Peer.ID != int64(w.alice) {
		t.Errorf("%+v", f)
	}
}

func TestEditsAndDeletionsFromTelegram(t *testing.T) {
	w := newTown(t)
	for i, to := range []telegramtest.Peer{w.super, w.alice} {
		text := fmt.Sprintf("before %d", i)
		id := w.server.Say(w.bob, to, text)
		e := w.awaitBody(text)
		w.server.React(w.alice, reader(w, to), telegramtest.MessageID(e.Fact.(*events.MessagePosted).Number), "👍")
		w.server.Edit(w.bob, to, id, "after")
		await(w.house, 1, func(f *events.MessageEdited) bool { return f.Message == e.ID && f.Sealed.Text.Body == "after" })
		w.server.Delete(w.bob, to, id)
		await(w.house, 1, func(f *events.MessageDeleted) bool { return f.Message == e.ID })
	}
	if n := count[*events.MessageEdited](w.house, nil); n != 2 {
		t.Errorf("%d edits", n)
	}
}

// reader is the chat as Alice names it.
func reader(w *town, to telegramtest.Peer) telegramtest.Peer {
	if to == telegramtest.Peer(w.alice) {
		return w.bob
	}
	return to
}

func TestMessagesToTelegram(t *testing.T) {
	w := newTown(t)
	for _, chat := range []telegramtest.ChatID{w.group, w.super} {
		portal := w.portalOf(w.p, int64(chat))
		text := fmt.Sprintf("to %d", chat)
		e := w.typed(w.p, portal, w.login, text)
		await(w.house, 1, func(f *events.CopyMade) bool { return f.Message == e.ID && f.Number != 0 })
		w.chat(portal.UID, messages.Edit{
			Side: events.OnMatrix, Origin: events.MatrixEventID("$edit " + text), Event: events.MatrixEventID("$" + text), User: w.p.uid,
			Login: w.login, Content: events.ContentText, SaidAt: time.Now(), What: events.MessageFacts{Text: events.Text{Body: text + " edited"}},
		})
		await(w.house, 2, func(f *events.CopyMade) bool { return f.Message == e.ID })
		if got := w.server.Texts(w.alice, chat); !slices.Equal(got, []string{text + " edited"}) {
			t.Errorf("on Telegram: %q", got)
		}
		w.chat(portal.UID, messages.Delete{
			Side: events.OnMatrix, Origin: events.MatrixEventID("$del " + text), Event: events.MatrixEventID("$" + text), User: w.p.uid, Login: w.login,
		})
		await(w.house, 3, func(f *events.CopyMade) bool { return f.Message == e.ID })
		if got := w.server.Texts(w.alice, chat); len(got) != 0 {
			t.Errorf("on Telegram: %q", got)
		}
	}
	// What we sent, changed and deleted is not told again, and the sequence goes on.
	w.server.Say(w.bob, w.super, "next")
	w.awaitBody("next")
	w.server.Say(w.bob, w.group, "next too")
	w.awaitBody("next too")
	if got := w.bodies(); !slices.Equal(got, []string{"next", "next too"}) {
		t.Errorf("from Telegram: %q", got)
	}
	if n := w.server.Calls("updates.getDifference") + w.server.Calls("updates.getChannelDifference"); n > 1 {
		t.Errorf("%d differences: our own calls look like gaps", n)
	}
}

func TestMessagesThatCannotBeSent(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	lost := func(chat telegramtest.ChatID, login events.LoginID, text string, want events.CopyFailure) {
		t.Helper()
		e := w.typed(w.p, w.portalOf(w.p, int64(chat)), login, text)
		f := await(w.house, 1, func(f *events.CopyFailed) bool { return f.Message == e.ID }).Fact.(*events.CopyFailed)
		if f.Reason != want {
			t.Errorf("%q: %+v", text[:min(len(text), 10)], f)
		}
	}
	lost(w.channel, w.login, "I may not", events.CopyForbidden)
	lost(w.super, w.login, string(slices.Repeat([]byte("x"), 4097)), events.CopyTooLong)
	lost(w.super, w.login, "  ", events.CopyEmpty)
	lost(w.super, "", "nobody", events.CopyNoLogin)
	w.server.Inject(telegramtest.Fault{Method: "messages.sendMessage", Times: 1, Err: tgerr.New(400, "BRAND_NEW")})
	lost(w.super, w.login, "strange", events.CopyRefused)
	w.server.FloodWait("messages.sendMessage", 1, 1)
	e := w.typed(w.p, w.portalOf(w.p, int64(w.super)), w.login, "patience")
	await(w.house, 1, func(f *events.CopyMade) bool { return f.Message == e.ID })
}

// The answer to messages.sendMessage is lost, before or after the effect; the
// process may die too. The message is sent once, and the log knows its number.
func TestSendFailedButDone(t *testing.T) {
	for name, drop := range map[string]telegramtest.Drop{"before": telegramtest.DropBefore, "after": telegramtest.DropAfter} {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, crash %v", name, crash), func(t *testing.T) {
				t.Parallel()
				w := newTown(t)
				for _, chat := range []telegramtest.ChatID{w.group, w.super} {
					text := fmt.Sprintf("once in %d", chat)
					w.server.ResetCalls()
					w.server.Inject(telegramtest.Fault{Method: "messages.sendMessage", Times: 1, Drop: drop})
					again, _ := w.server.Inject(telegramtest.Fault{Method: "messages.sendMessage", Delay: time.Minute})
					e := w.typed(w.p, w.portalOf(w.p, int64(chat)), w.login, text)
					must(t, w.server.WaitAnswer(w.ctx, "messages.sendMessage", 1))
					if crash {
						w.crash()
						again()
						w.open()
					} else {
						again()
						w.server.DropConnections()
					}
					await(w.house, 1, func(f *events.CopyMade) bool { return f.Message == e.ID && f.Number != 0 })
					w.server.Say(w.bob, chat, "end of "+text)
					w.awaitBody("end of " + text)
					if got := w.server.Texts(w.alice, chat); !slices.Equal(got, []string{text, "end of " + text}) {
						t.Errorf("on Telegram: %q", got)
					}
				}
				if got := w.bodies(); len(got) != 2 {
					t.Errorf("from Telegram: %q", got)
				}
			})
		}
	}
}

func TestTwoLoginsOneSupergroup(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	carol := w.server.AddUser(telegramtest.UserSpec{Phone: "15550102", FirstName: "Carol"})
	w.server.Join(w.super, carol)
	_, carols := w.member("@carol:test", carol)
	await(w.house, 1, func(f *events.LoginJoined) bool { return f.Login == carols })
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("number %d", i))
		w.server.Say(w.bob, w.super, want[i])
	}
	w.awaitBody("number 19")
	// Both have brought all when both cursors are past it.
	for _, id := range []events.LoginID{w.login, carols} {
		c, err := w.world.fleet.client(id)
		must(t, err)
		for c.feed.cur.channel(int64(w.super)) < 22 {
			pause(w.ctx, time.Millisecond)
		}
	}
	if got := w.bodies(); !slices.Equal(got, want) {
		t.Errorf("from Telegram: %q", got)
	}
}

// What one login sends, the other is told of, perhaps first.
func TestSentByOneSeenByTheOther(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	carol := w.server.AddUser(telegramtest.UserSpec{Phone: "15550102", FirstName: "Carol"})
	w.server.Join(w.super, carol)
	_, carols := w.member("@carol:test", carol)
	await(w.house, 1, func(f *events.LoginJoined) bool { return f.Login == carols })
	portal := w.portalOf(w.p, int64(w.super))
	for i := range 10 {
		if i%3 == 0 {
			w.server.Inject(telegramtest.Fault{Method: "messages.sendMessage", Times: 1, Drop: telegramtest.DropAfter})
		}
		e := w.typed(w.p, portal, w.login, fmt.Sprintf("mine %d", i))
		await(w.house, 1, func(f *events.CopyMade) bool { return f.Message == e.ID && f.Number != 0 })
	}
	w.server.Say(w.bob, w.super, "end")
	w.awaitBody("end")
	if got := w.bodies(); !slices.Equal(got, []string{"end"}) {
		t.Errorf("from Telegram: %q", got)
	}
	if n := len(w.server.Texts(w.alice, w.super)); n != 11 {
		t.Errorf("%d messages on Telegram", n)
	}
}

func TestComingAndGoing(t *testing.T) {
	w := newTown(t)
	carol := w.server.AddUser(telegramtest.UserSpec{Phone: "15550102", FirstName: "Carol"})
	w.room(w.portalOf(w.p, int64(w.super)), w.p.uid)
	await[*events.ChatDescribed](w.house, 1, nil)
	w.server.Join(w.super, carol)
	await(w.house, 1, func(f *events.MembersChanged) bool {
		return len(f.Sealed.Joined) == 1 && f.Sealed.Joined[0].Name == "Carol"
	})
	await(w.house, 1, func(f *events.MessagePosted) bool { return f.Sealed.Text.Body == "Carol joined" })
	w.server.Remove(w.super, w.alice)
	if f := await[*events.LoginLeft](w.house, 1, nil).Fact.(*events.LoginLeft); f.Reason != "kicked" {
		t.Errorf("%+v", f)
	}
	late := w.server.AddSupergroup("Late", w.bob)
	w.server.Join(late, w.alice)
	if p := w.portalOf(w.p, int64(late)); p.Title != "Late" {
		t.Errorf("%+v", p)
	}
	w.server.Leave(w.group, w.alice)
	await(w.house, 1, func(f *events.LoginLeft) bool { return f.Reason == "left" })
}

func TestLoginCodesStayOut(t *testing.T) {
	w := newTown(t)
	h := w.house
	p := h.person("@other:test")
	p.begin()
	p.phone("15550100")
	await[*events.CodeSent](h, 1, nil)
	code, _ := h.server.LastCode("15550100")
	e := await(h, 1, func(f *events.MessagePosted) bool { return f.Sealed.Sender.Peer.ID == serviceAccount })
	if body := e.Fact.(*events.MessagePosted).Sealed.Text.Body; code == "" || slices.Contains([]string{body}, code) || body == "" {
		t.Errorf("told %q", body)
	}
	h.chats.View(e.Aggregate.UID, func(th projections.Thread) {
		if len(th.Posts) != 1 {
			t.Errorf("%d posts", len(th.Posts))
		}
	})
}

// The same words, typed here and on the telephone: two messages.
func TestTheSameWordsTwice(t *testing.T) {
	w := newTown(t)
	portal := w.portalOf(w.p, int64(w.super))
	release, _ := w.server.Inject(telegramtest.Fault{Method: "messages.sendMessage", Times: 1, Delay: 300 * time.Millisecond})
	defer release()
	e := w.typed(w.p, portal, w.login, "ok")
	must(t, w.server.WaitCall(w.ctx, "messages.sendMessage", 1))
	w.server.Say(w.alice, w.super, "ok")
	await(w.house, 1, func(f *events.CopyMade) bool { return f.Message == e.ID && f.Number != 0 })
	w.awaitBody("ok")
	if n := len(w.server.Texts(w.alice, w.super)); n != 2 {
		t.Errorf("%d messages on Telegram", n)
	}
}

// A process that dies while it lists the chats begins anew.
func TestListingSurvivesACrash(t *testing.T) {
	h := newHouse(t, telegramtest.Options{})
	alice := h.server.AddUser(telegramtest.UserSpec{Phone: "15550100", FirstName: "Alice"})
	for i := range 150 {
		h.server.AddSupergroup(fmt.Sprintf("Super %d", i), alice)
	}
	second, _ := h.server.Inject(telegramtest.Fault{Method: "messages.getDialogs", Skip: 1, Delay: time.Minute})
	p := h.person("@alice:test")
	h.letIn(p, alice)
	await[*events.PortalOpened](h, 50, nil)
	h.crash()
	second()
	h.open()
	if f := await[*events.ChatsListed](h, 1, nil).Fact.(*events.ChatsListed); f.Rooms != 150 {
		t.Errorf("%+v", f)
	}
	if n := count[*events.PortalOpened](h, nil); n != 150 {
		t.Errorf("%d portals", n)
	}
}
