package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

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
func (c *cast) checkLog() { c.checkTold(vocabulary(), telling) }

// checkTold is checkLog in the words of telling, of the events of a vocabulary.
func (c *cast) checkTold(vocabulary []string, telling func(events.Event) string) {
	w := c.w
	w.t.Helper()
	all := w.events(events.Auth)
	users := projections.NewUsers()
	told := map[events.UID][]string{}
	for _, e := range all {
		users.Apply(e)
		if slices.Contains(vocabulary, e.Fact.Type().Name()) {
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
