package events

import "time"

// The channels besides the management room.
const (
	ChannelWeb Channel = "web" // the login page
	ChannelAPI Channel = "api" // the provisioning API
)

// StepPairing waits for the code that the login page shows, given to the bot:
// who sits at the browser is the Matrix user, or trusts them.
const StepPairing Step = "pairing"

// BadPairing says that what was sent is not the code that the login page shows.
const BadPairing Refusal = "pairing_invalid"

// LinkID names a link to the login page. It opens nothing: the link's token does,
// which only its user and, as an HMAC, the vault know.
type LinkID string

// WebLinkMade records that a user is given a link to the login page, by which
// Attempt goes on in a browser until the link's time is over. It takes the place
// of every link before it. Room is where it is told: that of the admin who asked
// for it, if it is ByAdmin.
type WebLinkMade struct {
	Attempt AttemptID `json:"attempt"`
	Link    LinkID    `json:"link"`
	Until   time.Time `json:"until"`
	ByAdmin bool      `json:"by_admin,omitempty"`
	Sealed  RoomFacts `json:"-"`
}

// BrowserFacts is where a request came from.
type BrowserFacts struct {
	Address string `json:"address,omitempty"` // IP
	Agent   string `json:"agent,omitempty"`   // as the browser calls itself
}

// WebLinkRedeemed records that a browser has taken up a link: it is spent.
// Pairing says that the login takes effect only once the user has sent the bot
// what the page shows.
type WebLinkRedeemed struct {
	Attempt AttemptID    `json:"attempt"`
	Link    LinkID       `json:"link"`
	Pairing bool         `json:"pairing,omitempty"`
	Sealed  BrowserFacts `json:"-"`
}

// LinkRefusal says why a link opens nothing.
type LinkRefusal string

// Why a link is refused.
const (
	LinkSpent   LinkRefusal = "spent"
	LinkExpired LinkRefusal = "expired"
	LinkRevoked LinkRefusal = "revoked"    // a newer one was made
	LinkOver    LinkRefusal = "login_over" // the login that it was made for has ended
)

// WebLinkReused records that somebody tried a link that opens nothing any more.
type WebLinkReused struct {
	Link   LinkID       `json:"link"`
	Reason LinkRefusal  `json:"reason"`
	Sealed BrowserFacts `json:"-"`
}

// MethodChosen records that the user goes back to the beginning of a login, to
// log in by Method. From is the step that they leave.
type MethodChosen struct {
	Attempt AttemptID `json:"attempt"`
	Method  Method    `json:"method"`
	From    Step      `json:"from"`
	Via     Channel   `json:"via,omitempty"`
}

// PairingRequired records that Telegram has let the user in, and that the login
// waits for the code that the page shows. Factor is what was given last.
type PairingRequired struct {
	Attempt AttemptID    `json:"attempt"`
	Factor  string       `json:"factor"`
	Sealed  AccountFacts `json:"-"`
}

// PairingRejected records that another code was sent than the page shows.
type PairingRejected struct{ Rejection }

// PairingConfirmed records that the user has sent the code that the page shows.
type PairingConfirmed struct {
	Attempt AttemptID `json:"attempt"`
}

// LoginOrdered records, among an admin's facts, that they asked for a link by
// which another Matrix user is logged in.
type LoginOrdered struct {
	User   UID        `json:"user"` // who is to be logged in
	Sealed LoginOrder `json:"-"`
}

// LoginOrder is the personal part of LoginOrdered.
type LoginOrder struct {
	RoomFacts
	For MatrixID `json:"for"`
}

// Type and Personal of each fact about the login page.

func (*WebLinkMade) Type() Type          { return "natsgram.auth.web_link_made.v1" }
func (f *WebLinkMade) Personal() any     { return &f.Sealed }
func (*WebLinkRedeemed) Type() Type      { return "natsgram.auth.web_link_redeemed.v1" }
func (f *WebLinkRedeemed) Personal() any { return &f.Sealed }
func (*WebLinkReused) Type() Type        { return "natsgram.auth.web_link_reused.v1" }
func (f *WebLinkReused) Personal() any   { return &f.Sealed }
func (*MethodChosen) Type() Type         { return "natsgram.auth.method_chosen.v1" }
func (*MethodChosen) Personal() any      { return nil }
func (*PairingRequired) Type() Type      { return "natsgram.auth.pairing_required.v1" }
func (f *PairingRequired) Personal() any { return &f.Sealed }
func (*PairingRejected) Type() Type      { return "natsgram.auth.pairing_rejected.v1" }
func (*PairingRejected) Personal() any   { return nil }
func (*PairingConfirmed) Type() Type     { return "natsgram.auth.pairing_confirmed.v1" }
func (*PairingConfirmed) Personal() any  { return nil }
func (*LoginOrdered) Type() Type         { return "natsgram.auth.login_ordered.v1" }
func (f *LoginOrdered) Personal() any    { return &f.Sealed }
