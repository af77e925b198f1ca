package telegramtest

import (
	"fmt"
	"time"

	"github.com/gotd/td/tg"
)

// ChatSpec describes a chat. The first member is its creator.
type ChatSpec struct {
	Kind     Kind
	Title    string
	About    string
	Username string // public if set; supergroups and channels only
	Photo    []byte
	Members  []UserID
	Date     time.Time // of its creation; default now
}

// AddGroup makes a basic group.
func (s *Server) AddGroup(title string, members ...UserID) ChatID {
	return s.AddChat(ChatSpec{Kind: Group, Title: title, Members: members})
}

// AddSupergroup makes a supergroup.
func (s *Server) AddSupergroup(title string, members ...UserID) ChatID {
	return s.AddChat(ChatSpec{Kind: Supergroup, Title: title, Members: members})
}

// AddChannel makes a broadcast channel.
func (s *Server) AddChannel(title string, members ...UserID) ChatID {
	return s.AddChat(ChatSpec{Kind: Channel, Title: title, Members: members})
}

// AddChat makes a chat of any kind, with the service message that begins it.
// It panics without members or if the username is taken.
func (s *Server) AddChat(spec ChatSpec) ChatID {
	if len(spec.Members) == 0 {
		panic("telegramtest: a chat needs a creator")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.freeUsername(spec.Username)
	c := s.newChat(spec, nil)
	s.change()
	return c.ID
}

func (s *Server) newChat(spec ChatSpec, except *conn) *chat {
	date := now()
	if !spec.Date.IsZero() {
		date = int(spec.Date.Unix())
	}
	creator := s.mustUser(spec.Members[0])
	c := &chat{ID: ChatID(s.nextID()), Kind: spec.Kind, Title: spec.Title, About: spec.About, Username: spec.Username,
		Date: date, Version: 1, Creator: creator.ID, Members: map[UserID]*member{}, Former: map[UserID]bool{},
		mailbox: newMailbox()}
	if len(spec.Photo) > 0 {
		c.Photo = s.addFile(spec.Photo, "image/jpeg", "photo.jpg").No
	}
	s.w.Chats[c.ID] = c
	var ids []int64
	for _, m := range spec.Members {
		s.mustUser(m)
		c.Members[m] = &member{Date: date, Inviter: creator.ID, Admin: m == creator.ID}
		ids = append(ids, int64(m))
	}
	d := draft{date: date}
	if c.Kind == Group {
		d.action = &tg.MessageActionChatCreate{Title: c.Title, Users: ids}
	} else {
		d.action = &tg.MessageActionChannelCreate{Title: c.Title}
	}
	s.post(creator, c.ID.key(), d, except)
	s.tellMembers(c)
	return c
}

// Join adds users to a chat, each by own decision.
func (s *Server) Join(c ChatID, users ...UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range users {
		s.join(s.mustChat(c), s.mustUser(u), s.mustUser(u), nil)
	}
	s.change()
}

// join adds u; by is u, or the member who invites.
func (s *Server) join(c *chat, u, by *user, except *conn) *post {
	if c.Members[u.ID] != nil {
		return nil
	}
	delete(c.Former, u.ID)
	c.Members[u.ID] = &member{Date: now(), Inviter: by.ID}
	c.Version++
	var p *post
	if c.Kind != Channel {
		p = s.post(by, c.ID.key(), draft{action: &tg.MessageActionChatAddUser{Users: []int64{int64(u.ID)}}}, except)
	}
	if c.Kind.isChannel() {
		s.seen(u, c)
		s.tellChat(u, c)
	} else {
		s.tellMembers(c)
	}
	return p
}

// Leave takes users out of a chat, each by own decision.
func (s *Server) Leave(c ChatID, users ...UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range users {
		s.leave(s.mustChat(c), s.mustUser(u), s.mustUser(u), nil)
	}
	s.change()
}

// Remove has a member thrown out of a chat by its creator.
func (s *Server) Remove(c ChatID, u UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.mustChat(c)
	s.leave(ch, s.mustUser(u), s.mustUser(ch.Creator), nil)
	s.change()
}

func (s *Server) leave(c *chat, u, by *user, except *conn) *post {
	if c.Members[u.ID] == nil {
		return nil
	}
	delete(c.Members, u.ID)
	c.Former[u.ID] = by != u
	c.Version++
	var p *post
	if c.Kind != Channel {
		p = s.post(by, c.ID.key(), draft{action: &tg.MessageActionChatDeleteUser{UserID: int64(u.ID)}, leaver: u.ID}, except)
	}
	if c.Kind.isChannel() {
		delete(u.Dialogs, c.ID.key())
	} else {
		s.tellMembers(c)
	}
	s.tellChat(u, c)
	return p
}

// Rename changes the title, by the creator.
func (s *Server) Rename(c ChatID, title string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.mustChat(c)
	s.rename(ch, s.mustUser(ch.Creator), title, nil)
	s.change()
}

func (s *Server) rename(c *chat, by *user, title string, except *conn) *post {
	c.Title = title
	c.Version++
	return s.post(by, c.ID.key(), draft{action: &tg.MessageActionChatEditTitle{Title: title}}, except)
}

// SetPhoto changes the chat's photo; nil removes it.
func (s *Server) SetPhoto(c ChatID, photo []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.mustChat(c)
	ch.Photo = 0
	d := draft{action: &tg.MessageActionChatDeletePhoto{}}
	if len(photo) > 0 {
		f := s.addFile(photo, "image/jpeg", "photo.jpg")
		ch.Photo = f.No
		d.action = &tg.MessageActionChatEditPhoto{Photo: s.tgPhoto(f.No)}
	}
	s.post(s.mustUser(ch.Creator), c.key(), d, nil)
	s.change()
}

// SetAbout changes the description. Members are told that something changed
// and have to ask what.
func (s *Server) SetAbout(c ChatID, about string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.mustChat(c)
	ch.About = about
	for id := range ch.Members {
		s.tellChat(s.w.Users[id], ch)
	}
	s.change()
}

// SetAdmin makes a member administrator or takes it back.
func (s *Server) SetAdmin(c ChatID, u UserID, admin bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.mustChat(c)
	m := ch.Members[u]
	if m == nil {
		panic(fmt.Sprintf("telegramtest: %v is not in %v", u, c))
	}
	m.Admin = admin
	ch.Version++
	s.tellMembers(ch)
	s.tellChat(s.w.Users[u], ch)
	s.change()
}

// DeleteChat ends a chat for all.
func (s *Server) DeleteChat(c ChatID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.mustChat(c)
	for id := range ch.Members {
		u := s.w.Users[id]
		delete(ch.Members, id)
		delete(u.Dialogs, c.key())
		ch.Former[id] = true
		s.tellChat(u, ch)
	}
	ch.Gone = true
	s.change()
}

// tellChat says that something about the chat changed for u.
func (s *Server) tellChat(u *user, c *chat) {
	e := s.entities(u)
	e.chat(c.ID)
	if c.Kind.isChannel() {
		s.push(u, nil, e, &tg.UpdateChannel{ChannelID: int64(c.ID)})
		return
	}
	s.push(u, nil, e, &tg.UpdateChat{ChatID: int64(c.ID)})
}

// tellMembers sends a basic group's list of members to them; channels have none.
func (s *Server) tellMembers(c *chat) {
	for id := range c.Members {
		u := s.w.Users[id]
		if c.Kind.isChannel() {
			s.tellChat(u, c)
			continue
		}
		if len(s.online[id]) == 0 {
			continue
		}
		e := s.entities(u)
		e.chat(c.ID)
		s.push(u, nil, e, &tg.UpdateChatParticipants{Participants: s.participants(c, e)})
	}
}

func (s *Server) mustChat(c ChatID) *chat {
	ch := s.w.Chats[c]
	if ch == nil {
		panic(fmt.Sprintf("telegramtest: no %v", c))
	}
	return ch
}

// Members lists who is in a chat.
func (s *Server) Members(c ChatID) []UserID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mustChat(c).memberIDs()
}
