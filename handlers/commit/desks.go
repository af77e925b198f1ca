package commit

import (
	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// Users is the desk for decisions about users, stored in AUTH.
func Users(log Log, users *projections.Users) *Desk[projections.User] {
	return NewDesk(events.Auth, log, users, func(uid events.UID) (projections.User, uint64) {
		u := users.Get(uid)
		return u, u.Seq
	})
}

// Portals is the desk for decisions about portals, stored in PORTAL.
func Portals(log Log, portals *projections.Portals) *Desk[projections.Portal] {
	return NewDesk(events.Portal, log, portals, func(uid events.UID) (projections.Portal, uint64) {
		p := portals.Get(uid)
		return p, p.Seq
	})
}

// Messages is the desk for decisions about messages, stored in CHAT.
func Messages(log Log, messages *projections.Messages) *Desk[projections.Thread] {
	return NewDesk(events.Chat, log, messages, func(uid events.UID) (projections.Thread, uint64) {
		t := messages.Get(uid)
		return t, t.Seq
	})
}
