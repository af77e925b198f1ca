package management

import (
	"strings"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// devicesWords lists where an account is logged in to Telegram.
func devicesWords(u projections.User, f *events.DevicesListed) notice {
	switch {
	case f.OK:
	case f.Error == "unreachable" || f.Error == "":
		return line("Telegram can't be reached just now. Please ask again later.")
	default:
		return line("Telegram did not tell: `%s`. Please ask again later.", f.Error)
	}
	n := line("You are logged in to Telegram here:")
	if l, ok := u.Login(f.Login); ok {
		n = line("**%s** is logged in to Telegram here:", name(l))
	}
	for i, d := range f.Sealed.Devices {
		n = n.then(line("\n%d. %s", i+1, deviceName(d)))
		switch {
		case d.Own:
			n = n.then(line(" – **this bridge**"))
		case !d.Active.IsZero():
			n = n.then(line(", last active %s", d.Active.UTC().Format("2 January 2006, 15:04 UTC")))
		}
	}
	if len(f.Sealed.Devices) < 2 {
		return n.then(line("\nThere is no other. `logout` ends this one."))
	}
	return n.then(line("\n`sessions end 2`, for instance, ends the second."))
}

// deviceName is how a device is called: "Telegram Android 11.2 on Pixel 8, London".
func deviceName(d events.Device) string {
	text := strings.Join(strings.Fields(d.App), " ")
	if d.Model != "" {
		text = strings.TrimSpace(text + " on " + d.Model)
	}
	if d.Place != "" {
		text += ", " + d.Place
	}
	return text
}

// deviceWords says what became of a session that the user asked to end.
func deviceWords(f *events.DeviceLoggedOut) notice {
	what := deviceName(f.Sealed.Device)
	switch {
	case f.OK:
		return line("The session is ended: %s.", what)
	case f.Error == "HASH_INVALID":
		return line("That session is no more: %s. Type `sessions` for a new list.", what)
	case f.Error == "FRESH_RESET_AUTHORISATION_FORBIDDEN":
		return line("Telegram lets a session end others only when it is a day old. Try again tomorrow, or end it in the Telegram app under Settings, Devices: %s.", what)
	case f.Error == "unreachable" || f.Error == "":
		return line("Telegram can't be reached just now, so the session goes on: %s. Please try again later.", what)
	default:
		return line("Telegram did not end the session (`%s`): %s. You can end it in the Telegram app under Settings, Devices.", f.Error, what)
	}
}
