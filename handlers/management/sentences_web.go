package management

import (
	"fmt"
	"time"

	"github.com/mileusna/useragent"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// linkWords tell a link to the login page, and what may be done in its place.
func (b *Bot) linkWords(u projections.User, e events.Event, f *events.WebLinkMade, link address) notice {
	within := span(f.Until.Sub(e.Time))
	if f.ByAdmin {
		return line("By this link **%s** is logged in to Telegram; it is good once, within %s:\n%s\n"+
			"Whoever opens it gives their Telegram account to that Matrix user: send it to nobody else.", string(u.MatrixID), within, link)
	}
	page := line("Open this page to log in; nothing secret passes through this room then:\n%s\n"+
		"It is good once, within %s, and for you alone: whoever else opens it gives their Telegram account to you.", link, within)
	a := *u.Attempt
	switch {
	case a.Step == events.StepPassword:
		page = line("Better: enter it on this page, so that it does not pass through this room:\n%s\nIt is good once, within %s.", link, within)
		if b.cfg.BarSecrets || b.cfg.NoRoom {
			page = line("This bridge takes no passwords in rooms. Enter it on this page:\n%s\nIt is good once, within %s.", link, within)
		}
		return page
	case e.Origin != "":
		return runningSince(u).and(page).and(b.hereToo(a)) // the user asked for the link anew
	}
	return beginning(u, a.Login, a.Method, span(a.Deadline.Sub(a.Started))).and(page).and(b.hereToo(a))
}

// takesNone reports whether no answer is taken in a room at the step that an
// attempt is at.
func (b *Bot) takesNone(a projections.Attempt) bool {
	return a.Step != events.StepPairing && (b.cfg.NoRoom || b.cfg.BarSecrets && (a.Step == events.StepPassword || a.Step == events.StepToken))
}

// askHere asks for the answer, or says where it is to be given.
func (b *Bot) askHere(a projections.Attempt) notice {
	if b.takesNone(a) && b.cfg.Public != nil {
		return line("It goes on on the login page: `login` gives you another link to it. `cancel` ends it.")
	}
	return askIn(a)
}

// hereToo asks for the answer in the room, where that is allowed.
func (b *Bot) hereToo(a projections.Attempt) notice {
	switch {
	case b.takesNone(a):
		return line("`cancel` ends the login.")
	case a.Step == events.StepRequestingQR:
		return line("The QR code comes here, too, in a moment. `cancel` ends the login.")
	case a.Awaiting != "":
		return line("I am waiting for Telegram's answer. `cancel` ends the login.")
	default:
		return line("Or go on here:").and(askIn(a))
	}
}

// askIn says what is wanted at the step that an attempt is at.
func askIn(a projections.Attempt) notice {
	if a.Step == events.StepPhone && a.Method == events.MethodRegister {
		return askNumber()
	}
	return ask(a, a.Step)
}

// mirrorWords say in the room what happens on the login page, or in another
// client. ok says that they are all there is to say.
func (b *Bot) mirrorWords(u projections.User, e events.Event) (n notice, ok bool) {
	switch f := e.Fact.(type) {
	case *events.LoginStarted:
		return b.startedWords(u, e, f)
	case *events.InputRefused:
		if f.Reason == events.RoomBarred && f.Step != events.StepPassword && b.cfg.Public != nil {
			return line("This bridge takes no bot tokens in rooms, so I did not use it. Enter it on the login page: `login` gives you another link to it. `cancel` ends the login."), true
		}
		return notice{}, f.Via != "" // the page, or the app, says so itself
	default:
		// What is said of it depends on where it was done.
	}
	a := u.Attempt
	_, asks := asks(e.Fact)
	if _, needs := e.Fact.(*events.SignupRequired); a == nil || !asks && !needs {
		return notice{}, false
	}
	elsewhere := a.Via == events.ChannelWeb || a.Via == events.ChannelAPI
	barred := b.cfg.NoRoom && b.cfg.Public != nil || b.cfg.BarSecrets && b.cfg.Public != nil && a.Step == events.StepPassword
	if !elsewhere && !barred {
		return notice{}, false
	}
	where := "on the login page"
	if a.Via == events.ChannelAPI {
		where = "in the app where you began the login"
	}
	too := line("I take it here, too.")
	if barred {
		too = notice{}
	}
	switch f := e.Fact.(type) {
	case *events.CodeSent:
		return routeWords(f).and(line("Enter the code %s.", where)).and(too), true
	case *events.PasswordRequired:
		return line("%s Your account has two-step verification: enter the password %s.", factorWords(f.Factor), where), true
	case *events.SignupRequired:
		return line("The code is right, and the number has no Telegram account yet. Go on %s.", where), true
	case *events.MethodChosen:
		return line("You begin anew %s: %s.", where, wayIn(f.Method)), true
	default:
		return line("That was not taken. What is wrong, and what to do, is said %s.", where), true
	}
}

// startedWords begin a login that is not, or not only, asked about here.
func (b *Bot) startedWords(u projections.User, e events.Event, f *events.LoginStarted) (notice, bool) {
	switch {
	case e.Actor == events.ByOperator:
		return line("Whoever runs this bridge has begun a login to Telegram for you, by a link that they have. If you don't want that, type `cancel`."), true
	case f.Channel == events.ChannelAPI:
		return line("A login to Telegram was begun in another app of yours: go on there, or here. If that was not you, type `cancel`."), true
	case b.cfg.Public != nil && !f.Answered:
		return manyLinksWords(u, e.Time).and(b.hereTooOf(u)), true // else the link tells
	default:
		return notice{}, false
	}
}

// wayIn names a method in a few words.
func wayIn(m events.Method) string {
	switch m {
	case events.MethodBot:
		return "with a bot's token"
	case events.MethodQR:
		return "by a QR code"
	case events.MethodRegister:
		return "to make a Telegram account"
	default:
		return "with a phone number"
	}
}

// webWords is what the user reads of links to the login page and of pairing.
func webWords(u projections.User, e events.Event) notice {
	switch f := e.Fact.(type) {
	case *events.WebLinkRedeemed:
		return line("The login page is open in %s. If that is not you, type `cancel`.", browserName(f.Sealed.Agent, f.Sealed.Address))
	case *events.WebLinkReused:
		return line("Somebody tried a link to the login page that opens nothing any more (%s), from %s. "+
			"If that was you, type `login` for a new one. If it was not, somebody else has seen your link: it is of no use to them.",
			reusedWords(f.Reason), browserName(f.Sealed.Agent, f.Sealed.Address))
	case *events.PairingRequired:
		return line("Telegram has let you in as **%s**. Now send me the **code that the login page shows**, so that I know it is you who sits there. "+
			"If you have no such page open, somebody else has used your link: type `cancel`.", accountName(f.Sealed))
	case *events.PairingRejected:
		return line("That is not the code that the login page shows: it has six letters and digits. Please look at the page and send it again; `cancel` ends the login.")
	default:
		return notice{}
	}
}

func reusedWords(why events.LinkRefusal) string {
	switch why {
	case events.LinkSpent:
		return "it was used before"
	case events.LinkExpired:
		return "its time is over"
	case events.LinkRevoked:
		return "there is a newer one"
	default:
		return "the login it was for has ended"
	}
}

// browserName is "Firefox on Linux (203.0.113.7)".
func browserName(agent, address string) string {
	ua, name := useragent.Parse(agent), "a browser"
	switch {
	case ua.Name != "" && ua.OS != "":
		name = ua.Name + " on " + ua.OS
	case ua.Name != "":
		name = ua.Name
	}
	if address == "" {
		return name
	}
	return name + " (" + address + ")"
}

// fromWords says from where somebody has logged in on the page, and how to undo it.
func fromWords(u projections.User, f *events.LoginSucceeded, at time.Time) notice {
	if u.Over == nil || u.Over.Attempt != f.Attempt || u.Over.Browser == nil && u.Over.Via != events.ChannelAPI {
		return notice{}
	}
	undo := "logout"
	for i, l := range u.Logins {
		if l.ID == f.Login && len(u.Logins) > 1 {
			undo = fmt.Sprintf("logout %d", i+1)
		}
	}
	browser := u.Over.Browser
	if browser == nil {
		return line("It was done in another app of yours at %s. If that was not you, type `%s`, and in the Telegram app look under Settings, Devices.",
			at.UTC().Format("15:04 UTC"), undo)
	}
	return line("It was done on the login page at %s, in %s. If that was not you, type `%s`, and in the Telegram app look under Settings, Devices.",
		at.UTC().Format("15:04 UTC"), browserName(browser.Agent, browser.Address), undo)
}

// manyLinksWords says when there may be another link to the login page.
func manyLinksWords(u projections.User, at time.Time) notice {
	n := line("You have had %d links to the login page within %s.", login.MaxLinks, span(login.LinksWithin))
	if len(u.Links) > 0 && u.Attempt != nil {
		if l := u.Links[len(u.Links)-1]; l.Attempt == u.Attempt.ID && !l.Redeemed && at.Before(l.Until) {
			n = n.and(line("The newest is good still."))
		}
	}
	if i := len(u.Links) - login.MaxLinks; i >= 0 {
		n = n.and(line("You can have another %s.", waitUntil(u.Links[i].Made.Add(login.LinksWithin), at)))
	}
	return n
}

// hereTooOf is hereToo of the attempt that is running, if there is one.
func (b *Bot) hereTooOf(u projections.User) notice {
	if u.Attempt == nil {
		return notice{}
	}
	return b.hereToo(*u.Attempt)
}
