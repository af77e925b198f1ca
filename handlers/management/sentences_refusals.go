package management

import (
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/projections"
)

// rejectionWords says why Telegram did not take an answer, and what to send now.
func rejectionWords(r events.Rejection, at time.Time) notice {
	again := ask(projections.Attempt{}, r.Next)
	switch r.Reason {
	case events.FloodWait:
		return line("Telegram asks us to wait. Please send %s again %s.", wanted(r.Next), waitUntil(r.RetryAt, at))
	case events.ResendWait:
		return line("Telegram asks us to wait before it sends another code: type `resend` again %s. The code that is on its way is good still.", waitUntil(r.RetryAt, at)).and(again)
	case events.BadPhone:
		return line("Telegram does not take this as a phone number. Please look at it again.").and(again)
	case events.PhoneBanned:
		return line("Telegram has banned this phone number.").and(again)
	case events.PhoneUnknown:
		return line("There is no Telegram account with this number: make one in an official Telegram app or by `register`, or send me another number.").and(again)
	case events.PhoneFlood:
		return line("There were too many logins with this number, and Telegram blocks it for a while, usually a day. Try again then, or send me another number.").and(again)
	case events.BadName:
		return line("Telegram does not take this as a name.").and(again)
	case events.BadToken:
		return line("Telegram does not know this token, or BotFather has made a newer one: look there.").and(again)
	case events.BadCode:
		return line("This is not the code that Telegram sent. Please look at its latest message and try again.").and(again)
	case events.CodeExpired:
		return line("The code has expired.").and(again)
	case events.BadPassword:
		return line("The password is wrong. Please try again. If you forgot it, you can reset it in the Telegram app: Settings, Privacy and Security, Two-Step Verification.").and(again)
	case events.ConfigError:
		return line("This bridge is not set up right: Telegram refuses it. Please tell whoever runs it (`%s`). Your login stays open.", r.Error)
	case events.CodeNotMade:
		return line("Telegram could not make a code just now.").and(again)
	case events.LoginRestarted:
		return line("Telegram wants the login from its beginning (`%s`).", r.Error).and(again)
	case events.SessionLost:
		return line("Telegram has lost this login (`%s`), so we begin it anew.", r.Error).and(again)
	case events.ChallengeExpired:
		return line("Telegram did not look at the password, because its question had changed meanwhile. Please send it once more.").and(again)
	case events.NoOtherRoute:
		return line("Telegram has no other way to send this code now: please wait for the one that is on its way.").and(again)
	case events.SecretsMissing:
		return line("I no longer have what you sent me.").and(again)
	case events.PasswordVanished:
		return line("The two-step verification of your account has changed meanwhile.").and(again)
	default:
		return line("Telegram refused with `%s`. Please try again.", r.Error).and(again)
	}
}

// wanted names what a step asks for.
func wanted(step events.Step) string {
	switch step {
	case events.StepCode:
		return "the code"
	case events.StepToken:
		return "your bot's token"
	case events.StepPassword:
		return "your password"
	case events.StepName:
		return "the name"
	case events.StepTerms:
		return "`accept`"
	case events.StepConfirm:
		return "`yes`"
	default:
		return "your phone number"
	}
}

// inputWords says why the bridge did not take an answer.
func inputWords(u projections.User, f *events.InputRefused, at time.Time) notice {
	if u.Attempt == nil || u.Attempt.ID != f.Attempt {
		return line("Your login has ended meanwhile. Type `login` to begin again.")
	}
	switch {
	case f.Reason == events.RoomLeftBehind:
		return line("I listen in our newer private chat now, and did not use this message. Please send %s there.", wanted(f.Step))
	case f.Reason == events.RoomBarred && f.Step == events.StepPassword:
		return line("This bridge takes no passwords in rooms, so I did not use it. Enter it on the login page: `login` gives you a new link to it. `cancel` ends the login.")
	case f.Reason == events.LoginBarred:
		return line("This bridge takes no logins in rooms, so I did not use it. Go on on the login page: `login` gives you a new link to it. `cancel` ends the login.")
	case f.Step == events.StepPairing && f.Reason == events.NotUnderstood:
		return line("I can't read this as the code that the login page shows: it has six letters and digits. Please send it and nothing else; `cancel` ends the login.")
	case f.Reason == events.RoomBarred:
		return line("This bridge takes no bot tokens in rooms, so I did not use it. `cancel` ends the login; ask whoever runs the bridge how to connect a bot.")
	case f.Step == events.StepRequestingQR, f.Step == events.StepQR && (f.Reason == events.NotUnderstood || f.Reason == events.NotAnEdit):
		return qrInputWords(f)
	case f.Reason == events.NotNow:
		return line("One moment: I am still waiting for Telegram's answer to what you sent before. I did not use this message.")
	case f.Reason == events.NotAnEdit:
		return line("I don't read edited messages. Please send %s as a new message.", wanted(u.Attempt.Step))
	case f.Reason == events.FloodWait:
		return line("Telegram asked us to wait, so I did not use this message. Please send %s again %s.", wanted(f.Step), waitUntil(u.Attempt.RetryAt, at))
	case f.Reason == events.CountryMissing:
		return line("The country code is missing. Please send the number again with + and the code of its country before it, such as `+44 7911 123456`; `cancel` ends the login.")
	case f.Reason == events.CountryUnknown:
		return line("No country has the code that this number begins with. Please look at the digits after the + and send it again, such as `+44 7911 123456`; `cancel` ends the login.")
	case f.Reason == events.PhoneTooShort:
		return line("This phone number is too short: digits are missing. Please send all of it with its country code, such as `+44 7911 123456`; `cancel` ends the login.")
	case f.Reason == events.PhoneTooLong:
		return line("This phone number has too many digits. Please send it again with its country code, such as `+44 7911 123456`; `cancel` ends the login.")
	case f.Reason == events.BadName, f.Reason == events.NameTooLong, f.Step == events.StepName:
		return badNameWords(f)
	case answers.ConsentAsked(f.Step):
		return line("I did not understand that.").and(askRegister(f.Step))
	case f.Step == events.StepPhone && u.Attempt.Method == events.MethodRegister:
		return line("I can't read this as a phone number.").and(askNumber())
	case f.Step == events.StepPhone:
		return line("I can't read this as a phone number. Please send it with its country code and nothing else, such as `+44 7911 123456`; `cancel` ends the login.")
	case f.Step == events.StepToken:
		return line("I can't read this as a bot's token. Please send it as BotFather gave it to you and nothing else, such as `123456:ABC-DEF…`; `cancel` ends the login.")
	case f.Step == events.StepCode:
		return line("I can't read this as a code. Please send the digits and nothing else; `cancel` ends the login.")
	default:
		return line("I can't read this as a password. Please send it as a plain text message; `cancel` ends the login.")
	}
}

