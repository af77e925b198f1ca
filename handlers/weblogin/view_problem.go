package weblogin

import (
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// problem says why the last answer was not taken.
func (v *view) problem(in input, a projections.Attempt) {
	r := projections.Rebuff{Step: a.Step, Reason: in.Refused}
	switch {
	case in.Refused != "":
	case a.Rebuff != nil:
		r = *a.Rebuff
	default:
		return
	}
	field := fieldOf(a, r.Reason)
	at := a.RetryAt
	if r.Reason == events.ResendWait {
		at = later(a.NextAt, a.RetryAt)
	}
	v.Problem = &problem{
		Text: refusalText(r, field, moment{At: at, Now: in.Now}, a.Deadline), Field: field,
		Beside: field != "content" && asks(r.Step) == asks(a.Step),
	}
}

// refusalText is the words for a refusal, in a login that goes on until ends.
func refusalText(r projections.Rebuff, field string, until moment, ends time.Time) text {
	key := "refusal." + string(r.Reason)
	switch r.Reason {
	case events.NotUnderstood:
		switch field {
		case "phone", "token", "code", "password", "accept", "first":
			key += "." + field
		}
	case events.FloodWait, events.ResendWait:
		switch {
		case !until.At.After(until.Now):
			key += ".over"
		case !until.At.Before(ends):
			key += ".late"
		}
	}
	if !worded(r.Reason) {
		key = "refusal.unknown"
	}
	return say(key, "error", errorText(r.Error), "when", until)
}

// errorText is Telegram's name for what was wrong.
func errorText(code string) any {
	if code == "" {
		return say("error.unnamed")
	}
	return code
}

// fieldOf is the ID of the element that a refusal concerns.
func fieldOf(a projections.Attempt, why events.Refusal) string {
	switch {
	case a.Awaiting != "":
		return "content"
	case why == events.ResendWait || why == events.NoOtherRoute:
		if a.Step == events.StepCode {
			return "resend"
		}
	case a.Step == events.StepPhone && a.Method == events.MethodRegister && (why == events.BadName || why == events.NameTooLong):
		return "first"
	}
	switch a.Step {
	case events.StepPhone, events.StepToken, events.StepCode, events.StepPassword:
		return string(a.Step)
	case events.StepName:
		return "first"
	case events.StepTerms, events.StepConfirm:
		return "accept"
	default:
		return "content"
	}
}

// asks is the step that asks for what a step is about.
func asks(step events.Step) events.Step {
	switch step {
	case events.StepRequestingCode:
		return events.StepPhone
	case events.StepResendingCode, events.StepCheckingCode:
		return events.StepCode
	case events.StepCheckingToken:
		return events.StepToken
	case events.StepCheckingPassword:
		return events.StepPassword
	case events.StepSigningUp:
		return events.StepName
	case events.StepRequestingQR:
		return events.StepQR
	default:
		return step
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// field is what the template of a field needs: its ID, and what is wrong with it.
type field struct {
	Name  string
	Wrong bool
	Text  text
}

// At is the field with an ID.
func (v view) At(name string) field {
	f := field{Name: name}
	if v.Problem != nil && v.Problem.Beside && v.Problem.Field == name {
		f.Wrong, f.Text = true, v.Problem.Text
	}
	return f
}

// DescribedBy is the IDs of what describes a field: what is wrong, and its help.
func (f field) DescribedBy() string {
	if f.Wrong {
		return f.Name + "-error " + f.Name + "-help"
	}
	return f.Name + "-help"
}
