// Package portals decides what Telegram's chats and the homeserver's answers
// mean for portals and their rooms. It is pure: the portal's state and a
// command in, a fact out. It knows no network, clock, randomness or log.
package portals

import (
	"fmt"
	"slices"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// Command is something that happened to a chat or a room.
type Command interface{ command() }

// See says that a login can see a chat: the first to see it opens the portal.
type See struct {
	Kind    events.ChatKind
	User    events.UID
	Login   events.LoginID
	Account events.AccountID
	CanPost bool
	Chat    events.ChatFacts
}

// Lose says that a login no longer sees the chat.
type Lose struct {
	Login  events.LoginID
	Reason string
}

// RoomMade is the homeserver's answer: the portal has its room.
type RoomMade struct {
	Room    events.RoomID
	Invited []events.UID
	Adopted bool
}

// RoomRefused is the homeserver refusing the room for good.
type RoomRefused struct{ Error string }

// InviteSent says that a user of ours was invited, or is in the room already.
type InviteSent struct{ User events.UID }

// Membership is what the homeserver says of a user of ours in the room.
type Membership struct {
	User events.UID
	In   bool
}

// Describe is what Telegram says of the chat. Members is how many it has.
type Describe struct {
	Login   events.LoginID
	Members int
	What    events.Description
}

// Dress is the outcome of the description Of on Matrix.
type Dress struct {
	Of             events.EventID
	Picture, Topic bool
	Missed         []string
	Ghosts         []events.Peer
}

// GhostsCame and GhostsWent are ghosts that joined or left the room.
type (
	GhostsCame struct{ Ghosts []events.Peer }
	GhostsWent struct{ Ghosts []events.Peer }
)

// MembersMoved is Telegram telling who came to or went from the chat.
type MembersMoved struct {
	Login  events.LoginID
	Joined []events.Member
	Left   []events.Peer
}

func (See) command()          {}
func (Lose) command()         {}
func (RoomMade) command()     {}
func (RoomRefused) command()  {}
func (InviteSent) command()   {}
func (Membership) command()   {}
func (Describe) command()     {}
func (Dress) command()        {}
func (GhostsCame) command()   {}
func (GhostsWent) command()   {}
func (MembersMoved) command() {}

// Decide says what happens when c meets the portal's state. No fact and no
// error means that the log already says so.
func Decide(p projections.Portal, c Command) (events.Fact, error) {
	if p.Opened == 0 {
		if c, ok := c.(See); ok {
			return &events.PortalOpened{
				Kind: c.Kind, User: c.User, Login: c.Login, Account: c.Account, CanPost: c.CanPost, Sealed: c.Chat,
			}, nil
		}
		return nil, nil
	}
	switch c := c.(type) {
	case See:
		return see(p, c), nil
	case Lose:
		v, ok := viewer(p, c.Login)
		if !ok {
			return nil, nil
		}
		return &events.LoginLeft{User: v.User, Login: c.Login, Reason: c.Reason}, nil
	case RoomMade:
		if p.Room != "" {
			return nil, nil
		}
		return &events.RoomCreated{Invited: c.Invited, Adopted: c.Adopted, Sealed: events.RoomSealed{Room: c.Room}}, nil
	case RoomRefused:
		if p.Room != "" || p.Failed != "" {
			return nil, nil
		}
		return &events.RoomFailed{Error: c.Error}, nil
	case InviteSent:
		if p.Present[c.User] != "" {
			return nil, nil
		}
		return &events.UserInvited{User: c.User}, nil
	case Membership:
		return membership(p, c), nil
	case Describe:
		return describe(p, c), nil
	default:
		return ghosts(p, c)
	}
}

func viewer(p projections.Portal, id events.LoginID) (projections.Viewer, bool) {
	i := slices.IndexFunc(p.Viewers, func(v projections.Viewer) bool { return v.Login == id })
	if i < 0 {
		return projections.Viewer{}, false
	}
	return p.Viewers[i], true
}

func see(p projections.Portal, c See) events.Fact {
	v, ok := viewer(p, c.Login)
	if ok && v.CanPost == c.CanPost {
		return nil
	}
	return &events.LoginJoined{User: c.User, Login: c.Login, Account: c.Account, CanPost: c.CanPost}
}

func membership(p projections.Portal, c Membership) events.Fact {
	switch {
	case c.In && p.Present[c.User] != projections.Entered:
		return &events.UserEntered{User: c.User}
	case !c.In && p.Present[c.User] != "":
		return &events.UserDeparted{User: c.User}
	default:
		return nil
	}
}

// describe records a description only if it says something new: Telegram tells
// every login of a shared chat the same.
func describe(p projections.Portal, c Describe) events.Fact {
	d := c.What
	known := p.Described && p.Title == d.Title && p.About == d.About && p.Photo == d.Photo
	unmet := slices.ContainsFunc(d.Members, func(m events.Member) bool { return !p.HasGhost(m.Peer) })
	if known && !unmet {
		return nil
	}
	return &events.ChatDescribed{Login: c.Login, Members: c.Members, Sealed: d}
}

func ghosts(p projections.Portal, c Command) (events.Fact, error) {
	switch c := c.(type) {
	case Dress:
		if c.Of == "" || p.Undressed != c.Of {
			return nil, nil
		}
		return &events.RoomDressed{
			Picture: c.Picture, Topic: c.Topic, Missed: c.Missed, Sealed: events.GhostsSealed{Ghosts: c.Ghosts},
		}, nil
	case GhostsCame:
		came := slices.DeleteFunc(slices.Clone(c.Ghosts), p.HasGhost)
		if len(came) == 0 {
			return nil, nil
		}
		return &events.GhostEntered{Sealed: events.GhostsSealed{Ghosts: came}}, nil
	case GhostsWent:
		went := slices.DeleteFunc(slices.Clone(c.Ghosts), func(g events.Peer) bool { return !p.HasGhost(g) })
		if len(went) == 0 {
			return nil, nil
		}
		return &events.GhostDeparted{Sealed: events.GhostsSealed{Ghosts: went}}, nil
	case MembersMoved:
		joined := slices.DeleteFunc(slices.Clone(c.Joined), func(m events.Member) bool { return p.HasGhost(m.Peer) })
		// Who leaves may be a ghost whose coming is not recorded yet, so that it
		// is always told; a ghost that is not there needs no effect.
		if len(joined)+len(c.Left) == 0 {
			return nil, nil
		}
		return &events.MembersChanged{Login: c.Login, Sealed: events.MembersSealed{Joined: joined, Left: c.Left}}, nil
	default:
		return nil, fmt.Errorf("portals: no decision for %T", c)
	}
}
