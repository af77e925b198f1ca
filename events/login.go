package events

import "time"

// Step is where a login attempt stands: what the bridge waits for.
type Step string

// The steps of a login by phone. A step ending in "ing" waits for Telegram, the
// others wait for the user.
const (
	StepPhone            Step = "phone"             // the user's phone number
	StepRequestingCode   Step = "requesting_code"   // Telegram's answer to auth.sendCode
	StepCode             Step = "code"              // the user's code
	StepResendingCode    Step = "resending_code"    // Telegram's answer to auth.resendCode
	StepToken            Step = "token"             // the user's bot token
	StepCheckingToken    Step = "checking_token"    // Telegram's answer to auth.importBotAuthorization
	StepCheckingCode     Step = "checking_code"     // Telegram's answer to auth.signIn
	StepPassword         Step = "password"          // the user's two-factor password
	StepCheckingPassword Step = "checking_password" // Telegram's answer to auth.checkPassword
)

// Method says how a user proves who they are to Telegram.
type Method string

// The login methods.
const (
	MethodPhone Method = "phone"
	// MethodToken is a login by phone number for which Telegram wanted no code:
	// the user logged out of the account here before, and it left a token.
	MethodToken Method = "future_token"
	MethodBot   Method = "bot"
)

// The factors with which a user has proved who they are.
const (
	FactorCode     = "code"
	FactorPassword = "password"
	FactorToken    = "future_token"
	FactorBotToken = "bot_token"
)

// Channel says through which door the user talks to the bridge.
type Channel string

// ChannelRoom is the management room.
const ChannelRoom Channel = "room"

// LoginStarted records that a Matrix user began to log in. The attempt ends at
// Deadline unless it has ended before. With Login it is to revive that login,
// and only its account will do. Answered says that the command held the first
// answer; Secret is what else it held that is redacted.
type LoginStarted struct {
	Attempt  AttemptID `json:"attempt"`
	Login    LoginID   `json:"login,omitempty"`
	Method   Method    `json:"method"`
	Channel  Channel   `json:"channel"`
	Deadline time.Time `json:"deadline"`

	Answered bool       `json:"answered,omitempty"`
	Secret   SecretKind `json:"secret,omitempty"`

	Sealed RoomFacts `json:"-"`
}

// PhoneFacts is the personal part of PhoneSubmitted.
type PhoneFacts struct {
	Masked string `json:"masked"` // "+44 ••••• ••1234"
}

// PhoneSubmitted records that the user gave a phone number. The number itself
// lies in the vault under the attempt.
type PhoneSubmitted struct {
	Attempt AttemptID  `json:"attempt"`
	Via     Channel    `json:"via,omitempty"`   // empty: the management room
	Named   bool       `json:"named,omitempty"` // with the name of the account to make, which lies in the vault too
	Sealed  PhoneFacts `json:"-"`
}

// Route is the way by which Telegram delivers a code (auth.SentCodeType).
type Route string

// The delivery routes.
const (
	RouteApp        Route = "app"
	RouteSMS        Route = "sms"
	RouteCall       Route = "call"
	RouteFlashCall  Route = "flash_call"
	RouteMissedCall Route = "missed_call"
	RouteEmail      Route = "email"
	RouteFragment   Route = "fragment"
	RouteSMSWord    Route = "sms_word"   // the code is a word
	RouteSMSPhrase  Route = "sms_phrase" // the code is some words
	RouteOther      Route = "other"
)

// CodeFacts is the personal part of CodeSent: what helps to find the code.
type CodeFacts struct {
	Pattern string `json:"pattern,omitempty"` // of the number that calls, or of the e-mail address
	URL     string `json:"url,omitempty"`     // Fragment's
}

// CodeSent is Telegram's answer to a phone number: a code is on its way. Next is
// how another would come, from NextAt on; empty if there is no other way.
type CodeSent struct {
	Attempt AttemptID `json:"attempt"`
	Route   Route     `json:"route"`
	Length  int       `json:"length,omitempty"` // digits, 0 if Telegram did not say
	Next    Route     `json:"next,omitempty"`
	NextAt  time.Time `json:"next_at,omitzero"`
	// HasHint says that Telegram told how the word or phrase begins. That is
	// part of the code, and so in the vault.
	HasHint bool      `json:"has_hint,omitempty"`
	Sealed  CodeFacts `json:"-"`
}

// ResendRequested records that the user asked for another code by the next route.
type ResendRequested struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
}

// ResendOffered records that the time has come from which on Telegram sends
// another code by Route, and that none was given until then.
type ResendOffered struct {
	Attempt AttemptID `json:"attempt"`
	Route   Route     `json:"route"`
}

// Refusal says why Telegram, or the bridge, did not take an answer. The names
// are stable: operators count by them.
type Refusal string

