// Package messages decides what is said, edited and deleted on one side means
// for the other: what is new, what is an echo of ours, what was told before. It
// is pure: a portal's thread and a command in, a fact out. It knows no network,
// clock, randomness or log.
package messages

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// ErrHold says that the message may be the echo of one of ours that has not
// been sent yet as far as the bridge knows: ask again when that one is settled.
var ErrHold = errors.New("may be the echo of a message that is still to be sent")

// ErrNotYours says that somebody tried to edit another's message.
var ErrNotYours = errors.New("only who said a message may edit it")

// Command is something said, or the outcome of carrying it over.
type Command interface{ command() }

// Said is a new message on Telegram.
type Said struct {
	Number  events.MessageNumber
	Login   events.LoginID // whose session saw it
	Content events.Content
	ReplyTo events.MessageNumber
	SaidAt  time.Time
	What    events.MessageFacts
	// Out says that the login's own account said it: it may be the echo of a
	// message that the bridge sent. Tried has the messages whose sending was
	// tried without an answer; only those can have an echo already.
	Out   bool
	Tried map[events.EventID]bool
}

// Typed is a new message on Matrix, by a user of ours. Login is to send it, and
// empty if the user has none that may.
type Typed struct {
	Origin  events.MatrixEventID
	User    events.UID
	Login   events.LoginID
	Content events.Content
	ReplyTo events.MatrixEventID
	SaidAt  time.Time
	What    events.MessageFacts
}

// Edit is a new text for a message named by Number (on Telegram) or Event (on Matrix).
type Edit struct {
	Side    events.Side
	Origin  events.MatrixEventID // the edit's own event, on Matrix
	Number  events.MessageNumber
	Event   events.MatrixEventID
	User    events.UID
	Login   events.LoginID
	Content events.Content
	SaidAt  time.Time
	What    events.MessageFacts
}

// Delete takes away a message named by Number (on Telegram) or Event (on Matrix).
type Delete struct {
	Side   events.Side
	Origin events.MatrixEventID
	Number events.MessageNumber
	Event  events.MatrixEventID
	User   events.UID
	Login  events.LoginID
}

// Carried is the good outcome of the message, edit or deletion Of.
type Carried struct {
	Of      events.EventID // the event carried over
	Message events.EventID // the MessagePosted concerned
	To      events.Side
	Number  events.MessageNumber
	Event   events.MatrixEventID
}

// Lost is the other outcome.
type Lost struct {
	Of      events.EventID
	Message events.EventID
	To      events.Side
	Reason  events.CopyFailure
	Error   string
}

// Wait is a network asking for patience before it takes the message, edit or
// deletion Of.
type Wait struct {
	Of      events.EventID
	Message events.EventID
	To      events.Side
	Until   time.Time
}

func (Wait) command()    {}
func (Said) command()    {}
func (Typed) command()   {}
func (Edit) command()    {}
func (Delete) command()  {}
func (Carried) command() {}
func (Lost) command()    {}

// Decide says what happens when c meets the portal's thread. No fact and no
// error means that the log already says so, or that nobody needs to know.
func Decide(t projections.Thread, c Command) (events.Fact, error) {
	switch c := c.(type) {
	case Said:
		return said(t, c)
	case Typed:
		return typed(t, c), nil
	case Edit:
		return edit(t, c)
	case Delete:
		return remove(t, c), nil
	case Carried:
		if t.Settled(c.Of) {
			return nil, nil
		}
		return &events.CopyMade{To: c.To, Message: c.Message, Number: c.Number, MatrixEvent: c.Event}, nil
	case Lost:
		if t.Settled(c.Of) {
			return nil, nil
		}
		return &events.CopyFailed{To: c.To, Message: c.Message, Reason: c.Reason, Error: c.Error}, nil
	case Wait:
		if t.Settled(c.Of) || slices.Contains(t.Delayed, c.Of) {
			return nil, nil // told once is enough
		}
		return &events.CopyDelayed{To: c.To, Message: c.Message, RetryAt: c.Until}, nil
	default:
		return nil, fmt.Errorf("messages: no decision for %T", c)
	}
}

func said(t projections.Thread, c Said) (events.Fact, error) {
	if _, known := t.ByNumber(c.Number); known {
		return nil, nil
	}
	if c.Out {
		body := projections.BodyHash(c.What.Text)
		for _, p := range t.PendingFrom(c.Login) {
			switch {
			case p.Body != body:
			case c.Tried[p.ID]:
				return &events.CopyMade{To: events.OnTelegram, Message: p.ID, Number: c.Number}, nil
			default:
				return nil, ErrHold
			}
		}
	}
	f := &events.MessagePosted{
		Side: events.OnTelegram, Content: c.Content, Login: c.Login, Number: c.Number, SaidAt: c.SaidAt, Sealed: c.What,
	}
	if p, ok := t.ByNumber(c.ReplyTo); ok {
		f.ReplyTo = p.ID
	}
	return f, nil
}

func typed(t projections.Thread, c Typed) events.Fact {
	if t.Recorded(c.Origin) {
		return nil
	}
	f := &events.MessagePosted{
		Side: events.OnMatrix, Content: c.Content, Login: c.Login, User: c.User, SaidAt: c.SaidAt, Sealed: c.What,
	}
	if p, ok := t.ByEvent(c.ReplyTo); ok {
		f.ReplyTo = p.ID
	}
	return f
}

func edit(t projections.Thread, c Edit) (events.Fact, error) {
	p, ok := find(t, c.Number, c.Event)
	if !ok || p.Deleted || t.Recorded(c.Origin) {
		return nil, nil
	}
	if c.Side == events.OnMatrix && (p.Side != events.OnMatrix || p.User != c.User) {
		return nil, ErrNotYours
	}
	if c.Side == events.OnTelegram && p.Hash == projections.TextHash(c.What.Text) {
		return nil, nil // our own edit coming back, or another login's telling
	}
	return &events.MessageEdited{
		Side: c.Side, Message: p.ID, Login: c.Login, User: c.User, Content: c.Content, SaidAt: c.SaidAt, Sealed: c.What,
	}, nil
}

func remove(t projections.Thread, c Delete) events.Fact {
	p, ok := find(t, c.Number, c.Event)
	if !ok || p.Deleted {
		return nil
	}
	return &events.MessageDeleted{Side: c.Side, Message: p.ID, Login: c.Login, User: c.User}
}

func find(t projections.Thread, n events.MessageNumber, id events.MatrixEventID) (projections.Post, bool) {
	if n != 0 {
		return t.ByNumber(n)
	}
	return t.ByEvent(id)
}
