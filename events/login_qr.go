package events

import "time"

// The steps of a login by QR code.
const (
	StepRequestingQR Step = "requesting_qr" // Telegram's answer to auth.exportLoginToken
	StepQR           Step = "qr"            // the user's telephone, which is to scan the code
)

// MethodQR is a login by a code that is shown to the user's telephone.
const MethodQR Method = "qr"

// FactorQR is a code that a telephone has scanned.
const FactorQR = "qr"

// BadQR says that Telegram no longer takes the code that was scanned.
const BadQR Refusal = "qr_invalid"

// SecretQR is the picture of a QR code, and the code as text beside it.
const SecretQR SecretKind = "qr"

// QRIssued is Telegram's answer to the wish for a code: the N-th of the attempt.
// The token it shows lies in the vault. Until is when it is renewed.
type QRIssued struct {
	Attempt AttemptID `json:"attempt"`
	N       int       `json:"n"`
	Until   time.Time `json:"until"`
}

// QRShown records that the bot has sent the picture of a code, or put it in
// place of the one before: Message is to be redacted when the code has done its
// work.
type QRShown struct {
	Attempt AttemptID     `json:"attempt"`
	N       int           `json:"n"`
	Message MatrixEventID `json:"message"`
	Edit    bool          `json:"edit,omitempty"`
	Sealed  RoomFacts     `json:"-"`
}

// Lapse says why a code is to be asked for anew.
type Lapse string

// Why a code lapses.
const (
	LapseExpired Lapse = "expired"
	// LapseUnheard: the connection over which Telegram tells that the code was
	// scanned was lost, and so may be what it told.
	LapseUnheard Lapse = "unheard"
)

// QRLapsed records that a code is no longer waited for. Telegram is asked
// whether it was scanned, and gives another if not.
type QRLapsed struct {
	Attempt AttemptID `json:"attempt"`
	N       int       `json:"n"`
	Reason  Lapse     `json:"reason"`
}

// QRScanned records Telegram's word that the code was scanned.
type QRScanned struct {
	Attempt AttemptID `json:"attempt"`
	N       int       `json:"n"`
}

// QRRejected says that Telegram gave no code, or did not take one that was
// scanned.
type QRRejected struct{ Rejection }

// Type and Personal of each fact about QR codes.

func (*QRIssued) Type() Type      { return "natsgram.auth.qr_issued.v1" }
func (*QRIssued) Personal() any   { return nil }
func (*QRShown) Type() Type       { return "natsgram.auth.qr_shown.v1" }
func (f *QRShown) Personal() any  { return &f.Sealed }
func (*QRLapsed) Type() Type      { return "natsgram.auth.qr_lapsed.v1" }
func (*QRLapsed) Personal() any   { return nil }
func (*QRScanned) Type() Type     { return "natsgram.auth.qr_scanned.v1" }
func (*QRScanned) Personal() any  { return nil }
func (*QRRejected) Type() Type    { return "natsgram.auth.qr_rejected.v1" }
func (*QRRejected) Personal() any { return nil }
