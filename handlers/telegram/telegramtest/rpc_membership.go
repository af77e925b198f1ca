package telegramtest

import (
	"context"
	"strings"

	"github.com/gotd/td/tg"
)

// onMembership serves what makes chats and changes who is in them.
func (s *Server) onMembership(d *tg.ServerDispatcher) {
	d.OnMessagesCreateChat(func(ctx context.Context, r *tg.MessagesCreateChatRequest) (*tg.MessagesInvitedUsers, error) {
		me := s.me(ctx)
		if strings.TrimSpace(r.Title) == "" {
			return nil, rpcError(400, "CHAT_TITLE_EMPTY")
		}
		members := []UserID{me.ID}
		for _, in := range r.Users {
			u, err := s.inputUser(me, in)
			if err != nil {
				return nil, err
			}
			members = append(members, u.ID)
		}
		c := s.newChat(ChatSpec{Kind: Group, Title: r.Title, Members: members}, callOf(ctx).conn)
		return &tg.MessagesInvitedUsers{Updates: s.chatUpdates(me, c, s.w.Posts[me.Log[len(me.Log)-1].Post])}, nil
	})
	d.OnChannelsCreateChannel(func(ctx context.Context, r *tg.ChannelsCreateChannelRequest) (tg.UpdatesClass, error) {
		me := s.me(ctx)
		if strings.TrimSpace(r.Title) == "" {
			return nil, rpcError(400, "CHAT_TITLE_EMPTY")
		}
		kind := Channel
		if r.Megagroup {
			kind = Supergroup
		}
		c := s.newChat(ChatSpec{Kind: kind, Title: r.Title, About: r.About, Members: []UserID{me.ID}}, callOf(ctx).conn)
		return s.chatUpdates(me, c, s.w.Posts[c.Box[1]]), nil
	})
	d.OnMessagesAddChatUser(func(ctx context.Context, r *tg.MessagesAddChatUserRequest) (*tg.MessagesInvitedUsers, error) {
		me := s.me(ctx)
		c, err := s.memberOf(s.inputChat(me, r.ChatID))(me)
		if err != nil {
			return nil, err
		}
		u, err := s.inputUser(me, r.UserID)
		if err != nil {
			return nil, err
		}
		if c.Members[u.ID] != nil {
			return nil, rpcError(400, "USER_ALREADY_PARTICIPANT")
		}
		return &tg.MessagesInvitedUsers{Updates: s.chatUpdates(me, c, s.join(c, u, me, callOf(ctx).conn))}, nil
	})
	d.OnMessagesDeleteChatUser(func(ctx context.Context, r *tg.MessagesDeleteChatUserRequest) (tg.UpdatesClass, error) {
		me := s.me(ctx)
		c, err := s.memberOf(s.inputChat(me, r.ChatID))(me)
		if err != nil {
			return nil, err
		}
		u, err := s.inputUser(me, r.UserID)
		if err != nil {
			return nil, err
		}
		if c.Members[u.ID] == nil {
			return nil, rpcError(400, "USER_NOT_PARTICIPANT")
		}
		if u != me && !c.Members[me.ID].Admin {
			return nil, rpcError(400, "CHAT_ADMIN_REQUIRED")
		}
		return s.chatUpdates(me, c, s.leave(c, u, me, callOf(ctx).conn)), nil
	})
	d.OnMessagesEditChatTitle(func(ctx context.Context, r *tg.MessagesEditChatTitleRequest) (tg.UpdatesClass, error) {
		me := s.me(ctx)
		c, err := s.memberOf(s.inputChat(me, r.ChatID))(me)
		if err != nil {
			return nil, err
		}
		return s.retitle(ctx, me, c, r.Title)
	})
	d.OnChannelsEditTitle(func(ctx context.Context, r *tg.ChannelsEditTitleRequest) (tg.UpdatesClass, error) {
		me := s.me(ctx)
		c, err := s.memberOf(s.inputChannel(me, r.Channel))(me)
		if err != nil {
			return nil, err
		}
		if !c.Members[me.ID].Admin {
			return nil, rpcError(400, "CHAT_ADMIN_REQUIRED")
		}
		return s.retitle(ctx, me, c, r.Title)
	})
	d.OnChannelsJoinChannel(func(ctx context.Context, in tg.InputChannelClass) (tg.MessagesChatInviteJoinResultClass, error) {
		me := s.me(ctx)
		c, err := s.inputChannel(me, in)
		if err != nil {
			return nil, err
		}
		if c.Members[me.ID] != nil {
			return nil, rpcError(400, "USER_ALREADY_PARTICIPANT")
		}
		return &tg.MessagesChatInviteJoinResultOk{Updates: s.chatUpdates(me, c, s.join(c, me, me, callOf(ctx).conn))}, nil
	})
	d.OnChannelsLeaveChannel(func(ctx context.Context, in tg.InputChannelClass) (tg.UpdatesClass, error) {
		me := s.me(ctx)
		c, err := s.inputChannel(me, in)
		if err != nil {
			return nil, err
		}
		if c.Members[me.ID] == nil {
			return nil, rpcError(400, "USER_NOT_PARTICIPANT")
		}
		s.leave(c, me, me, callOf(ctx).conn)
		return s.chatUpdates(me, c, nil), nil
	})
	d.OnChannelsInviteToChannel(func(ctx context.Context, r *tg.ChannelsInviteToChannelRequest) (*tg.MessagesInvitedUsers, error) {
		me := s.me(ctx)
		c, err := s.memberOf(s.inputChannel(me, r.Channel))(me)
		if err != nil {
			return nil, err
		}
		if c.Kind == Channel && !c.Members[me.ID].Admin {
			return nil, rpcError(400, "CHAT_ADMIN_REQUIRED")
		}
		for _, in := range r.Users {
			u, err := s.inputUser(me, in)
			if err != nil {
				return nil, err
			}
			s.join(c, u, me, nil)
		}
		return &tg.MessagesInvitedUsers{Updates: s.chatUpdates(me, c, nil)}, nil
	})
}

// memberOf refuses those who are not in the chat.
func (s *Server) memberOf(c *chat, err error) func(*user) (*chat, error) {
	return func(me *user) (*chat, error) {
		if err == nil && c.Members[me.ID] == nil {
			return nil, rpcError(403, "CHAT_WRITE_FORBIDDEN")
		}
		return c, err
	}
}

func (s *Server) retitle(ctx context.Context, me *user, c *chat, title string) (tg.UpdatesClass, error) {
	switch {
	case strings.TrimSpace(title) == "":
		return nil, rpcError(400, "CHAT_TITLE_EMPTY")
	case title == c.Title:
		return nil, rpcError(400, "CHAT_NOT_MODIFIED")
	}
	return s.chatUpdates(me, c, s.rename(c, me, title, callOf(ctx).conn)), nil
}

// chatUpdates answers a change of a chat: that it changed, and the service
// message if there is one.
func (s *Server) chatUpdates(me *user, c *chat, p *post) *tg.Updates {
	e := s.entities(me)
	e.chat(c.ID)
	var ups []tg.UpdateClass
	if c.Kind.isChannel() {
		ups = append(ups, &tg.UpdateChannel{ChannelID: int64(c.ID)})
	} else {
		ups = append(ups, &tg.UpdateChatParticipants{Participants: s.participants(c, e)})
	}
	if p != nil {
		ups = append(ups, s.latest(me, p, e))
	}
	return e.updates(ups)
}
