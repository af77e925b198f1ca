package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"maunium.net/go/mautrix"
)

func (w *world) dump(t *testing.T, c *matrixtest.Client, room id.RoomID, n int) {
	tl := c.Room(room).Timeline
	for _, e := range tl[max(0, len(tl)-n):] {
		if e.Type == event.EventMessage {
			t.Logf("   %s: %q", e.Sender, e.Content.AsMessage().Body)
		} else if e.Type == event.StateMember {
			t.Logf("   [%s %s]", e.GetStateKey(), e.Content.AsMember().Membership)
		}
	}
}

func TestEyesRevoke(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	chess := w.tg.AddSupergroup("Chess", bob, alice)
	old := w.tg.AddGroup("Old", bob, alice)
	w.run()
	room := w.openRoom(w.alice)
	w.logIn(w.alice, room, "")
	rooms := w.joinPortals(w.alice, 2)
	w.tg.Say(bob, chess, "one")
	w.see(w.alice, rooms["Chess"], "one")
	w.tg.Say(bob, old, "o-one")
	w.see(w.alice, rooms["Old"], "o-one")
	w.tg.RevokeAll(alice, "SESSION_REVOKED")
	w.hear(w.alice, room, "login")
	t.Log("after revoke:")
	w.dump(t, w.alice, room, 4)
	w.tg.Say(bob, chess, "missed")
	w.tg.Say(bob, old, "o-missed")
	// message into a portal while suspended
	w.say(w.alice, rooms["Chess"], "into the void")
	w.see(w.alice, rooms["Chess"], "was not sent")
	w.dump(t, w.alice, rooms["Chess"], 3)
	w.ask(w.alice, room, "ping", "I am here")
	w.logIn(w.alice, room, "")
	w.see(w.alice, rooms["Chess"], "missed")
	w.see(w.alice, rooms["Old"], "o-missed")
	w.say(w.alice, rooms["Chess"], "back")
	w.arrives(bob, chess, "back")
	t.Log("management:")
	w.dump(t, w.alice, room, 20)
	// logout with Telegram unreachable? first an ordinary one
	w.ask(w.alice, room, "logout", "You are logged out")
	if _, err := w.alice.WaitFor(w.ctx(20*time.Second), rooms["Chess"], func(r matrixtest.Room) bool { return r.Member(w.alice.UserID()) == event.MembershipLeave }); err != nil {
		t.Error(err)
	}
	w.tg.Say(bob, chess, "unseen")
	w.logIn(w.alice, room, "")
	again := w.joinPortals(w.alice, 2)
	t.Log(rooms, again)
	w.tg.Say(bob, chess, "seen again")
	w.see(w.alice, rooms["Chess"], "seen again")
	w.tg.Say(bob, old, "o-seen again")
	w.see(w.alice, rooms["Old"], "o-seen again")
	t.Log("Chess:")
	w.dump(t, w.alice, rooms["Chess"], 20)
	t.Log("rooms", len(w.alice.Rooms()), "invites", w.alice.Invites())
	w.dump(t, w.alice, room, 20)
	t.Log(strings.Join(names(w.events(events.Auth)), " "))
	t.Log(strings.Join(names(w.events(events.Portal)), " "))
	w.onlyOnce(t, room)
	w.onlyOnce(t, rooms["Chess"])
	// unreachable logout
	w.tg.Pause()
	start := time.Now()
	w.say(w.alice, room, "logout")
	w.hear(w.alice, room, "logged out")
	t.Log("logout unreachable took", time.Since(start))
	w.dump(t, w.alice, room, 4)
	if err := w.tg.Resume(); err != nil {
		t.Fatal(err)
	}
	t.Log("sessions left", len(w.tg.Sessions(alice)))
}

