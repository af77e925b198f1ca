package events

// The steps of making a Telegram account, between the code and the login.
const (
	StepTerms     Step = "terms"         // the user's consent to Telegram's terms of service
	StepName      Step = "name"          // the new account's name
	StepSigningUp Step = "signing_up"    // Telegram's answer to auth.signUp
	StepConfirm   Step = "confirm_login" // whether to log in, as the number has an account
	StepEntering  Step = "entering"      // Telegram's word on who the account is
)

// MethodRegister is to make a Telegram account first.
const MethodRegister Method = "register"

// SignupRequired is Telegram's answer to a right code for a number without an
// account, to a user who wants to make one. Terms is what Telegram wants to be
// accepted first, MinAge the age that a user must have; empty if nothing.
type SignupRequired struct {
	Attempt AttemptID `json:"attempt"`
	Terms   string    `json:"terms,omitempty"`
	MinAge  int       `json:"min_age,omitempty"`
	Next    Step      `json:"next"`
}

// TermsAccepted records that the user accepted Telegram's terms of service.
type TermsAccepted struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
	Next    Step      `json:"next"`
}

// NameSubmitted records that the user gave the name of the account to make; it
// lies in the vault, as long as the attempt does.
type NameSubmitted struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
	Next    Step      `json:"next"`
}

// SignupRejected says that Telegram did not make the account, and the attempt
// goes on at Next.
type SignupRejected struct{ Rejection }

// NumberTaken is Telegram's answer to a right code, to a user who wants to make
// an account, for a number that has one. Nothing comes of it unless the user
// says so. Password says that the account's two-factor password is still to
// come; only without it Telegram has said who the account is.
type NumberTaken struct {
	Attempt  AttemptID    `json:"attempt"`
	Factor   string       `json:"factor"` // what was given
	Password bool         `json:"password,omitempty"`
	Sealed   AccountFacts `json:"-"`
}

// LoginConfirmed records that the user wants to log in to the account that the
// number has.
type LoginConfirmed struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
	Next    Step      `json:"next"`
}

// Type and Personal of each fact about making an account.

func (*SignupRequired) Type() Type    { return "natsgram.auth.signup_required.v1" }
func (*SignupRequired) Personal() any { return nil }
func (*TermsAccepted) Type() Type     { return "natsgram.auth.terms_accepted.v1" }
func (*TermsAccepted) Personal() any  { return nil }
func (*NameSubmitted) Type() Type     { return "natsgram.auth.name_submitted.v1" }
func (*NameSubmitted) Personal() any  { return nil }
func (*SignupRejected) Type() Type    { return "natsgram.auth.signup_rejected.v1" }
func (*SignupRejected) Personal() any { return nil }
func (*NumberTaken) Type() Type       { return "natsgram.auth.number_taken.v1" }
func (f *NumberTaken) Personal() any  { return &f.Sealed }
func (*LoginConfirmed) Type() Type    { return "natsgram.auth.login_confirmed.v1" }
func (*LoginConfirmed) Personal() any { return nil }
