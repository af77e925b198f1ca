package main

import (
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// method is a way to log in, as a person goes it. One more is a line more here.
type method struct {
	name    string
	account telegramtest.UserSpec
	makes   bool          // the account, which is not there before
	start   string        // the command
	words   string        // and what the bot says to it
	begins  string        // what the log says to it
	steps   []events.Step // what is asked for, in order
	done    string        // what the log says at the end
	before  func(*actor)  // brings the actor to where the method can be used
	again   func(*actor)  // brings one who is logged in there
}

func methods() []method {
	byPhone := []events.Step{events.StepPhone, events.StepCode}
	secret := append(byPhone[:2:2], events.StepPassword)
	logOut := func(a *actor) {
		a.order("logout", "You are logged out", "logout_requested", "session_ended user")
		a.active, a.spare = false, a.future
	}
	nothing := func(*actor) {}
	phone := method{
		name: "phone", start: "login", words: "phone number", begins: "login_started phone", steps: byPhone,
		done: "login_succeeded phone code", before: nothing, again: logOut,
	}
	first := func(a *actor) { phone.happy(a) }
	return []method{
		phone,
		{
			name: "password", account: telegramtest.UserSpec{Password: "some"}, start: "login", words: "phone number", begins: "login_started phone",
			steps: secret, done: "login_succeeded phone code+password", before: nothing, again: logOut,
		},
		{
			name: "bot", account: telegramtest.UserSpec{Bot: true}, start: "login bot", words: "bot's token", begins: "login_started bot",
			steps: []events.Step{events.StepToken}, done: "login_succeeded bot bot_token", before: nothing, again: logOut,
		},
		{
			name: "future token", account: telegramtest.UserSpec{FutureToken: true}, start: "login", words: "phone number", begins: "login_started phone",
			steps: []events.Step{events.StepPhone}, done: "login_succeeded future_token future_token",
			before: func(a *actor) { first(a); logOut(a) }, again: logOut,
		},
		{
			name: "relogin", start: "relogin", words: "Let's connect", begins: "login_started phone", steps: byPhone,
			done: "login_succeeded phone code", before: func(a *actor) { first(a); a.revoked() }, again: (*actor).revoked,
		},
		{
			name: "register", makes: true, start: "register", words: "phone number", begins: "login_started register",
			steps: append(byPhone[:2:2], events.StepTerms, events.StepName), done: "login_succeeded register code",
			before: nothing, again: func(a *actor) { logOut(a); a.deletes() },
		},
	}
}

// revoked has Telegram end the session.
func (a *actor) revoked() {
	a.w.t.Helper()
	a.w.say(a.c, a.room, "version")
	a.w.tg.RevokeAll(a.user, "")
	a.w.hear(a.c, a.room, "session was ended")
	a.wants = append(a.wants, "session_ended revoked")
	a.active = false
}

// begin starts a login.
func (m method) begin(a *actor) {
	a.w.t.Helper()
	a.order(m.start, m.words, m.begins)
}

// submitted is what the log says of an answer.
func submitted(step events.Step) string {
	if step == events.StepTerms {
		return "terms_accepted"
	}
	return string(step) + "_submitted"
}

// outcome is what the log says when a step's answer was right.
func (m method) outcome(i int) string {
	if i+1 == len(m.steps) {
		return m.done
	}
	return map[events.Step]string{
		events.StepCode: "code_sent", events.StepPassword: "password_required", events.StepTerms: "signup_required",
	}[m.steps[i+1]] // nothing to ask Telegram about: no more than the answer
}

// asks are the words by which the bot asks for the step after one, or says that
// the login is done.
func (m method) asks(i int) string {
	if i+1 == len(m.steps) {
		return asked("")
	}
	return asked(m.steps[i+1])
}

// answers gives the right answers to the steps from one to before another.
func (m method) answers(a *actor, from, to int) {
	a.w.t.Helper()
	for i := from; i < to; i++ {
		if i+1 == len(m.steps) {
			a.active, a.spare = true, false
		}
		a.tell(a.right(m.steps[i]), m.asks(i), submitted(m.steps[i]), m.outcome(i))
	}
}

// happy goes through all of it.
func (m method) happy(a *actor) {
	a.w.t.Helper()
	m.begin(a)
	m.answers(a, 0, len(m.steps))
}

// wrongOnce gives a wrong answer at each step, then the right one.
func (m method) wrongOnce(a *actor) {
	a.w.t.Helper()
	m.begin(a)
	for i, step := range m.steps {
		words, event := noes(step)
		submits := submitted(step)
		if step == events.StepTerms {
			submits = "" // it was no answer
		}
		a.tell(a.wrong(step), words, submits, event)
		m.answers(a, i, i+1)
	}
}

// toTheLimit gives wrong answers at the last step until the bridge has enough.
func (m method) toTheLimit(a *actor) {
	a.w.t.Helper()
	m.begin(a)
	last := len(m.steps) - 1
	m.answers(a, 0, last)
	step := m.steps[last]
	words, event := noes(step)
	for range conformTries - 1 {
		a.tell(a.wrong(step), words, submitted(step), event)
	}
	checking := map[events.Step]string{
		events.StepPhone: "PHONE_NUMBER_INVALID requesting_code", events.StepToken: "ACCESS_TOKEN_INVALID checking_token",
		events.StepCode: "PHONE_CODE_INVALID checking_code", events.StepPassword: "PASSWORD_HASH_INVALID checking_password",
		events.StepName: "FIRSTNAME_INVALID signing_up",
	}
	a.tell(a.wrong(step), "wrong too often", submitted(step), "login_failed too_many_tries "+checking[step])
}

// cancelled gives up at each step that is not the same by phone.
func (m method) cancelled(a *actor) {
	a.w.t.Helper()
	for i, step := range m.steps {
		if i+1 < len(m.steps) && m.name != "phone" && (step == events.StepPhone || step == events.StepCode) {
			continue
		}
		m.begin(a)
		m.answers(a, 0, i)
		a.order("cancel", "cancelled", "login_failed cancelled "+string(step))
		if step != events.StepCode {
			continue
		}
		err := a.w.tg.Await(a.w.ctx(time.Minute), func() bool { _, open := a.w.tg.LastCode(a.phone); return !open })
		if err != nil {
			a.w.t.Errorf("%s: Telegram was not told that no code is wanted any more", a.name)
		}
	}
}
