package login_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// grammar says by which facts an attempt may leave each step. What every step
// may be left or interrupted by is in elsewhere.
func grammar() map[events.Step][]string {
	const asked, in, pairs, back = "step_delayed", "login_succeeded", "pairing_required", "method_chosen" // asked: once a question
	return map[events.Step][]string{
		events.StepPhone:            {"phone_submitted", "token_submitted", back},
		events.StepRequestingCode:   {"code_sent", "password_required", in, pairs, "phone_rejected", asked},
		events.StepToken:            {"token_submitted", back},
		events.StepCheckingToken:    {in, pairs, "token_rejected", asked},
		events.StepCode:             {"code_submitted", "resend_requested", back},
		events.StepResendingCode:    {"code_sent", in, pairs, "code_rejected", asked},
		events.StepCheckingCode:     {in, pairs, "password_required", "code_rejected", asked},
		events.StepPassword:         {"password_submitted", back},
		events.StepCheckingPassword: {in, pairs, "password_rejected", asked},
		events.StepPairing:          {"pairing_confirmed", "pairing_rejected", back},
		events.StepEntering:         {in, asked},
	}
}

// leadsTo is the step that a fact of an attempt leads to; empty: it stays.
func leadsTo(fact events.Fact) events.Step {
	switch f := fact.(type) {
	case *events.LoginStarted:
		if f.Method == events.MethodBot {
			return events.StepToken
		}
		return events.StepPhone
	case *events.PhoneSubmitted:
		return events.StepRequestingCode
	case *events.TokenSubmitted:
		return events.StepCheckingToken
	case *events.ResendRequested:
		return events.StepResendingCode
	case *events.CodeSubmitted:
		return events.StepCheckingCode
	case *events.PasswordSubmitted:
		return events.StepCheckingPassword
	case *events.CodeSent:
		return events.StepCode
	case *events.PasswordRequired:
		return events.StepPassword
	case *events.PhoneRejected:
		return f.Next
	case *events.TokenRejected:
		return f.Next
	case *events.CodeRejected:
		return f.Next
	case *events.PasswordRejected:
		return f.Next
	case *events.MethodChosen:
		if f.Method == events.MethodBot {
			return events.StepToken
		}
		return events.StepPhone
	case *events.PairingRequired, *events.PairingRejected:
		return events.StepPairing
	case *events.PairingConfirmed:
		return events.StepEntering
	default:
		return ""
	}
}

// elsewhere is what says nothing of an attempt's step.
func elsewhere() []string {
	return []string{
		"input_refused", "command_given", "command_refused", "logout_requested", "session_ended", "chats_listed", "progress_made",
		"web_link_made", "web_link_redeemed", "web_link_reused",
	}
}

// rules reads the log alone, without a projection, and knows what may come.
type rules struct {
	running map[events.UID]*run
	begun   map[events.AttemptID]bool
}

// run is an attempt as the rules see it.
type run struct {
	step    events.Step
	asked   events.Step // what the user was asked for last
	delayed bool
	tries   int // wrong answers to that
}

// asks reports whether a step waits for the user.
func asks(step events.Step) bool { return !slices.Contains(grammar()[step], "step_delayed") }

func newRules() *rules {
	return &rules{running: map[events.UID]*run{}, begun: map[events.AttemptID]bool{}}
}

// follow checks one event, and the state before and after it.
func (r *rules) follow(t *rapid.T, e events.Event, before, after projections.User) {
	name := e.Fact.Type().Name()
	now := r.running[e.Aggregate.UID]
	switch f := e.Fact.(type) {
	case *events.LoginStarted:
		if now != nil || r.begun[f.Attempt] {
			t.Fatalf("attempt %s begins, with one running: %v", f.Attempt, now != nil)
		}
		r.begun[f.Attempt] = true
		now = &run{step: leadsTo(f), asked: leadsTo(f)}
		r.running[e.Aggregate.UID] = now
	case *events.LoginSucceeded, *events.LoginFailed:
		_, well := f.(*events.LoginSucceeded)
		if now == nil || well && !slices.Contains(grammar()[now.step], name) {
			t.Fatalf("%s ends %+v", name, now)
		}
		delete(r.running, e.Aggregate.UID)
		now = nil
	default:
		if !slices.Contains(elsewhere(), name) {
			now.leave(t, name, e.Fact)
		}
	}
	r.agree(t, name, now, after)
	if f, ok := e.Fact.(*events.LoginSucceeded); ok {
		inRightPlace(t, f, before, after)
	}
}

// leave is a fact by which an attempt goes on.
func (now *run) leave(t *rapid.T, name string, fact events.Fact) {
	switch {
	case now == nil:
		t.Fatalf("%s without an attempt", name)
	case !slices.Contains(grammar()[now.step], name):
		t.Fatalf("%s at the step %s", name, now.step)
	}
	if name == "step_delayed" {
		if now.delayed {
			t.Fatalf("a second delay of %s was told", now.step)
		}
		now.delayed = true
		return
	}
	next := leadsTo(fact)
	if no, ok := rejection(fact); ok && no.Reason.IsTry() && next == now.asked {
		if now.tries++; now.tries >= maxTries {
			t.Fatalf("%d wrong answers, and the attempt goes on", now.tries)
		}
	}
	if asks(next) && (next != now.asked || name == "method_chosen") {
		now.asked, now.tries = next, 0
	}
	now.step, now.delayed = next, false
}

