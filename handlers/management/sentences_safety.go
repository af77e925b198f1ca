package management

import (
	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// unsafeWords says why a login was stopped for its room, and how to mend that.
func unsafeWords(why events.Failure) notice {
	switch why {
	case events.FailedRoomPublic:
		return line("I stopped your login: people can join this room without an invitation, and would read what you send. " +
			"Make it invite-only (room settings, Security & Privacy, Access), or open a private chat with me alone. Then type `login` again.")
	case events.FailedRoomReadable:
		return line("I stopped your login: people who are not in this room can read it. " +
			"Let only members read its history (room settings, Security & Privacy), or open a private chat with me alone. Then type `login` again.")
	case events.FailedRoomBarred:
		return line("Your account has two-step verification, and this bridge takes no passwords in rooms, so I ended the login. " +
			"Ask whoever runs the bridge how to log in.")
	default:
		return line("I stopped your login: this room is encrypted, and I can't read encrypted messages. " +
			"Open a private chat with me **without encryption** and type `login` there.")
	}
}

// powerlessWords asks for the power to delete messages.
func powerlessWords() notice {
	return line("**I lack the power to delete your messages here**: please make me a moderator first (room settings, Roles & Permissions), or delete them yourself.")
}

// runningWords says which login is under way, and how to go on or end it.
func (b *Bot) runningWords(u projections.User) notice {
	if u.Attempt == nil {
		return line("A login was under way.")
	}
	return runningSince(u).and(b.askHere(*u.Attempt))
}

// runningSince says which login is under way.
func runningSince(u projections.User) notice {
	a := u.Attempt
	which := "A login"
	if a.Method == events.MethodRegister {
		which = "A registration"
	}
	if l, ok := u.Login(a.Login); ok {
		which = "A login to connect " + name(l) + " again"
	} else if a.Masked != "" {
		which += " with " + a.Masked
	}
	return line("%s is under way since %s; it may take until %s. `cancel` ends it.",
		which, a.Started.UTC().Format("15:04"), a.Deadline.UTC().Format("15:04 UTC"))
}