func TestEyesTwoUsers(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	carol := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900125", FirstName: "Carol", Code: "11111"})
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	chess := w.tg.AddSupergroup("Chess", bob, alice, carol)
	old := w.tg.AddGroup("Old", bob, alice, carol)
	w.run()
	room := w.openRoom(w.alice)
	w.logIn(w.alice, room, "")
	rooms := w.joinPortals(w.alice, 2)
	cm := w.register("carol")
	croom := w.openRoom(cm)
	w.ask(cm, croom, "login", "phone number")
	w.ask(cm, croom, "+447700900125", "send me the code")
	w.ask(cm, croom, "11111", "Logged in as")
	crooms := w.joinPortals(cm, 2)
	if crooms["Chess"] != rooms["Chess"] || crooms["Old"] == rooms["Old"] {
		t.Errorf("%v %v", rooms, crooms)
	}
	w.tg.Say(bob, chess, "from bob")
	w.see(w.alice, rooms["Chess"], "from bob")
	w.see(cm, rooms["Chess"], "from bob")
	w.say(w.alice, rooms["Chess"], "from alice")
	w.say(cm, rooms["Chess"], "from carol")
	a := w.arrives(bob, chess, "from alice")
	c := w.arrives(bob, chess, "from carol")
	t.Log(a, c)
	w.tg.Say(bob, chess, "end")
	w.see(cm, rooms["Chess"], "end")
	w.dump(t, cm, rooms["Chess"], 20)
	// basic group
	w.say(w.alice, rooms["Old"], "o-alice")
	w.arrives(bob, old, "o-alice")
	w.see(cm, crooms["Old"], "o-alice")
	w.tg.Say(bob, old, "o-bob")
	w.see(w.alice, rooms["Old"], "o-bob")
	w.see(cm, crooms["Old"], "o-bob")
	t.Log("Old alice")
	w.dump(t, w.alice, rooms["Old"], 20)
	t.Log("Old carol")
	w.dump(t, cm, crooms["Old"], 20)
	// carol displaces alice's account
	w.ask(cm, croom, "logout", "You are logged out")
	w.ask(cm, croom, "login", "phone number")
	w.ask(cm, croom, alicePhone, "send me the code")
	w.ask(cm, croom, aliceCode, "Logged in as")
	w.hear(w.alice, room, "Somebody else")
	w.hear(cm, croom, "All 2")
	if err := cm.JoinInvites(w.ctx(time.Minute), true); err != nil {
		t.Fatal(err)
	}
	t.Log("alice room")
	w.dump(t, w.alice, room, 3)
	w.dump(t, cm, croom, 9)
	w.tg.Say(bob, chess, "after displacement")
	w.see(cm, rooms["Chess"], "after displacement")
	w.say(cm, rooms["Chess"], "as alice")
	w.arrives(bob, chess, "as alice")
	w.dump(t, w.alice, rooms["Chess"], 20)
	t.Log("Old for carol as alice: rooms", len(cm.Rooms()), "invites", cm.Invites())
}