func rejection(fact events.Fact) (events.Rejection, bool) {
	switch f := fact.(type) {
	case *events.PhoneRejected:
		return f.Rejection, true
	case *events.TokenRejected:
		return f.Rejection, true
	case *events.CodeRejected:
		return f.Rejection, true
	case *events.PasswordRejected:
		return f.Rejection, true
	default:
		return events.Rejection{}, false
	}
}

// agree holds the projection against what the rules know.
func (r *rules) agree(t *rapid.T, name string, now *run, u projections.User) {
	switch a := u.Attempt; {
	case (now == nil) != (a == nil):
		t.Fatalf("after %s: %+v, and the state has %+v", name, now, a)
	case now == nil:
	case a.Step != now.step, a.Delayed != now.delayed:
		t.Fatalf("after %s: %+v, and the state has %+v", name, now, a)
	case (a.Awaiting != "") == asks(a.Step):
		t.Fatalf("after %s the step %s waits for %q", name, a.Step, a.Awaiting)
	}
	if n := len(u.ActiveLogins()); n > maxLogins {
		t.Fatalf("after %s there are %d logins", name, n)
	}
}

// inRightPlace checks that one account has one login, and that a login that was
// to be revived is the one that came.
func inRightPlace(t *rapid.T, f *events.LoginSucceeded, before, after projections.User) {
	n := 0
	for _, l := range after.Logins {
		if l.Account == f.Account {
			n++
		}
	}
	l, ok := after.LoginOf(f.Account)
	if n != 1 || !ok || l.ID != f.Login || l.State != projections.LoginActive {
		t.Fatalf("%+v let in, and the state has %+v", f, after.Logins)
	}
	known, revived := before.LoginOf(f.Account)
	if revived != f.Revived || revived && known.ID != f.Login {
		t.Fatalf("%+v let in, known before as %+v", f, known)
	}
	if _, there := before.Login(before.Attempt.Login); there && f.Login != before.Attempt.Login {
		t.Fatalf("%s came in place of %s", f.Login, before.Attempt.Login)
	}
}

// always holds at every moment: each attempt can be ended by its deadline and
// by nothing before, and there is a way on from wherever it stands.
func (l *life) always(t *rapid.T) {
	for _, uid := range people() {
		u := l.users.Get(uid)
		if u.Attempt == nil {
			continue
		}
		a := u.Attempt
		if fact, err := login.Decide(u, login.Expire{Attempt: a.ID, Now: a.Deadline.Add(-1)}); fact != nil || err != nil {
			t.Fatalf("ended before its deadline by %v, %v", fact, err)
		}
		fact, err := login.Decide(u, login.Expire{Attempt: a.ID, Now: a.Deadline})
		f, ok := fact.(*events.LoginFailed)
		if err != nil || !ok || f.Attempt != a.ID || f.Reason != events.FailedTimeout || f.Step != a.Step {
			t.Fatalf("the deadline makes %+v, %v", fact, err)
		}
		l.wayOn(t, uid)
	}
}

// wayOn plays the good answers from where an attempt stands: it comes in.
func (l *life) wayOn(t *rapid.T, uid events.UID) {
	us := projections.NewUsers()
	for _, e := range l.log {
		if e.Aggregate.UID == uid {
			us.Apply(e)
		}
	}
	for range 10 {
		u := us.Get(uid)
		if u.Attempt == nil {
			break
		}
		a := u.Attempt
		var c login.Command = login.Submit{Attempt: a.ID, Step: a.Step, Readable: true, Bot: a.Step == events.StepToken, Matches: true}
		switch {
		case a.Step == events.StepRequestingCode, a.Step == events.StepResendingCode:
			c = login.CodeIsOnItsWay{Of: a.Awaiting, Route: events.RouteSMS}
		case a.Awaiting != "":
			account := events.AccountID("new")
			if l, ok := u.Login(a.Login); ok {
				account = l.Account
			}
			c = login.LetIn{Of: a.Awaiting, Login: "new", Account: account}
		}
		fact, err := login.Decide(u, c)
		if fact == nil || err != nil {
			t.Fatalf("no way on from %s by %T: %v", a.Step, c, err)
		}
		us.Apply(events.Event{ID: events.EventID("next " + a.Step), Aggregate: events.Aggregate{Stream: events.Auth, UID: uid}, Seq: u.Seq + 1, Fact: fact})
	}
	if u := us.Get(uid); u.Attempt != nil || len(u.ActiveLogins()) == 0 {
		t.Fatalf("played well to %+v, logins %+v, over %+v", u.Attempt, u.Logins, u.Over)
	}
}

// end lets every deadline pass: no attempt is left, and nothing that comes after
// an end is recorded.
func (l *life) end(t *rapid.T) {
	l.now = l.now.Add(2 * patience)
	for _, a := range l.attempts {
		l.tell(t, a.uid, login.Expire{Attempt: a.id, Now: l.now})
	}
	for _, uid := range people() {
		if a := l.users.Get(uid).Attempt; a != nil {
			t.Fatalf("%s has no end", a.ID)
		}
	}
	for _, q := range l.asked {
		for _, c := range l.answersTo(t, q) {
			if l.tell(t, q.uid, c) {
				t.Fatalf("%T was recorded after the end", c)
			}
		}
	}
	l.restart(t)
}
