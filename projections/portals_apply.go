package projections

import (
	"slices"

	"github.com/natsgram/natsgram/events"
)

// Apply folds one event of PORTAL. An event already folded changes nothing.
func (ps *Portals) Apply(e events.Event) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if !ps.advance(e.Seq) {
		return
	}
	p, ok := ps.byID[e.Aggregate.UID]
	if !ok {
		p = &Portal{UID: e.Aggregate.UID, Opened: e.Seq}
		ps.byID[p.UID] = p
	}
	before := p.Viewers
	p.apply(e)
	for _, v := range before {
		if !p.SeenBy(v.Login) {
			delete(ps.byLogin[v.Login], p.UID)
		}
	}
	ps.index(p)
}

func (p *Portal) apply(e events.Event) {
	p.Seq = e.Seq
	switch f := e.Fact.(type) {
	case *events.PortalOpened:
		p.open(e.ID, f)
	case *events.LoginJoined:
		p.see(Viewer{User: f.User, Login: f.Login, Account: f.Account, CanPost: f.CanPost})
	case *events.LoginLeft:
		p.Viewers = slices.DeleteFunc(slices.Clone(p.Viewers), func(v Viewer) bool { return v.Login == f.Login })
	case *events.RoomCreated:
		p.Room, p.Failed = f.Sealed.Room, ""
		for _, u := range f.Invited {
			p.present(u, Invited)
		}
	case *events.RoomFailed:
		p.Failed = f.Error
	case *events.UserInvited:
		p.present(f.User, Invited)
	case *events.UserEntered:
		p.present(f.User, Entered)
	case *events.UserDeparted:
		delete(p.Present, f.User)
	case *events.ChatDescribed:
		p.describe(f.Sealed)
		p.Described, p.Undressed = true, e.ID
	case *events.RoomDressed:
		if p.Undressed == e.Causation {
			p.Undressed = ""
		}
		p.enter(f.Sealed.Ghosts)
	case *events.GhostEntered:
		p.enter(f.Sealed.Ghosts)
	case *events.GhostDeparted:
		for _, g := range f.Sealed.Ghosts {
			p.Ghosts = slices.DeleteFunc(p.Ghosts, func(in events.Peer) bool { return in == g })
		}
	case *events.MembersChanged:
		// Carried out by the matrix reactor; its outcome is what is folded.
	default:
		// A fact of a newer version.
	}
}

func (p *Portal) open(id events.EventID, f *events.PortalOpened) {
	p.OpenedBy, p.Kind = id, f.Kind
	if !f.Kind.Shared() {
		p.Account, p.Owner = f.Account, f.User
	}
	p.Peer, p.Title, p.Username = f.Sealed.Peer, f.Sealed.Title, f.Sealed.Username
	p.see(Viewer{User: f.User, Login: f.Login, Account: f.Account, CanPost: f.CanPost})
}

func (p *Portal) see(v Viewer) {
	if i := slices.IndexFunc(p.Viewers, func(old Viewer) bool { return old.Login == v.Login }); i >= 0 {
		p.Viewers = slices.Clone(p.Viewers)
		p.Viewers[i] = v
		return
	}
	p.Viewers = append(p.Viewers, v)
}

func (p *Portal) present(user events.UID, how Presence) {
	if p.Present == nil {
		p.Present = map[events.UID]Presence{}
	}
	p.Present[user] = how
}

func (p *Portal) describe(d events.Description) {
	if d.Title != "" {
		p.Title = d.Title
	}
	p.About, p.Photo = d.About, d.Photo
}

func (p *Portal) enter(ghosts []events.Peer) {
	for _, g := range ghosts {
		if i, ok := slices.BinarySearchFunc(p.Ghosts, g, comparePeers); !ok {
			p.Ghosts = slices.Insert(p.Ghosts, i, g)
		}
	}
}
