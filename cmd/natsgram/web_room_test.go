package main

import (
	"slices"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestPageAndRoom is logins that go through the room and the page by turns: each
// follows the other, and success is told in both.
func TestPageAndRoom(t *testing.T) {
	w := newWebWorld(t, telegramtest.Options{QRLife: 55 * time.Second})
	w.run()
	c, pages := newCast(w, 6), newTabs(t, 6)
	password := telegramtest.UserSpec{Password: "some"}
	for _, play := range []struct {
		name    string
		account telegramtest.UserSpec
		act     func(*visitor)
	}{
		{"from room to page", password, (*visitor).fromRoomToPage},
		{"from page to room", password, (*visitor).fromPageToRoom},
		{"by turns", password, (*visitor).passwordOnPage},
		{"two tabs", telegramtest.UserSpec{}, (*visitor).twoTabs},
		{"cancelled in the room", telegramtest.UserSpec{}, (*visitor).cancelledInRoom},
		{"code in both", telegramtest.UserSpec{}, (*visitor).codeInBoth},
	} {
		a := c.actor(play.name, play.account)
		c.do(func() {
			a.enter()
			pages.at(a, false, play.act)
		})
	}
	c.done()
	c.leave(t)
}

// stay marks the page, to see whether it was loaded anew; stayed looks.
func (v *visitor) stay() {
	v.w.t.Helper()
	v.tab.Do("window.natsgramStays = true")
}

func (v *visitor) stayed() {
	v.w.t.Helper()
	if v.tab.Text("window.natsgramStays") != "true" {
		v.w.t.Errorf("%s: the page was loaded anew, where it should follow", v.name)
	}
}

// fromRoomToPage begins in the room and goes on in the browser; a reload shows
// where the login stands.
func (v *visitor) fromRoomToPage() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	link := v.linkTold()
	v.tell(v.phone, asked(events.StepCode), "phone_submitted", "code_sent")
	v.open(link)
	v.shows("code")
	v.give(events.StepCode, v.code)
	v.note("code_submitted web", "password_required")
	v.shows("password")
	v.tab.Go(v.w.page + "/login")
	v.shows("password")
	v.give(events.StepPassword, v.password)
	v.note("password_submitted web", "login_succeeded phone code+password")
	v.comesIn()
}

// fromPageToRoom begins in the browser and goes on in the room, which the page
// follows without being loaded anew.
func (v *visitor) fromPageToRoom() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	v.open(v.linkTold())
	v.shows("phone")
	v.stay()
	v.give(events.StepPhone, v.phone)
	v.note("phone_submitted web", "code_sent")
	v.shows("code")
	v.w.hear(v.c, v.room, "Enter the code on the login page. I take it here, too.")
	v.tell(v.code, asked(events.StepPassword), "code_submitted", "password_required")
	v.shows("password")
	v.tell(v.password+" (wrong)", "The password is wrong", "password_submitted", "password_rejected password_invalid PASSWORD_HASH_INVALID password")
	v.reproved("password", events.StepPassword, "refusal.password_invalid")
	v.tell(v.password, "Logged in as", "password_submitted", "login_succeeded phone code+password")
	v.comesIn()
	v.stayed()
}

// passwordOnPage opens the page only for the password, by the link that the bot
// gives for it.
func (v *visitor) passwordOnPage() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	v.tell(v.phone, asked(events.StepCode), "phone_submitted", "code_sent")
	v.tell(v.code, "Better: enter it on this page", "code_submitted", "password_required", "web_link_made")
	v.open(v.linkTold())
	v.shows("password")
	v.give(events.StepPassword, v.password)
	v.note("password_submitted web", "login_succeeded phone code+password")
	v.comesIn()
}

// twoTabs has three pages open: one acts, one follows, and one without scripts
// sends a form for a step that is over.
func (v *visitor) twoTabs() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	v.open(v.linkTold())
	follows, stale := v.pages.visitor(v.actor, v.tab.Beside(), false), v.pages.visitor(v.actor, v.tab.Beside(), true)
	stale.tab.Scripts(false)
	for _, other := range []*visitor{follows, stale} {
		other.tab.Go(v.w.page + "/login")
		other.shows("phone")
	}
	follows.stay()
	v.give(events.StepPhone, v.phone)
	v.note("phone_submitted web", "code_sent")
	v.shows("code")
	follows.shows("code")
	stale.give(events.StepPhone, v.wrong(events.StepPhone))
	stale.shows("code")
	stale.says(".note", "stale.notice")
	follows.give(events.StepCode, v.code)
	v.note("code_submitted web", "login_succeeded phone code")
	follows.shows("done")
	follows.stayed()
	stale.tab.Go(v.w.page + "/login")
	stale.shows("done")
	v.comesIn()
}

// cancelledInRoom is cancelled there, and the page says so by itself.
func (v *visitor) cancelledInRoom() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	v.open(v.linkTold())
	v.shows("phone")
	v.stay()
	v.give(events.StepPhone, v.phone)
	v.note("phone_submitted web", "code_sent")
	v.shows("code")
	v.order("cancel", "cancelled", "login_failed cancelled code")
	v.ends("failure.cancelled")
	v.stayed()
}

// codeInBoth shows one QR code in the room and on the page, and it is scanned once.
func (v *visitor) codeInBoth() {
	v.w.t.Helper()
	v.order("login qr", "Open this page to log in", "login_started qr", "web_link_made")
	link := v.linkTold()
	v.w.picture(v.c, v.room, 1)
	v.open(link)
	v.showsQR(1)
	v.stay()
	page, room := v.readQR(), v.w.read(v.c, v.room)
	if page != room {
		v.w.t.Errorf("%s: the page and the room show different codes", v.name)
	}
	v.scan()
	v.note("login_succeeded qr qr")
	v.comesIn()
	v.stayed()
	v.keep(v.w.tokens(v.c, v.room)...)
	if !slices.ContainsFunc(v.w.links(v.c, v.room), func(l string) bool { return l == page }) {
		v.w.t.Errorf("%s: the room never showed the code of the page", v.name)
	}
}
