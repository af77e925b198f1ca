package management

import (
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
		n = n.then(line("\n%d. %s – ", i+1, name(l))).then(stateWords(l))
	}
	return n.then(line("\nType `login` to add another, `logout` and the number to disconnect one."))
}

// stateWords says how a login is.
func stateWords(l projections.Login) notice {
	switch {
	case l.Ending != "":
		return line("being logged out")
	case l.State == projections.LoginSuspended:
		return line("suspended: %s. Type `login` to connect it again", causeWords(l.Cause))
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

// whichLogin asks which account a command means.
func whichLogin(u projections.User, command events.CommandName) notice {
	n := line("Which one?")
	for i, l := range u.Logins {
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
