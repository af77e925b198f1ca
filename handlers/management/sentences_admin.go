package management

import (
	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// listedUsers is how many users logins --all names: a message has an end.
const listedUsers = 100

// allLoginsWords lists everybody's accounts for an admin.
func allLoginsWords(users []projections.User) notice {
	if len(users) == 0 {
		return line("Nobody is logged in to Telegram.")
	}
	n := line("%d people are logged in to Telegram:", len(users))
	if len(users) == 1 {
		n = line("One person is logged in to Telegram:")
	}
	for i, u := range users {
		if i == listedUsers {
			return n.then(line("\n… and %d more.", len(users)-i))
		}
		n = n.then(line("\n**%s**", string(u.MatrixID)))
		for _, l := range u.Logins {
			n = n.then(line("\n• %s – %s", name(l), plainState(l)))
		}
	}
	return n
}

// plainState says how somebody else's login is.
func plainState(l projections.Login) string {
	switch {
	case l.Ending != "":
		return "being logged out"
	case l.State == projections.LoginSuspended:
		return "suspended: " + string(l.Cause)
	default:
		return "connected since " + l.Since.UTC().Format("2 January 2006, 15:04 UTC")
	}
}

// orderedWords tells an admin that somebody is being logged out.
func orderedWords(target projections.User, f *events.LogoutOrdered) notice {
	accounts := "their account"
	if f.Logins > 1 {
		accounts = "all their accounts"
	}
	return line("I am logging **%s** out of %s. They are told that whoever runs this bridge did it.", string(target.MatrixID), accounts)
}
