package provisioning

import (
	"fmt"
	"strings"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/projections"
)

// instructions are what the user reads at a step: what became of what they gave
// last, and what is wanted now. They name times, not how long until then, so
// that a step reads the same each time it is asked for.
func instructions(a projections.Attempt, known asides) string {
	said := wantedWords(a, known)
	if a.Rebuff != nil {
		said = rebuffWords(a) + " " + said
	}
	return said
}

func wantedWords(a projections.Attempt, known asides) string {
	switch a.Step {
	case events.StepPhone:
		if a.Method == events.MethodRegister {
			return "Enter the phone number for the new account, with its country code, such as +44 7911 123456. Telegram often lets new numbers in through its official apps only."
		}
		return "Enter the phone number of your Telegram account with its country code, such as +44 7911 123456."
	case events.StepCode:
		return codeWords(a, known)
	case events.StepPassword:
		return passwordWords(a, known)
	case events.StepToken:
		return "Enter your bot's token, as BotFather gave it to you. The bridge will read what the bot is sent, and write in its name."
	case events.StepQR:
		if len(known.qr) == 0 {
			return "Another QR code comes in a while: please wait."
		}
		return "On your phone, open Telegram, then Settings, Devices, Link Desktop Device, and point the camera at the code. It changes every half minute."
	case events.StepTerms:
		return termsWords(a)
	case events.StepName:
		return "The number has no Telegram account yet. Enter the name for the new one. Others on Telegram see it."
	case events.StepConfirm:
		return confirmWords(a)
	case events.StepPairing:
		return "Telegram has let you in. Send the bridge bot the code that the login page shows, in your chat with it: then you are logged in."
	default:
		if a.Delayed {
			return "Telegram can't be reached just now. The bridge keeps trying: please wait, or cancel the login."
		}
		return "Waiting for Telegram's answer."
	}
}

// codeWords say where the code is to be found.
func codeWords(a projections.Attempt, known asides) string {
	said := routeWords(a)
	switch {
	case answers.WordRoute(a.Route) && len(known.hint) > 0:
		said += fmt.Sprintf(" It begins with “%s”. Enter it word for word.", known.hint.Reveal())
	case answers.WordRoute(a.Route):
		said += " Enter it word for word."
	case a.Length > 0 && a.Route != events.RouteFlashCall:
		said += fmt.Sprintf(" Enter its %d digits.", a.Length)
	default:
		said += " Enter it."
	}
	if a.Next == "" {
		return said
	}
	return said + fmt.Sprintf(" If it does not come: from %s on, enter resend for %s.", clock(a.NextAt), wayWords(a.Next))
}

func routeWords(a projections.Attempt) string {
	switch a.Route {
	case events.RouteApp:
		return "Telegram has sent a code to your Telegram app on another device, in the chat named Telegram."
	case events.RouteSMS:
		return "Telegram has sent you a code by SMS."
	case events.RouteCall:
		return "Telegram calls you and says a code."
	case events.RouteFlashCall:
		return "Telegram calls you and hangs up at once; the code is the whole number that called" + shaped(", which looks like ", a.Pattern) + "."
	case events.RouteMissedCall:
		return "Telegram calls you and hangs up at once; the code is the end of the number that called" + shaped(", which begins with ", a.Pattern) + "."
	case events.RouteEmail:
		return "Telegram has sent you a code by e-mail" + shaped(" to ", a.Pattern) + "."
	case events.RouteFragment:
		return "Telegram has sent a code to Fragment, where this number was bought" + shaped(": ", a.URL) + "."
	case events.RouteSMSWord:
		return "Telegram has sent you an SMS, and the code is one word in it."
	case events.RouteSMSPhrase:
		return "Telegram has sent you an SMS, and the code is the phrase in it."
	default:
		return "Telegram has sent you a code."
	}
}

func shaped(words, pattern string) string {
	if pattern == "" {
		return ""
	}
	return words + pattern
}

// wayWords are what another code comes by.
func wayWords(r events.Route) string {
	switch r {
	case events.RouteApp:
		return "a code in the Telegram app"
	case events.RouteSMS, events.RouteSMSWord, events.RouteSMSPhrase:
		return "a code by SMS"
	case events.RouteCall:
		return "a call that says a code"
	case events.RouteFlashCall, events.RouteMissedCall:
		return "a call whose number is the code"
	case events.RouteEmail:
		return "a code by e-mail"
	case events.RouteFragment:
		return "a code on Fragment"
	default:
		return "a code by another way"
	}
}

func passwordWords(a projections.Attempt, known asides) string {
	said := "Your account has two-step verification: enter its password."
	if len(known.hint) > 0 {
		said += fmt.Sprintf(" Your hint for it: “%s”.", known.hint.Reveal())
	}
	if a.Rebuff != nil && a.Rebuff.Reason == events.BadPassword {
		said += " If you forgot it, reset it in the Telegram app: Settings, Privacy and Security, Two-Step Verification."
	}
	return said
}

func termsWords(a projections.Attempt) string {
	said := "The number has no Telegram account yet. To make one, accept Telegram's terms of service"
	if a.MinAge > 0 {
		said += fmt.Sprintf(", and confirm by it that you are at least %d years old", a.MinAge)
	}
	if a.Terms == "" {
		return said + "."
	}
	return said + ":\n\n" + strings.TrimSpace(a.Terms)
}

func confirmWords(a projections.Attempt) string {
	if a.Guarded || a.Account == nil {
		return "This number has a Telegram account already, with two-step verification, so there is nothing to make. Log in to it?"
	}
	return fmt.Sprintf("This number has a Telegram account already, %s, so there is nothing to make. Log in to it?", accountWords(a.Account.Name, a.Account.Username, a.Account.Masked))
}

// accountWords name a Telegram account.
func accountWords(name, username, masked string) string {
	switch {
	case username != "":
		return fmt.Sprintf("%s (@%s)", name, username)
	case masked != "":
		return fmt.Sprintf("%s (%s)", name, masked)
	default:
		return name
	}
}

// successWords say as whom the user is logged in.
func successWords(u projections.User, o projections.Over) string {
	l, ok := u.Known(o.Login)
	if !ok {
		return "Logged in."
	}
	return "Logged in as " + accountWords(l.Name, l.Username, l.Masked) + "."
}

// clock is a time of day, the same wherever it is read.
func clock(at time.Time) string { return at.UTC().Format("15:04:05 UTC") }
