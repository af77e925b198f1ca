package management

import (
	"fmt"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// codeWords says where the code is, asks for it, and says what to do if it
// does not come.
func codeWords(f *events.CodeSent, at time.Time) notice {
	return routeWords(f).and(ask(projections.Attempt{Route: f.Route, Length: f.Length}, events.StepCode)).and(nextWords(f, at))
}

// routeWords says where the code is to be found (auth.SentCodeType).
func routeWords(f *events.CodeSent) notice {
	pattern := f.Sealed.Pattern
	switch f.Route {
	case events.RouteApp:
		return line("Telegram has sent a code to your **Telegram app** on another device, in the chat named Telegram.")
	case events.RouteSMS:
		return line("Telegram has sent you a code by **SMS**.")
	case events.RouteCall:
		return line("Telegram **calls** you and says a code.")
	case events.RouteFlashCall:
		return line("Telegram **calls** you and hangs up at once. The code is the whole number that called%s.", shaped(", which looks like", pattern))
	case events.RouteMissedCall:
		last := "the last digits"
		if f.Length > 0 {
			last = fmt.Sprintf("the last %d digits", f.Length)
		}
		return line("Telegram **calls** you and hangs up at once. The code is "+last+" of the number that called%s.", shaped(", which begins with", pattern))
	case events.RouteEmail:
		return line("Telegram has sent you a code by **e-mail**%s.", shaped(" to", pattern))
	case events.RouteFragment:
		return line("Telegram has sent a code to **Fragment**, where this number was bought: log in at %s with the number's owner to see it.", orElse(f.Sealed.URL, "fragment.com"))
	case events.RouteSMSWord:
		return line("Telegram has sent you an **SMS**, and the code is one **word** in it.")
	case events.RouteSMSPhrase:
		return line("Telegram has sent you an **SMS**, and the code is the **phrase** in it.")
	default:
		return line("Telegram has sent you a code.")
	}
}

func shaped(words, pattern string) string {
	if pattern == "" {
		return ""
	}
	return words + " " + pattern
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// nextWords says what to do if the code does not come.
func nextWords(f *events.CodeSent, at time.Time) notice {
	switch {
	case f.Next == "":
		return notice{}
	case f.NextAt.After(at):
		return line("If it does not come: %s, type `resend` for %s.", waitUntil(f.NextAt, at), wayOf(f.Next))
	default:
		return line("If it does not come: type `resend` for %s.", wayOf(f.Next))
	}
}

// tooSoon says when another code may be asked for.
func tooSoon(u projections.User, at time.Time) notice {
	a := u.Attempt
	if a == nil {
		return line("It was too soon for another code.")
	}
	when := a.NextAt
	if a.RetryAt.After(when) {
		when = a.RetryAt
	}
	return line("Not yet: Telegram allows %s %s. Please type `resend` again then, or send me the code if it comes before.", wayOf(a.Next), waitUntil(when, at))
}

// wayOf is what another code comes by.
func wayOf(r events.Route) string {
	switch r {
	case events.RouteApp:
		return "a code in the Telegram app"
	case events.RouteSMS:
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

// factorWords says what Telegram has taken before it asked for the password.
func factorWords(factor string) string {
	if factor == events.FactorToken {
		return "Telegram knows this bridge from your last login and wants no code."
	}
	if factor == events.FactorQR {
		return "Your phone has scanned the code."
	}
	return "The code is right."
}

// hintWords tells what Telegram lets the user know of a secret.
func hintWords(step events.Step, hint string) notice {
	if step == events.StepCode {
		return line("It begins with “%s”.", hint)
	}
	return line("Your hint for the password: “%s”.", hint)
}
