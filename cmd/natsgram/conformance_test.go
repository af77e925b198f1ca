package main

import (
	"syscall"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// conformTries is how often an answer may be wrong here.
const conformTries = 3

// TestConformance is what the bridge promises of logins: each method well, with
// a wrong answer, with too many, given up, too late, and through restarts of
// everything at every step; each refusal of Telegram's; and no secret anywhere.
// It all goes on in one world, many people at once.
func TestConformance(t *testing.T) {
	w := newWorld(t, telegramtest.Options{CodeTimeout: 1, DCs: 2, QRLife: 55 * time.Second})
	w.tg.SetTerms(telegramtest.Terms{ID: `{"v":7}`, Text: "Do not send spam.", MinAge: 16})
	w.setConfig(`max_tries: 5`, "max_tries: 3")
	w.setConfig(`attempt_timeout: 10m`, "attempt_timeout: 20s")
	w.setConfig(`level: info`, "level: debug")
	w.run()
	c := newCast(w, 14)
	clock := time.Now()
	lap := func(what string) { t.Logf("%s: %v", what, time.Since(clock).Round(10*time.Millisecond)) }

	late := append(c.expiring(), c.expiringQR())
	c.done()
	lap("who will be too late stands at every step")
	w.kill()
	w.setConfig(`attempt_timeout: 20s`, "attempt_timeout: 10m")
	w.run()

	c.playsQR()
	c.refusals()
	c.careless()
	standing, scanner := c.standing(), c.standingQR()
	c.plays()
	c.done()
	lap("every method")
	c.restarts(standing, scanner)
	lap("restarts")
	for _, a := range late {
		w.hear(a.c, a.room, "took too long")
	}
	lap("deadlines")
	for _, a := range c.all {
		w.untilRedacted(a.c, a.room, a.typed)
		toldOnce(t, a.c, a.room)
		if a.telephones != nil {
			w.untilRedactions(a.c, a.room, a.shownTo())
			tokens := w.tokens(a.c, a.room)
			if len(tokens) == 0 {
				t.Errorf("%s: no token was seen", a.name)
			}
			a.secrets = append(a.secrets, tokens...)
		}
	}
	lap("redactions")
	c.untilListed()
	lap("lists of chats")
	w.stop()
	c.checkLog()
	c.checkVault()
	lap("log and vault")
	c.grep(t)
	lap("search for secrets")
}

// expiring brings somebody to the last step of each method, who stays there.
func (c *cast) expiring() (late []*actor) {
	for _, m := range methods() {
		a := c.of("late "+m.name, m)
		late = append(late, a)
		c.do(func() {
			a.enter()
			m.before(a)
			m.begin(a)
			last := len(m.steps) - 1
			m.answers(a, 0, last)
			a.wants = append(a.wants, "login_failed timed_out "+string(m.steps[last]))
		})
	}
	return late
}

// plays goes through each method in all the ways that need no trouble.
func (c *cast) plays() {
	for _, m := range methods() {
		a := c.of("player "+m.name, m)
		c.do(func() {
			a.enter()
			m.before(a)
			m.toTheLimit(a)
			m.cancelled(a)
			m.wrongOnce(a)
			m.again(a)
			m.happy(a)
		})
	}
}

// stand is somebody at a step of a method, about to give an answer.
type stand struct {
	*actor
	method method
	at     int  // of its steps
	resend bool // asks for another code before
}

// standing brings somebody to each step of each method.
func (c *cast) standing() (all []*stand) {
	seen := map[events.Step]bool{}
	for _, m := range methods() {
		for at, step := range m.steps {
			if at+1 < len(m.steps) && seen[step] {
				continue // as by another method
			}
			seen[step] = true
			all = append(all, &stand{method: m, at: at})
		}
	}
	all = append(all, &stand{method: methods()[0], at: 1, resend: true})
	for _, s := range all {
		s.actor = c.of("stander "+s.method.name+" "+string(s.method.steps[s.at])+map[bool]string{true: " resend"}[s.resend], s.method)
		c.do(func() {
			s.enter()
			s.method.before(s.actor)
			s.method.begin(s.actor)
			s.method.answers(s.actor, 0, s.at)
		})
	}
	return all
}

// restarts breaks everything under those who stand at a step, then under the
// same while Telegram is being asked; all come in.
func (c *cast) restarts(standing []*stand, scanner *actor) {
	w := c.w
	w.t.Helper()
	w.end(syscall.SIGQUIT) // it writes down all that it is doing
	w.run()
	if err := w.hs.Restart(w.ctx(time.Minute)); err != nil {
		w.t.Fatal(err)
	}
	w.tg.DropConnections()
	w.tg.Pause()
	for _, s := range standing {
		c.do(func() {
			if s.resend {
				w.say(s.c, s.room, "resend")
				return
			}
			s.give(s.right(s.method.steps[s.at]))
			w.untilRedacted(s.c, s.room, s.typed)
		})
	}
	c.do(func() { scanner.scanned = 0; scanner.scan(scanner.user) })
	c.done()
	w.kill()
	w.run()
	if err := w.tg.Resume(); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range standing {
		c.do(func() {
			from := s.at
			if s.resend {
				w.hear(s.c, s.room, "send me the code")
				s.note("resend_requested", "code_sent")
			} else {
				from = s.at + 1
				w.hear(s.c, s.room, s.method.asks(s.at))
				s.note(submitted(s.method.steps[s.at]), s.method.outcome(s.at))
			}
			s.method.answers(s.actor, from, len(s.method.steps))
			s.active, s.spare = true, false
		})
	}
	w.hear(scanner.c, scanner.room, asked(""))
	scanner.note("login_succeeded qr qr")
	scanner.active = true
	c.done()
}
