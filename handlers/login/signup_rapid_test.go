package login

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// TestNothingIsMadeUnasked runs a registration through anything that users and
// Telegram may say, in any order and twice. No account is made before Telegram's
// terms are accepted and a name is given; no number that is taken is logged in
// to before the user has said so; each submission has one outcome at most.
func TestNothingIsMadeUnasked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us, seq := projections.NewUsers(), uint64(0)
		var accepted, named, free, confirmed bool
		outcomes := map[events.EventID]events.Type{}
		happen := func(c Command) {
			before := us.Get(user)
			fact, err := Decide(before, c)
			if err != nil || fact == nil {
				return
			}
			seq++
			us.Apply(events.Event{
				ID: events.EventID(fmt.Sprint("e", seq)), Aggregate: events.Aggregate{Stream: events.Auth, UID: user}, Time: noon, Seq: seq, Fact: fact,
			})
			if _, late := fact.(*events.StepDelayed); !late && before.Attempt != nil && before.Attempt.Awaiting != "" && us.Get(user).Attempt != before.Attempt {
				if _, refused := fact.(*events.InputRefused); !refused {
					if first, twice := outcomes[before.Attempt.Awaiting]; twice {
						t.Fatalf("%s after %s, for one submission", fact.Type(), first)
					}
					outcomes[before.Attempt.Awaiting] = fact.Type()
				}
			}
			switch f := fact.(type) {
			case *events.LoginStarted:
				accepted, named, free, confirmed = false, false, false, false
			case *events.PhoneSubmitted:
				named = named || f.Named
			case *events.NameSubmitted:
				named = true
			case *events.SignupRequired:
				free, accepted = true, f.Terms == ""
			case *events.TermsAccepted:
				accepted = true
			case *events.LoginConfirmed:
				confirmed = true
			case *events.LoginSucceeded:
				if !confirmed && !(free && accepted && named && f.Method == events.MethodRegister) {
					t.Fatalf("logged in by %s: accepted %v, named %v, free %v", f.Method, accepted, named, free)
				}
			}
			if a := us.Get(user).Attempt; a != nil && a.Step == events.StepSigningUp && !(accepted && named) {
				t.Fatalf("signing up: accepted %v, named %v", accepted, named)
			}
		}
		happen(Start{Attempt: "a", MaxLogins: 1, Method: events.MethodRegister, Deadline: noon})
		for range rapid.IntRange(1, 40).Draw(t, "length") {
			happen(anything(t, us.Get(user)))
		}
	})
}

// anything is what may come next: often what is waited for.
func anything(t *rapid.T, u projections.User) Command {
	a := projections.Attempt{ID: "a", Step: events.StepPhone, Awaiting: "e1"}
	if u.Attempt != nil {
		a = *u.Attempt
	}
	flip := rapid.Bool()
	switch rapid.IntRange(0, 13).Draw(t, "what") {
	case 0, 1, 2, 3, 4:
		return Submit{Attempt: a.ID, Step: a.Step, Readable: true, Masked: rapid.SampledFrom([]string{"", "+44 ••"}).Draw(t, "number"), Named: flip.Draw(t, "named")}
	case 5:
		return Submit{Attempt: a.ID, Step: a.Step}
	case 6, 7, 8, 9:
		return answerTo(t, a)
	case 10:
		return LetIn{Of: a.Awaiting, Login: "l", Account: "acc"}
	case 11:
		return NeedPassword{Of: a.Awaiting}
	case 12:
		return Refuse{Of: a.Awaiting, Reason: events.BadName, Next: rapid.SampledFrom(askedBefore(a.Step)).Draw(t, "next"), MaxTries: 9}
	default:
		if flip.Draw(t, "end") {
			return Cancel{}
		}
		return Start{Attempt: "a", MaxLogins: 1, Method: events.MethodRegister, Deadline: noon}
	}
}

// answerTo is what Telegram may say to a step besides letting the user in.
func answerTo(t *rapid.T, a projections.Attempt) Command {
	if a.Step == events.StepCheckingCode {
		return NeedSignUp{Of: a.Awaiting, Terms: rapid.SampledFrom([]string{"", "be nice"}).Draw(t, "terms")}
	}
	if a.Step == events.StepRequestingCode {
		return CodeIsOnItsWay{Of: a.Awaiting}
	}
	return Delay{Of: a.Awaiting}
}

// askedBefore are the steps that a refusal may take an attempt back to.
func askedBefore(step events.Step) []events.Step {
	switch step {
	case events.StepSigningUp:
		return []events.Step{events.StepName, events.StepCode, events.StepPhone}
	case events.StepEntering:
		return []events.Step{events.StepConfirm, events.StepPhone}
	case events.StepCheckingPassword:
		return []events.Step{events.StepPassword, events.StepPhone}
	case events.StepCheckingCode:
		return []events.Step{events.StepCode, events.StepPhone}
	default:
		return []events.Step{events.StepPhone}
	}
}
