package telegramtest

import (
	"context"
	"strings"

	"github.com/gotd/td/tg"
)

func (s *Server) onChats(d *tg.ServerDispatcher) {
	d.OnMessagesGetChats(func(ctx context.Context, ids []int64) (tg.MessagesChatsClass, error) {
		out := &tg.MessagesChats{}
		for _, id := range ids {
			c, err := s.inputChat(s.me(ctx), id)
			if err != nil {
				return nil, err
			}
			out.Chats = append(out.Chats, s.tgChat(s.me(ctx), c))
		}
		return out, nil
	})
	d.OnChannelsGetChannels(func(ctx context.Context, in []tg.InputChannelClass) (tg.MessagesChatsClass, error) {
		out := &tg.MessagesChats{}
		for _, p := range in {
			c, err := s.inputChannel(s.me(ctx), p)
			if err != nil {
				return nil, err
			}
			out.Chats = append(out.Chats, s.tgChat(s.me(ctx), c))
		}
		return out, nil
	})
	d.OnMessagesGetFullChat(s.getFullChat)
	d.OnChannelsGetFullChannel(s.getFullChannel)
	d.OnChannelsGetParticipants(s.getParticipants)
	d.OnChannelsGetParticipant(func(ctx context.Context, r *tg.ChannelsGetParticipantRequest) (*tg.ChannelsChannelParticipant, error) {
		me := s.me(ctx)
		c, err := s.inputChannel(me, r.Channel)
		if err != nil {
			return nil, err
		}
		k, err := s.inputPeer(me, r.Participant)
		if err != nil {
			return nil, err
		}
		id, _ := k.user()
		if c.Members[id] == nil {
			return nil, rpcError(400, "USER_NOT_PARTICIPANT")
		}
		e := s.entities(me)
		e.user(id)
		return &tg.ChannelsChannelParticipant{Participant: channelParticipant(c, id, me), Chats: e.tgChats(), Users: e.tgUsers()}, nil
	})
	s.onMembership(d)
}

func (s *Server) participants(c *chat, e *entities) *tg.ChatParticipants {
	out := &tg.ChatParticipants{ChatID: int64(c.ID), Version: c.Version}
	for _, id := range c.memberIDs() {
		m := c.Members[id]
		e.user(id)
		var p tg.ChatParticipantClass = &tg.ChatParticipant{UserID: int64(id), InviterID: int64(m.Inviter), Date: m.Date}
		switch {
		case id == c.Creator:
			p = &tg.ChatParticipantCreator{UserID: int64(id)}
		case m.Admin:
			p = &tg.ChatParticipantAdmin{UserID: int64(id), InviterID: int64(m.Inviter), Date: m.Date}
		}
		out.Participants = append(out.Participants, p)
	}
	return out
}

func (s *Server) getFullChat(ctx context.Context, id int64) (*tg.MessagesChatFull, error) {
	me := s.me(ctx)
	c, err := s.inputChat(me, id)
	if err != nil {
		return nil, err
	}
	e := s.entities(me)
	e.chat(c.ID)
	full := &tg.ChatFull{ID: id, About: c.About, Participants: &tg.ChatParticipantsForbidden{ChatID: id}}
	if c.Members[me.ID] != nil {
		full.Participants = s.participants(c, e)
	}
	if c.Photo != 0 {
		full.SetChatPhoto(s.tgPhoto(c.Photo))
	}
	return &tg.MessagesChatFull{FullChat: full, Chats: e.tgChats(), Users: e.tgUsers()}, nil
}

func (s *Server) getFullChannel(ctx context.Context, in tg.InputChannelClass) (*tg.MessagesChatFull, error) {
	me := s.me(ctx)
	c, err := s.inputChannel(me, in)
	if err != nil {
		return nil, err
	}
	e := s.entities(me)
	e.chat(c.ID)
	full := &tg.ChannelFull{ID: int64(c.ID), About: c.About, ChatPhoto: &tg.PhotoEmpty{}, Pts: c.Pts}
	if d := me.Dialogs[c.ID.key()]; d != nil {
		full.ReadInboxMaxID, full.ReadOutboxMaxID, full.UnreadCount = d.ReadIn, d.ReadOut, d.Unread
	}
	m := c.Members[me.ID]
	full.CanViewParticipants = c.Kind == Supergroup || m != nil && m.Admin
	full.SetParticipantsCount(len(c.Members))
	if c.Photo != 0 {
		full.ChatPhoto = s.tgPhoto(c.Photo)
	}
	return &tg.MessagesChatFull{FullChat: full, Chats: e.tgChats(), Users: e.tgUsers()}, nil
}

func channelParticipant(c *chat, id UserID, viewer *user) tg.ChannelParticipantClass {
	m := c.Members[id]
	switch {
	case id == c.Creator:
		return &tg.ChannelParticipantCreator{UserID: int64(id), AdminRights: adminRights()}
	case m.Admin:
		return &tg.ChannelParticipantAdmin{UserID: int64(id), Self: id == viewer.ID, InviterID: int64(m.Inviter),
			PromotedBy: int64(c.Creator), Date: m.Date, AdminRights: adminRights()}
	case id == viewer.ID:
		return &tg.ChannelParticipantSelf{UserID: int64(id), InviterID: int64(m.Inviter), Date: m.Date}
	}
	return &tg.ChannelParticipant{UserID: int64(id), Date: m.Date}
}

func (s *Server) getParticipants(ctx context.Context, r *tg.ChannelsGetParticipantsRequest) (tg.ChannelsChannelParticipantsClass, error) {
	me := s.me(ctx)
	c, err := s.inputChannel(me, r.Channel)
	if err != nil {
		return nil, err
	}
	if m := c.Members[me.ID]; c.Kind == Channel && (m == nil || !m.Admin) {
		return nil, rpcError(400, "CHAT_ADMIN_REQUIRED")
	}
	var ids []UserID
	for _, id := range c.memberIDs() {
		if s.fits(r.Filter, c, id) {
			ids = append(ids, id)
		}
	}
	e := s.entities(me)
	e.chat(c.ID)
	out := &tg.ChannelsChannelParticipants{Count: len(ids), Participants: []tg.ChannelParticipantClass{}}
	from := min(max(r.Offset, 0), len(ids))
	for _, id := range ids[from:min(from+min(max(r.Limit, 0), 200), len(ids))] {
		e.user(id)
		out.Participants = append(out.Participants, channelParticipant(c, id, me))
	}
	out.Chats, out.Users = e.tgChats(), e.tgUsers()
	return out, nil
}

func (s *Server) fits(f tg.ChannelParticipantsFilterClass, c *chat, id UserID) bool {
	u := s.w.Users[id]
	matches := func(q string) bool {
		return strings.Contains(strings.ToLower(u.FirstName+" "+u.LastName+" "+u.Username), strings.ToLower(q))
	}
	switch f := f.(type) {
	case *tg.ChannelParticipantsAdmins:
		return c.Members[id].Admin
	case *tg.ChannelParticipantsBots:
		return u.Bot
	case *tg.ChannelParticipantsSearch:
		return matches(f.Q)
	case *tg.ChannelParticipantsKicked, *tg.ChannelParticipantsBanned:
		return false
	}
	return true
}
