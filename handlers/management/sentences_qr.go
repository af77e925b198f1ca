package management

import (
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// onThePhone is how a telephone scans a code.
const onThePhone = "On your phone, open Telegram, then **Settings**, **Devices**, **Link Desktop Device**, and point the camera at the code."

// qrWords stand beside the picture of a code, and in its place for whoever
// can't see it.
func qrWords(a projections.Attempt, token vault.Secret) notice {
	return line("This QR code connects your Telegram account. "+onThePhone+" It changes here every half minute, until %s. "+
		"If you can't see it: the code says `%s`. Or send me your **phone number** instead. `cancel` ends the login.",
		a.Deadline.UTC().Format("15:04 UTC"), login.QRLink(token))
}

// qrAsk says what is wanted while a code is shown.
func qrAsk() notice {
	return line("Please scan the **QR code** that I show in this room. " + onThePhone +
		" Or send me your **phone number** with its country code instead, such as `+44 7911 123456`. `cancel` ends the login.")
}

// qrStartWords begin a login by QR code.
func qrStartWords(u projections.User, f *events.LoginStarted, time string) notice {
	soon := line("I am asking Telegram for a QR code to scan with your phone; it comes in a moment. `cancel` ends the login.")
	if f.Login != "" {
		return reviveWords(u, f.Login, time).and(soon)
	}
	return line("Let's connect your Telegram account. You have %s.", time).and(soon)
}

// qrRejectionWords say why there is no code, or why a scan was not taken.
func qrRejectionWords(r events.Rejection, at time.Time) notice {
	switch {
	case r.Next != events.StepQR:
		return rejectionWords(r, at)
	case r.Reason == events.FloodWait:
		return line("Telegram asks us to wait. It gives another QR code %s, and I show it here. `cancel` ends the login.", waitUntil(r.RetryAt, at))
	default:
		return line("Telegram no longer takes the QR code that you scanned (`%s`). I show another in a moment: please scan that one.", r.Error)
	}
}

// qrInputWords say why a message is no answer while a code is shown or awaited.
func qrInputWords(f *events.InputRefused) notice {
	switch {
	case f.Step == events.StepRequestingQR:
		return line("One moment: I am still waiting for Telegram's answer about the QR code. I did not use this message.")
	case f.Reason == events.NotAnEdit:
		return line("I don't read edited messages.").and(qrAsk())
	default:
		return line("There is nothing to type: the QR code is to be scanned.").and(qrAsk())
	}
}
