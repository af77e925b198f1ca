package management

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// notice is what the bot says: plain, and as HTML for clients that show it.
type notice struct{ body, html string }

// address is a link that the user may follow.
type address string

var (
	bold = regexp.MustCompile(`\*\*(.+?)\*\*`)
	code = regexp.MustCompile("`(.+?)`")
)

// line writes a notice. In the format, **bold** and `code` are for the HTML;
// what the arguments hold is only ever text.
func line(format string, args ...any) notice {
	plain := strings.ReplaceAll(format, "**", "")
	rich := strings.ReplaceAll(html.EscapeString(format), "\n", "<br>")
	rich = code.ReplaceAllString(bold.ReplaceAllString(rich, "<b>$1</b>"), "<code>$1</code>")
	escaped := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			escaped[i] = html.EscapeString(arg)
		case address:
			at := html.EscapeString(string(arg))
			escaped[i] = `<a href="` + at + `">` + at + `</a>`
		default:
			escaped[i] = arg
		}
	}
	return notice{body: fmt.Sprintf(plain, args...), html: fmt.Sprintf(rich, escaped...)}
}

// and joins two notices by a blank.
func (n notice) and(m notice) notice {
	switch {
	case n.body == "":
		return m
	case m.body == "":
		return n
	}
	return notice{body: n.body + " " + m.body, html: n.html + " " + m.html}
}

// words is what the user reads of a fact; nothing, of most. Every English
// sentence of the bot is in the files sentences*.go: plain words, and the next
// thing to do.
func (b *Bot) words(u projections.User, e events.Event) notice {
	if mirrored, ok := b.mirrorWords(u, e); ok {
		return mirrored
	}
	switch f := e.Fact.(type) {
	case *events.ManagementRoomOpened:
		return b.greeting(u)
	case *events.ManagementRoomRefused:
		return b.roomWords(f.Reason)
	case *events.ManagementRoomClosed:
		return b.roomWords(f.Reason)
	case *events.CommandGiven:
		return b.commandWords(u, f)
	case *events.CommandRefused:
		return b.refusalWords(u, f, e.Time)
	case *events.PingAnswered:
		return pingWords(u, f)
	case *events.SecretRedacted:
		return redactionWords(f)
	case *events.LogoutOrdered:
		return orderedWords(b.Users.Get(f.User), f)
	case *events.DevicesListed:
		return devicesWords(u, f)
	case *events.DeviceLoggedOut:
		return deviceWords(f)
	case *events.WebLinkRedeemed, *events.WebLinkReused, *events.PairingRequired, *events.PairingRejected:
		return webWords(u, e)
	default:
		return loginWords(u, e)
	}
}

func (b *Bot) greeting(u projections.User) notice {
	hello := line("Hello! I connect Telegram to Matrix.")
	if u.Over != nil && u.Over.Reason == events.FailedRoomLeft {
		hello = hello.and(line("Your login ended when you left our chat."))
	}
	switch logins := u.ActiveLogins(); {
	case u.Attempt != nil:
		return hello.and(line("Your login goes on here.")).and(b.askHere(*u.Attempt))
	case len(logins) > 0:
		return hello.and(line("You are logged in as %s. Type `help` to see what I can do.", names(logins)))
	case len(u.Logins) > 0:
		return hello.and(line("Your Telegram session has ended (%s): type `%s` to connect it again, or `help` to see what I can do.",
			names(u.Logins), reloginCommand(u, u.Logins[0].ID)))
	default:
		return hello.and(line("Type `login` to connect your Telegram account, or `help` to see what I can do."))
	}
}

