package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestPageLinks is what becomes of links: looked at, used twice, replaced, too
// late, ordered by an admin, forwarded; and the rooms that take no logins.
func TestPageLinks(t *testing.T) {
	w := newWebWorld(t, telegramtest.Options{})
	w.setConfig(`"localhost": user`, `"localhost": user`+"\n"+`    "@boss:localhost": admin`)
	w.setConfig(`attempt_timeout: 10m`, "attempt_timeout: 20s")
	w.run()
	c, pages := newCast(w, 6), newTabs(t, 6)
	waits, unused := c.late(pages)
	c.done()

	w.kill()
	w.setConfig(`attempt_timeout: 20s`, "attempt_timeout: 10m")
	w.run()
	c.visits(pages, "previewed", (*visitor).previewed)
	c.visits(pages, "used twice", (*visitor).usedTwice)
	c.visits(pages, "replaced", (*visitor).replaced)
	c.visits(pages, "ordered", (*visitor).ordered)
	c.done()

	w.kill()
	w.setConfig(`pairing: false`, "pairing: true")
	w.run()
	c.visits(pages, "forwarded", (*visitor).forwarded)
	c.visits(pages, "paired", (*visitor).paired)
	c.done()

	w.kill()
	w.setConfig(`pairing: true`, "pairing: false")
	w.setConfig(`enabled: true`, "enabled: false")
	w.run()
	for _, m := range webMethods()[1:3] { // by password, and by token
		a := c.of("on the page alone by "+m.name, m)
		c.do(func() {
			a.enter()
			pages.at(a, false, func(v *visitor) { v.happy(m) })
		})
	}
	c.done()

	w.kill()
	w.setConfig(`enabled: false`, "enabled: true")
	w.setConfig(`secrets: true`, "secrets: false")
	w.run()
	c.visits(pages, "no password in rooms", (*visitor).passwordBarred)
	c.done()
	waits.ends("failure.timed_out")
	waits.stayed()
	pages.free <- waits.tab
	unused.w.hear(unused.c, unused.room, "took too long")
	pages.at(unused.actor, false, func(v *visitor) {
		v.isDead(unused.link)
		v.w.hear(v.c, v.room, "Somebody tried a link to the login page that opens nothing any more (its time is over)")
		v.note("web_link_reused expired")
	})
	c.leave(t)
}

// visits has somebody with a password act on a page.
func (c *cast) visits(pages *tabs, name string, act func(*visitor)) {
	a := c.actor(name, telegramtest.UserSpec{Password: "some"})
	c.do(func() {
		a.enter()
		pages.at(a, false, act)
	})
}

// unusedLink is somebody who never opened the page.
type unusedLink struct {
	*actor
	link string
}

// late has somebody wait on the page, and somebody not open it at all.
func (c *cast) late(pages *tabs) (*visitor, *unusedLink) {
	a, b := c.actor("waits", telegramtest.UserSpec{}), c.actor("never comes", telegramtest.UserSpec{})
	waits, unused := pages.visitor(a, <-pages.free, false), &unusedLink{actor: b}
	c.do(func() {
		a.enter()
		waits.linked()
		waits.shows("phone")
		waits.stay()
		a.note("login_failed timed_out phone")
	})
	c.do(func() {
		b.enter()
		b.order("login", "Open this page to log in", "login_started phone", "web_link_made")
		unused.link = b.w.link(b.w.hear(b.c, b.room, b.w.page+"/link#"))
		b.note("login_failed timed_out phone")
	})
	return waits, unused
}

// linked begins a login and opens the page.
func (v *visitor) linked() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	v.open(v.linkTold())
}

// byPassword is the method of those who visit.
func byPassword() method { return webMethods()[1] }

// finishes goes through to the end on the page that is open.
func (v *visitor) finishes() {
	v.w.t.Helper()
	v.answers(byPassword(), 0, len(byPassword().steps))
}

// isDead tries a link that opens nothing.
func (v *visitor) isDead(link string) {
	v.w.t.Helper()
	v.land(link)
	v.press(".main")
	v.has("main:not([data-step=landing])")
	v.says("h1", "dead.title")
	v.says("main", "dead.lead")
	v.sound("dead link")
}

