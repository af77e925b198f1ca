package main

import (
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// careless has people type their secrets where and when they are not asked for.
// Whatever comes of it, they are found nowhere (see grep).
func (c *cast) careless() {
	at := c.actor("careless", telegramtest.UserSpec{Password: "some"})
	c.do(func() {
		at.enter()
		at.atTheWrongTime()
		at.whileAsking()
		at.cancelWord()
	})
	open := c.actor("careless in public", telegramtest.UserSpec{})
	c.do(func() {
		open.enter()
		open.inAnUnsafeRoom()
	})
}

// loose types a secret that the bot is not to delete: it did not ask for any.
func (a *actor) loose(room id.RoomID, text string) {
	a.w.t.Helper()
	a.w.say(a.c, room, text)
	a.secrets = append(a.secrets, text)
}

// atTheWrongTime types everything at the wrong step, as an edit, and too long.
func (a *actor) atTheWrongTime() {
	w := a.w
	w.t.Helper()
	a.loose(a.room, a.password)
	w.hear(a.c, a.room, "I don't know that command")
	a.tell(a.phone, "No login is under way")
	a.order("login", "phone number", "login_started phone")
	a.tell(a.password, "can't read this as a phone number", "input_refused not_understood")
	a.tell(a.phone+"00000000", "too many digits", "input_refused phone_too_long")
	mistaken := w.say(a.c, a.room, "my number is canary-before-an-edit")
	a.typed = append(a.typed, mistaken)
	w.hear(a.c, a.room, "can't read this as a phone number")
	a.wants = append(a.wants, "input_refused not_understood")
	edit, err := a.c.Edit(w.ctx(time.Minute), a.room, mistaken, a.wrong("phone"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.hear(a.c, a.room, "I don't read edited messages")
	a.typed = append(a.typed, edit)
	a.wants = append(a.wants, "input_refused edited")
	a.secrets = append(a.secrets, "canary-before-an-edit", strings.TrimPrefix(a.wrong("phone"), "+"))
}

// whileAsking types the next secret before Telegram has answered the last, then
// a password of great length.
func (a *actor) whileAsking() {
	w := a.w
	w.t.Helper()
	cancel, hits := w.tg.Inject(telegramtest.Fault{Method: "auth.sendCode", Phone: a.phone, Delay: 5 * time.Second, Times: 1})
	defer cancel()
	a.give(a.phone)
	if err := w.tg.Await(w.ctx(time.Minute), func() bool { return hits() > 0 }); err != nil {
		w.t.Fatal(err)
	}
	a.give(a.code)
	w.hear(a.c, a.room, "send me the code")
	a.wants = append(a.wants, "phone_submitted", "input_refused not_now", "code_sent")
	a.tell(a.password, "can't read this as a code", "input_refused not_understood")
	a.tell(a.code, asked("password"), "code_submitted", "password_required")
	long := a.password + strings.Repeat(" and more of it", 2000)
	a.tell(long, "password is wrong", "password_submitted", "password_rejected password_invalid PASSWORD_HASH_INVALID password")
}

// cancelWord gives up before the password, and types it then.
func (a *actor) cancelWord() {
	a.w.t.Helper()
	a.order("cancel", "cancelled", "login_failed cancelled password")
	a.tell(a.password, "The login had ended when your message came")
}

// inAnUnsafeRoom types secrets where a third person is invited, and in a room
// that is none of the bot's.
func (a *actor) inAnUnsafeRoom() {
	w := a.w
	w.t.Helper()
	a.order("login", "phone number", "login_started phone")
	a.tell(a.phone, asked("code"), "phone_submitted", "code_sent")
	if err := a.c.Invite(w.ctx(time.Minute), a.room, w.alice.UserID()); err != nil {
		w.t.Fatal(err)
	}
	w.hear(a.c, a.room, "I stopped your login")
	a.wants = append(a.wants, "login_failed room_not_private code")
	a.tell(a.code, "The login had ended when your message came")
	a.loose(a.room, "!tg login "+a.phone)
}
