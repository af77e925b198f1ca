package management

import (
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// commandWords answers a command that changes nothing.
func (b *Bot) commandWords(u projections.User, f *events.CommandGiven) notice {
	switch f.Command {
	case events.CommandHelp:
		return b.helpWords(u, f)
	case events.CommandLogins:
		if f.All {
			return allLoginsWords(b.Users.Where(func(u *projections.User) bool { return len(u.Logins) > 0 }))
		}
		return loginsWords(u)
	case events.CommandVersion:
		return line("natsgram %s", b.cfg.Version)
	case events.CommandPing:
		switch logins := u.ActiveLogins(); {
		case len(logins) > 0:
			return line("I am here. You are logged in as %s; asking Telegram…", names(logins))
		case len(u.Logins) > 0:
			return line("I am here. Your Telegram session has ended (%s): type `relogin` to connect it again.", names(u.Logins))
		default:
			return line("I am here. You are not logged in to Telegram: type `login` to connect your account.")
		}
	case events.CommandResend:
		return line("I am asking Telegram for another code already. Please wait a moment.")
	case events.CommandLogout:
		return line("I am logging you out already.")
	default:
		return notice{}
	}
}

func (b *Bot) helpWords(u projections.User, f *events.CommandGiven) notice {
	if f.Sealed.Room != u.Room {
		return line("Commands in this room: `%[1]s help`, `%[1]s ping`, `%[1]s version`. To log in to Telegram, open a private chat with me alone.", b.cfg.Prefix)
	}
	level := b.cfg.Permission(f.Sealed.User)
	if f.About != "" {
		return commandHelp(f.About, level)
	}
	return commandList(level)
}

// refusalWords says why a command was not carried out, and what to do instead.
func (b *Bot) refusalWords(u projections.User, f *events.CommandRefused, at time.Time) notice {
	prefix := ""
	if f.Sealed.Room != u.Room {
		prefix = b.cfg.Prefix + " "
	}
	switch f.Reason {
	case events.RefusedUnknown:
		return unknownWords(f, prefix)
	case events.RefusedNotPermitted:
		return line("Sorry, you may not use this bridge. Ask whoever runs it to allow you in its configuration.")
	case events.RefusedNotHere:
		not := line("Not here: open a private chat with me alone and type `%s` there.", string(f.Command))
		return not.and(exposedWords(f.Secret))
	case events.RefusedLoggedIn:
		return fullWords(u)
	case events.RefusedLoginRunning:
		return b.runningWords(u)
	case events.RefusedNothingRunning:
		return line("There is no login to cancel. Type `login` to begin one.")
	case events.RefusedNotLoggedIn:
		return line("You are not logged in to Telegram. Type `login` to connect your account.")
	case events.RefusedNoCode:
		return line("There is no code to send again: no login waits for one. `login` begins a login, and shows where one stands that is under way.")
	case events.RefusedNoOtherRoute:
		return line("Telegram has no other way to send this code. Please wait for it; `cancel` ends the login, and `login` begins anew.")
	case events.RefusedTooSoon:
		return tooSoon(u, at)
	case events.RefusedEncrypted:
		return encrypted()
	case events.RefusedTooLate:
		return line("The login had ended when your message came, so I did not use it and delete it. Type `login` to begin again.")
	case events.RefusedNoDoor:
		return line("Whoever runs this bridge has turned off logging in. Ask them how to log in; the accounts that are connected go on.")
	case events.RefusedRoomBarred:
		return line("This bridge takes no bot tokens in rooms. Ask whoever runs it how to connect a bot; `login` connects an account by its phone number.")
	case events.RefusedWhich:
		return whichLogin(u, f.Command)
	case events.RefusedNotSuspended:
		return line("That account is connected: nothing is to be revived. `ping` asks Telegram whether it works, `login` adds another account.")
	case events.RefusedNotAdmin:
		return line("Only admins of this bridge may do that for others. Whoever runs it names them in its configuration, under permissions.")
	case events.RefusedNoWebPage:
		return line("I can't begin a login for somebody else in a room: what they send would pass through you. It needs the login page, which this bridge has not turned on (web.public_url in its configuration). " +
			"Ask them to open a private chat with me and type `login` there.")
	case events.RefusedTheyLogIn:
		return line("A login of that user is under way already. Ask them to end it with `cancel`, or wait.")
	case events.RefusedTheyAreFull:
		return line("That user is logged in to as many accounts as this bridge allows.")
	case events.RefusedNotAllowed:
		return line("That user may not use this bridge: whoever runs it names those who may in its configuration, under permissions.")
	case events.RefusedBrowserOpen:
		return line("The login page is open in a browser already, and this bridge lets no second one into a login. Go on there; or type `cancel`, and `login` to begin anew.")
	case events.RefusedManyLinks:
		return manyLinksWords(u, at).and(b.hereTooOf(u))
	case events.RefusedTheyAreOut:
		return line("That user is not logged in to Telegram here. `logins --all` lists who is.")
	case events.RefusedSuspended:
		return line("The session of that account has ended, so I can't ask Telegram. `relogin` connects it again.")
	case events.RefusedNoDevice:
		return line("I don't know which session that is. `sessions` lists them; `sessions end 2`, for instance, ends the second of the list.")
	case events.RefusedOwnDevice:
		return line("That is my own session: to end it disconnects the account here. If you want that, type `sessions end` with the number and `confirm`, such as `sessions end 1 confirm`.")
	case events.RefusedNoSuchLogin:
		return line("None of your Telegram accounts is called that. `logins` lists them with their numbers.")
	default:
		return line("I can't do that now. `%s` lists what I know.", prefix+"help")
	}
}

// unknownWords answers what is no command. What looks like an answer may have
// come after the login that asked for it had ended.
func unknownWords(f *events.CommandRefused, prefix string) notice {
	switch {
	case f.Suggestion != "":
		n := line("I don't know that command. Did you mean `%s`? `%s` lists what I know.", prefix+string(f.Suggestion), prefix+"help")
		if prefix != "" {
			n = n.and(exposedWords(f.Secret))
		}
		return n
	case prefix != "":
		return line("I don't know that command. `%s` lists what I know.", prefix+"help").and(exposedWords(f.Secret))
	case f.Secret != "":
		return line("No login is under way, so I did not use this message, and I delete it. Type `login` to begin one, and send it when I ask for it.")
	default:
		return line("I don't know that command. `help` lists what I know.")
	}
}

// exposedWords warns of a secret in a room that others are in.
func exposedWords(secret events.SecretKind) notice {
	if secret == "" {
		return notice{}
	}
	return line("Others can read this room: if your message still stands, please delete it.")
}
