package telegramtest

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf16"

	"github.com/gotd/td/tg"
)

const (
	maxText    = 4096 // UTF-16 units
	maxCaption = 1024
)

func (s *Server) onMessages(d *tg.ServerDispatcher) {
	d.OnMessagesSendMessage(s.sendMessage)
	d.OnMessagesSendMedia(s.sendMedia)
	d.OnMessagesEditMessage(s.editMessage)
	d.OnMessagesDeleteMessages(func(ctx context.Context, r *tg.MessagesDeleteMessagesRequest) (*tg.MessagesAffectedMessages, error) {
		me := s.me(ctx)
		e := s.deleteMailbox(me, r.ID, r.Revoke, callOf(ctx).conn)
		return &tg.MessagesAffectedMessages{Pts: me.Pts, PtsCount: e.Count}, nil
	})
	d.OnChannelsDeleteMessages(s.deleteChannelMessages)
	d.OnMessagesReadHistory(s.readHistory)
	d.OnChannelsReadHistory(func(ctx context.Context, r *tg.ChannelsReadHistoryRequest) (bool, error) {
		c, err := s.inputChannel(s.me(ctx), r.Channel)
		if err != nil {
			return false, err
		}
		_, moved := s.read(s.me(ctx), c.ID.key(), r.MaxID, callOf(ctx).conn)
		return moved, nil
	})
	d.OnMessagesSetTyping(func(ctx context.Context, r *tg.MessagesSetTypingRequest) (bool, error) {
		k, err := s.inputPeer(s.me(ctx), r.Peer)
		if err != nil {
			return false, err
		}
		if err := s.mayWrite(s.me(ctx), k); err != nil {
			return false, err
		}
		s.typing(s.me(ctx), k, r.Action)
		return true, nil
	})
	d.OnMessagesSendReaction(s.sendReaction)
}

func (s *Server) sendMessage(ctx context.Context, r *tg.MessagesSendMessageRequest) (tg.UpdatesClass, error) {
	me := s.me(ctx)
	k, d, err := s.outgoing(me, r.Peer, r.RandomID, r.ReplyTo)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(r.Message) == "":
		return nil, rpcError(400, "MESSAGE_EMPTY")
	case len(utf16.Encode([]rune(r.Message))) > maxText:
		return nil, rpcError(400, "MESSAGE_TOO_LONG")
	}
	d.text, d.entities, d.silent = r.Message, r.Entities, r.Silent
	if err := s.checkEntities(me, d.text, d.entities); err != nil {
		return nil, err
	}
	p := s.post(me, k, d, callOf(ctx).conn)
	if other, ok := k.user(); ok && other != me.ID {
		// What the client sent it knows; Telegram only adds the numbers.
		e := me.Log[len(me.Log)-1]
		out := &tg.UpdateShortSentMessage{Out: true, ID: e.ID, Pts: e.Pts, PtsCount: e.Count, Date: p.Date, Entities: decodeEntities(p.Entities)}
		out.SetFlags()
		return out, nil
	}
	return s.sent(me, p, r.RandomID), nil
}

func (s *Server) sendMedia(ctx context.Context, r *tg.MessagesSendMediaRequest) (tg.UpdatesClass, error) {
	me := s.me(ctx)
	k, d, err := s.outgoing(me, r.Peer, r.RandomID, r.ReplyTo)
	if err != nil {
		return nil, err
	}
	if len(utf16.Encode([]rune(r.Message))) > maxCaption {
		return nil, rpcError(400, "MEDIA_CAPTION_TOO_LONG")
	}
	if d.media, err = s.inputMedia(callOf(ctx).key, r.Media); err != nil {
		return nil, err
	}
	d.text, d.entities, d.silent = r.Message, r.Entities, r.Silent
	if err := s.checkEntities(me, d.text, d.entities); err != nil {
		return nil, err
	}
	return s.sent(me, s.post(me, k, d, callOf(ctx).conn), r.RandomID), nil
}

// outgoing makes the checks that every kind of message goes through.
func (s *Server) outgoing(me *user, peer tg.InputPeerClass, randomID int64, reply tg.InputReplyToClass) (peerKey, draft, error) {
	k, err := s.inputPeer(me, peer)
	if err != nil {
		return 0, draft{}, err
	}
	if err := s.mayWrite(me, k); err != nil {
		return 0, draft{}, err
	}
	switch {
	case randomID == 0:
		return 0, draft{}, rpcError(400, "RANDOM_ID_EMPTY")
	case me.RandomIDs[randomID]:
		return 0, draft{}, rpcError(500, "RANDOM_ID_DUPLICATE")
	}
	d := draft{randomID: randomID}
	if to, ok := reply.(*tg.InputReplyToMessage); ok {
		p := s.find(me, k, to.ReplyToMsgID)
		if p == nil {
			return 0, draft{}, rpcError(400, "REPLY_MESSAGE_ID_INVALID")
		}
		d.reply = p.No
	}
	return k, d, nil
}

