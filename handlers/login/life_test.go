package login_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

const (
	maxTries  = 3
	maxLogins = 2
	patience  = 10 * time.Minute
)

// life is what may befall the bridge: people who type, Telegram that answers
// late or twice, handlers that still look at an older state, timers that strike
// early or late, a homeserver that repeats, and restarts.
type life struct {
	users *projections.Users
	log   []events.Event
	now   time.Time

	saw      map[events.UID][]projections.User // what a slow handler may still believe, newest last
	asked    []question
	attempts []attemptOf
	inputs   []input // of the users, with the Matrix event that each came by
	rules    *rules
}

// question is a submission that Telegram was asked about.
type question struct {
	uid  events.UID
	id   events.EventID
	fact events.Fact
}

type attemptOf struct {
	uid events.UID
	id  events.AttemptID
}

// input is a message of a user's as the ingress takes it.
type input struct {
	uid     events.UID
	origin  events.MatrixEventID
	command login.Command
}

func newLife() *life {
	return &life{
		users: projections.NewUsers(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		saw: map[events.UID][]projections.User{}, rules: newRules(),
	}
}

func people() []events.UID { return []events.UID{"ann", "ben"} }

// TestAnyLife lets anything happen in any order, and holds what the log says
// against the rules (rules_test.go) after every single event.
func TestAnyLife(t *testing.T) {
	for range 10 { // a hundred lives each
		rapid.Check(t, func(t *rapid.T) {
			l := newLife()
			t.Repeat(map[string]func(*rapid.T){
				"type": l.typing, "answer": l.answer, "talk": l.talk, "talk on": l.talk, "guess": l.guess,
				"repeat": l.repeat, "timer": l.timer, "session": l.session, "restart": l.restart, "wait": l.wait, "": l.always,
			})
			l.end(t)
		})
	}
}

func (l *life) wait(t *rapid.T) {
	l.now = l.now.Add(time.Duration(rapid.IntRange(1, 400).Draw(t, "seconds")) * time.Second)
}

// talk is one after the other, as it mostly goes.
func (l *life) talk(t *rapid.T) {
	for range rapid.IntRange(1, 8).Draw(t, "rounds") {
		l.typing(t)
		l.answer(t)
	}
}

// typing is a user's message. The handler may have read it by an older state.
func (l *life) typing(t *rapid.T) {
	uid := rapid.SampledFrom(people()).Draw(t, "user")
	seen := l.users.Get(uid)
	if older := l.saw[uid]; len(older) > 0 && rapid.IntRange(0, 7).Draw(t, "slow") == 0 {
		seen = rapid.SampledFrom(older).Draw(t, "belief")
	}
	in := input{uid: uid, origin: events.MatrixEventID(fmt.Sprintf("$%d", len(l.inputs))), command: l.wish(t, seen)}
	l.inputs = append(l.inputs, in)
	l.take(t, in)
}

// wish is what a user may want in a state: most of the time what is asked for.
func (l *life) wish(t *rapid.T, u projections.User) login.Command {
	n := len(l.inputs)
	start := login.Start{Attempt: events.AttemptID(fmt.Sprintf("attempt-%d", n)), Deadline: l.now.Add(patience), MaxLogins: maxLogins}
	bot, revive := start, start
	bot.Method = events.MethodBot
	revive.Login = l.anyLogin(t, u)
	if u.Attempt == nil {
		return rapid.SampledFrom([]login.Command{start, bot, revive, start, login.Cancel{}, login.Resend{Now: l.now}, login.Logout{Login: revive.Login}}).Draw(t, "wish")
	}
	a := u.Attempt
	right := login.Submit{Attempt: a.ID, Step: a.Step, Readable: true, Masked: "+44 ••", Bot: a.Step == events.StepToken}
	right.Matches = rapid.IntRange(0, 2).Draw(t, "matches") > 0
	link := login.MakeLink{Attempt: a.ID, Link: events.LinkID(fmt.Sprintf("link-%d", n)), Now: l.now, Room: "!r"}
	redeem := login.Redeem{Link: "no such link", Now: l.now, Pairing: rapid.Bool().Draw(t, "pairing")}
	if len(u.Links) > 0 {
		redeem.Link = rapid.SampledFrom(u.Links).Draw(t, "link").ID
	}
	choose := login.Choose{Attempt: a.ID, At: a.Step, Method: rapid.SampledFrom([]events.Method{events.MethodPhone, events.MethodBot}).Draw(t, "method"), Via: events.ChannelWeb}
	instead := right
	instead.Bot = a.Step == events.StepPhone || a.Step == events.StepToken
	rubbish := login.Submit{Attempt: a.ID, Step: a.Step, Reason: rapid.SampledFrom([]events.Refusal{"", events.NotNow, events.NotAnEdit}).Draw(t, "reason")}
	return rapid.SampledFrom([]login.Command{
		right, right, right, right, right, right, instead, rubbish, login.Resend{Now: a.NextAt}, login.Resend{Now: l.now},
		login.Cancel{}, start, revive, login.Logout{Login: revive.Login}, link, redeem, choose, login.Cancel{Attempt: a.ID, Via: events.ChannelWeb},
	}).Draw(t, "wish")
}

// anyLogin is one of the user's, if there is any.
func (l *life) anyLogin(t *rapid.T, u projections.User) events.LoginID {
	if len(u.Logins) == 0 {
		return "no such login"
	}
	return rapid.SampledFrom(u.Logins).Draw(t, "login").ID
}

// take records an input as the ingress does: once, and refusals too.
func (l *life) take(t *rapid.T, in input) (stored bool) {
	u := l.users.Get(in.uid)
	if u.Recorded(in.origin) {
		return false
	}
	fact, err := login.Decide(u, in.command)
	var refused login.Refused
	switch _, answers := in.command.(login.Submit); {
	case errors.As(err, &refused):
		fact = &events.CommandRefused{Command: events.CommandLogin, Reason: refused.Reason}
	case err != nil:
		t.Fatalf("%T: %v", in.command, err)
	case fact == nil && answers:
		fact = &events.InputRefused{Reason: events.NotNow}
	case fact == nil:
		fact = &events.CommandGiven{Command: events.CommandLogin}
	}
	l.append(t, in.uid, in.origin, fact)
	return true
}

// tell records what the world says, and reports whether it was news.
func (l *life) tell(t *rapid.T, uid events.UID, c login.Command) (stored bool) {
	fact, err := login.Decide(l.users.Get(uid), c)
	var refused login.Refused
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("%T: %v", c, err)
	}
	if fact == nil {
		return false
	}
	l.append(t, uid, "", fact)
	return true
}

