package management

import (
	"strings"

	"github.com/natsgram/natsgram/events"
)

// manual is what help says of a command. In its texts `words` are for typing.
type manual struct {
	name  events.CommandName
	group string
	usage string // one line of the list
	does  string
	more  string // help of this command alone
	level Level
}

// The groups of the list, in its order.
const (
	groupLogin = "Log in and out"
	groupLook  = "Look after your accounts"
	groupAbout = "About me"
	groupAdmin = "For admins"
)

// manuals is the list of commands as help shows it, group by group.
func manuals() []manual {
	return []manual{
		{events.CommandLogin, groupLogin, "login", "connect a Telegram account",
			"If this bridge has a login page, I give you a link to it; else I ask here for the phone number, the code that Telegram sends, and the two-step verification password if there is one. " +
				"The bridge can then read and send what you can on Telegram. You may connect several accounts: each `login` adds one.", LevelUser},
		{events.CommandLogin, groupLogin, "login bot", "connect a bot of yours by its token",
			"BotFather (https://t.me/BotFather) gives the token. The bot's rooms appear as messages arrive.", LevelUser},
		{events.CommandRegister, groupLogin, "register [number] [name]", "make a Telegram account and connect it",
			"For instance `register +44 7911 123456 Alice Liddell`; I ask for what is missing. Telegram sends a code to the number, and may want you to accept its terms of service. " +
				"If the number has an account already, I ask before I log you in to it. Telegram often lets new numbers in through its official apps only: " +
				"then make the account there and type `login`.", LevelUser},
		{events.CommandLogin, groupLogin, "login qr", "connect a Telegram account by a QR code that your phone scans",
			"I show the code here; on the phone it is scanned in Telegram under Settings, Devices, Link Desktop Device. No code is sent then, but a password is asked for if there is one. " +
				"`relogin qr` connects an account again that way.", LevelUser},
		{events.CommandResend, groupLogin, "resend", "have Telegram send the login code another way",
			"Telegram says which ways there are, and from when on; I tell you both when the code is sent.", LevelUser},
		{events.CommandCancel, groupLogin, "cancel", "end a login that is under way",
			"It works at every step, also when I have asked for a password.", LevelUser},
		{events.CommandRelogin, groupLogin, "relogin [account]", "connect an account again whose session has ended",
			"Its rooms stay, and what was said meanwhile comes. It has to be the same account: to add another, type `login`. " + naming, LevelUser},
		{events.CommandLogout, groupLogin, "logout [account]", "disconnect a Telegram account",
			"The session is ended at Telegram, and you leave the account's rooms. " + naming, LevelUser},
		{events.CommandLogins, groupLook, "logins", "list your Telegram accounts",
			"Each has its number, its name, since when it is connected and how it is.", LevelUser},
		{events.CommandPing, groupLook, "ping", "see whether Telegram answers",
			"I ask Telegram with each of your accounts and say how long it took.", LevelUser},
		{events.CommandSessions, groupLook, "sessions [account]", "list where an account is logged in to Telegram",
			"Each session has its number, its app and device, its place and when it was active last. " + naming, LevelUser},
		{events.CommandSessions, groupLook, "sessions end N", "end the session with that number",
			"My own session is ended by `sessions end N confirm`; it is the same as `logout`.", LevelUser},
		{events.CommandLogins, groupAdmin, "logins --all", "list everybody's Telegram accounts", "", LevelAdmin},
		{events.CommandLogin, groupAdmin, "login @user:server", "get a link by which a Matrix user is logged in", "They are told.", LevelAdmin},
		{events.CommandLogout, groupAdmin, "logout @user:server", "disconnect all Telegram accounts of a Matrix user", "They are told.", LevelAdmin},
		{events.CommandHelp, groupAbout, "help [command]", "this list, or more on one command", "Type `help login`, for instance.", LevelUser},
		{events.CommandVersion, groupAbout, "version", "the version of this bridge", "", LevelUser},
	}
}

// naming says how an account is named to a command.
const naming = "With several accounts, name one by its number in `logins`, its @username or the last digits of its phone number."

// commandList is the list of the commands that a user may use.
func commandList(level Level) notice {
	n, group := line("I connect your Telegram account to Matrix. Commands here:"), ""
	for _, m := range manuals() {
		if m.level > level {
			continue
		}
		if m.group != group {
			group = m.group
			n = n.then(line("\n**" + group + "**"))
		}
		n = n.then(line("\n• `" + m.usage + "` – " + m.does))
	}
	return n
}

// commandHelp explains one command.
func commandHelp(about events.CommandName, level Level) notice {
	var n notice
	for _, m := range manuals() {
		if m.name != about || m.level > level {
			continue
		}
		if n.body != "" {
			n = n.then(line("\n"))
		}
		n = n.then(line("`" + m.usage + "` – " + m.does + "." + strings.TrimRight(" "+m.more, " ")))
	}
	if n.body == "" {
		return commandList(level)
	}
	return n
}

// then joins two notices without a blank.
func (n notice) then(m notice) notice { return notice{body: n.body + m.body, html: n.html + m.html} }
