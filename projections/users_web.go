package projections

import (
	"slices"
	"time"

	"github.com/natsgram/natsgram/events"
)

// keptLinks is how many links to the login page a user's state remembers: the
// newest is the one that opens it, the others tell how many there were of late.
const keptLinks = 8

// Link is a link to the login page.
type Link struct {
	ID       events.LinkID    `json:"id"`
	Attempt  events.AttemptID `json:"attempt"`
	Made     time.Time        `json:"made"`
	Until    time.Time        `json:"until"`
	Redeemed bool             `json:"redeemed,omitempty"`
	Reused   int              `json:"reused,omitempty"` // how often it was tried in vain
}

// Browser is where an attempt goes on on the login page.
type Browser struct {
	Address string    `json:"address,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Since   time.Time `json:"since"`
}

// Rebuff is an answer that was not taken, and why: the page shows it beside the
// field until another answer is given.
type Rebuff struct {
	Step   events.Step    `json:"step"` // that the answer was for
	Reason events.Refusal `json:"reason"`
	Error  string         `json:"error,omitempty"` // Telegram's error type
	At     time.Time      `json:"at"`
}

// Over is how the attempt that ended last has ended: in Login, or for Reason.
type Over struct {
	Attempt   events.AttemptID `json:"attempt"`
	Method    events.Method    `json:"method,omitempty"`
	Step      events.Step      `json:"step,omitempty"` // at which it failed
	At        time.Time        `json:"at"`
	Login     events.LoginID   `json:"login,omitempty"`
	Revives   events.LoginID   `json:"revives,omitempty"` // which was to be connected again
	Displaces bool             `json:"displaces,omitempty"`
	Reason    events.Failure   `json:"reason,omitempty"`
	Refusal   events.Refusal   `json:"refusal,omitempty"`
	Error     string           `json:"error,omitempty"`
	Browser   *Browser         `json:"browser,omitempty"` // where the page was open
	Via       events.Channel   `json:"via,omitempty"`     // the door of the last answer
}

// Missed is the step at which the attempt that ended last asked for something: the
// answer may be on its way.
func (u User) Missed() (step events.Step, o Over, ok bool) {
	if u.Attempt != nil || u.Over == nil || u.Over.Login != "" {
		return "", Over{}, false
	}
	return u.Over.Step, *u.Over, true
}

// Link returns a link of the user's, if it is known still, and whether it is the
// newest.
func (u User) Link(id events.LinkID) (l Link, newest, ok bool) {
	i := slices.IndexFunc(u.Links, func(l Link) bool { return l.ID == id })
	if i < 0 {
		return Link{}, false, false
	}
	return u.Links[i], i == len(u.Links)-1, true
}

// LinksSince is how many links were made at a time or later, as far as they are
// known still.
func (u User) LinksSince(at time.Time) int {
	n := 0
	for _, l := range u.Links {
		if !l.Made.Before(at) {
			n++
		}
	}
	return n
}

// Pairs reports whether the attempt is to wait for the code that the page shows,
// once Telegram has let the user in.
func (a Attempt) Pairs() bool { return a.Pairing && a.Step != events.StepEntering }

// applyWeb folds what happens to links to the login page.
func (u *User) applyWeb(e events.Event) {
	switch f := e.Fact.(type) {
	case *events.WebLinkMade:
		u.Links = append(u.Links, Link{ID: f.Link, Attempt: f.Attempt, Made: e.Time, Until: f.Until})
		if len(u.Links) > keptLinks {
			u.Links = slices.Delete(u.Links, 0, len(u.Links)-keptLinks)
		}
	case *events.WebLinkRedeemed:
		u.link(f.Link, func(l *Link) { l.Redeemed = true })
		if a := u.Attempt; a != nil && a.ID == f.Attempt {
			a.Pairing = f.Pairing
			a.Browser = &Browser{Address: f.Sealed.Address, Agent: f.Sealed.Agent, Since: e.Time}
		}
	case *events.WebLinkReused:
		u.link(f.Link, func(l *Link) { l.Reused++ })
	default:
		// Nothing else is sent here.
	}
}

func (u *User) link(id events.LinkID, change func(*Link)) {
	for i := range u.Links {
		if u.Links[i].ID == id {
			change(&u.Links[i])
		}
	}
}

// end folds the end of the attempt.
func (u *User) end(o Over) {
	if a := u.Attempt; a != nil {
		o.Browser, o.Via, o.Revives = a.Browser, a.Via, a.Login
		if o.Method == "" {
			o.Method = a.Method
		}
	}
	u.Attempt, u.Over = nil, &o
}

// chosen folds the choice of a method, and the way of a login that waits for its
// browser.
func (a *Attempt) applyWeb(e events.Event) {
	switch f := e.Fact.(type) {
	case *events.MethodChosen:
		fresh := Attempt{
			ID: a.ID, Login: a.Login, Method: f.Method, Channel: a.Channel, Room: a.Room, Started: a.Started, Deadline: a.Deadline,
			RetryAt: a.RetryAt, QR: a.QR, Via: f.Via, Browser: a.Browser, Pairing: a.Pairing, Turns: a.Turns + 1,
		}
		*a = fresh
		switch f.Method {
		case events.MethodBot:
			a.ask(events.StepToken)
		case events.MethodQR:
			a.submit(e.ID, events.StepRequestingQR)
		default:
			a.ask(events.StepPhone)
		}
	case *events.PairingRequired:
		a.ask(events.StepPairing)
		who := f.Sealed
		a.Factors, a.Tries, a.Account = append(a.Factors, f.Factor), 0, &who
	case *events.PairingRejected:
		a.reject(e, f.Rejection)
	case *events.PairingConfirmed:
		a.submit(e.ID, events.StepEntering)
	default:
		// Nothing else is sent here.
	}
}

// via is the door through which a fact came, if it is an answer of the user's.
func via(f events.Fact) (events.Channel, bool) {
	var c events.Channel
	switch f := f.(type) {
	case *events.PhoneSubmitted:
		c = f.Via
	case *events.TokenSubmitted:
		c = f.Via
	case *events.CodeSubmitted:
		c = f.Via
	case *events.PasswordSubmitted:
		c = f.Via
	case *events.TermsAccepted:
		c = f.Via
	case *events.NameSubmitted:
		c = f.Via
	case *events.LoginConfirmed:
		c = f.Via
	case *events.ResendRequested:
		c = f.Via
	default:
		return "", false
	}
	if c == "" {
		c = events.ChannelRoom
	}
	return c, true
}