// repeat has the homeserver send a recent message again.
func (l *life) repeat(t *rapid.T) {
	if len(l.inputs) == 0 {
		return
	}
	recent := l.inputs[max(0, len(l.inputs)-30):]
	in := rapid.SampledFrom(recent).Draw(t, "message")
	if l.take(t, in) {
		t.Fatalf("%T was taken a second time", in.command)
	}
}

// timer strikes for any attempt that there ever was, early or late.
func (l *life) timer(t *rapid.T) {
	if len(l.attempts) == 0 {
		return
	}
	a := rapid.SampledFrom(l.attempts).Draw(t, "attempt")
	running := l.users.Get(a.uid).Attempt
	due := running != nil && running.ID == a.id && !l.now.Before(running.Deadline)
	c := login.Expire{Attempt: a.id, Now: l.now}
	if stored := l.tell(t, a.uid, c); stored != due {
		t.Fatalf("the timer of %s ended an attempt: %v, due: %v", a.id, stored, due)
	}
	if l.tell(t, a.uid, c) {
		t.Fatal("the timer struck twice")
	}
}

// session is what happens to rooms and logins meanwhile.
func (l *life) session(t *rapid.T) {
	uid := rapid.SampledFrom(people()).Draw(t, "user")
	id := l.anyLogin(t, l.users.Get(uid))
	cause := rapid.SampledFrom([]events.EndCause{
		events.EndedByUser, events.EndedByOperator, events.EndedByDisplacing, events.EndedByRevocation, events.EndedByExpiry, events.EndedByLeaving,
	}).Draw(t, "cause")
	c := rapid.SampledFrom([]login.Command{
		login.End{Login: id, Cause: cause}, login.Logout{Login: id, Keep: true}, login.Logout{Login: id},
		login.ListChats{Login: id, Rooms: 8}, login.Progress{Login: id, Made: rapid.IntRange(0, 8).Draw(t, "made")},
		login.Abandon{Reason: events.FailedRoomShared},
	}).Draw(t, "what")
	l.tell(t, uid, c)
	if l.tell(t, uid, c) {
		t.Fatalf("%T %+v was recorded twice", c, c)
	}
}

// restart folds the log again: the whole of it, each event twice, or the rest
// of it on a snapshot taken at any moment.
func (l *life) restart(t *rapid.T) {
	again := projections.NewUsers()
	times, cut := 1, 0
	switch rapid.IntRange(0, 2).Draw(t, "how") {
	case 0:
		cut = rapid.IntRange(0, len(l.log)).Draw(t, "cut")
		early := projections.NewUsers()
		for _, e := range l.log[:cut] {
			early.Apply(e)
		}
		var snapshot bytes.Buffer
		if _, err := early.Snapshot(&snapshot); err != nil {
			t.Fatal(err)
		}
		if err := again.Restore(snapshot.Bytes()); err != nil {
			t.Fatal(err)
		}
		cut = rapid.IntRange(0, cut).Draw(t, "overlap")
	case 1:
		times = 2
	}
	for _, e := range l.log[cut:] {
		for range times {
			again.Apply(e)
		}
	}
	before, errB := l.users.Digest()
	after, errA := again.Digest()
	if errA != nil || errB != nil || before != after {
		t.Fatalf("before the restart %+v (%v), after it %+v (%v)", before, errB, after, errA)
	}
	for _, uid := range people() {
		l.rules.agree(t, "a restart", l.rules.running[uid], again.Get(uid))
	}
	l.users = again
}

func (l *life) append(t *rapid.T, uid events.UID, origin events.MatrixEventID, fact events.Fact) {
	n := len(l.log) + 1
	e := events.Event{
		ID: events.EventID(fmt.Sprintf("e%d", n)), Aggregate: events.Aggregate{Stream: events.Auth, UID: uid},
		Time: l.now, Seq: uint64(2 * n), Origin: origin, Fact: fact,
	}
	before := l.users.Get(uid)
	l.saw[uid] = append(l.saw[uid], before)
	if len(l.saw[uid]) > 4 {
		l.saw[uid] = slices.Delete(l.saw[uid], 0, 1)
	}
	l.log = append(l.log, e)
	l.users.Apply(e)
	u := l.users.Get(uid)
	if a := u.Attempt; a != nil && a.Awaiting == e.ID {
		l.asked = append(l.asked, question{uid: uid, id: e.ID, fact: fact})
	}
	if f, ok := fact.(*events.LoginStarted); ok {
		l.attempts = append(l.attempts, attemptOf{uid, f.Attempt})
	}
	l.rules.follow(t, e, before, u)
}
