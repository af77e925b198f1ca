package projections

import (
	"maps"
	"slices"
	"strings"

	"github.com/natsgram/natsgram/events"
)

// Portal is what the log says of one portal: its chat and its room.
type Portal struct {
	UID      events.UID       `json:"uid"`
	Seq      uint64           `json:"seq"`    // last event of the aggregate
	Opened   uint64           `json:"opened"` // sequence of its first event
	OpenedBy events.EventID   `json:"opened_by,omitempty"`
	Kind     events.ChatKind  `json:"kind"`
	Account  events.AccountID `json:"account,omitempty"` // whose chat it is, if the kind is not shared
	Owner    events.UID       `json:"owner,omitempty"`   // likewise
	Peer     events.Peer      `json:"peer,omitzero"`
	Title    string           `json:"title,omitempty"`
	Username string           `json:"username,omitempty"`
	About    string           `json:"about,omitempty"`
	Photo    int64            `json:"photo,omitempty"`
	Room     events.RoomID    `json:"room,omitempty"`
	Failed   string           `json:"failed,omitempty"` // why there is no room
	Viewers  []Viewer         `json:"viewers,omitempty"`
	// Present says who of our users is in the room or invited.
	Present map[events.UID]Presence `json:"present,omitempty"`
	Ghosts  []events.Peer           `json:"ghosts,omitempty"` // joined, sorted
	// Undressed is the latest description not yet carried out on Matrix.
	Undressed events.EventID `json:"undressed,omitempty"`
	Described bool           `json:"described,omitempty"`
}

// Presence says how a user of ours stands to a portal's room.
type Presence string

// How a user stands to a room.
const (
	Invited Presence = "invited"
	Entered Presence = "entered"
)

// Viewer is a login that can see the portal's chat.
type Viewer struct {
	User    events.UID       `json:"user"`
	Login   events.LoginID   `json:"login"`
	Account events.AccountID `json:"account"`
	CanPost bool             `json:"can_post,omitempty"`
}

// SeenBy reports whether the login can see the chat.
func (p Portal) SeenBy(id events.LoginID) bool {
	return slices.ContainsFunc(p.Viewers, func(v Viewer) bool { return v.Login == id })
}

// ViewerOf returns a login of the user that can see the chat.
func (p Portal) ViewerOf(user events.UID) (Viewer, bool) {
	i := slices.IndexFunc(p.Viewers, func(v Viewer) bool { return v.User == user })
	if i < 0 {
		return Viewer{}, false
	}
	return p.Viewers[i], true
}

// HasGhost reports whether the ghost of a peer has joined the room.
func (p Portal) HasGhost(peer events.Peer) bool {
	_, ok := slices.BinarySearchFunc(p.Ghosts, peer, comparePeers)
	return ok
}

func comparePeers(a, b events.Peer) int {
	if c := strings.Compare(string(a.Kind), string(b.Kind)); c != 0 {
		return c
	}
	switch {
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	default:
		return 0
	}
}

func (p *Portal) clone() Portal {
	c := *p
	c.Viewers = slices.Clone(p.Viewers)
	c.Present = maps.Clone(p.Present)
	c.Ghosts = slices.Clone(p.Ghosts)
	return c
}

// chatKey finds a portal by its chat: shared kinds by the peer alone, the
// others by the user, the account and the peer.
type chatKey struct {
	owner   events.UID
	account events.AccountID
	peer    events.Peer
}

// Portals is the projection of PORTAL.
type Portals struct {
	table[Portal]
	byRoom  map[events.RoomID]events.UID
	byChat  map[chatKey]events.UID
	byLogin map[events.LoginID]map[events.UID]struct{}
}

// NewPortals returns the projection of an empty log.
func NewPortals() *Portals {
	ps := &Portals{}
	ps.init("portals", func(p *Portal) events.UID { return p.UID }, func() {
		ps.byRoom = make(map[events.RoomID]events.UID, len(ps.byID))
		ps.byChat = make(map[chatKey]events.UID, len(ps.byID))
		ps.byLogin = map[events.LoginID]map[events.UID]struct{}{}
		for _, p := range ps.byID {
			ps.index(p)
		}
	})
	return ps
}

func (ps *Portals) index(p *Portal) {
	if p.Room != "" {
		ps.byRoom[p.Room] = p.UID
	}
	if !p.Peer.IsZero() {
		ps.byChat[chatKey{p.Owner, p.Account, p.Peer}] = p.UID
	}
	for _, v := range p.Viewers {
		if ps.byLogin[v.Login] == nil {
			ps.byLogin[v.Login] = map[events.UID]struct{}{}
		}
		ps.byLogin[v.Login][p.UID] = struct{}{}
	}
}

// Get returns the portal, or the zero state of one the log knows nothing of.
func (ps *Portals) Get(uid events.UID) Portal {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	if p, ok := ps.byID[uid]; ok {
		return p.clone()
	}
	return Portal{UID: uid}
}

// ByRoom returns the portal whose room it is.
func (ps *Portals) ByRoom(room events.RoomID) (Portal, bool) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	if p, ok := ps.byID[ps.byRoom[room]]; ok {
		return p.clone(), true
	}
	return Portal{}, false
}

// OfChat returns the portal of a chat as an account of a user sees it: a
// channel's or supergroup's portal is everybody's.
func (ps *Portals) OfChat(owner events.UID, account events.AccountID, peer events.Peer) (Portal, bool) {
	key := chatKey{peer: peer}
	if peer.Kind != events.PeerChannel {
		key.owner, key.account = owner, account
	}
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	if p, ok := ps.byID[ps.byChat[key]]; ok {
		return p.clone(), true
	}
	return Portal{}, false
}

// OfLogin returns the portals that a login can see, oldest first.
func (ps *Portals) OfLogin(id events.LoginID) []Portal {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	found := make([]Portal, 0, len(ps.byLogin[id]))
	for uid := range ps.byLogin[id] {
		found = append(found, ps.byID[uid].clone())
	}
	slices.SortFunc(found, func(a, b Portal) int { return int(a.Opened) - int(b.Opened) })
	return found
}

// Progress counts the rooms of groups, supergroups and channels that a user's
// login has been let into, and those that were refused for good.
func (ps *Portals) Progress(user events.UID, id events.LoginID) (made, failed int) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	for uid := range ps.byLogin[id] {
		p := ps.byID[uid]
		switch {
		case p.Kind == events.KindPrivate:
		case p.Failed != "":
			failed++
		case p.Present[user] != "":
			made++
		}
	}
	return made, failed
}

// Count is the number of portals and of those that have a room.
func (ps *Portals) Count() (portals, rooms int) {
	ps.mu.RLock()
	defer ps.mu.RUnlock()
	return len(ps.byID), len(ps.byRoom)
}