// checkEntities refuses ranges outside the text and makes received mentions of
// sent ones.
func (s *Server) checkEntities(me *user, text string, list []tg.MessageEntityClass) error {
	n := len(utf16.Encode([]rune(text)))
	for i, e := range list {
		if e.GetOffset() < 0 || e.GetLength() < 0 || e.GetOffset()+e.GetLength() > n {
			return rpcError(400, "ENTITY_BOUNDS_INVALID")
		}
		if m, ok := e.(*tg.InputMessageEntityMentionName); ok {
			u, err := s.inputUser(me, m.UserID)
			if err != nil {
				return rpcError(400, "ENTITY_MENTION_USER_INVALID")
			}
			list[i] = &tg.MessageEntityMentionName{Offset: m.Offset, Length: m.Length, UserID: int64(u.ID)}
		}
	}
	return nil
}

// sent is the answer to whoever posted: its update, which moves its sequence.
func (s *Server) sent(me *user, p *post, randomID int64) *tg.Updates {
	e := s.entities(me)
	var ups []tg.UpdateClass
	if randomID != 0 {
		ups = append(ups, &tg.UpdateMessageID{ID: s.numberOf(p.No, me.ID), RandomID: randomID})
	}
	return e.updates(append(ups, s.latest(me, p, e)))
}

// latest renders what just happened to a post, in the sequence it belongs to.
func (s *Server) latest(me *user, p *post, e *entities) tg.UpdateClass {
	if c := s.w.Chats[p.Chat]; c != nil && c.Kind.isChannel() {
		return s.update(c.Log[len(c.Log)-1], c, e)
	}
	return s.update(me.Log[len(me.Log)-1], nil, e)
}

func (s *Server) editMessage(ctx context.Context, r *tg.MessagesEditMessageRequest) (tg.UpdatesClass, error) {
	me := s.me(ctx)
	k, err := s.inputPeer(me, r.Peer)
	if err != nil {
		return nil, err
	}
	p := s.find(me, k, r.ID)
	if p == nil || len(p.Action) > 0 {
		return nil, rpcError(400, "MESSAGE_ID_INVALID")
	}
	if c := s.w.Chats[p.Chat]; p.From != me.ID && (c == nil || c.Kind != Channel || !c.canWrite(me.ID)) {
		return nil, rpcError(403, "MESSAGE_AUTHOR_REQUIRED")
	}
	text, ok := r.GetMessage()
	switch {
	case !ok || strings.TrimSpace(text) == "" && len(p.Media) == 0:
		return nil, rpcError(400, "MESSAGE_EMPTY")
	case len(utf16.Encode([]rune(text))) > maxText:
		return nil, rpcError(400, "MESSAGE_TOO_LONG")
	}
	if err := s.checkEntities(me, text, r.Entities); err != nil {
		return nil, err
	}
	if text == p.Text && bytes.Equal(encodeEntities(r.Entities), p.Entities) {
		return nil, rpcError(400, "MESSAGE_NOT_MODIFIED")
	}
	s.edit(p, text, r.Entities, callOf(ctx).conn)
	e := s.entities(me)
	return e.updates([]tg.UpdateClass{s.latest(me, p, e)}), nil
}

func (s *Server) deleteChannelMessages(ctx context.Context, r *tg.ChannelsDeleteMessagesRequest) (*tg.MessagesAffectedMessages, error) {
	me := s.me(ctx)
	c, err := s.inputChannel(me, r.Channel)
	if err != nil {
		return nil, err
	}
	m := c.Members[me.ID]
	for _, id := range r.ID {
		if no, ok := c.alive(id); ok && s.w.Posts[no].From != me.ID && (m == nil || !m.Admin) {
			return nil, rpcError(403, "MESSAGE_DELETE_FORBIDDEN")
		}
	}
	e := s.deleteChannel(c, r.ID, callOf(ctx).conn)
	return &tg.MessagesAffectedMessages{Pts: c.Pts, PtsCount: e.Count}, nil
}

func (s *Server) readHistory(ctx context.Context, r *tg.MessagesReadHistoryRequest) (*tg.MessagesAffectedMessages, error) {
	me := s.me(ctx)
	k, err := s.inputPeer(me, r.Peer)
	if err != nil {
		return nil, err
	}
	if id, ok := k.chat(); ok && s.mustChat(id).Kind.isChannel() {
		return nil, rpcError(400, "PEER_ID_INVALID")
	}
	e, _ := s.read(me, k, r.MaxID, callOf(ctx).conn)
	return &tg.MessagesAffectedMessages{Pts: me.Pts, PtsCount: e.Count}, nil
}

func (s *Server) sendReaction(ctx context.Context, r *tg.MessagesSendReactionRequest) (tg.UpdatesClass, error) {
	me := s.me(ctx)
	k, err := s.inputPeer(me, r.Peer)
	if err != nil {
		return nil, err
	}
	p := s.find(me, k, r.MsgID)
	if p == nil {
		return nil, rpcError(400, "MESSAGE_ID_INVALID")
	}
	emoji := ""
	for _, x := range r.Reaction {
		e, ok := x.(*tg.ReactionEmoji)
		if !ok {
			return nil, rpcError(400, "REACTION_INVALID")
		}
		emoji = e.Emoticon
	}
	s.react(me, p, emoji, callOf(ctx).conn)
	e := s.entities(me)
	return e.updates([]tg.UpdateClass{s.reactionUpdate(me, p, e)}), nil
}
