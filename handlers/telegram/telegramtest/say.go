package telegramtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/gotd/td/tg"
)

// SayOption adds something to a message: see [ReplyTo], [Entities], [Photo],
// [Document], [Media], [Silent] and [At].
type SayOption struct {
	apply func(s *Server, from *user, to peerKey, d *draft)
}

// ReplyTo answers a message, named as the one who speaks knows it.
func ReplyTo(id MessageID) SayOption {
	return SayOption{func(s *Server, from *user, to peerKey, d *draft) {
		p := s.find(from, to, int(id))
		if p == nil {
			panic(fmt.Sprintf("telegramtest: no message %d to reply to", id))
		}
		d.reply = p.No
	}}
}

// Entities formats the text.
func Entities(list ...tg.MessageEntityClass) SayOption {
	return SayOption{func(_ *Server, _ *user, _ peerKey, d *draft) { d.entities = list }}
}

// Photo attaches a picture.
func Photo(data []byte) SayOption {
	return SayOption{func(s *Server, _ *user, _ peerKey, d *draft) {
		m := &tg.MessageMediaPhoto{}
		m.SetPhoto(s.tgPhoto(s.addFile(data, "image/jpeg", "photo.jpg").No))
		d.media = m
	}}
}

// Document attaches a file.
func Document(name, mime string, data []byte) SayOption {
	return SayOption{func(s *Server, _ *user, _ peerKey, d *draft) {
		m := &tg.MessageMediaDocument{}
		m.SetDocument(s.tgDocument(s.addFile(data, mime, name)))
		d.media = m
	}}
}

// Media attaches anything that Telegram knows: a location, a poll, a contact.
func Media(m tg.MessageMediaClass) SayOption {
	return SayOption{func(_ *Server, _ *user, _ peerKey, d *draft) { d.media = m }}
}

// Silent sends without a notification.
func Silent() SayOption {
	return SayOption{func(_ *Server, _ *user, _ peerKey, d *draft) { d.silent = true }}
}

// At dates the message.
func At(t time.Time) SayOption {
	return SayOption{func(_ *Server, _ *user, _ peerKey, d *draft) { d.date = int(t.Unix()) }}
}

// Say sends a message as from another client of that user, and returns its
// number as that user knows it. It panics if the user may not write there.
func (s *Server) Say(from UserID, to Peer, text string, opts ...SayOption) MessageID {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.mustUser(from)
	if err := s.mayWrite(u, to.key()); err != nil {
		panic(fmt.Sprintf("telegramtest: %v may not write to %v: %v", from, to, err))
	}
	d := draft{text: text}
	for _, o := range opts {
		o.apply(s, u, to.key(), &d)
	}
	p := s.post(u, to.key(), d, nil)
	s.change()
	return MessageID(s.numberOf(p.No, from))
}

// Edit changes a message, named as by knows it.
func (s *Server) Edit(by UserID, in Peer, id MessageID, text string, entities ...tg.MessageEntityClass) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edit(s.mustFind(by, in, id), text, entities, nil)
	s.change()
}

// Delete deletes messages for everyone, named as by knows them.
func (s *Server) Delete(by UserID, in Peer, ids ...MessageID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []int
	for _, id := range ids {
		list = append(list, int(id))
	}
	if id, ok := in.key().chat(); ok && s.mustChat(id).Kind.isChannel() {
		s.deleteChannel(s.mustChat(id), list, nil)
	} else {
		s.deleteMailbox(s.mustUser(by), list, true, nil)
	}
	s.change()
}

// React sets a user's reaction to a message; "" takes it back.
func (s *Server) React(by UserID, in Peer, id MessageID, emoji string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.react(s.mustUser(by), s.mustFind(by, in, id), emoji, nil)
	s.change()
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

// MarkRead has a user read a chat up to a message, in another client.
func (s *Server) MarkRead(by UserID, in Peer, upTo MessageID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read(s.mustUser(by), in.key(), int(upTo), nil)
	s.change()
}

// Type shows a user typing.
func (s *Server) Type(by UserID, in Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.typing(s.mustUser(by), in.key(), &tg.SendMessageTypingAction{})
}

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