func TestEyesTelegramSide(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob", Username: "bobby"})
	dora := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900126", FirstName: "Dora"})
	chess := w.tg.AddSupergroup("Chess", bob, alice)
	old := w.tg.AddGroup("Old", bob, alice)
	news := w.tg.AddChannel("News", bob, alice)
	w.run()
	room := w.openRoom(w.alice)
	w.logIn(w.alice, room, "")
	rooms := w.joinPortals(w.alice, 3)
	wait := func(what string, room id.RoomID, holds func(matrixtest.Room) bool) {
		t.Helper()
		if _, err := w.alice.WaitFor(w.ctx(15*time.Second), room, holds); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for name, chat := range map[string]telegramtest.ChatID{"Chess": chess, "Old": old, "News": news} {
		r := rooms[name]
		w.tg.Rename(chat, name+" renamed")
		wait(name+" renamed", r, func(r matrixtest.Room) bool { return r.Name() == name+" renamed" })
		w.tg.SetAbout(chat, "about "+name)
		w.tg.SetPhoto(chat, []byte("\x89PNG picture "+name))
		wait(name+" photo", r, func(r matrixtest.Room) bool { return r.Avatar() != "" })
	}
	dg := id.NewUserID(fmt.Sprintf("telegram_%d", dora), homeName)
	for name, chat := range map[string]telegramtest.ChatID{"Chess": chess, "Old": old} {
		w.tg.Join(chat, dora)
		wait(name+" dora joins", rooms[name], func(r matrixtest.Room) bool { return r.Member(dg) == event.MembershipJoin })
		w.tg.Leave(chat, dora)
		wait(name+" dora leaves", rooms[name], func(r matrixtest.Room) bool { return r.Member(dg) == event.MembershipLeave })
	}
	// channel: alice may not write
	_, err := w.alice.SendText(w.ctx(time.Minute), rooms["News"], "may I?")
	t.Log("send into channel:", err)
	w.tg.SetAdmin(news, alice, true)
	wait("alice becomes admin", rooms["News"], func(r matrixtest.Room) bool { return r.Power(w.alice.UserID()) >= 50 })
	if _, err := w.alice.SendText(w.ctx(time.Minute), rooms["News"], "now I may"); err != nil {
		t.Error(err)
	} else {
		w.arrives(bob, news, "now I may")
	}
	w.tg.Say(bob, news, "post")
	post := w.see(w.alice, rooms["News"], "post")
	t.Log("post by", post.Sender)
	// long messages
	long := strings.Repeat("0123456789", 409) + "абвгде"
	w.tg.Say(bob, chess, long)
	w.see(w.alice, rooms["Chess"], "абвгде")
	huge := strings.Repeat("x", 30000)
	if _, err := w.alice.SendText(w.ctx(time.Minute), rooms["Chess"], huge); err != nil {
		t.Error(err)
	}
	w.see(w.alice, rooms["Chess"], "longer than Telegram allows")
	// formatting
	if _, err := w.alice.SendHTML(w.ctx(time.Minute), rooms["Chess"], "x", "<b>bold</b> <i>it<u>al</u></i> <code>a&lt;b</code><pre><code class=\"language-go\">x := 1\ny</code></pre><a href=\"https://e.org/?a=1&amp;b\">l</a> <a href=\"https://matrix.to/#/@telegram_"+fmt.Sprint(int64(bob))+":localhost\">Bob</a> <ul><li>one</li><li>two</li></ul><blockquote>q<br>r</blockquote><h1>head</h1><script>evil</script><mx-reply>gone</mx-reply>😀<b>e</b>"); err != nil {
		t.Error(err)
	}
	err = w.tg.Await(w.ctx(10*time.Second), func() bool {
		h := w.tg.History(bob, chess)
		return strings.Contains(h[len(h)-1].Text, "bold")
	})
	h := w.tg.History(bob, chess)
	t.Logf("%v %+v", err, h[len(h)-1])
	for _, e := range h[len(h)-1].Entities {
		t.Logf("  %T %d %d", e, e.GetOffset(), e.GetLength())
	}
	// edits of something said long ago
	m := w.tg.Say(bob, chess, "to be edited")
	x := w.see(w.alice, rooms["Chess"], "to be edited")
	w.tg.Edit(bob, chess, m, "edited once")
	w.untilText(rooms["Chess"], x.ID, "edited once")
	w.tg.Edit(bob, chess, m, "edited twice")
	w.untilText(rooms["Chess"], x.ID, "edited twice")
	w.tg.RenameUser(bob, "Robert", "Tables")
	w.tg.Say(bob, chess, "renamed me")
	r := w.see(w.alice, rooms["Chess"], "renamed me")
	wait("ghost renamed", rooms["Chess"], func(rm matrixtest.Room) bool { return strings.HasPrefix(rm.DisplayName(r.Sender), "Robert") })
	// alice says an edit with nothing, emote, notice; media
	for _, k := range []event.MessageType{event.MsgImage, event.MsgFile, event.MsgVideo, event.MsgAudio, event.MsgLocation} {
		id, err := w.alice.Send(w.ctx(time.Minute), rooms["Chess"], &event.MessageEventContent{MsgType: k, Body: "thing." + string(k), URL: "mxc://localhost/x", GeoURI: "geo:1,2"})
		if err != nil {
			t.Error(err)
			continue
		}
		if _, err := w.alice.WaitMessage(w.ctx(15*time.Second), rooms["Chess"], id, func(e *event.Event) bool { return strings.Contains(e.Content.AsMessage().Body, "carries only text") }); err != nil {
			t.Error(k, err)
		}
	}
	// the user leaves and is kicked; the chat is deleted
	w.tg.Leave(old, alice)
	wait("left Old", rooms["Old"], func(r matrixtest.Room) bool { return r.Member(w.alice.UserID()) == event.MembershipLeave })
	w.tg.Remove(chess, alice)
	wait("kicked from Chess", rooms["Chess"], func(r matrixtest.Room) bool { return r.Member(w.alice.UserID()) == event.MembershipLeave })
	w.tg.DeleteChat(news)
	wait("News deleted", rooms["News"], func(r matrixtest.Room) bool { return r.Member(w.alice.UserID()) == event.MembershipLeave })
	// and back in
	w.tg.Join(chess, alice)
	w.tg.Say(bob, chess, "welcome back")
	inv, err := w.alice.WaitInvite(w.ctx(15*time.Second), func(i matrixtest.Invite) bool { return i.Room == rooms["Chess"] })
	t.Log(inv, err)
	w.dump(t, w.alice, rooms["Chess"], 40)
	t.Log(strings.Join(names(w.events(events.Portal)), " "))
	dead, err := w.deadLetters()
	t.Log("dead", dead, err)
}

func TestEyesManagement(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.addAlice("cancel it")
	w.setConfig("level: info", "level: debug")
	w.run()
	room := w.openRoom(w.alice)
	for _, in := range []string{"", " ", "\n", "😀", strings.Repeat("x", 40000), "!tg", "!tg login please", "HELP", "/help", "logn", "log out", "cancel", "logout 1", "ping", "version", "help me", "LOGIN 1234", "cancel"} {
		w.say(w.alice, room, in)
	}
	w.ask(w.alice, room, "version", "natsgram")
	t.Log("rubbish")
	w.dump(t, w.alice, room, 80)
	w.ask(w.alice, room, "login", "phone number")
	w.ask(w.alice, room, "login", "under way")
	w.ask(w.alice, room, "cancel", "cancel")
	w.ask(w.alice, room, "login +44 7700 900123", "send me the code")
	w.ask(w.alice, room, "cancel", "cancel")
	w.ask(w.alice, room, "login", "phone number")
	html, err := w.alice.SendHTML(w.ctx(time.Minute), room, "+447700900123", "<b>+44</b>7700900123")
	if err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room, "send me the code")
	ed, err := w.alice.Edit(w.ctx(time.Minute), room, html, "60417")
	t.Log(ed, err)
	w.hear(w.alice, room, "edit")
	rp, err := w.alice.Reply(w.ctx(time.Minute), room, html, "60417")
	t.Log(rp, err)
	w.hear(w.alice, room, "password")
	w.ask(w.alice, room, "help", "wrong")
	img, err := w.alice.Send(w.ctx(time.Minute), room, &event.MessageEventContent{MsgType: event.MsgImage, Body: "cancel it", URL: "mxc://localhost/x"})
	t.Log(img, err)
	w.hear(w.alice, room, "password")
	w.ask(w.alice, room, "   ", "wrong")
	w.ask(w.alice, room, "CANCEL", "cancel")
	t.Log("mid")
	w.dump(t, w.alice, room, 40)
	// second management room mid-login
	w.ask(w.alice, room, "login", "phone number")
	room2, err := w.alice.CreateDM(w.ctx(time.Minute), botID())
	if err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room2, "goes on here")
	w.dump(t, w.alice, room, 3)
	w.dump(t, w.alice, room2, 3)
	w.ask(w.alice, room2, "+447700900123", "send me the code")
	w.ask(w.alice, room, "60417", "private chat")
	w.dump(t, w.alice, room, 3)
	w.ask(w.alice, room, "!tg help", "Commands in this room")
	// the bot is kicked mid-login
	if err := w.alice.Kick(w.ctx(time.Minute), room2, botID()); err != nil {
		t.Fatal(err)
	}
	w.hear2(w.alice, room2)
	room3 := w.openRoom(w.alice)
	w.ask(w.alice, room3, "login", "phone number")
	if err := w.alice.Leave(w.ctx(time.Minute), room3); err != nil {
		t.Fatal(err)
	}
	// encrypted
	room4, err := w.alice.CreateRoom(w.ctx(time.Minute), &mautrix.ReqCreateRoom{Preset: "trusted_private_chat", Invite: []id.UserID{botID()}, IsDirect: true,
		InitialState: []*event.Event{{Type: event.StateEncryption, Content: event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}}}}})
	if err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room4, "encrypted")
	w.dump(t, w.alice, room4, 3)
	// third person in, out again
	room5 := w.openRoom(w.alice)
	w.ask(w.alice, room5, "login", "phone number")
	m := w.register("mallory")
	if err := w.alice.Invite(w.ctx(time.Minute), room5, m.UserID()); err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room5, "I stopped your login")
	w.say(w.alice, room5, alicePhone)
	if err := m.Join(w.ctx(time.Minute), room5); err != nil {
		t.Fatal(err)
	}
	w.ask(m, room5, "!tg login", "private chat")
	w.ask(w.alice, room5, "!tg ping", "I am here")
	if err := m.Leave(w.ctx(time.Minute), room5); err != nil {
		t.Fatal(err)
	}
	w.hear(w.alice, room5, "Hello")
	w.dump(t, w.alice, room5, 20)
	w.ask(w.alice, room5, "login", "phone number")
	t.Log(strings.Join(names(w.events(events.Auth)), " "))
	dead, err := w.deadLetters()
	t.Log("dead", dead, err)
}

