package telegramtest

import (
	"github.com/gotd/td/tg"
)

// inputPeer checks that u may name the peer: it must show the access hash that
// Telegram gave to this account.
func (s *Server) inputPeer(u *user, in tg.InputPeerClass) (peerKey, error) {
	switch p := in.(type) {
	case *tg.InputPeerSelf:
		return u.ID.key(), nil
	case *tg.InputPeerUser:
		other, err := s.inputUser(u, &tg.InputUser{UserID: p.UserID, AccessHash: p.AccessHash})
		if err != nil {
			return 0, rpcError(400, "PEER_ID_INVALID")
		}
		return other.ID.key(), nil
	case *tg.InputPeerUserFromMessage:
		other, err := s.inputUser(u, &tg.InputUserFromMessage{Peer: p.Peer, MsgID: p.MsgID, UserID: p.UserID})
		if err != nil {
			return 0, rpcError(400, "PEER_ID_INVALID")
		}
		return other.ID.key(), nil
	case *tg.InputPeerChat:
		c, err := s.inputChat(u, p.ChatID)
		if err != nil {
			return 0, rpcError(400, "PEER_ID_INVALID")
		}
		return c.ID.key(), nil
	case *tg.InputPeerChannel:
		c, err := s.inputChannel(u, &tg.InputChannel{ChannelID: p.ChannelID, AccessHash: p.AccessHash})
		if err != nil {
			return 0, err
		}
		return c.ID.key(), nil
	}
	return 0, rpcError(400, "PEER_ID_INVALID")
}

func (s *Server) inputUser(u *user, in tg.InputUserClass) (*user, error) {
	switch p := in.(type) {
	case *tg.InputUserSelf:
		return u, nil
	case *tg.InputUser:
		other := s.w.Users[UserID(p.UserID)]
		if other == u || other != nil && p.AccessHash == s.accessHash(u.ID, p.UserID) {
			return other, nil
		}
	case *tg.InputUserFromMessage:
		k, err := s.inputPeer(u, p.Peer)
		if err != nil {
			return nil, err
		}
		if m := s.find(u, k, p.MsgID); m != nil && int64(m.From) == p.UserID {
			return s.w.Users[m.From], nil
		}
	}
	return nil, rpcError(400, "USER_ID_INVALID")
}

// inputChat is a basic group: these have no access hash, one must have been in.
func (s *Server) inputChat(u *user, id int64) (*chat, error) {
	c := s.w.Chats[ChatID(id)]
	if c == nil || c.Kind != Group {
		return nil, rpcError(400, "CHAT_ID_INVALID")
	}
	if _, former := c.Former[u.ID]; c.Members[u.ID] == nil && !former {
		return nil, rpcError(400, "CHAT_ID_INVALID")
	}
	return c, nil
}

func (s *Server) inputChannel(u *user, in tg.InputChannelClass) (*chat, error) {
	p, ok := in.(*tg.InputChannel)
	if !ok {
		return nil, rpcError(400, "CHANNEL_INVALID")
	}
	c := s.w.Chats[ChatID(p.ChannelID)]
	if c == nil || !c.Kind.isChannel() || p.AccessHash != s.accessHash(u.ID, p.ChannelID) {
		return nil, rpcError(400, "CHANNEL_INVALID")
	}
	if c.Gone || c.Former[u.ID] || c.Members[u.ID] == nil && c.Username == "" {
		return nil, rpcError(400, "CHANNEL_PRIVATE")
	}
	return c, nil
}

// mayWrite tells why u may not write to the peer.
func (s *Server) mayWrite(u *user, k peerKey) error {
	if id, ok := k.user(); ok {
		if other := s.w.Users[id]; other == nil || other.Gone {
			return rpcError(400, "INPUT_USER_DEACTIVATED")
		}
		return nil
	}
	id, _ := k.chat()
	if c := s.w.Chats[id]; c == nil || c.Gone || !c.canWrite(u.ID) {
		return rpcError(403, "CHAT_WRITE_FORBIDDEN")
	}
	return nil
}
