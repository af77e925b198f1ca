package login_test

import (
	"time"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
)

// answer has Telegram answer a submission, mostly the newest; one that was
// answered before is asked again after a crash, and may get another answer.
func (l *life) answer(t *rapid.T) {
	if len(l.asked) == 0 {
		return
	}
	q := l.asked[len(l.asked)-1]
	if rapid.IntRange(0, 3).Draw(t, "late") == 0 {
		q = rapid.SampledFrom(l.asked).Draw(t, "question")
	}
	c := rapid.SampledFrom(l.answersTo(t, q)).Draw(t, "answer")
	before := l.users.Get(q.uid)
	open := before.Attempt != nil && before.Attempt.Awaiting == q.id
	stored := l.tell(t, q.uid, c)
	_, delay := c.(login.Delay)
	if stored != open && !delay {
		t.Fatalf("%T to %s, which waits for an answer: %v, was recorded: %v", c, q.fact.Type(), open, stored)
	}
	if l.tell(t, q.uid, c) {
		t.Fatalf("%T was recorded twice", c)
	}
}

// answersTo are the answers that Telegram may give to a submission.
func (l *life) answersTo(t *rapid.T, q question) []login.Command {
	account := rapid.SampledFrom([]events.AccountID{"acc1", "acc2", "acc3"}).Draw(t, "account")
	in := login.LetIn{Of: q.id, Login: events.LoginID("login-" + string(q.id)), Account: account, Displaces: rapid.Bool().Draw(t, "displaces")}
	code := login.CodeIsOnItsWay{Of: q.id, Route: events.RouteApp, Length: 5, Next: events.RouteSMS, NextAt: l.now.Add(time.Minute)}
	password := login.NeedPassword{Of: q.id, HasHint: true}
	no := func(reason events.Refusal, next events.Step) login.Command {
		return login.Refuse{Of: q.id, Reason: reason, Next: next, MaxTries: maxTries, RetryAt: l.now.Add(time.Minute)}
	}
	always := []login.Command{
		login.Delay{Of: q.id},
		login.Refuse{Of: q.id, Reason: events.ConfigError, Final: true, MaxTries: maxTries},
		login.Refuse{Of: q.id, Reason: events.SecretsMissing, Final: true, MaxTries: maxTries},
	}
	phone := events.StepPhone
	var own []login.Command
	switch q.fact.(type) {
	case *events.PhoneSubmitted:
		own = []login.Command{code, code, code, password, in, no(events.BadPhone, phone), no(events.FloodWait, phone)}
	case *events.TokenSubmitted:
		own = []login.Command{in, in, no(events.BadToken, events.StepToken), no(events.FloodWait, events.StepToken)}
	case *events.ResendRequested:
		own = []login.Command{code, in, no(events.NoOtherRoute, events.StepCode), no(events.ResendWait, events.StepCode), no(events.SessionLost, phone)}
	case *events.CodeSubmitted:
		own = []login.Command{in, password, password, no(events.BadCode, events.StepCode), no(events.CodeExpired, phone), no(events.FloodWait, events.StepCode), no(events.TelegramError, events.StepCode)}
	case *events.PasswordSubmitted:
		own = []login.Command{in, no(events.BadPassword, events.StepPassword), no(events.ChallengeExpired, events.StepPassword), no(events.PasswordVanished, phone)}
	case *events.PairingConfirmed:
		own = []login.Command{in, in, no(events.SessionLost, phone)}
	default:
		t.Fatalf("nothing is asked of Telegram by %s", q.fact.Type())
	}
	return append(own, always...)
}

// guess is somebody who tries one wrong answer after the other.
func (l *life) guess(t *rapid.T) {
	uid := rapid.SampledFrom(people()).Draw(t, "user")
	for range rapid.IntRange(1, 2*maxTries).Draw(t, "rounds") {
		a := l.users.Get(uid).Attempt
		if a == nil {
			return
		}
		if a.Awaiting == "" {
			var c login.Command = login.Submit{Attempt: a.ID, Step: a.Step, Readable: true, Bot: a.Step == events.StepToken}
			if a.Next != "" && rapid.IntRange(0, 3).Draw(t, "resend") == 0 {
				c = login.Resend{Now: a.NextAt}
			}
			l.tell(t, uid, c)
		}
		if a = l.users.Get(uid).Attempt; a == nil {
			return // that was the last try
		}
		switch a.Step {
		case events.StepRequestingCode, events.StepResendingCode:
			l.tell(t, uid, login.CodeIsOnItsWay{Of: a.Awaiting, Next: events.RouteSMS})
		case events.StepCheckingToken:
			l.tell(t, uid, login.Refuse{Of: a.Awaiting, Reason: events.BadToken, Next: events.StepToken, MaxTries: maxTries})
		case events.StepCheckingCode:
			l.tell(t, uid, login.Refuse{Of: a.Awaiting, Reason: events.BadCode, Next: events.StepCode, MaxTries: maxTries})
		case events.StepCheckingPassword:
			l.tell(t, uid, login.Refuse{Of: a.Awaiting, Reason: events.BadPassword, Next: events.StepPassword, MaxTries: maxTries})
		}
	}
}
