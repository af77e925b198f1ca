package management

import (
	"fmt"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
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
		return welcome(f).and(fromWords(u, f, e.Time))
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
	case f.Method == events.MethodRegister && !f.Answered:
		question = askNumber()
	case f.Method == events.MethodBot:
		question = question.and(traces())
	}
	return beginning(u, f.Login, f.Method, time).and(question)
}

// beginning says what a login is about to do.
func beginning(u projections.User, id events.LoginID, m events.Method, within string) notice {
	switch {
	case id != "":
		return reviveWords(u, id, within)
	case m == events.MethodRegister:
		return line("Let's make you a Telegram account. You have %s. Telegram often lets new numbers in through its official apps only: "+
			"if no code comes or it refuses, make the account there and type `login` here.", within)
	case m == events.MethodBot:
		return line("Let's connect your Telegram bot. You have %s. The bridge will read what the bot is sent, and write in its name.", within)
	default:
		return line("Let's connect your Telegram account. You have %s. The bridge will read and write there whatever you can.", within)
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
		if answers.WordRoute(a.Route) {
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
	case events.StepPairing:
		return line("Please send me the **code that the login page shows**: six letters and digits. `cancel` ends the login.")
	case events.StepTerms, events.StepName, events.StepConfirm:
		return askRegister(step)
	default:
		return line("I am waiting for Telegram's answer.")
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
