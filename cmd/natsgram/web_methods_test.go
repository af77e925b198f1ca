package main

import (
	"bytes"
	"fmt"
	"image/png"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestPageMethods is each way to log in, gone on the login page: with scripts and
// without, begun by the command for it and chosen on the page.
func TestPageMethods(t *testing.T) {
	w := newWebWorld(t, telegramtest.Options{QRLife: 8 * time.Second})
	w.tg.SetTerms(telegramtest.Terms{ID: `{"v":7}`, Text: "Do not send spam.", MinAge: 16})
	w.run()
	c, pages := newCast(w, 6), newTabs(t, 6)
	for _, plain := range []bool{false, true} {
		how := map[bool]string{true: " plainly"}[plain]
		for _, m := range webMethods() {
			a := c.of("visitor "+m.name+how, m)
			c.do(func() {
				a.enter()
				pages.at(a, plain, func(v *visitor) { v.before(m); v.happy(m) })
			})
		}
		for _, account := range []telegramtest.UserSpec{{}, {Password: "some"}} {
			a := c.actor("visitor qr"+how+account.Password, account)
			c.do(func() {
				a.enter()
				pages.at(a, plain, (*visitor).happyQR)
			})
		}
		a := c.actor("visitor twice"+how, telegramtest.UserSpec{})
		c.do(func() {
			a.enter()
			pages.at(a, plain, (*visitor).takesOver)
		})
	}
	c.done()
	c.leave(t)
}

// leave ends the bridge, which writes down all that it is doing, and holds what it
// leaves behind against what everybody did.
func (c *cast) leave(t *testing.T) {
	t.Helper()
	c.untilListed()
	c.w.end(syscall.SIGQUIT)
	c.checkTold(webVocabulary(), webTelling)
	c.checkVault()
	c.grep(t)
}

// webMethods are the methods as they go on the page, where a name is given with
// the number.
func webMethods() []method {
	all := methods()
	for i := range all {
		all[i].steps = slices.DeleteFunc(slices.Clone(all[i].steps), func(s events.Step) bool { return s == events.StepName })
	}
	return all
}

// before brings the actor to where a method can be used, by a login that is not
// looked at again.
func (v *visitor) before(m method) {
	v.w.t.Helper()
	if m.name == "future token" || m.name == "relogin" {
		v.pages.onSheet(v.actor, func(first *visitor) { first.happy(webMethods()[0]) })
		m.again(v.actor)
	}
}

// begin starts a login and opens the page: by the command for the method, or
// without scripts by what the page offers.
func (v *visitor) begin(m method) {
	v.w.t.Helper()
	begins, start := m.begins, m.start
	chosen := map[string]events.Method{"bot": events.MethodBot, "register": events.MethodRegister}[m.name]
	if !v.plain {
		chosen = ""
	}
	if chosen != "" {
		begins, start = "login_started phone", "login"
	}
	v.order(start, "Open this page to log in", begins, "web_link_made")
	v.open(v.linkTold())
	if chosen != "" {
		v.shows("phone")
		v.choose(chosen)
	}
}

// linkTold is the link in what the bot said last.
func (v *visitor) linkTold() string {
	v.w.t.Helper()
	return v.w.link(v.w.hear(v.c, v.room, v.w.page+"/link#"))
}

// choose has the page begin anew, in another way.
func (v *visitor) choose(m events.Method) {
	v.w.t.Helper()
	v.keepForm()
	v.press(fmt.Sprintf("button[name=method][value=%s]", m))
	v.note("method_chosen " + string(m) + " web")
}

// happy goes through all of a method, and looks at each page.
func (v *visitor) happy(m method) {
	v.w.t.Helper()
	v.begin(m)
	v.answers(m, 0, len(m.steps))
}

// answers gives the right answers to the steps from one to before another.
func (v *visitor) answers(m method, from, to int) {
	v.w.t.Helper()
	for i := from; i < to; i++ {
		step := m.steps[i]
		v.shows(string(step))
		v.sound(string(step))
		v.give(step, v.right(step))
		v.note(submitted(step)+" web", m.outcome(i))
	}
	if to == len(m.steps) {
		v.comesIn()
	}
}

// comesIn sees that the login has succeeded, on the page and in the room.
func (v *visitor) comesIn() {
	v.w.t.Helper()
	v.isIn()
	v.sound("done")
	v.isTold()
}

// sound holds the page against all rules: accessibility once for each kind of
// page, as it looks the same to everybody, and as far as scripts run on it.
func (v *visitor) sound(kind string) {
	v.w.t.Helper()
	if !v.plain && v.pages.first(kind) {
		v.tab.Sound(v.name + " at " + kind)
		return
	}
	for _, b := range v.Breaches() {
		v.w.t.Errorf("%s at %s: %s", v.name, kind, b)
	}
}

// happyQR logs in by a code on the page, the second that it shows.
func (v *visitor) happyQR() {
	v.w.t.Helper()
	v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
	v.open(v.linkTold())
	v.shows("phone")
	v.choose(events.MethodQR)
	v.showsQR(1)
	v.sound("qr")
	v.readQR()
	v.stay()
	v.showsQR(2)
	if !v.plain && v.tab.Text("window.natsgramStays") != "true" {
		v.w.t.Errorf("%s: the page was loaded anew for another code", v.name)
	}
	v.scan()
	if v.password == "" {
		v.note("login_succeeded qr qr")
		v.comesIn()
		return
	}
	v.note("password_required")
	v.shows("password")
	v.sound("password")
	v.give(events.StepPassword, v.password)
	v.note("password_submitted web", "login_succeeded qr qr+password")
	v.comesIn()
}

// showsQR waits until the page shows a code that came after others.
func (v *visitor) showsQR(n int) {
	v.w.t.Helper()
	if v.sheet != nil {
		v.sees("a newer code", func() bool {
			return v.qrNumber() >= n
		})
		return
	}
	v.until(fmt.Sprintf(`(i => i && Number(i.src.split("n=")[1]) >= %d && i.complete && i.naturalWidth > 0)(document.querySelector("img.picture"))`, n))
}

// scan has the actor's telephone take the code on the page, a newer one if that
// has just become too old.
func (v *visitor) scan() {
	v.w.t.Helper()
	err := waitUntil(v.w.ctx(time.Minute), func() bool {
		return v.w.tg.ScanQR(v.user, v.readQR()) == nil
	})
	if err != nil {
		v.w.t.Fatalf("%s: no code could be scanned", v.name)
	}
}

// readQR is what the code on the page says, as a telephone sees it, which looks
// again while another comes in its place.
func (v *visitor) readQR() (text string) {
	v.w.t.Helper()
	err := waitUntil(v.w.ctx(time.Minute), func() bool {
		v.showsQR(1)
		shown, err := png.Decode(bytes.NewReader(v.Shot("img.picture")))
		if err != nil {
			return false
		}
		bits, err := gozxing.NewBinaryBitmapFromImage(shown)
		if err != nil {
			return false
		}
		read, err := qrcode.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
		if err != nil {
			return false
		}
		text = read.GetText()
		return true
	})
	if err != nil {
		v.w.t.Fatalf("%s: no telephone can read the code", v.name)
	}
	v.keep(strings.TrimPrefix(text, "tg://login?token="))
	return text
}

// takesOver wants to register a number that has an account, and logs in to that.
func (v *visitor) takesOver() {
	v.w.t.Helper()
	v.called = "Somebodyelse Butthesame"
	defer func() { v.called = "" }()
	v.order("register", "Open this page to log in", "login_started register", "web_link_made")
	v.open(v.linkTold())
	v.shows("phone")
	v.sound("register")
	v.give(events.StepPhone, v.phone)
	v.shows("code")
	v.give(events.StepCode, v.code)
	v.note("phone_submitted web", "code_sent", "code_submitted web", "number_taken")
	v.shows("confirm")
	v.sound("confirm")
	v.give(events.StepConfirm, "")
	v.called = ""
	v.note("login_confirmed web", "login_succeeded phone code")
	v.comesIn()
}