// failureWords says why an attempt has ended.
func failureWords(u projections.User, f *events.LoginFailed) notice {
	again, what := line("Type `login` to begin again."), "login"
	if f.Method == events.MethodRegister {
		again, what = line("Type `register` to begin again, or `login` to use an account that you have."), "registration"
	}
	if f.Login != "" {
		again = line("Type `%s` to begin again.", reloginCommand(u, f.Login))
	}
	switch f.Reason {
	case events.FailedCancelled:
		return line("The %s is cancelled.", what).and(again)
	case events.FailedTimeout:
		return line("The %s took too long, so I ended it.", what).and(again)
	case events.FailedRoomShared:
		return line("I stopped your login: somebody else has joined this room or is invited to it. Open a private chat with me alone and type `login` there.")
	case events.FailedRoomLeft:
		return notice{} // nobody is there to read it
	case events.FailedTooManyTurns:
		return line("You began anew too often, so I ended the %s.", what).and(again)
	case events.FailedTooManyTries:
		return line("That was wrong too often, so I ended the %s to protect your account.", what).and(again)
	case events.FailedRoomPublic, events.FailedRoomReadable, events.FailedRoomEncrypted, events.FailedRoomBarred:
		return unsafeWords(f.Reason)
	case events.FailedOtherAccount:
		return otherAccountWords(u, f.Login)
	case events.FailedSecretsGone:
		return line("I no longer have what is needed to go on with this %s.", what).and(again)
	default:
		return refusedForGood(f)
	}
}

// refusedForGood says what Telegram's error means that ended an attempt.
func refusedForGood(f *events.LoginFailed) notice {
	switch f.Refusal {
	case events.EmailDemanded:
		return line("Telegram wants you to set up an e-mail address for logging in before it lets this account in, and that can only be done in its own apps: " +
			"log in there once and follow what it says, then type `login` here. The login has ended.")
	case events.PaymentDemanded:
		return line("Telegram wants to be paid before it sends an SMS to this number, and that can only be done in its own apps, so the login has ended. " +
			"Log in to an official Telegram app first; then type `login` here, and the code comes to that app free of charge.")
	case events.ConfigError:
		return line("This bridge is not set up right: Telegram refuses it (`%s`), so the login has ended. Please tell whoever runs it; when it is mended, type `login`.", f.Error)
	case events.SignUpForbidden:
		return line("Telegram does not let this number sign up through other apps than its own, so I had to end this. " +
			"Make the account in an official Telegram app (https://telegram.org/apps) on a phone with that number, then type `login` here: your new account is connected as any other.")
	case events.PhoneOccupied:
		return line("Somebody has made a Telegram account with this number just now, so there is none left to make, and I ended the registration. If it is yours, type `login`.")
	case events.PhoneUnknown:
		return line("There is no Telegram account with this number, so the login has ended. To make one here, type `register` and follow what I say, " +
			"or make it in an official Telegram app (https://telegram.org/apps) and then type `login`. If you have an account with another number, type `login` and send me that.")
	case events.AccountClosed:
		return line("Telegram has closed this account, so the login has ended. You can ask Telegram why at https://telegram.org/support; with another account, type `login`.")
	case events.PhoneBanned:
		return line("Telegram has banned this phone number, so the login has ended. You can write to Telegram's support about it; with another number, type `login`.")
	default:
		return refusedWith(f.Error)
	}
}

// refusedWith tells of a refusal by Telegram's error alone.
func refusedWith(code string) notice {
	switch code {
	case "":
		return line("Telegram refused the login. Type `login` to begin again.")
	default:
		return line("Telegram refused the login: `%s`. Type `login` to begin again.", code)
	}
}
