package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestChatsChange: what happens to chats of every kind on Telegram shows in
// their rooms, up to the user's own leaving and coming back.
func TestChatsChange(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	dora := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900126", FirstName: "Dora"})
	chats := map[string]telegramtest.ChatID{
		"Chess": w.tg.AddSupergroup("Chess", bob, alice), "Old": w.tg.AddGroup("Old", bob, alice), "News": w.tg.AddChannel("News", bob, alice),
	}
	w.run()
	w.logIn(w.alice, w.openRoom(w.alice), "")
	rooms := w.joinPortals(w.alice, 3)
	until := func(what string, room id.RoomID, holds func(matrixtest.Room) bool) {
		t.Helper()
		if _, err := w.alice.WaitFor(w.ctx(30*time.Second), room, holds); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for name, chat := range chats {
		w.tg.Rename(chat, name+" renamed")
		until("the new name of "+name, rooms[name], func(r matrixtest.Room) bool { return r.Name() == name+" renamed" })
		w.tg.SetPhoto(chat, []byte("a picture of "+name))
		until("the picture of "+name, rooms[name], func(r matrixtest.Room) bool { return r.Avatar() != "" })
	}
	ghost := id.NewUserID(fmt.Sprintf("telegram_%d", dora), homeName)
	for _, name := range []string{"Chess", "Old"} {
		w.tg.Join(chats[name], dora)
		until("Dora comes to "+name, rooms[name], func(r matrixtest.Room) bool { return r.Member(ghost) == event.MembershipJoin })
		w.tg.Leave(chats[name], dora)
		until("Dora leaves "+name, rooms[name], func(r matrixtest.Room) bool { return r.Member(ghost) == event.MembershipLeave })
	}
	w.mayPost(t, chats["News"], alice, bob, rooms["News"])

	w.tg.Leave(chats["Old"], alice)
	w.untilMember(w.alice, rooms["Old"], event.MembershipLeave)
	w.tg.DeleteChat(chats["News"])
	w.untilMember(w.alice, rooms["News"], event.MembershipLeave)
	w.tg.Remove(chats["Chess"], alice)
	w.untilMember(w.alice, rooms["Chess"], event.MembershipLeave)
	w.tg.Join(chats["Chess"], alice)
	w.untilMember(w.alice, rooms["Chess"], event.MembershipInvite)
	if dead, err := w.deadLetters(); err != nil || dead != 0 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
}

// mayPost: in a channel the room is mute until Telegram makes the user an admin.
func (w *world) mayPost(t *testing.T, news telegramtest.ChatID, alice, bob telegramtest.UserID, room id.RoomID) {
	t.Helper()
	if _, err := w.alice.SendText(w.ctx(time.Minute), room, "may I?"); err == nil {
		t.Error("a reader may write in a channel's room")
	}
	w.tg.SetAdmin(news, alice, true)
	_, err := w.alice.WaitFor(w.ctx(30*time.Second), room, func(r matrixtest.Room) bool { return r.Power(w.alice.UserID()) >= 50 })
	if err != nil {
		t.Fatalf("alice gets no power: %v", err)
	}
	w.say(w.alice, room, "now I may")
	w.arrives(bob, news, "now I may")
}

// TestWhatTelegramDoesNotTake: too long, not text, empty: the user is told why.
func TestWhatTelegramDoesNotTake(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice("")
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	chess := w.tg.AddSupergroup("Chess", bob, alice)
	w.run()
	w.logIn(w.alice, w.openRoom(w.alice), "")
	room := w.joinPortals(w.alice, 1)["Chess"]
	told := func(content *event.MessageEventContent, why string) {
		t.Helper()
		sent, err := w.alice.Send(w.ctx(time.Minute), room, content)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.alice.WaitMessage(w.ctx(30*time.Second), room, sent, func(e *event.Event) bool {
			return e.Sender == botID() && contains(e.Content.AsMessage().Body, why)
		})
		if err != nil {
			t.Errorf("%s: %v", content.MsgType, err)
		}
	}
	told(&event.MessageEventContent{MsgType: event.MsgText, Body: strings.Repeat("x", 30_000)}, "longer than Telegram allows")
	told(&event.MessageEventContent{MsgType: event.MsgText, Body: " "}, "no text in it")
	for _, kind := range []event.MessageType{event.MsgImage, event.MsgFile, event.MsgVideo, event.MsgAudio, event.MsgLocation, "org.example.new"} {
		told(&event.MessageEventContent{MsgType: kind, Body: "thing", URL: "mxc://localhost/x", GeoURI: "geo:1,2"}, "carries only text")
	}
	long := strings.Repeat("0123456789", 409) + "абвгде" // 4096, Telegram's longest
	w.tg.Say(bob, chess, long)
	w.see(w.alice, room, "абвгде")
	back := long[10:] + "9876543210"
	w.say(w.alice, room, back)
	w.arrives(bob, chess, back)
	if texts := w.tg.Texts(bob, chess); len(texts) != 2 {
		t.Errorf("%d messages on Telegram", len(texts))
	}
}
