package telegramtest

import (
	"cmp"
	"slices"

	"github.com/gotd/td/proto"
	"github.com/gotd/td/tg"
)

type eventKind int

const (
	eventNew eventKind = iota + 1
	eventEdit
	eventDelete
	eventReadIn  // the account read
	eventReadOut // somebody read what the account wrote
)

// event is one step of a sequence of updates: of an account's or a channel's.
// Live updates and differences are both made from events, by the same code.
type event struct {
	Pts, Count int
	Kind       eventKind
	ID         int
	Post       int64
	IDs        []int   `json:",omitempty"`
	Peer       peerKey `json:",omitempty"`
	Unread     int     `json:",omitempty"`
}

// happen appends to a mailbox's sequence and forgets what is too old.
func (s *Server) happen(m *mailbox, e event) event {
	m.Pts += e.Count
	e.Pts = m.Pts
	m.Last = now()
	m.Log = append(m.Log, e)
	if keep := s.opts.KeepEvents; len(m.Log) > keep+keep/4 {
		n := len(m.Log) - keep
		m.Base = m.Log[n-1].Pts
		m.Log = slices.Clone(m.Log[n:])
	}
	return e
}

// since returns the events after a pts.
func (m *mailbox) since(pts int) []event {
	i, _ := slices.BinarySearchFunc(m.Log, pts+1, func(e event, pts int) int { return cmp.Compare(e.Pts, pts) })
	return m.Log[i:]
}

// update makes Telegram's update of an event for the viewer whose entities are
// collected. c is nil for the viewer's own mailbox.
func (s *Server) update(e event, c *chat, ents *entities) tg.UpdateClass {
	if c != nil {
		id := int64(c.ID)
		ents.chat(c.ID)
		switch e.Kind {
		case eventNew:
			return &tg.UpdateNewChannelMessage{Message: s.message(e.Post, c.alive, e.ID, ents), Pts: e.Pts, PtsCount: e.Count}
		case eventEdit:
			return &tg.UpdateEditChannelMessage{Message: s.message(e.Post, c.alive, e.ID, ents), Pts: e.Pts, PtsCount: e.Count}
		default:
			return &tg.UpdateDeleteChannelMessages{ChannelID: id, Messages: slices.Clone(e.IDs), Pts: e.Pts, PtsCount: e.Count}
		}
	}
	alive := ents.viewer.alive
	switch e.Kind {
	case eventNew:
		return &tg.UpdateNewMessage{Message: s.message(e.Post, alive, e.ID, ents), Pts: e.Pts, PtsCount: e.Count}
	case eventEdit:
		return &tg.UpdateEditMessage{Message: s.message(e.Post, alive, e.ID, ents), Pts: e.Pts, PtsCount: e.Count}
	case eventReadIn:
		ents.peer(e.Peer)
		return &tg.UpdateReadHistoryInbox{Peer: s.tgPeer(e.Peer), MaxID: e.ID, StillUnreadCount: e.Unread, Pts: e.Pts, PtsCount: e.Count}
	case eventReadOut:
		ents.peer(e.Peer)
		return &tg.UpdateReadHistoryOutbox{Peer: s.tgPeer(e.Peer), MaxID: e.ID, Pts: e.Pts, PtsCount: e.Count}
	default:
		return &tg.UpdateDeleteMessages{Messages: slices.Clone(e.IDs), Pts: e.Pts, PtsCount: e.Count}
	}
}

// pushEvents sends events to the account's listening connections.
func (s *Server) pushEvents(u *user, c *chat, except *conn, events ...event) {
	if !s.listens(u, except) {
		return
	}
	ents := s.entities(u)
	ups := make([]tg.UpdateClass, 0, len(events))
	for _, e := range events {
		ups = append(ups, s.update(e, c, ents))
	}
	s.push(u, except, ents, ups...)
}

func (s *Server) listens(u *user, except *conn) bool {
	on := s.online[u.ID]
	if _, ok := on[except]; ok {
		return len(on) > 1
	}
	return len(on) > 0
}

// push encodes once for all connections of the account: what they get is the
// same to the byte.
func (s *Server) push(u *user, except *conn, ents *entities, ups ...tg.UpdateClass) {
	if !s.listens(u, except) {
		return
	}
	if s.lose[u.ID] > 0 {
		s.lose[u.ID]--
		return
	}
	body := encode(ents.updates(ups))
	for c := range s.online[u.ID] {
		if c != except {
			c.sendBytes(proto.MessageFromServer, true, body)
		}
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
