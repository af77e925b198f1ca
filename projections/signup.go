package projections

import "github.com/natsgram/natsgram/events"

// signUp folds what happens while an account is made.
func (a *Attempt) signUp(e events.Event) {
	switch f := e.Fact.(type) {
	case *events.SignupRequired:
		a.goOn(e.ID, f.Next)
		a.Tries, a.Terms, a.MinAge = 0, f.Terms, f.MinAge
	case *events.TermsAccepted:
		a.goOn(e.ID, f.Next)
	case *events.NameSubmitted:
		a.Named = true
		a.goOn(e.ID, f.Next)
	case *events.SignupRejected:
		a.reject(e, f.Rejection)
		a.Named = a.Named && f.Next != events.StepName
	case *events.NumberTaken:
		a.ask(events.StepConfirm)
		a.Factors, a.Tries, a.Guarded = append(a.Factors, f.Factor), 0, f.Password
		if !f.Password {
			who := f.Sealed
			a.Account = &who
		}
	case *events.LoginConfirmed:
		// From here on it is a login like any other.
		a.Method, a.Guarded = events.MethodPhone, false
		a.goOn(e.ID, f.Next)
	default:
		// Nothing else is sent here.
	}
}

// goOn takes the attempt to the next step, which waits for the user or, because
// of the event, for Telegram.
func (a *Attempt) goOn(because events.EventID, next events.Step) {
	switch next {
	case events.StepSigningUp, events.StepEntering:
		a.submit(because, next)
	default:
		a.ask(next)
	}
}

// AsksFirst reports whether a login is not what the user wants, as far as they
// have said: they want to make an account, and have to be asked if there is one.
func (a Attempt) AsksFirst() bool {
	return a.Method == events.MethodRegister && a.Step != events.StepSigningUp && a.Step != events.StepEntering
}
