package login

import (
	"encoding/base64"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// ShowQR is Telegram giving a code to scan, in answer to Of. It is good until
// Until; the token that it shows lies in the vault.
type ShowQR struct {
	Of    events.EventID
	Until time.Time
}

// Scanned is Telegram saying that the attempt's code was scanned.
type Scanned struct{ Attempt events.AttemptID }

// Lapse has the attempt's code asked for anew: at Now its time is over or,
// Unheard, a scan may have gone unheard.
type Lapse struct {
	Attempt events.AttemptID
	Now     time.Time
	Unheard bool
}

// QRLink is what the code for a token of Telegram's says
// (core.telegram.org/api/qr-login).
func QRLink(token []byte) string {
	return "tg://login?token=" + base64.RawURLEncoding.EncodeToString(token)
}

func (ShowQR) command()  {}
func (Scanned) command() {}
func (Lapse) command()   {}

// qr takes what happens to a QR code that is shown. What comes after it was
// scanned, or given up for a phone number, changes nothing.
func qr(u projections.User, c Command) events.Fact {
	a := u.Attempt
	if a == nil {
		return nil
	}
	switch c := c.(type) {
	case ShowQR:
		if c.Of != "" && a.Awaiting == c.Of {
			return &events.QRIssued{Attempt: a.ID, N: a.QR + 1, Until: c.Until}
		}
	case Scanned:
		if a.ID == c.Attempt && a.Step == events.StepQR {
			return &events.QRScanned{Attempt: a.ID, N: a.QR}
		}
	case Lapse:
		switch {
		case a.ID != c.Attempt || a.Step != events.StepQR:
		case c.Unheard:
			return &events.QRLapsed{Attempt: a.ID, N: a.QR, Reason: events.LapseUnheard}
		case !c.Now.Before(a.QRUntil):
			return &events.QRLapsed{Attempt: a.ID, N: a.QR, Reason: events.LapseExpired}
		}
	}
	return nil
}
