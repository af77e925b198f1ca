package weblogin

import (
	"cmp"
	"strings"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// input is all that a page depends on.
type input struct {
	User      projections.User
	Attempt   events.AttemptID // the session's; User may have another, or none
	Now       time.Time
	Closes    time.Time // when the browser's session ends
	Fixed     bool      // nothing the user does puts that off
	Base      string    // path before all links: "" or "/telegram"
	Languages string    // Accept-Language
	Form      string    // token of the page's forms
	Hint      string    // of the password, or how a code of words begins
	Pairing   string    // the code to be sent to the bot
	QRLink    string    // tg://login?token=…
	Stale     bool      // what was sent was for a step that is over
	Refused   events.Refusal
}

// view is what a page shows.
type view struct {
	place
	Kind    string // which of the templates
	Title   text
	Lead    []text
	Next    []text // what to do now, where the login is over
	Problem *problem
	Note    *text

	code     *codePart
	qr       *qrPart
	Hold     *moment       // before which no answer is taken
	Wait     time.Duration // before anything more is taken of whom there was too much
	Terms    string
	Hint     string
	Account  string // user name for password managers
	Pairing  string
	Named    bool // the form asks for a name and the number
	Methods  []events.Method
	Back     events.Method
	Closing  *closing
	Deadline *moment
}

// place is where a page stands: what its links and forms need.
type place struct {
	Base      string
	Languages string
	Form      string
	Step      events.Step
	Version   uint64 // of the user's state that the page shows
	MatrixID  events.MatrixID
}

// problem is an answer that was not taken. Field is what it concerns: the ID of
// an element. Beside says that it stands there, too: of an earlier step's answer
// the field of this one is not to blame.
type problem struct {
	Text   text
	Field  string
	Beside bool
}

// codePart is what helps to find the code.
type codePart struct {
	Words  bool // not digits
	Help   text
	URL    string
	Resend *resendPart // nil: there is no other way
}

// resendPart is another code.
type resendPart struct {
	Label text
	Ask   text
	Wait  *moment
}

// qrPart is the code to scan.
type qrPart struct {
	N    int
	Link string
}

// closing is when the page's time is over. Stay says that it can be put off.
type closing struct {
	Moment moment
	Text   text
	Stay   bool
}

// Code and QR are the parts of a view that only one step has.
func (v view) Code() *codePart { return v.code }
func (v view) QR() *qrPart     { return v.qr }

// viewOf says what the page shows.
func viewOf(in input) view {
	v := view{place: place{
		Base: in.Base, Languages: in.Languages, Form: in.Form, Version: in.User.Seq, MatrixID: in.User.MatrixID,
	}}
	a, over := in.User.Attempt, in.User.Over
	switch {
	case a != nil && a.ID == in.Attempt:
		v.attempt(in, *a)
	case a == nil && over != nil && over.Attempt == in.Attempt && over.Login != "":
		v.done(in, *over)
	case a == nil && over != nil && over.Attempt == in.Attempt:
		v.failed(in, *over)
	default:
		v.Kind, v.Title = "over", say("gone.title")
		v.Lead, v.Next = []text{say("gone.lead")}, []text{say("gone.next")}
	}
	if in.Closes.After(in.Now) {
		v.closes(in)
	}
	return v
}

// attempt shows a running login.
func (v *view) attempt(in input, a projections.Attempt) {
	v.Step = a.Step
	deadline := moment{At: a.Deadline, Now: in.Now}
	v.Deadline = &deadline
	v.step(in, a)
	v.problem(in, a)
	if in.Stale {
		note := say("stale.notice")
		v.Note = &note
	}
	if a.Awaiting == "" && a.RetryAt.After(in.Now) {
		v.Hold = &moment{At: a.RetryAt, Now: in.Now}
	}
}

// closes says when the page's time is over: the session's, or the login's if
// that is sooner.
func (v *view) closes(in input) {
	c := &closing{Moment: moment{At: in.Closes, Now: in.Now}, Stay: !in.Fixed && v.Form != ""}
	c.Text = say("page.closing")
	if v.Deadline != nil && !in.Closes.Before(v.Deadline.At) {
		c.Moment.At, c.Stay, c.Text = v.Deadline.At, false, say("page.ending")
	}
	v.Closing = c
}

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
		Text: refusalText(r, field, moment{At: at, Now: in.Now}), Field: field,
		Beside: field != "content" && asks(r.Step) == asks(a.Step),
	}
}

// refusalText is the words for a refusal.
func refusalText(r projections.Rebuff, field string, until moment) text {
	key := "refusal." + string(r.Reason)
	switch r.Reason {
	case events.NotUnderstood:
		switch field {
		case "phone", "token", "code", "password", "accept", "first":
			key += "." + field
		}
	case events.FloodWait, events.ResendWait:
		if !until.At.After(until.Now) {
			key += ".over"
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

// accountName is how an account is called: "Alice (@alice, +44 ••••• ••1234)".
func accountName(a events.AccountFacts) any {
	var more []string
	if a.Username != "" {
		more = append(more, "@"+a.Username)
	}
	if a.Masked != "" {
		more = append(more, a.Masked)
	}
	details := strings.Join(more, ", ")
	switch {
	case a.Name == "" && details == "":
		return say("done.unnamed")
	case a.Name == "" || details == "":
		return cmp.Or(a.Name, details)
	default:
		return a.Name + " (" + details + ")"
	}
}
