package telegramtest

import (
	"slices"

	"github.com/gotd/td/tg"
)

// read moves the mark up to which a user has read a chat.
func (s *Server) read(u *user, k peerKey, upTo int, except *conn) (event, bool) {
	d := u.dialog(k)
	channel := (*chat)(nil)
	if c, ok := k.chat(); ok && s.mustChat(c).Kind.isChannel() {
		channel = s.mustChat(c)
	}
	if upTo == 0 || upTo > d.Top {
		upTo = d.Top
	}
	if upTo <= d.ReadIn {
		return event{}, false
	}
	before := d.ReadIn
	d.ReadIn = upTo
	box := &u.mailbox
	if channel != nil {
		box = &channel.mailbox
	}
	last := map[UserID]*post{} // newest read message of each author
	d.Unread = 0
	for id := max(before, 0) + 1; id <= box.LastID; id++ {
		no, ok := box.alive(id)
		if !ok || s.peerFor(u, s.w.Posts[no]) != k || s.w.Posts[no].From == u.ID {
			continue
		}
		if id > upTo {
			d.Unread++
		} else {
			last[s.w.Posts[no].From] = s.w.Posts[no]
		}
	}
	for _, id := range sortedKeys(last) {
		s.readOut(s.w.Users[id], last[id], channel)
	}
	if channel != nil {
		e := s.entities(u)
		e.chat(channel.ID)
		s.push(u, except, e, &tg.UpdateReadChannelInbox{ChannelID: int64(channel.ID), MaxID: upTo, StillUnreadCount: d.Unread, Pts: channel.Pts})
		return event{}, true
	}
	e := s.happen(&u.mailbox, event{Kind: eventReadIn, Peer: k, ID: upTo, Unread: d.Unread, Count: 1})
	s.pushEvents(u, nil, except, e)
	return e, true
}

// readOut tells an author that a message was read.
func (s *Server) readOut(author *user, p *post, channel *chat) {
	k := s.peerFor(author, p)
	n := s.numberOf(p.No, author.ID)
	d := author.dialog(k)
	if n <= d.ReadOut {
		return
	}
	d.ReadOut = n
	if channel != nil {
		if channel.Kind == Supergroup {
			e := s.entities(author)
			e.chat(channel.ID)
			s.push(author, nil, e, &tg.UpdateReadChannelOutbox{ChannelID: int64(channel.ID), MaxID: n})
		}
		return
	}
	e := s.happen(&author.mailbox, event{Kind: eventReadOut, Peer: k, ID: n, Count: 1})
	s.pushEvents(author, nil, nil, e)
}

func (s *Server) typing(u *user, k peerKey, a tg.SendMessageActionClass) {
	if id, ok := k.user(); ok {
		other := s.w.Users[id]
		e := s.entities(other)
		e.user(u.ID)
		s.push(other, nil, e, &tg.UpdateUserTyping{UserID: int64(u.ID), Action: a})
		return
	}
	id, _ := k.chat()
	c := s.mustChat(id)
	from := &tg.PeerUser{UserID: int64(u.ID)}
	for _, m := range slices.DeleteFunc(c.memberIDs(), func(m UserID) bool { return m == u.ID }) {
		other := s.w.Users[m]
		e := s.entities(other)
		e.user(u.ID)
		e.chat(c.ID)
		if c.Kind.isChannel() {
			s.push(other, nil, e, &tg.UpdateChannelUserTyping{ChannelID: int64(c.ID), FromID: from, Action: a})
		} else {
			s.push(other, nil, e, &tg.UpdateChatUserTyping{ChatID: int64(c.ID), FromID: from, Action: a})
		}
	}
}

func (s *Server) react(by *user, p *post, emoji string, except *conn) {
	if p.Reactions == nil {
		p.Reactions = map[UserID]string{}
	}
	p.Reactions[by.ID] = emoji
	if emoji == "" {
		delete(p.Reactions, by.ID)
	}
	for _, u := range s.readers(p) {
		e := s.entities(u)
		s.push(u, except, e, s.reactionUpdate(u, p, e))
	}
}

func (s *Server) reactionUpdate(u *user, p *post, e *entities) tg.UpdateClass {
	k := s.peerFor(u, p)
	e.peer(k)
	for id := range p.Reactions {
		e.user(id)
	}
	return &tg.UpdateMessageReactions{Peer: s.tgPeer(k), MsgID: s.numberOf(p.No, u.ID), Reactions: reactions(p, u.ID)}
}

// readers are all who have the post.
func (s *Server) readers(p *post) []*user {
	var out []*user
	if p.IDs != nil {
		for _, id := range sortedKeys(p.IDs) {
			out = append(out, s.w.Users[id])
		}
		return out
	}
	for _, id := range s.mustChat(p.Chat).memberIDs() {
		out = append(out, s.w.Users[id])
	}
	return out
}
