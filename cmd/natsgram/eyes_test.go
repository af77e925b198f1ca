package main

import (
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

func TestEyesPoison(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	alice := w.addAlice(testPassword)
	bob := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	w.tg.AddSupergroup("Chess", bob, alice)
	w.run()
	room := w.openRoom(w.alice)
	w.ask(w.alice, room, "login", "phone number")
	w.ask(w.alice, room, alicePhone, "send me the code")
	w.ask(w.alice, room, aliceCode, "verification password")
	cfg, _ := LoadConfig(w.config)
	huge := strings.Repeat("x", 2<<20)
	put := func(name string, ev any) {
		e := matrixtest.NewMessage(room, w.alice.UserID(), huge)
		err := matrixtest.PutTransaction(w.ctx(10*time.Second), w.url, cfg.Appservice.HSToken.Reveal(), name, e)
		t.Log(name, err)
	}
	put("huge password", nil)
	w.ask(w.alice, room, testPassword, "Logged in")
	portal := w.joinPortals(w.alice, 1)["Chess"]
	e := matrixtest.NewMessage(portal, w.alice.UserID(), huge)
	t.Log("huge message:", matrixtest.PutTransaction(w.ctx(10*time.Second), w.url, cfg.Appservice.HSToken.Reveal(), "hm", e))
	t.Log(w.health("ready"))
	w.say(w.alice, portal, "after")
	w.dump2(t)
}

func (w *world) dump2(t *testing.T) { t.Log(lastLines(w.output.String(), 8)) }