// roomWords says why a room is no management room.
func (b *Bot) roomWords(why events.RoomRefusal) notice {
	switch why {
	case events.RoomCrowded:
		return line("Somebody else is in this room or invited to it, so I take no login here: open a private chat with me alone. "+
			"Other commands work here with `%s` in front, such as `%s help`.", b.cfg.Prefix, b.cfg.Prefix)
	case events.RoomThirdPerson:
		return line("Somebody else has joined this room or is invited to it, so I take no login here any more: what you send would not stay between us. "+
			"Open a private chat with me alone. When nobody else is here, I listen again; until then other commands need `%s` in front.", b.cfg.Prefix)
	case events.RoomEncrypted:
		return encrypted()
	case events.RoomForbidden:
		return line("Sorry, you may not use this bridge. Ask whoever runs it to allow you in its configuration, and invite me again. I leave this room now.")
	case events.RoomReplaced:
		return line("You have opened a newer private chat with me: I listen there now. Commands here need `%s` in front.", b.cfg.Prefix)
	default:
		return notice{}
	}
}

func encrypted() notice {
	return line("This room is encrypted, and I can't read encrypted messages. Please open a private chat with me **without encryption** " +
		"(most apps ask when you make the room) and type `login` there.")
}

func pingWords(u projections.User, f *events.PingAnswered) notice {
	who := ""
	if l, ok := u.Login(f.Login); ok {
		who = " (" + name(l) + ")"
	}
	switch {
	case f.OK:
		return line("Telegram answers in %d ms%s.", f.Millis, who)
	case f.Error == "unreachable" || f.Error == "":
		return line("Telegram can't be reached just now%s. I keep trying; nothing is lost.", who)
	default:
		return line("Telegram refuses%s: `%s`. If it stays so, type `logout` and then `login`.", who, f.Error)
	}
}

func redactionWords(f *events.SecretRedacted) notice {
	if f.OK {
		return notice{}
	}
	if f.What == events.SecretQR {
		return line("I could not delete a picture of your QR code (`%s`). It is of no use to anybody any more; you may delete it yourself.", f.Error)
	}
	what := map[events.SecretKind]string{
		events.SecretPhone: "phone number", events.SecretCode: "code", events.SecretPassword: "password", events.SecretToken: "bot token",
	}[f.What]
	if f.Error == "M_FORBIDDEN" {
		return line("**I could not delete your message with the %s**: I lack the power in this room. Please delete it yourself, "+
			"and make me a moderator here so that I can.", what)
	}
	return line("**I could not delete your message with the %s** (`%s`). Please delete it yourself.", what, f.Error)
}

// name is how a login is called: "Alice (@alice, +44 ••••• ••1234)".
func name(l projections.Login) string {
	return accountName(events.AccountFacts{Name: l.Name, Username: l.Username, Masked: l.Masked})
}

func accountName(a events.AccountFacts) string {
	var more []string
	if a.Username != "" {
		more = append(more, "@"+a.Username)
	}
	if a.Masked != "" {
		more = append(more, a.Masked)
	}
	switch {
	case len(more) == 0 && a.Name == "":
		return "an account without a name"
	case len(more) == 0:
		return a.Name
	case a.Name == "":
		return strings.Join(more, ", ")
	default:
		return a.Name + " (" + strings.Join(more, ", ") + ")"
	}
}

func names(logins []projections.Login) string {
	all := make([]string, len(logins))
	for i, l := range logins {
		all[i] = name(l)
	}
	return strings.Join(all, " and ")
}

// waitUntil is "at 14:32 UTC (in 37 s)", as seen when the fact was recorded: a
// repeated notice says the same.
func waitUntil(at, from time.Time) string {
	at, left := at.UTC(), at.Sub(from).Round(time.Second)
	day := "15:04 UTC"
	if left >= 12*time.Hour {
		day = "15:04 UTC on 2 January"
	}
	return fmt.Sprintf("at %s (in %s)", at.Format(day), span(max(left, time.Second)))
}

// span is a duration in the words of people: "37 s", "12 min", "3 h 20 min", "2 days".
func span(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute).Minutes()); {
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case minutes < 90:
		return fmt.Sprintf("%d min", minutes)
	case minutes >= 48*60:
		return fmt.Sprintf("%d days", minutes/(24*60))
	case minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	default:
		return fmt.Sprintf("%d h %d min", minutes/60, minutes%60)
	}
}
