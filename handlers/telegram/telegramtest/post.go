package telegramtest

import (
	"github.com/gotd/td/bin"
	"github.com/gotd/td/tg"
)

// draft is a message before it has numbers.
type draft struct {
	text     string
	entities []tg.MessageEntityClass
	media    tg.MessageMediaClass
	action   tg.MessageActionClass
	reply    int64 // post
	silent   bool
	date     int
	randomID int64
	leaver   UserID // no member of the basic group any more, and still told
}

// post gives a message its numbers in every mailbox it goes to and tells all
// sessions of all who get it, but not except: that connection gets the same
// updates as the answer to its request.
func (s *Server) post(from *user, to peerKey, d draft, except *conn) *post {
	if id, ok := to.user(); ok {
		return s.postPM(from, s.mustUser(id), d, except)
	}
	id, _ := to.chat()
	c := s.mustChat(id)
	p := s.newPost(from, d)
	p.Chat = c.ID
	if c.Kind.isChannel() {
		s.postChannel(c, p, except)
		return p
	}
	p.IDs = map[UserID]int{}
	for _, m := range c.memberIDs() {
		s.putMailbox(s.w.Users[m], to, p, except)
	}
	if d.leaver != 0 {
		s.putMailbox(s.mustUser(d.leaver), to, p, except)
	}
	return p
}

func (s *Server) postPM(from, to *user, d draft, except *conn) *post {
	p := s.newPost(from, d)
	p.To, p.IDs = to.ID, map[UserID]int{}
	s.putMailbox(from, to.ID.key(), p, except)
	if from != to {
		s.putMailbox(to, from.ID.key(), p, nil)
	}
	return p
}

func (s *Server) newPost(from *user, d draft) *post {
	p := &post{No: s.nextNo(), From: from.ID, Date: d.date, Text: d.text, ReplyTo: d.reply, Silent: d.silent, RandomID: d.randomID}
	if p.Date == 0 {
		p.Date = now()
	}
	p.Entities = encodeEntities(d.entities)
	if d.media != nil {
		p.Media = encode(d.media)
	}
	if d.action != nil {
		p.Action = encode(d.action)
	}
	if d.randomID != 0 {
		from.RandomIDs[d.randomID] = true
	}
	s.w.Posts[p.No] = p
	return p
}

// putMailbox delivers into one account's mailbox. k is the chat as the account
// sees it.
func (s *Server) putMailbox(u *user, k peerKey, p *post, except *conn) {
	u.LastID++
	p.IDs[u.ID] = u.LastID
	u.Box[u.LastID] = p.No
	d := u.dialog(k)
	d.Top, d.Date, d.Seq = u.LastID, p.Date, p.No
	if p.From != u.ID {
		d.Unread++
	}
	e := s.happen(&u.mailbox, event{Kind: eventNew, ID: u.LastID, Post: p.No, Count: 1})
	s.pushEvents(u, nil, except, e)
}

func (s *Server) postChannel(c *chat, p *post, except *conn) {
	c.LastID++
	p.ID = c.LastID
	c.Box[p.ID] = p.No
	e := s.happen(&c.mailbox, event{Kind: eventNew, ID: p.ID, Post: p.No, Count: 1})
	for id := range c.Members {
		u := s.w.Users[id]
		d := u.dialog(c.ID.key())
		d.Top, d.Date, d.Seq = p.ID, p.Date, p.No
		if id != p.From {
			d.Unread++
		} else {
			d.ReadIn = p.ID
		}
		s.pushEvents(u, c, except, e)
	}
}

// seen gives a new member the channel's dialog.
func (s *Server) seen(u *user, c *chat) {
	d := u.dialog(c.ID.key())
	s.retop(d, &c.mailbox, func(int64) bool { return true })
	d.ReadIn = d.Top
}

