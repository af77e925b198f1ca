package management

import (
	"fmt"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// loginWords is what the user reads of logins, sessions and chats.
func loginWords(u projections.User, e events.Event) notice {
	switch f := e.Fact.(type) {
	case *events.LoginStarted:
		return startWords(u, e, f)
	case *events.QRRejected:
		return qrRejectionWords(f.Rejection, e.Time)
	case *events.TokenRejected:
		return rejectionWords(f.Rejection, e.Time)
	case *events.SignupRejected:
		return rejectionWords(f.Rejection, e.Time)
	case *events.CodeSent:
		return codeWords(f, e.Time)
	case *events.ResendOffered:
		return line("If no code has come: type `resend` for %s. The one that is on its way is good still.", wayOf(f.Route))
	case *events.PasswordRequired:
		return line("%s Your account has two-step verification.", factorWords(f.Factor)).and(ask(projections.Attempt{}, events.StepPassword)).and(traces())
	case *events.PhoneRejected:
		return rejectionWords(f.Rejection, e.Time)
	case *events.CodeRejected:
		return rejectionWords(f.Rejection, e.Time)
	case *events.PasswordRejected:
		return rejectionWords(f.Rejection, e.Time)
	case *events.InputRefused:
		return inputWords(u, f, e.Time)
	case *events.StepDelayed:
		return line("Telegram can't be reached just now. I keep trying, and your login stays as it is: please wait, or type `cancel` to end it.")
	case *events.LoginSucceeded:
		return welcome(f)
	case *events.LoginFailed:
		return failureWords(u, f)
	case *events.LogoutRequested:
		if e.Actor == events.ByOperator || f.Keep {
			return notice{} // the end of the session tells
		}
		return of(u, f.Login).and(line("Logging you out of Telegram…"))
	case *events.SessionEnded:
		return of(u, f.Login).and(endWords(u, f))
	case *events.ChatsListed:
		return of(u, f.Login).and(chatsWords(u, f))
	case *events.ProgressMade:
		return of(u, f.Login).and(progressWords(f))
	case *events.LoginConfirmed:
		if f.Next == events.StepPassword {
			return registerWords(f).and(ask(projections.Attempt{}, f.Next))
		}
		return registerWords(f)
	default:
		return registerWords(f)
	}
}

// startWords begin a login, and say what the bridge will be able to do.
func startWords(u projections.User, e events.Event, f *events.LoginStarted) notice {
	time, step := span(f.Deadline.Sub(e.Time)), events.StepPhone
	if f.Method == events.MethodBot {
		step = events.StepToken
	}
	question := ask(projections.Attempt{}, step)
	if f.Answered {
		question = line("`cancel` ends it.")
	}
	switch {
	case f.Method == events.MethodQR:
		return qrStartWords(u, f, time)
	case f.Login != "":
		return reviveWords(u, f.Login, time).and(question)
	case f.Method == events.MethodRegister:
		return registerStart(time, f.Answered)
	case f.Method == events.MethodBot:
		return line("Let's connect your Telegram bot. You have %s. The bridge will read what the bot is sent, and write in its name.", time).and(question).and(traces())
	default:
		return line("Let's connect your Telegram account. You have %s. The bridge will read and write there whatever you can.", time).and(question)
	}
}

// traces warns of what deleting does not reach.
func traces() notice {
	return line("The homeserver may keep it in its database even so: go on only if you trust whoever runs it.")
}

// ask says what is wanted at a step.
func ask(a projections.Attempt, step events.Step) notice {
	switch step {
	case events.StepPhone:
		return line("Please send me your **phone number** with its country code, such as `+44 7911 123456`. " +
			"I delete your message as soon as I have read it. `cancel` ends the login.")
	case events.StepToken:
		return line("Please send me your **bot's token**, as BotFather gave it to you; I delete your message at once. `cancel` ends the login.")
	case events.StepQR:
		return qrAsk()
	case events.StepCode:
		if wordRoute(a.Route) {
			return line("Please send me the **code** here, word for word; I delete your message at once. Whatever you send now is taken as the code, only `cancel` and `resend` are heard.")
		}
		digits := ""
		if a.Length > 0 {
			digits = fmt.Sprintf(" of %d digits", a.Length)
		}
		return line("Please send me the **code**%s here; I delete your message at once.", digits)
	case events.StepPassword:
		return line("Please send me your **two-step verification password**; I delete your message at once. " +
			"Whatever you send now is taken as the password, only `cancel` ends the login.")
	case events.StepTerms, events.StepName, events.StepConfirm:
		return askRegister(step)
	default:
		return line("I am waiting for Telegram's answer.")
	}
}

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
	case consentAsked(f.Step):
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

// endWords says why a session has ended, and the way back.
func endWords(u projections.User, f *events.SessionEnded) notice {
	kept := line("Your rooms are kept: type `%s` to connect them again.", reloginCommand(u, f.Login))
	switch f.Cause {
	case events.EndedByUser:
		n := line("You are logged out of Telegram. Type `login` to connect an account again.")
		if !f.Remote {
			n = n.and(line("Telegram could not confirm it: please look in the Telegram app under Settings, Devices, and end the session there if it is still listed."))
		}
		return n
	case events.EndedByOperator:
		return line("Whoever runs this bridge has logged you out of Telegram. Ask them why; `login` connects your account again.")
	case events.EndedByDisplacing:
		return line("Somebody else on this bridge has logged in to the Telegram account you used, so it is no longer connected to you. " +
			"If that was not you, end their session in the Telegram app under Settings, Devices, and change your password. `login` takes the account back.")
	case events.EndedByRevocation:
		return line("**Your Telegram session was ended** from another Telegram app (Settings, Devices).").and(kept)
	case events.EndedByExpiry:
		return line("**Telegram has let your session expire.**").and(kept)
	case events.EndedByBan:
		return line("**Telegram has closed your account**, so your session has ended. If you get the account back, type `%s`: your rooms are kept.", reloginCommand(u, f.Login))
	case events.EndedByDuplicate:
		return line("**Telegram has ended your session** because it was used in two places at once.").and(kept)
	case events.EndedByLeaving:
		return line("**I have ended your Telegram session** because you had left our private chat.").and(kept)
	default:
		return line("**Your Telegram session has ended.**").and(kept)
	}
}

// afterLogin says what comes now.
func afterLogin(m events.Method) notice {
	if m == events.MethodBot {
		return line("A bot has no list of chats: each gets its room when a message comes. In groups it sees what its privacy mode lets it see " +
			"(BotFather, Bot Settings, Group Privacy), and it can't write to people first.")
	}
	return line("I am looking up your chats now.")
}

func chatsWords(u projections.User, f *events.ChatsListed) notice {
	l, ok := u.Login(f.Login)
	if ok && l.Method == events.MethodBot && f.Rooms == 0 {
		return notice{} // said before
	}
	if ok && l.Revived {
		return line("You have %d groups and channels on Telegram; I am making the rooms that are missing.", f.Rooms)
	}
	switch f.Rooms {
	case 0:
		return line("You have no groups or channels on Telegram. A private chat gets its room when somebody writes.")
	case 1:
		return line("You have one group or channel on Telegram; I am making its room. A private chat gets its room when somebody writes.")
	default:
		return line("You have %d groups and channels on Telegram; I am making their rooms, newest first. A private chat gets its room when somebody writes.", f.Rooms)
	}
}

func progressWords(f *events.ProgressMade) notice {
	rooms, are := fmt.Sprintf("%d rooms", f.Of), "are"
	if f.Of == 1 {
		rooms = "1 room"
	}
	if f.Made == 1 {
		are = "is"
	}
	switch {
	case f.Made+f.Failed < f.Of && f.Failed == 0:
		return line("%d of %s %s ready.", f.Made, rooms, are)
	case f.Made+f.Failed < f.Of:
		return line("%d of %s %s ready; %d could not be made.", f.Made, rooms, are, f.Failed)
	case f.Failed > 0:
		return line("%d of %s %s ready; %d could not be made, because the homeserver refused them. Whoever runs this bridge can see why in its log.", f.Made, rooms, are, f.Failed)
	case f.Of == 1:
		return line("Your room is ready.")
	default:
		return line("All %s are ready.", rooms)
	}
}
