// Package login decides what a Matrix user's input and Telegram's answers mean
// for their login attempts and sessions. It knows the user's state and the
// command, and nothing else: no network, clock, randomness or log. Time and IDs
// arrive in the command; out comes one fact, or a refusal that the user is told.
package login

import (
	"time"

	"github.com/natsgram/natsgram/events"
)

// Command is something that somebody wants, or that Telegram answered.
type Command interface{ command() }

// Start begins an attempt. With Login it is to revive that suspended login.
type Start struct {
	Attempt   events.AttemptID
	Login     events.LoginID
	User      events.MatrixID
	Room      events.RoomID
	Deadline  time.Time
	Method    events.Method     // by phone if empty
	Answered  bool              // the first answer came with the command
	Secret    events.SecretKind // what else the command's message held
	Via       events.Channel    // the management room if empty
	MaxLogins int               // how many active logins a user may hold
}

// Submit takes the user's answer to what the attempt asks for. The answer
// itself lies in the vault already; Readable says whether the bridge could make
// sense of it, Masked is what may be kept of a phone number.
type Submit struct {
	Attempt  events.AttemptID
	Step     events.Step // the step the answer was read for
	Readable bool
	Masked   string
	Bot      bool           // it is a bot's token, which may be given in place of a number
	Named    bool           // it has the name of the account to make
	Reason   events.Refusal // why it isn't taken if not readable; empty: not understood
	Matches  bool           // it is the code that the login page shows
	Via      events.Channel // empty: the management room
}

// Cancel ends the running attempt at the user's wish: that one, if it is named.
type Cancel struct {
	Attempt events.AttemptID
	Via     events.Channel
}

// Expire ends an attempt whose deadline has passed.
type Expire struct {
	Attempt events.AttemptID
	Now     time.Time
}

// Abandon ends the running attempt because its room is no safe place any more.
type Abandon struct{ Reason events.Failure }

// Resend asks for another code by the next route.
type Resend struct {
	Now time.Time
	Via events.Channel
}

// OfferResend says that the time is here from which on Telegram sends another
// code.
type OfferResend struct {
	Attempt events.AttemptID
	Now     time.Time
}

// CodeIsOnItsWay, NeedPassword and LetIn are Telegram's good answers to the
// submission Of.
type CodeIsOnItsWay struct {
	Of      events.EventID
	Route   events.Route
	Length  int
	Next    events.Route
	NextAt  time.Time
	HasHint bool
	What    events.CodeFacts
}

// NeedPassword is Telegram asking for the two-factor password.
type NeedPassword struct {
	Of      events.EventID
	HasHint bool
}

// LetIn is Telegram accepting the login. Login is used if the account is new to
// the user; an account known before keeps its login ID and its rooms.
type LetIn struct {
	Of      events.EventID
	Login   events.LoginID
	Account events.AccountID
	Who     events.AccountFacts
	// Displaces says that another Matrix user holds the account.
	Displaces bool
}

// Refuse is Telegram refusing the submission Of. Final ends the attempt.
type Refuse struct {
	Of       events.EventID
	Reason   events.Refusal
	Error    string
	RetryAt  time.Time
	Next     events.Step // what to ask for now
	Final    bool
	MaxTries int
}

// Delay says that Telegram can't be reached for the submission Of; the bridge
// goes on trying.
type Delay struct{ Of events.EventID }

// Logout asks to end a login; with Keep, to suspend it. Secret is what else the
// command's message held.
type Logout struct {
	Login  events.LoginID
	Keep   bool
	Secret events.SecretKind
}

// End records that a session has ended.
type End struct {
	Login    events.LoginID
	Cause    events.EndCause
	Evidence string
	Remote   bool
}

// ListChats records how many chats a login has.
type ListChats struct {
	Login          events.LoginID
	Rooms, Private int
}

// Progress says how many of a login's rooms are made, or refused for good.
type Progress struct {
	Login        events.LoginID
	Made, Failed int
}

func (Start) command()          {}
func (Submit) command()         {}
func (Cancel) command()         {}
func (Resend) command()         {}
func (OfferResend) command()    {}
func (Expire) command()         {}
func (Abandon) command()        {}
func (CodeIsOnItsWay) command() {}
func (NeedPassword) command()   {}
func (LetIn) command()          {}
func (Refuse) command()         {}
func (Delay) command()          {}
func (Logout) command()         {}
func (End) command()            {}
func (ListChats) command()      {}
func (Progress) command()       {}

// Refused is a command that can't be carried out in the state the user is in.
type Refused struct{ Reason events.CommandRefusal }

func (r Refused) Error() string { return string(r.Reason) }
