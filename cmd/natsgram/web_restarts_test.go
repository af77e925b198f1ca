package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestPageRestarts kills the bridge under people at every step on the page, with
// an answer typed and not sent, and again while Telegram is being asked: the same
// page goes on, and what was typed is not lost.
func TestPageRestarts(t *testing.T) {
	w := newWebWorld(t, telegramtest.Options{QRLife: 55 * time.Second})
	w.tg.SetTerms(telegramtest.Terms{ID: `{"v":7}`, Text: "Do not send spam.", MinAge: 16})
	w.run()
	c := newCast(w, 12)
	standing := c.standingOnPage()
	pages := newTabs(t, len(standing))
	for _, s := range standing {
		c.do(func() { s.arrive(pages) })
	}
	c.done()
	w.kill()
	w.run()
	w.tg.Pause()
	for _, s := range standing {
		c.do(s.answer)
	}
	c.done()
	w.kill()
	w.run()
	if err := w.tg.Resume(); err != nil {
		t.Fatal(err)
	}
	for _, s := range standing {
		c.do(s.goOn)
	}
	c.done()
	c.leave(t)
}

// webStand is a visitor at a step of a method, about to give an answer.
type webStand struct {
	*visitor
	a      *actor
	plain  bool
	method method
	at     int  // of its steps
	qr     bool // or with a code to scan
}

// standingOnPage is somebody for each step; for some without scripts, too.
func (c *cast) standingOnPage() (all []*webStand) {
	seen := map[events.Step]bool{}
	for _, m := range webMethods() {
		for at, step := range m.steps {
			if m.name == "future token" || m.name == "relogin" || seen[step] {
				continue // as by another method
			}
			seen[step] = true
			all = append(all, &webStand{method: m, at: at})
		}
	}
	all = append(all, &webStand{method: webMethods()[0], at: 0, plain: true}, &webStand{method: webMethods()[0], at: 1, plain: true}, &webStand{qr: true})
	for i, s := range all {
		name := fmt.Sprintf("page stander %d", i)
		if s.qr {
			s.a = c.actor(name, telegramtest.UserSpec{})
			continue
		}
		s.a = c.of(name, s.method)
	}
	return all
}

func (s *webStand) step() events.Step { return s.method.steps[s.at] }

// arrive brings them there. They keep the page.
func (s *webStand) arrive(pages *tabs) {
	s.a.enter()
	s.visitor = pages.visitor(s.a, <-pages.free, s.plain)
	if s.qr {
		s.order("login qr", "Open this page to log in", "login_started qr", "web_link_made")
		s.open(s.linkTold())
		s.showsQR(1)
		s.stay()
		return
	}
	s.begin(s.method)
	s.answers(s.method, 0, s.at)
	s.shows(string(s.step()))
	s.stay()
	s.fill(s.step(), s.right(s.step()))
	if s.method.makes && s.step() == events.StepPhone {
		s.fill(events.StepName, s.called)
	}
}

// answer sends what was typed before the bridge was killed, or scans the code;
// Telegram does not answer.
func (s *webStand) answer() {
	if s.qr {
		s.scan()
		return
	}
	s.shows(string(s.step()))
	if field := "#" + string(s.step()); s.step() != events.StepTerms {
		if typed := s.tab.Text(fmt.Sprintf("document.querySelector(%q).value", field)); typed != s.right(s.step()) {
			s.w.t.Errorf("%s: what was typed is lost", s.name)
		}
	}
	s.press(".main")
	s.note(submitted(s.step())+" web", s.method.outcome(s.at))
	s.tab.Until(`document.querySelector("main[data-step=wait]")`, nil)
}

// goOn sees the answer come, on the page as it is.
func (s *webStand) goOn() {
	if s.qr {
		s.note("login_succeeded qr qr")
		s.comesIn()
	} else {
		s.answers(s.method, s.at+1, len(s.method.steps))
	}
	if !s.plain {
		s.stayed()
	}
}
