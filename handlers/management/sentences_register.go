package management

import (
	"html"
	"strings"

	"github.com/natsgram/natsgram/events"
)

// registerWords is what the user reads while an account is made.
func registerWords(f events.Fact) notice {
	switch f := f.(type) {
	case *events.SignupRequired:
		return signupWords(f)
	case *events.TermsAccepted:
		if f.Next == events.StepName {
			return line("Thank you.").and(askRegister(f.Next))
		}
		return notice{} // Telegram's answer tells
	case *events.NameSubmitted:
		if f.Next == events.StepPhone {
			return line("Thank you, I have the name. Please send me the **phone number** for the account with its country code, such as `+44 7911 123456`. " +
				"I delete your message as soon as I have read it. `cancel` ends the registration.")
		}
		return notice{}
	case *events.NumberTaken:
		return takenWords(f)
	case *events.LoginConfirmed:
		if f.Next == events.StepPassword {
			return line("The account has two-step verification.")
		}
		return notice{}
	default:
		return notice{}
	}
}

func askNumber() notice {
	return line("Please send me the **phone number** for it with its country code, and your name if you like, such as `+44 7911 123456 Alice Liddell`. " +
		"I delete your message as soon as I have read it. `cancel` ends the registration.")
}

// askRegister says what is wanted at a step of making an account.
func askRegister(step events.Step) notice {
	switch step {
	case events.StepTerms:
		return line("Type `accept` if you accept Telegram's terms of service, or `cancel` to end the registration.")
	case events.StepName:
		return line("Please send me the **name** for the account, first and last, such as `Alice Liddell`. Others on Telegram see it. `cancel` ends the registration.")
	default:
		return line("Type `yes` if I am to log you in to the account that this number has, or `cancel`.")
	}
}

func signupWords(f *events.SignupRequired) notice {
	n := line("The code is right, and the number has no Telegram account yet.")
	if f.Next == events.StepSigningUp {
		return n.and(line("I am making it now."))
	}
	if f.Next == events.StepName {
		return n.and(askRegister(f.Next))
	}
	ask := askRegister(f.Next)
	if f.MinAge > 0 {
		ask = line("You must be **at least %d years old**; with `accept` you confirm that you are.", f.MinAge).and(ask)
	}
	if f.Terms == "" {
		return n.and(ask)
	}
	return n.and(line("Telegram wants you to accept its **terms of service** first:")).then(quote(f.Terms)).then(ask)
}

// maxQuote bounds a quoted text, in bytes: it stands in an event twice, escaped,
// and an event has 64 KiB.
const maxQuote = 12_000

// quote sets a text of somebody else's apart.
func quote(text string) notice {
	text = strings.TrimSpace(text)
	if len(text) > maxQuote {
		text = strings.ToValidUTF8(text[:maxQuote], "") + "… (the rest: https://telegram.org/tos)"
	}
	return notice{
		body: "\n\n" + text + "\n\n",
		html: "<blockquote>" + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>") + "</blockquote>",
	}
}

func takenWords(f *events.NumberTaken) notice {
	if f.Password {
		return line("The code is right, but this number **has a Telegram account already**, with two-step verification, so there is nothing to make.").and(askRegister(events.StepConfirm))
	}
	return line("The code is right, but this number **has a Telegram account already**, **%s**, so there is nothing to make. "+
		"I have not connected it.", accountName(f.Sealed)).and(askRegister(events.StepConfirm))
}

// registered says that the account is made.
func registered(f *events.LoginSucceeded) notice {
	return line("**Registered**: you have a Telegram account now, and are logged in as **%s**. "+
		"Set a two-step verification password in a Telegram app (Settings, Privacy and Security), so that the number alone is no key to it.", accountName(f.Sealed)).
		and(afterLogin(f.Method))
}

// badNameWords says why a name was not taken by the bridge.
func badNameWords(f *events.InputRefused) notice {
	again := askRegister(events.StepName)
	if f.Step == events.StepPhone {
		again = askNumber()
	}
	if f.Reason == events.NameTooLong {
		return line("This name is too long: Telegram takes 64 characters for the first name and as many for the last.").and(again)
	}
	return line("I can't read this as a name.").and(again)
}
