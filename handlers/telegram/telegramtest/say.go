package telegramtest

import (
	"fmt"
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
