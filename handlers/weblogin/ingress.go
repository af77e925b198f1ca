package weblogin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// patience is how long a form waits for Telegram's answer before the page says
// that it is still awaited.
const patience = 8 * time.Second

// How many forms a session and a user may send in ten minutes. Five tries at each
// step and a few changes of mind fit in.
const (
	perAttempt = 60
	perUser    = 90
)

// action is what a form does. It returns what the page is to say besides.
type action func(visit, projections.Attempt) (outcome, error)

// outcome is what becomes of a form: why it was not taken, if it was not.
type outcome struct {
	refused events.Refusal
	stale   bool // it was for a step that is over
	awaits  bool // the page waits for what comes of it
	gone    bool // the session has ended
}

// form takes the forms of a session's pages: only of its own, not too many, and
// for the step that the attempt is at.
func (s *Site) form(act action) func(visit) {
	return func(v visit) {
		now := v.now()
		for key, most := range map[string]int{
			"address " + network(v.address(v.r)): v.cfg.PerAddress,
			"attempt " + string(v.b.Attempt):     perAttempt,
			"user " + string(v.b.User):           perUser,
		} {
			if wait := v.limits.take(key, most, now); wait > 0 {
				v.tooMany(v.w, v.r, wait)
				return
			}
		}
		if !goodForm(v.b, v.r) {
			v.instead(v.w, v.r, http.StatusForbidden, kindForeignForm)
			return
		}
		v.touch()
		var a projections.Attempt // none, if it has ended
		if running := v.attempt(); running != nil {
			a = *running
		}
		o, err := act(v, a)
		switch {
		case err != nil:
			v.unwell(v.w, v.r, err)
		case o.gone:
			v.instead(v.w, v.r, http.StatusOK, kindLeft)
		case o.refused != "" || o.stale:
			v.showPage(http.StatusConflict, o)
		default:
			if o.awaits {
				v.await()
			}
			http.Redirect(v.w, v.r, v.base+"/login", http.StatusSeeOther)
		}
	}
}

// attempt is the session's attempt, if it is running.
func (v *visit) attempt() *projections.Attempt {
	a := v.Users.Get(v.b.User).Attempt
	if a == nil || a.ID != v.b.Attempt {
		return nil
	}
	return a
}

// answer takes what the page asked for. The value is in the vault before the log
// knows of it.
func (s *Site) answer(v visit, seen projections.Attempt) (outcome, error) {
	defer s.Turns.Take(v.b.User)()
	now := v.attempt()
	if now == nil || string(now.Step) != v.r.PostFormValue("step") {
		return outcome{stale: seen.ID != ""}, nil // given in another tab, or in the room
	}
	a := *now
	command := login.Submit{Attempt: a.ID, Step: a.Step, Via: events.ChannelWeb, Reason: answers.Hindrance(a, s.now())}
	if command.Reason == "" {
		read := readForm(a, v.r)
		command = read.Submit(a, events.ChannelWeb)
		if err := read.Keep(v.r.Context(), a, s.now(), s.Vault.PutAttempt); err != nil {
			return outcome{}, err
		}
	}
	fact, err := v.do(command)
	return outcome{awaits: true, stale: fact == nil}, err
}

// readForm reads the fields of the form for the step that an attempt is at.
func readForm(a projections.Attempt, r *http.Request) answers.Answer {
	field := r.PostFormValue
	switch a.Step {
	case events.StepName:
		return answers.Name(field("first"), field("last"))
	case events.StepTerms, events.StepConfirm:
		return answers.Answer{OK: field("accept") == "yes", Why: events.NotUnderstood}
	case events.StepToken:
		return answers.Read(a, field("token"), false)
	case events.StepCode:
		return answers.Read(a, field("code"), false)
	case events.StepPassword:
		return answers.Read(a, field("password"), false)
	case events.StepPhone:
		if a.Method == events.MethodRegister {
			return answers.Account(field("first"), field("last"), field("phone"))
		}
		return answers.Read(a, field("phone"), false)
	default:
		return answers.Answer{} // the page asks for nothing here
	}
}

// resend asks for another code.
func (s *Site) resend(v visit, a projections.Attempt) (outcome, error) {
	_, err := v.do(login.Resend{Now: s.now(), Via: events.ChannelWeb})
	var refused login.Refused
	if !errors.As(err, &refused) {
		return outcome{awaits: true}, err
	}
	switch refused.Reason {
	case events.RefusedTooSoon:
		return outcome{refused: events.ResendWait}, nil
	case events.RefusedNoOtherRoute:
		return outcome{refused: events.NoOtherRoute}, nil
	default:
		return outcome{}, nil // no code is waited for any more
	}
}

// choose goes back to the beginning, to log in in another way.
func (s *Site) choose(v visit, a projections.Attempt) (outcome, error) {
	_, err := v.do(login.Choose{
		Attempt: a.ID, At: events.Step(v.r.PostFormValue("step")), Method: events.Method(v.r.PostFormValue("method")), Via: events.ChannelWeb,
	})
	return outcome{awaits: true}, err
}

// cancel ends the login.
func (s *Site) cancel(v visit, a projections.Attempt) (outcome, error) {
	if a.ID == "" {
		return outcome{}, nil // it has ended already
	}
	_, err := v.do(login.Cancel{Attempt: a.ID, Via: events.ChannelWeb})
	return outcome{}, err
}

// stay keeps the page open, which form has done.
func (s *Site) stay(visit, projections.Attempt) (outcome, error) { return outcome{}, nil }

// leave closes the page. The login goes on, wherever it is continued.
func (s *Site) leave(v visit, _ projections.Attempt) (outcome, error) {
	http.SetCookie(v.w, s.cookie("", -1))
	return outcome{gone: true}, s.Vault.CloseBrowser(v.r.Context(), v.b)
}

// do commits a command about the session's own attempt. No fact means that it
// came too late.
func (v *visit) do(c login.Command) (events.Fact, error) {
	m := commit.Meta{Actor: events.ByUser, Correlation: string(v.b.Attempt)}
	e, err := v.Desk.Do(v.r.Context(), v.b.User, m, func(u projections.User) (events.Fact, error) {
		if u.Attempt == nil || u.Attempt.ID != v.b.Attempt {
			return nil, nil
		}
		return login.Decide(u, c)
	})
	return e.Fact, err
}

// await returns when the attempt no longer waits for Telegram, or when the page
// should say that it does.
func (v *visit) await() {
	ctx, cancel := context.WithTimeout(v.r.Context(), patience)
	defer cancel()
	for {
		changed := v.Users.Changed()
		if a := v.attempt(); a == nil || a.Awaiting == "" || a.Delayed {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// secret is what the vault has of the attempt under a name; empty if nothing.
func (v *visit) secret(name string) string {
	value, err := v.Vault.Attempt(v.r.Context(), v.b.Attempt, name)
	if err != nil && !errors.Is(err, vault.ErrMissing) {
		v.Log.Warn().Err(err).Str("attempt", string(v.b.Attempt)).Str("name", name).Msg("the page goes without a part of the vault")
	}
	return value.Reveal()
}