// The reasons for a refusal.
const (
	BadPhone         Refusal = "phone_invalid"
	PhoneBanned      Refusal = "phone_banned"
	PhoneUnknown     Refusal = "phone_unregistered"
	PhoneFlood       Refusal = "phone_flood"
	BadCode          Refusal = "code_invalid"
	CodeExpired      Refusal = "code_expired"
	BadToken         Refusal = "token_invalid"
	BadPassword      Refusal = "password_invalid"
	FloodWait        Refusal = "flood_wait"
	TelegramError    Refusal = "telegram_error" // an error we have no name for; Error has it
	ConfigError      Refusal = "bridge_misconfigured"
	NotUnderstood    Refusal = "not_understood" // the bridge could not read the answer
	SecretsMissing   Refusal = "secrets_missing"
	PasswordVanished Refusal = "password_not_set"
	NotNow           Refusal = "not_now"      // given while Telegram is still being asked
	NotAnEdit        Refusal = "edited"       // an earlier message was edited; only new ones are read
	RoomBarred       Refusal = "room_barred"  // the bridge takes no bot tokens in rooms
	LoginBarred      Refusal = "login_barred" // the bridge takes no logins in rooms
	RoomLeftBehind   Refusal = "old_room"     // given in a private chat that a newer one has replaced

	CountryMissing Refusal = "country_code_missing"
	CountryUnknown Refusal = "country_code_unknown"
	PhoneTooShort  Refusal = "phone_too_short"
	PhoneTooLong   Refusal = "phone_too_long"

	NoOtherRoute     Refusal = "no_other_route"
	ResendWait       Refusal = "resend_wait" // a flood wait for another code; the one sent is good still
	CodeNotMade      Refusal = "code_not_created"
	LoginRestarted   Refusal = "login_restarted"   // Telegram wants the login from its beginning
	SessionLost      Refusal = "session_lost"      // Telegram no longer knows the half-made login
	ChallengeExpired Refusal = "challenge_expired" // the password may be right: it was not looked at
	SignUpForbidden  Refusal = "signup_forbidden"
	AccountClosed    Refusal = "account_closed"
	EmailDemanded    Refusal = "email_setup_required" // Telegram wants an e-mail address set up first
	PaymentDemanded  Refusal = "payment_required"     // Telegram wants to be paid for the code

	BadName       Refusal = "name_invalid" // of an account to make
	NameTooLong   Refusal = "name_too_long"
	PhoneOccupied Refusal = "phone_occupied" // somebody else has made an account with the number meanwhile
)

// IsTry reports whether the refusal says that the answer was wrong. A flood
// wait or a fault of the bridge says nothing of the answer: it is no try.
func (r Refusal) IsTry() bool {
	return r == BadPhone || r == BadCode || r == BadPassword || r == BadToken || r == BadName || r == BadQR || r == BadPairing
}

// Rejection is what a refused answer has in common, at every step.
type Rejection struct {
	Attempt AttemptID `json:"attempt"`
	Reason  Refusal   `json:"reason"`
	Error   string    `json:"error,omitempty"`   // Telegram's error type, e.g. PHONE_CODE_INVALID
	RetryAt time.Time `json:"retry_at,omitzero"` // not before, for a flood wait
	Next    Step      `json:"next"`              // what the attempt waits for now
}

// PhoneRejected, TokenRejected, CodeRejected and PasswordRejected say that an answer was
// refused and the attempt goes on at Next.
type (
	PhoneRejected    struct{ Rejection }
	TokenRejected    struct{ Rejection }
	CodeRejected     struct{ Rejection }
	PasswordRejected struct{ Rejection }
)

// InputRefused records an answer that the bridge itself did not take (no phone
// number, no code, not the time for one); nothing was sent to Telegram. Sealed
// names the room where it is not the management room.
type InputRefused struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
	Step    Step      `json:"step"`
	Reason  Refusal   `json:"reason"`
	Sealed  RoomFacts `json:"-"`
}

// TokenSubmitted records that the user gave a bot's token; it lies in the vault.
type TokenSubmitted struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
}

// CodeSubmitted records that the user gave the code; it lies in the vault.
type CodeSubmitted struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
}

// PasswordRequired is Telegram's answer to a right code when two-factor is on.
type PasswordRequired struct {
	Attempt AttemptID `json:"attempt"`
	Factor  string    `json:"factor"`   // what was given before
	HasHint bool      `json:"has_hint"` // the hint is in the vault
}

// PasswordSubmitted records that the user gave the password; it lies in the vault.
type PasswordSubmitted struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
}

// StepDelayed records that Telegram could not be asked yet: the bridge goes on
// trying until the attempt's deadline. At most one per step.
type StepDelayed struct {
	Attempt AttemptID `json:"attempt"`
	Step    Step      `json:"step"`
	Reason  string    `json:"reason"` // "unreachable"
}

// AccountFacts is who a Telegram account is.
type AccountFacts struct {
	TelegramID int64  `json:"telegram_id"`
	Name       string `json:"name"`
	Username   string `json:"username,omitempty"`
	Masked     string `json:"masked,omitempty"` // masked phone
}

