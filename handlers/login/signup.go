package login

import (
	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// NeedSignUp is Telegram's answer to a right code for a number without an
// account, if the user wants to make one.
type NeedSignUp struct {
	Of     events.EventID
	Terms  string // to be accepted first; empty if Telegram sent none
	MinAge int
}

func (NeedSignUp) command() {}

// numberGiven takes a phone number, or what came in its place: with the name of
// the account to make, only that name, or a bot's token.
func numberGiven(a *projections.Attempt, c Submit) events.Fact {
	switch {
	case c.Bot:
		return &events.TokenSubmitted{Attempt: a.ID, Via: c.Via}
	case c.Named && c.Masked == "":
		return &events.NameSubmitted{Attempt: a.ID, Via: c.Via, Next: a.Step}
	default:
		return &events.PhoneSubmitted{Attempt: a.ID, Via: c.Via, Named: c.Named, Sealed: events.PhoneFacts{Masked: c.Masked}}
	}
}

// consented takes an answer of the steps between the code and the login.
func consented(a *projections.Attempt, via events.Channel) events.Fact {
	switch a.Step {
	case events.StepTerms:
		return &events.TermsAccepted{Attempt: a.ID, Via: via, Next: afterTerms(a)}
	case events.StepName:
		return &events.NameSubmitted{Attempt: a.ID, Via: via, Next: events.StepSigningUp}
	case events.StepConfirm:
		next := events.StepEntering
		if a.Guarded {
			next = events.StepPassword
		}
		return &events.LoginConfirmed{Attempt: a.ID, Via: via, Next: next}
	default:
		return nil
	}
}

// afterTerms is what comes when Telegram's terms are accepted, or there are none.
func afterTerms(a *projections.Attempt) events.Step {
	if a.Named {
		return events.StepSigningUp
	}
	return events.StepName
}

// needSignUp goes on to make the account. Who did not ask for one gets none.
func needSignUp(a *projections.Attempt, c NeedSignUp) events.Fact {
	if a.Method != events.MethodRegister {
		return &events.LoginFailed{Attempt: a.ID, Login: a.Login, Reason: events.FailedRefused, Step: a.Step, Refusal: events.PhoneUnknown}
	}
	next := afterTerms(a)
	if c.Terms != "" || c.MinAge > 0 {
		next = events.StepTerms
	}
	return &events.SignupRequired{Attempt: a.ID, Terms: c.Terms, MinAge: c.MinAge, Next: next}
}

// taken asks before a user who wants to make an account is logged in to the one
// that the number has.
func taken(a *projections.Attempt, password bool, who events.AccountFacts) events.Fact {
	return &events.NumberTaken{Attempt: a.ID, Factor: firstFactor(a), Password: password, Sealed: masked(a, who)}
}
