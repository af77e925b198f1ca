package provisioning

import (
	"fmt"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// rebuffWords say why what the user gave last was not taken.
func rebuffWords(a projections.Attempt) string {
	switch a.Rebuff.Reason {
	case events.FloodWait:
		return fmt.Sprintf("Telegram asks us to wait: try again from %s on.", clock(a.RetryAt))
	case events.ResendWait:
		return fmt.Sprintf("Telegram sends another code from %s on; the one that is on its way is good still.", clock(a.NextAt))
	case events.NotUnderstood:
		return unreadWords(a.Step)
	case events.NotNow:
		return "That came while Telegram was still being asked, so it was not used."
	case events.NotAnEdit:
		return "Edited messages are not read."
	case events.LoginBarred:
		return "This bridge takes no logins in rooms, so it was not used there; here it is."
	case events.RoomBarred:
		return "This bridge takes no bot tokens and passwords in rooms, so it was not used there; here it is."
	case events.RoomLeftBehind:
		return "That was sent in a chat with the bot that a newer one has replaced."
	default:
		return phoneWords(a)
	}
}

func unreadWords(step events.Step) string {
	switch step {
	case events.StepPhone:
		return "This can't be read as a phone number."
	case events.StepCode:
		return "This can't be read as a code."
	case events.StepToken:
		return "This can't be read as a bot's token, which looks like 123456:ABC-DEF…"
	case events.StepName:
		return "This can't be read as a name."
	case events.StepTerms, events.StepConfirm:
		return "This is neither a yes nor a no."
	default:
		return "This could not be read."
	}
}

// phoneWords are about numbers and accounts.
func phoneWords(a projections.Attempt) string {
	switch a.Rebuff.Reason {
	case events.CountryMissing:
		return "The country code is missing: begin with + and the code of the number's country."
	case events.CountryUnknown:
		return "No country has the code that this number begins with: look at the digits after the +."
	case events.PhoneTooShort:
		return "This number is too short: digits are missing."
	case events.PhoneTooLong:
		return "This number has too many digits."
	case events.BadPhone:
		return "Telegram does not take this as a phone number."
	case events.PhoneBanned:
		return "Telegram has banned this number: use another, or write to Telegram's support."
	case events.PhoneUnknown:
		return "There is no Telegram account with this number: register one, or use another number."
	case events.PhoneFlood:
		return "There were too many logins with this number, and Telegram blocks it for a while, usually a day: try again then, or use another."
	case events.PhoneOccupied:
		return "Somebody has made a Telegram account with this number just now: log in to it, if it is yours."
	case events.SignUpForbidden:
		return "Telegram lets this number sign up through its official apps only: make the account there, then log in here."
	case events.AccountClosed:
		return "Telegram has closed this account: ask Telegram why at https://telegram.org/support."
	case events.EmailDemanded:
		return "Telegram wants an e-mail address set up first, which only its official apps can do: log in there once, then here."
	case events.PaymentDemanded:
		return "Telegram wants to be paid before it sends an SMS to this number: log in to an official Telegram app first, and the code comes there."
	default:
		return answerWords(a)
	}
}

// answerWords are about codes, passwords, tokens and names.
func answerWords(a projections.Attempt) string {
	switch a.Rebuff.Reason {
	case events.BadCode:
		return "This is not the code that Telegram sent: look at its latest message and try again."
	case events.CodeExpired:
		return "The code has expired."
	case events.CodeNotMade:
		return "Telegram could not make a code just now: try again."
	case events.NoOtherRoute:
		return "Telegram has no other way to send this code: wait for the one that is on its way."
	case events.BadPassword:
		return "The password is wrong: try again."
	case events.PasswordVanished:
		return "The two-step verification of the account has changed meanwhile."
	case events.ChallengeExpired:
		return "Telegram did not look at the password, because its question had changed meanwhile: enter it once more."
	case events.BadToken:
		return "Telegram does not know this token, or BotFather has made a newer one: look there."
	case events.BadName:
		return "Telegram does not take this as a name."
	case events.NameTooLong:
		return "This name is too long: Telegram takes 64 characters for the first name and as many for the last."
	case events.BadQR:
		return "Telegram no longer takes the code that was scanned: scan the new one."
	case events.BadPairing:
		return "That was not the code that the login page shows."
	case events.SecretsMissing:
		return "The bridge no longer has what you gave it."
	case events.LoginRestarted:
		return "Telegram wants the login from its beginning."
	case events.SessionLost:
		return "Telegram has lost this login, so it begins anew."
	case events.ConfigError:
		return fmt.Sprintf("This bridge is not set up right, and Telegram refuses it (%s): tell whoever runs it.", a.Rebuff.Error)
	case events.TelegramError:
		return fmt.Sprintf("Telegram refused with %s: try again.", a.Rebuff.Error)
	default:
		return "That was not taken: try again."
	}
}

// failureWords say why a process has ended without a login, and what to do.
func failureWords(o projections.Over) string {
	const again = " Start another with POST login/start."
	switch o.Reason {
	case events.FailedCancelled:
		return "The login was cancelled." + again
	case events.FailedTimeout:
		return "The login took too long, so it was ended." + again
	case events.FailedTooManyTurns:
		return "The way to log in was changed too often, so the login was ended. Begin again."
	case events.FailedTooManyTries:
		return "That was wrong too often, so the login was ended to protect the account." + again
	case events.FailedSecretsGone:
		return "The bridge no longer has what is needed to go on with this login." + again
	case events.FailedOtherAccount:
		return "That is another account than the one to take up, so nothing was connected. Use that account, or leave out login_id to add this one."
	case events.FailedRoomShared, events.FailedRoomLeft, events.FailedRoomPublic, events.FailedRoomReadable, events.FailedRoomEncrypted, events.FailedRoomBarred:
		return "The login was ended because the user's chat with the bot, where it went on, is no safe place for it." + again
	case events.FailedRefused:
		if o.Refusal != "" {
			return rebuffWords(projections.Attempt{Step: o.Step, Rebuff: &projections.Rebuff{Reason: o.Refusal, Error: o.Error}}) + " The login has ended."
		}
		return fmt.Sprintf("Telegram refused the login (%s).", o.Error) + again
	default:
		return "The login has ended." + again
	}
}