// previewed is a link that a hundred machines look at before its user does.
func (v *visitor) previewed() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	link := v.linkTold()
	for range 100 {
		resp, err := http.Get(link)
		if err != nil {
			v.w.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || len(resp.Cookies()) > 0 {
			v.w.t.Fatalf("a preview gets HTTP %d and %d cookies", resp.StatusCode, len(resp.Cookies()))
		}
	}
	v.land(link) // one that runs scripts
	v.open(link)
	v.finishes()
}

// usedTwice is a link that somebody else has seen, too.
func (v *visitor) usedTwice() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	link := v.linkTold()
	v.open(link)
	v.pages.at(v.actor, false, func(other *visitor) {
		other.isDead(link)
		v.w.hear(v.c, v.room, "Somebody tried a link to the login page that opens nothing any more (it was used before)")
		v.note("web_link_reused spent")
		never := v.w.page + "/link#" + strings.Repeat("A", 43)
		other.isDead(never)
		other.secrets = other.secrets[:len(other.secrets)-1] // that is none
	})
	v.finishes()
}

// replaced is a link after which another was asked for.
func (v *visitor) replaced() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	former := v.linkTold()
	v.order("login", "A login is under way since", "web_link_made")
	newest := v.linkTold()
	v.isDead(former)
	v.w.hear(v.c, v.room, "Somebody tried a link to the login page that opens nothing any more (there is a newer one)")
	v.note("web_link_reused revoked")
	v.open(newest)
	v.finishes()
}

// ordered is a link that an admin asked for.
func (v *visitor) ordered() {
	v.w.t.Helper()
	boss := v.w.register("boss")
	office := v.w.openRoom(boss)
	told := v.w.ask(boss, office, "login "+string(v.c.UserID()), v.w.page+"/link#")
	if !strings.Contains(told, string(v.c.UserID())) {
		v.w.t.Errorf("the admin is told %q", told)
	}
	v.w.hear(v.c, v.room, "Whoever runs this bridge has begun a login to Telegram for you")
	v.note("login_started phone", "web_link_made")
	v.open(v.w.link(told))
	v.finishes()
}

// pairs goes on the page to where its code is wanted in the room, and returns it.
func (v *visitor) pairs() (code string) {
	v.w.t.Helper()
	v.linked()
	v.answers(byPassword(), 0, 2)
	v.shows("password")
	v.give(events.StepPassword, v.password)
	v.note("password_submitted web", "pairing_required")
	v.shows("pairing")
	v.sound("pairing")
	v.w.hear(v.c, v.room, "code that the login page shows")
	code = v.reads("output")
	v.keep(code)
	for _, e := range v.w.events(events.Auth) {
		if f, in := e.Fact.(*events.LoginSucceeded); in && f.Sealed.TelegramID == int64(v.user) {
			v.w.t.Errorf("%s is logged in without the code", v.name)
		}
	}
	return code
}

// forwarded is a link that its user sent to somebody else: that one's account is
// not connected, whatever the user sends in the place of the code.
func (v *visitor) forwarded() {
	v.w.t.Helper()
	v.pairs()
	v.stay()
	for range 2 {
		v.w.ask(v.c, v.room, "AAAAAA", "That is not the code that the login page shows")
		v.note("pairing_rejected")
	}
	v.until(`document.querySelector("#summary")`)
	v.says("#summary", "refusal.pairing_invalid")
	v.w.ask(v.c, v.room, "AAAAAA", "wrong too often")
	v.note("login_failed too_many_tries pairing")
	v.ends("failure.too_many_tries")
	v.stayed()
	if err := v.w.tg.Await(v.w.ctx(time.Minute), func() bool { return len(v.w.tg.Sessions(v.user)) == 0 }); err != nil {
		v.w.t.Errorf("%s: a session is left at Telegram", v.name)
	}
}

// paired sends what the page shows.
func (v *visitor) paired() {
	v.w.t.Helper()
	code := v.pairs()
	v.tell(code, asked(""), "pairing_confirmed", "login_succeeded phone code+password")
	v.comesIn()
}

// passwordBarred gives the password on the page, because no room takes it.
func (v *visitor) passwordBarred() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	v.tell(v.phone, asked(events.StepCode), "phone_submitted", "code_sent")
	v.tell(v.code, "This bridge takes no passwords in rooms. Enter it on this page", "code_submitted", "password_required", "web_link_made")
	link := v.linkTold()
	v.tell(v.password, "no passwords", "input_refused room_barred")
	v.open(link)
	v.shows("password")
	v.give(events.StepPassword, v.password)
	v.note("password_submitted web", "login_succeeded phone code+password")
	v.comesIn()
}
