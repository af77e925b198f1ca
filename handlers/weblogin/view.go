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
	Open     bool // this browser has a login open, though the page shows none
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