// edit changes a message for all who have it.
func (s *Server) edit(p *post, text string, entities []tg.MessageEntityClass, except *conn) {
	p.Text, p.Entities, p.EditDate = text, encodeEntities(entities), now()
	if c := s.w.Chats[p.Chat]; c != nil && c.Kind.isChannel() {
		e := s.happen(&c.mailbox, event{Kind: eventEdit, ID: p.ID, Post: p.No, Count: 1})
		for id := range c.Members {
			s.pushEvents(s.w.Users[id], c, except, e)
		}
		return
	}
	for _, id := range sortedKeys(p.IDs) {
		u := s.w.Users[id]
		if _, ok := u.alive(p.IDs[id]); ok {
			e := s.happen(&u.mailbox, event{Kind: eventEdit, ID: p.IDs[id], Post: p.No, Count: 1})
			s.pushEvents(u, nil, except, e)
		}
	}
}

// deleteMailbox deletes messages of one account, and with revoke for all.
func (s *Server) deleteMailbox(by *user, ids []int, revoke bool, except *conn) event {
	gone := map[UserID][]int{}
	for _, id := range ids {
		no, ok := by.alive(id)
		if !ok {
			continue
		}
		gone[by.ID] = append(gone[by.ID], id)
		if !revoke {
			continue
		}
		for u, other := range s.w.Posts[no].IDs {
			if _, ok := s.w.Users[u].alive(other); ok && u != by.ID {
				gone[u] = append(gone[u], other)
			}
		}
	}
	var mine event
	for _, id := range sortedKeys(gone) {
		u := s.w.Users[id]
		for _, n := range gone[id] {
			u.Cut[n] = true
			s.retopMailbox(u, s.peerFor(u, s.w.Posts[u.Box[n]]))
		}
		e := s.happen(&u.mailbox, event{Kind: eventDelete, IDs: gone[id], Count: len(gone[id])})
		if u == by {
			mine = e
		}
		s.pushEvents(u, nil, except, e)
	}
	return mine
}

func (s *Server) deleteChannel(c *chat, ids []int, except *conn) event {
	var gone []int
	for _, id := range ids {
		if _, ok := c.alive(id); ok {
			gone = append(gone, id)
			c.Cut[id] = true
		}
	}
	if len(gone) == 0 {
		return event{}
	}
	e := s.happen(&c.mailbox, event{Kind: eventDelete, IDs: gone, Count: len(gone)})
	for id := range c.Members {
		u := s.w.Users[id]
		s.retop(u.dialog(c.ID.key()), &c.mailbox, func(int64) bool { return true })
		s.pushEvents(u, c, except, e)
	}
	return e
}

// peerFor is the chat of a message as one of its readers sees it.
func (s *Server) peerFor(u *user, p *post) peerKey {
	switch {
	case p.Chat != 0:
		return p.Chat.key()
	case p.From == u.ID:
		return p.To.key()
	}
	return p.From.key()
}

func (s *Server) retopMailbox(u *user, k peerKey) {
	s.retop(u.dialog(k), &u.mailbox, func(no int64) bool { return s.peerFor(u, s.w.Posts[no]) == k })
}

// retop finds the newest message that is left of a dialog.
func (s *Server) retop(d *dialog, m *mailbox, belongs func(int64) bool) {
	for id := m.LastID; id > 0; id-- {
		if no, ok := m.alive(id); ok && belongs(no) {
			d.Top, d.Date, d.Seq = id, s.w.Posts[no].Date, no
			return
		}
	}
	d.Top = 0
}

func encode(o bin.Encoder) []byte {
	var b bin.Buffer
	if err := o.Encode(&b); err != nil {
		panic(err) // an object with a hole in it
	}
	return b.Buf
}

func encodeEntities(list []tg.MessageEntityClass) []byte {
	if len(list) == 0 {
		return nil
	}
	var b bin.Buffer
	b.PutVectorHeader(len(list))
	for _, e := range list {
		b.Put(encode(e))
	}
	return b.Buf
}

func decodeEntities(data []byte) []tg.MessageEntityClass {
	if len(data) == 0 {
		return nil
	}
	b := &bin.Buffer{Buf: data}
	n, err := b.VectorHeader()
	out := make([]tg.MessageEntityClass, n)
	for i := range out {
		if out[i], err = tg.DecodeMessageEntity(b); err != nil {
			panic(err) // we encoded it
		}
	}
	if err != nil {
		panic(err)
	}
	return out
}
