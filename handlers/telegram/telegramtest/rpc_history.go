package telegramtest

import (
	"context"

	"github.com/gotd/td/tg"
)

func (s *Server) onHistory(d *tg.ServerDispatcher) {
	d.OnMessagesGetMessages(func(ctx context.Context, ids []tg.InputMessageClass) (tg.MessagesMessagesClass, error) {
		me := s.me(ctx)
		e := s.entities(me)
		return &tg.MessagesMessages{Messages: s.byNumber(&me.mailbox, ids, e), Topics: []tg.ForumTopicClass{},
			Chats: e.tgChats(), Users: e.tgUsers()}, nil
	})
	d.OnChannelsGetMessages(func(ctx context.Context, r *tg.ChannelsGetMessagesRequest) (tg.MessagesMessagesClass, error) {
		me := s.me(ctx)
		c, err := s.inputChannel(me, r.Channel)
		if err != nil {
			return nil, err
		}
		e := s.entities(me)
		e.chat(c.ID)
		msgs := s.byNumber(&c.mailbox, r.ID, e)
		return &tg.MessagesChannelMessages{Pts: c.Pts, Count: len(msgs), Messages: msgs, Topics: []tg.ForumTopicClass{},
			Chats: e.tgChats(), Users: e.tgUsers()}, nil
	})
	d.OnMessagesGetHistory(s.getHistory)
}

func (s *Server) byNumber(box *mailbox, ids []tg.InputMessageClass, e *entities) []tg.MessageClass {
	msgs := []tg.MessageClass{}
	for _, in := range ids {
		id, ok := in.(*tg.InputMessageID)
		if !ok {
			continue
		}
		if no, ok := box.alive(id.ID); ok {
			msgs = append(msgs, s.message(no, box.alive, id.ID, e))
		} else {
			msgs = append(msgs, &tg.MessageEmpty{ID: id.ID})
		}
	}
	return msgs
}

func (s *Server) getHistory(ctx context.Context, r *tg.MessagesGetHistoryRequest) (tg.MessagesMessagesClass, error) {
	me := s.me(ctx)
	k, err := s.inputPeer(me, r.Peer)
	if err != nil {
		return nil, err
	}
	box := &me.mailbox
	var channel *chat
	if id, ok := k.chat(); ok && s.mustChat(id).Kind.isChannel() {
		channel = s.mustChat(id)
		box = &channel.mailbox
	}
	// All of the chat, newest first, then the window that was asked for.
	var all []int
	for id := box.LastID; id > 0; id-- {
		no, ok := box.alive(id)
		if ok && (channel != nil || s.peerFor(me, s.w.Posts[no]) == k) {
			all = append(all, id)
		}
	}
	from := 0
	for from < len(all) && (r.OffsetID > 0 && all[from] >= r.OffsetID ||
		r.OffsetDate > 0 && s.w.Posts[box.Box[all[from]]].Date >= r.OffsetDate) {
		from++
	}
	from = min(max(from+r.AddOffset, 0), len(all))
	limit := min(max(r.Limit, 0), 100)
	e := s.entities(me)
	e.peer(k)
	msgs := []tg.MessageClass{}
	for _, id := range all[from:] {
		if len(msgs) == limit {
			break
		}
		if r.MaxID > 0 && id >= r.MaxID || id <= r.MinID {
			continue
		}
		msgs = append(msgs, s.message(box.Box[id], box.alive, id, e))
	}
	topics := []tg.ForumTopicClass{}
	switch {
	case channel != nil:
		return &tg.MessagesChannelMessages{Pts: channel.Pts, Count: len(all), Messages: msgs, Topics: topics, Chats: e.tgChats(), Users: e.tgUsers()}, nil
	case len(msgs) == len(all):
		return &tg.MessagesMessages{Messages: msgs, Topics: topics, Chats: e.tgChats(), Users: e.tgUsers()}, nil
	}
	return &tg.MessagesMessagesSlice{Count: len(all), Messages: msgs, Topics: topics, Chats: e.tgChats(), Users: e.tgUsers()}, nil
}
