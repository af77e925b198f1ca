package main

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/projections"
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
			a.secrets = append(a.secrets, w.tokens(a.c, a.room)...)
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

// untilListed waits until the chats of all who are logged in are listed: every
// session that was made can be used.
func (c *cast) untilListed() {
	w := c.w
	w.t.Helper()
	var missing []events.LoginID
	err := waitUntil(w.ctx(30*time.Second), func() bool {
		missing = nil
		users := projections.NewUsers()
		for _, e := range w.events(events.Auth) {
			users.Apply(e)
		}
		for _, u := range users.Where(func(*projections.User) bool { return true }) {
			for _, l := range u.ActiveLogins() {
				if !l.Listed {
					missing = append(missing, l.ID)
				}
			}
		}
		return len(missing) == 0
	})
	if err != nil {
		w.t.Errorf("no chats were listed of the logins %v", missing)
	}
}

// checkLog holds the log against what everybody did and heard.
func (c *cast) checkLog() {
	w := c.w
	w.t.Helper()
	all := w.events(events.Auth)
	users := projections.NewUsers()
	told := map[events.UID][]string{}
	for _, e := range all {
		users.Apply(e)
		if slices.Contains(vocabulary(), e.Fact.Type().Name()) {
			told[e.Aggregate.UID] = append(told[e.Aggregate.UID], telling(e))
		}
	}
	for _, a := range c.all {
		u, _ := users.ByMatrixID(events.MatrixID(a.c.UserID()))
		if got := told[u.UID]; !slices.Equal(got, a.wants) {
			w.t.Errorf("%s: the log has\n\t%s\nwant\n\t%s", a.name, strings.Join(got, "\n\t"), strings.Join(a.wants, "\n\t"))
		}
		if n := len(u.ActiveLogins()); u.Attempt != nil || n > 1 || a.active != (n == 1) {
			w.t.Errorf("%s has %d logins and the attempt %+v; logged in: %v", a.name, n, u.Attempt, a.active)
		}
		if n := a.sessions(); n > 1 || a.active != (n == 1) {
			w.t.Errorf("%s has %d sessions at Telegram; logged in: %v", a.name, n, a.active)
		}
	}
	if dead, err := w.deadLetters(); err != nil || dead != 0 {
		w.t.Errorf("%d dead letters, %v", dead, err)
	}
}

// checkVault looks at what is left in the vault: a session for each login, the
// tokens that nobody used yet, and nothing of any attempt.
func (c *cast) checkVault() {
	w := c.w
	w.t.Helper()
	l := w.logbook()
	defer l.close()
	users := projections.NewUsers()
	err := l.journal.Replay(w.ctx(time.Minute), events.Auth, 0, 0, func(e events.Event) error { users.Apply(e); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	var want []string
	for _, u := range users.Where(func(*projections.User) bool { return true }) {
		for _, login := range u.Logins { // a suspended one keeps what it had
			want = append(want, "session."+string(login.ID))
		}
	}
	spare := 0
	for _, a := range c.all {
		if a.spare {
			spare++
		}
	}
	bucket, err := l.conn.Bucket(w.ctx(time.Minute), "VAULT")
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	err = bucket.All(w.ctx(time.Minute), "", func(key string, _ []byte) error {
		for _, kind := range []string{"session.", "attempt.", "token."} {
			if strings.HasPrefix(key, kind) {
				got = append(got, key)
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, key := range got {
		if strings.HasPrefix(key, "token.") && spare > 0 {
			spare--
			continue
		}
		if !slices.Contains(want, key) {
			w.t.Errorf("the vault still holds %s", key)
		}
	}
	if spare > 0 {
		w.t.Errorf("%d future tokens are missing", spare)
	}
	for _, key := range want {
		if !slices.Contains(got, key) {
			w.t.Errorf("the vault has lost %s", key)
		}
	}
}

// grep looks for everything secret in all that the bridge stored and said,
// also as it was thrown over.
func (c *cast) grep(t *testing.T) {
	t.Helper()
	w := c.w
	said := w.output.String()
	for _, want := range []string{"SIGQUIT: quit", "goroutine ", "DBG"} {
		if !strings.Contains(said, want) {
			t.Errorf("the bridge's output has no %q: the test looks in the wrong place", want)
		}
	}
	var secrets []string
	for _, a := range c.all {
		secrets = append(secrets, a.secrets...)
	}
	w.grepAll(t, secrets)
}
