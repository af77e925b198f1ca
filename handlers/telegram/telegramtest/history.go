package telegramtest

import (
	"fmt"
	"time"

	"github.com/gotd/td/tg"
)

// Message is what the server holds of one message, for assertions.
type Message struct {
	ID        MessageID // as the viewer knows it
	From      UserID
	Text      string
	Entities  []tg.MessageEntityClass
	Media     tg.MessageMediaClass // nil without
	Service   string               // "ChatEditTitle" and so on; "" for what people write
	ReplyTo   MessageID            // 0 = none
	Reactions map[UserID]string
	RandomID  int64
	Date      time.Time
	Edited    time.Time // zero = never
	Silent    bool
	Deleted   bool // for the viewer
}

// History lists all messages of a chat, oldest first, as viewer knows them.
func (s *Server) History(viewer UserID, in Peer) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, k := s.mustUser(viewer), in.key()
	box := &u.mailbox
	if id, ok := k.chat(); ok && s.mustChat(id).Kind.isChannel() {
		box = &s.mustChat(id).mailbox
	}
	var out []Message
	for _, id := range sortedKeys(box.Box) {
		p := s.w.Posts[box.Box[id]]
		if s.peerFor(u, p) != k {
			continue
		}
		m := Message{ID: MessageID(id), From: p.From, Text: p.Text, Entities: decodeEntities(p.Entities), Media: decodeMedia(p.Media),
			Service: serviceName(p.Action), ReplyTo: MessageID(s.numberOf(p.ReplyTo, viewer)), RandomID: p.RandomID,
			Date: time.Unix(int64(p.Date), 0), Silent: p.Silent, Deleted: box.Cut[id], Reactions: map[UserID]string{}}
		for by, r := range p.Reactions {
			m.Reactions[by] = r
		}
		if p.EditDate != 0 {
			m.Edited = time.Unix(int64(p.EditDate), 0)
		}
		out = append(out, m)
	}
	return out
}

// Texts lists what people wrote in a chat and did not delete, oldest first.
func (s *Server) Texts(viewer UserID, in Peer) []string {
	var out []string
	for _, m := range s.History(viewer, in) {
		if m.Service == "" && !m.Deleted {
			out = append(out, m.Text)
		}
	}
	return out
}

// MessageIDFor translates the number under which one user knows a message into
// that of another. They differ in private chats and basic groups.
func (s *Server) MessageIDFor(viewer, author UserID, in Peer, id MessageID) MessageID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return MessageID(s.numberOf(s.mustFind(author, in, id).No, viewer))
}

func (s *Server) mustFind(by UserID, in Peer, id MessageID) *post {
	p := s.find(s.mustUser(by), in.key(), int(id))
	if p == nil {
		panic(fmt.Sprintf("telegramtest: %v has no message %d in %v", by, id, in))
	}
	return p
}

// find looks up a living message by its number.
func (s *Server) find(u *user, k peerKey, id int) *post {
	box := &u.mailbox
	if c, ok := k.chat(); ok && s.mustChat(c).Kind.isChannel() {
		box = &s.mustChat(c).mailbox
	}
	no, ok := box.alive(id)
	if !ok || s.peerFor(u, s.w.Posts[no]) != k {
		return nil
	}
	return s.w.Posts[no]
}