// LoginSucceeded ends an attempt well: Telegram let the user in. Revived says
// that the user had the login before, with its rooms; Displaces that another
// Matrix user held the account.
type LoginSucceeded struct {
	Attempt AttemptID `json:"attempt"`
	Login   LoginID   `json:"login"`
	Account AccountID `json:"account"`
	Method  Method    `json:"method"`
	Factors []string  `json:"factors"` // see FactorCode

	Revived   bool `json:"revived,omitempty"`
	Displaces bool `json:"displaces,omitempty"`

	Sealed AccountFacts `json:"-"`
}

// Failure says why an attempt ended without a login.
type Failure string

// The reasons for which an attempt ends.
const (
	FailedCancelled    Failure = "cancelled"
	FailedTimeout      Failure = "timed_out"
	FailedRoomShared   Failure = "room_not_private" // a third person came in
	FailedRoomLeft     Failure = "room_left"
	FailedTooManyTries Failure = "too_many_tries"
	FailedTooManyTurns Failure = "too_many_turns" // the user chose another method too often
	FailedRefused      Failure = "refused"        // Telegram refused for good; Error has it
	FailedSecretsGone  Failure = "secrets_missing"
	FailedOtherAccount Failure = "other_account" // not that of the login to revive

	FailedRoomPublic    Failure = "room_public"    // who wants to can join
	FailedRoomReadable  Failure = "room_readable"  // who is not in it can read it
	FailedRoomEncrypted Failure = "room_encrypted" // the bot can't read it

	FailedRoomBarred Failure = "room_barred" // the bridge takes no passwords in rooms
)

// LoginFailed ends an attempt without a login. Login is the one it was to
// revive, if any; Method is MethodRegister if an account was to be made.
type LoginFailed struct {
	Attempt AttemptID `json:"attempt"`
	Via     Channel   `json:"via,omitempty"` // empty: the management room
	Login   LoginID   `json:"login,omitempty"`
	Method  Method    `json:"method,omitempty"`
	Reason  Failure   `json:"reason"`
	Step    Step      `json:"step"`
	Refusal Refusal   `json:"refusal,omitempty"` // why Telegram refused for good
	Error   string    `json:"error,omitempty"`
}

// Type and Personal of each fact about logins.

func (*LoginStarted) Type() Type         { return "natsgram.auth.login_started.v1" }
func (f *LoginStarted) Personal() any    { return &f.Sealed }
func (*PhoneSubmitted) Type() Type       { return "natsgram.auth.phone_submitted.v1" }
func (f *PhoneSubmitted) Personal() any  { return &f.Sealed }
func (*PhoneRejected) Type() Type        { return "natsgram.auth.phone_rejected.v1" }
func (*PhoneRejected) Personal() any     { return nil }
func (*TokenSubmitted) Type() Type       { return "natsgram.auth.token_submitted.v1" }
func (*TokenSubmitted) Personal() any    { return nil }
func (*TokenRejected) Type() Type        { return "natsgram.auth.token_rejected.v1" }
func (*TokenRejected) Personal() any     { return nil }
func (*CodeSent) Type() Type             { return "natsgram.auth.code_sent.v1" }
func (f *CodeSent) Personal() any        { return &f.Sealed }
func (*ResendRequested) Type() Type      { return "natsgram.auth.resend_requested.v1" }
func (*ResendRequested) Personal() any   { return nil }
func (*ResendOffered) Type() Type        { return "natsgram.auth.resend_offered.v1" }
func (*ResendOffered) Personal() any     { return nil }
func (*CodeSubmitted) Type() Type        { return "natsgram.auth.code_submitted.v1" }
func (*CodeSubmitted) Personal() any     { return nil }
func (*CodeRejected) Type() Type         { return "natsgram.auth.code_rejected.v1" }
func (*CodeRejected) Personal() any      { return nil }
func (*PasswordRequired) Type() Type     { return "natsgram.auth.password_required.v1" }
func (*PasswordRequired) Personal() any  { return nil }
func (*PasswordSubmitted) Type() Type    { return "natsgram.auth.password_submitted.v1" }
func (*PasswordSubmitted) Personal() any { return nil }
func (*PasswordRejected) Type() Type     { return "natsgram.auth.password_rejected.v1" }
func (*PasswordRejected) Personal() any  { return nil }
func (*InputRefused) Type() Type         { return "natsgram.auth.input_refused.v1" }
func (f *InputRefused) Personal() any    { return &f.Sealed }
func (*StepDelayed) Type() Type          { return "natsgram.auth.step_delayed.v1" }
func (*StepDelayed) Personal() any       { return nil }
func (*LoginSucceeded) Type() Type       { return "natsgram.auth.login_succeeded.v1" }
func (f *LoginSucceeded) Personal() any  { return &f.Sealed }
func (*LoginFailed) Type() Type          { return "natsgram.auth.login_failed.v1" }
func (*LoginFailed) Personal() any       { return nil }