func (w *world) hear2(c *matrixtest.Client, room id.RoomID) {
	_ = waitUntil(w.ctx(20*time.Second), func() bool {
		for _, e := range w.events(events.Auth) {
			if f, ok := e.Fact.(*events.ManagementRoomClosed); ok && f.Reason == events.RoomBotRemoved {
				return true
			}
		}
		return false
	})
}

func TestEyesSecrets(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice(testPassword)
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bobgreen", Username: "bobbygreen"})
	chess := w.tg.AddSupergroup("Chessclubname", bob, alice)
	w.setConfig("level: info", "level: debug")
	conn := w.outsideNATS()
	w.run()
	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "login", "phone number")
	w.ask(w.alice, room, "my number is +44 7700 900123", "can't read")
	w.logInRest(room)
	rooms := w.joinPortals(w.alice, 1)
	w.tg.Say(bob, chess, "verysecrettext one")
	w.see(w.alice, rooms["Chessclubname"], "verysecrettext one")
	w.say(w.alice, rooms["Chessclubname"], "verysecrettext two")
	w.arrives(bob, chess, "verysecrettext two")
	w.tg.Say(bob, alice, "verysecrettext three")
	w.joinPortals(w.alice, 2)
	// an event no reactor can take: something in DEAD
	key := w.tg.Session(alice)
	t.Log("key", len(key))
	w.ask(w.alice, room, "ping", "answers")
	w.stop()
	texts := [][]byte{[]byte("447700900123"), []byte("7700900123"), []byte("7700 900123"), []byte(testPassword), key,
		[]byte("@alice:"), []byte("alice_l"), []byte("Liddell"), []byte("Bobgreen"), []byte("bobbygreen"), []byte("Chessclubname"), []byte("verysecrettext"), []byte(room), []byte(rooms["Chessclubname"]), []byte("7000000001"), []byte("7000000002")}
	look := func(name string, data []byte) {
		for _, s := range texts {
			if len(s) == 0 {
				continue
			}
			for _, form := range [][]byte{s, []byte(hex.EncodeToString(s)), []byte(strings.ToUpper(hex.EncodeToString(s))), []byte(base64.RawStdEncoding.EncodeToString(s)), []byte(base64.RawURLEncoding.EncodeToString(s))} {
				if bytes.Contains(data, form) {
					t.Errorf("%q lies in %s: %.300q", s, name, data[:min(len(data), 1000)])
				}
			}
		}
		if bytes.Contains(data, []byte("\"60417\"")) || bytes.Contains(data, []byte(" 60417 ")) {
			t.Errorf("code lies in %s", name)
		}
	}
	for _, line := range strings.Split(w.output.String(), "\n") {
		look("log", []byte(line))
	}
	cfg, _ := LoadConfig(w.config)
	nc, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", w.nats), nats.UserInfo("bridge", cfg.NATS.BridgePassword.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	js, _ := jetstream.New(nc)
	for _, name := range []string{"AUTH", "PORTAL", "CHAT", "TIMERS", "DEAD", "OBJ_SNAPSHOTS", "KV_VAULT", "KV_DIRECTORY", "KV_CURSORS", "KV_PEERS", "KV_GHOSTS", "KV_LEASES"} {
		s, err := js.Stream(context.Background(), name)
		if err != nil {
			t.Error(err)
			continue
		}
		info, _ := s.Info(context.Background())
		for i := info.State.FirstSeq; i <= info.State.LastSeq; i++ {
			m, err := s.GetMsg(context.Background(), i)
			if err != nil {
				continue
			}
			look(fmt.Sprintf("%s %d", name, i), []byte(fmt.Sprintf("%s %v %s", m.Subject, m.Header, m.Data)))
			if name == "KV_VAULT" || name == "TIMERS" || name == "DEAD" || name == "KV_PEERS" {
				t.Logf("%s %d %s %v %.80q", name, i, m.Subject, m.Header, m.Data)
			}
		}
	}
	nc.Close()
	conn.Close()
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && !strings.Contains(path, "homeserver") {
			b, _ := os.ReadFile(path)
			look(path, b)
		}
		return nil
	})
	_ = journal.ErrNoKey
}

func (w *world) logInRest(room id.RoomID) {
	w.ask(w.alice, room, alicePhone, "send me the code")
	w.ask(w.alice, room, aliceCode, "verification password")
	w.ask(w.alice, room, testPassword, "Logged in as")
}
