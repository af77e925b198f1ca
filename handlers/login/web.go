package login

import (
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// How many links to the login page a user gets within how long, and how long one
// is good.
const (
	MaxLinks    = 6
	LinksWithin = 15 * time.Minute
	LinkLife    = 10 * time.Minute
)

// maxReused is how often the log records that a link was tried in vain.
const maxReused = 3

// maxPairings is how often the code that the page shows may be sent wrong.
const maxPairings = 3

// maxTurns is how often a user may go back to the beginning of an attempt.
const maxTurns = 10

// MakeLink gives the user a link to the login page for the running attempt. Of
// one that is to be paired with its browser, that browser is the only one: whoever
// could open another would see what only the first is shown.
type MakeLink struct {
	Attempt events.AttemptID
	Link    events.LinkID
	Now     time.Time
	Room    events.RoomID // where it is told
	ByAdmin bool
}

// Redeem takes a link up in a browser. The fact that comes of it is
// *events.WebLinkRedeemed, or *events.WebLinkReused if the link opens nothing
// any more; none if that is known well enough.
type Redeem struct {
	Link    events.LinkID
	Now     time.Time
	Pairing bool // the operator wants the browser paired with the user
	Where   events.BrowserFacts
}

// Choose goes back to the beginning of the attempt, to log in by Method. At is
// the step that the user saw.
type Choose struct {
	Attempt events.AttemptID
	At      events.Step
	Method  events.Method
	Via     events.Channel
}

func (MakeLink) command() {}
func (Redeem) command()   {}
func (Choose) command()   {}

func makeLink(u projections.User, c MakeLink) (events.Fact, error) {
	a := u.Attempt
	_, _, known := u.Link(c.Link)
	switch {
	case known:
		return nil, nil // made before, for the same reason
	case a == nil || a.ID != c.Attempt:
		return nil, Refused{events.RefusedNothingRunning}
	case a.Pairing && a.Browser != nil:
		return nil, Refused{events.RefusedBrowserOpen}
	case u.LinksSince(c.Now.Add(-LinksWithin)) >= MaxLinks:
		return nil, Refused{events.RefusedManyLinks}
	}
	until := c.Now.Add(LinkLife)
	if a.Deadline.Before(until) {
		until = a.Deadline
	}
	return &events.WebLinkMade{
		Attempt: a.ID, Link: c.Link, Until: until.UTC().Truncate(time.Millisecond), ByAdmin: c.ByAdmin,
		Sealed: events.RoomFacts{User: u.MatrixID, Room: c.Room},
	}, nil
}

func redeem(u projections.User, c Redeem) events.Fact {
	l, newest, known := u.Link(c.Link)
	var why events.LinkRefusal
	switch {
	case !known || !newest:
		why = events.LinkRevoked
	case l.Redeemed:
		why = events.LinkSpent
	case !c.Now.Before(l.Until):
		why = events.LinkExpired
	case u.Attempt == nil || u.Attempt.ID != l.Attempt:
		why = events.LinkOver
	case u.Attempt.Pairing && u.Attempt.Browser != nil:
		why = events.LinkRevoked
	default:
		return &events.WebLinkRedeemed{Attempt: l.Attempt, Link: l.ID, Pairing: c.Pairing, Sealed: c.Where}
	}
	if !known || l.Reused >= maxReused {
		return nil
	}
	return &events.WebLinkReused{Link: c.Link, Reason: why, Sealed: c.Where}
}

// choose is for the steps that wait for the user: while Telegram is asked, its
// answer comes first.
func choose(u projections.User, c Choose) (events.Fact, error) {
	a := u.Attempt
	switch {
	case a == nil || a.ID != c.Attempt || a.Step != c.At || a.Awaiting != "":
		return nil, nil
	case c.Method == events.MethodRegister && a.Login != "":
		return nil, nil // there is an account to go back to
	case c.Method != events.MethodPhone && c.Method != events.MethodBot && c.Method != events.MethodQR && c.Method != events.MethodRegister:
		return nil, nil
	case c.Method == a.Method && a.Step == beginningOf(c.Method):
		return nil, nil // it is chosen already
	case a.Turns >= maxTurns:
		return fail(a, events.FailedTooManyTurns, ""), nil // each turn gives new tries
	}
	return &events.MethodChosen{Attempt: a.ID, Method: c.Method, From: a.Step, Via: c.Via}, nil
}

// beginningOf is the step that a method begins with.
func beginningOf(m events.Method) events.Step {
	switch m {
	case events.MethodBot:
		return events.StepToken
	case events.MethodQR:
		return events.StepQR
	default:
		return events.StepPhone
	}
}

// pair takes what the user sent as the code that the page shows.
func pair(a *projections.Attempt, c Submit) events.Fact {
	switch {
	case c.Matches:
		return &events.PairingConfirmed{Attempt: a.ID}
	case a.Tries+1 >= maxPairings:
		return fail(a, events.FailedTooManyTries, "")
	default:
		return &events.PairingRejected{Rejection: events.Rejection{Attempt: a.ID, Reason: events.BadPairing, Next: events.StepPairing}}
	}
}
