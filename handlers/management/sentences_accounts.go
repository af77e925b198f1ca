package management

import (
	"fmt"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// loginsWords lists a user's accounts under the numbers that commands take.
func loginsWords(u projections.User) notice {
	if len(u.Logins) == 0 {
		return line("You are not logged in to Telegram: type `login` to connect your account.")
	}
	n := line("Your Telegram accounts:")
	for i, l := range u.Logins {
		n = n.then(line("\n%d. %s – ", i+1, name(l))).then(stateWords(u, l))
	}
	return n.then(line("\nType `login` to add another, `logout` and the number to disconnect one."))
}

// stateWords says how a login is.
func stateWords(u projections.User, l projections.Login) notice {
	switch {
	case l.Ending != "":
		return line("being logged out")
	case l.State == projections.LoginSuspended:
		return line("suspended: %s. `%s` connects it again", causeWords(l.Cause), reloginCommand(u, l.ID))
	default:
		return line("connected since %s", l.Since.UTC().Format("2 January 2006, 15:04 UTC"))
	}
}

// causeWords says in a few words why a login is suspended.
func causeWords(cause events.EndCause) string {
	switch cause {
	case events.EndedByRevocation:
		return "the session was ended from another Telegram app"
	case events.EndedByExpiry:
		return "Telegram has let the session expire"
	case events.EndedByBan:
		return "Telegram has closed the account"
	case events.EndedByDuplicate:
		return "the session was used in two places at once"
	case events.EndedByLeaving:
		return "you had left our private chat"
	default:
		return "the session has ended"
	}
}

// fullWords says that a user has as many accounts as may be.
func fullWords(u projections.User) notice {
	logins := u.ActiveLogins()
	if len(logins) == 1 {
		return line("You are logged in already, as %s, and this bridge allows one account. To use another, type `logout` first.", names(logins))
	}
	return line("You are logged in to %d accounts already, and this bridge allows no more. `logins` lists them, `logout` and the number disconnects one.", len(logins))
}

// reloginCommand is what revives a login: with its number, if others are
// suspended too.
func reloginCommand(u projections.User, id events.LoginID) string {
	command, suspended := "relogin", 0
	for i, l := range u.Logins {
		if l.State == projections.LoginSuspended {
			suspended++
		}
		if l.ID == id {
			command = fmt.Sprintf("relogin %d", i+1)
		}
	}
	if suspended <= 1 {
		return "relogin"
	}
	return command
}

// reviveWords begins an attempt to revive a login.
func reviveWords(u projections.User, id events.LoginID, within string) notice {
	l, ok := u.Known(id)
	if !ok {
		return line("Let's connect your Telegram account again. You have %s.", within)
	}
	return line("Let's connect **%s** again; your rooms are kept. You have %s.", name(l), within)
}

// otherAccountWords says that the login was to another account than the one to
// revive.
func otherAccountWords(u projections.User, id events.LoginID) notice {
	who := "the one you wanted to connect again"
	if l, ok := u.Known(id); ok {
		who = name(l)
	}
	return line("You logged in to another Telegram account than %s. I have ended that session, and nothing else has changed. "+
		"Type `%s` and use the phone number of the account, or `login` to add the other one.", who, reloginCommand(u, id))
}

// welcome says that a login has succeeded.
func welcome(f *events.LoginSucceeded) notice {
	n := line("Logged in as **%s**.", accountName(f.Sealed)).and(afterLogin(f.Method))
	if f.Method == events.MethodRegister {
		n = registered(f)
	}
	if f.Revived {
		n = line("Logged in as **%s** again.", accountName(f.Sealed)).
			and(line("Your rooms are as they were, and I am fetching what was said meanwhile."))
	}
	if f.Displaces {
		n = n.and(line("Somebody else on this bridge was connected to this account; I have disconnected them, and told them."))
	}
	return n
}

// whichLogin asks which account a command means.
func whichLogin(u projections.User, command events.CommandName) notice {
	n := line("Which one?")
	for i, l := range u.Logins {
		if command == events.CommandRelogin && l.State != projections.LoginSuspended {
			continue
		}
		n = n.then(line("\n`%s %d` – %s", string(command), i+1, name(l)))
	}
	return n
}

// of names the account that is spoken of, to a user who has several.
func of(u projections.User, id events.LoginID) notice {
	l, ok := u.Known(id)
	if _, here := u.Login(id); !ok || len(u.Logins) == 0 || here && len(u.Logins) == 1 {
		return notice{}
	}
	return line("**%s:**", name(l))
}
