package telegramtest

import (
	"strings"

	"github.com/gotd/td/bin"
	"github.com/gotd/td/tg"
)

// entities collects the users and chats that an answer to one viewer mentions.
type entities struct {
	s      *Server
	viewer *user
	users  map[UserID]bool
	chats  map[ChatID]bool
}

func (s *Server) entities(viewer *user) *entities {
	return &entities{s: s, viewer: viewer, users: map[UserID]bool{}, chats: map[ChatID]bool{}}
}

func (e *entities) user(ids ...UserID) {
	for _, id := range ids {
		e.users[id] = true
	}
}

func (e *entities) chat(id ChatID) { e.chats[id] = true }

func (e *entities) peer(k peerKey) {
	if u, ok := k.user(); ok {
		e.user(u)
	}
	if c, ok := k.chat(); ok {
		e.chat(c)
	}
}

func (e *entities) tgUsers() []tg.UserClass {
	out := []tg.UserClass{}
	for _, id := range sortedKeys(e.users) {
		if u := e.s.w.Users[id]; u != nil {
			out = append(out, e.s.tgUser(e.viewer, u))
		}
	}
	return out
}

func (e *entities) tgChats() []tg.ChatClass {
	out := []tg.ChatClass{}
	for _, id := range sortedKeys(e.chats) {
		if c := e.s.w.Chats[id]; c != nil {
			out = append(out, e.s.tgChat(e.viewer, c))
		}
	}
	return out
}

func (e *entities) updates(ups []tg.UpdateClass) *tg.Updates {
	return &tg.Updates{Updates: ups, Users: e.tgUsers(), Chats: e.tgChats(), Date: now()}
}

func (s *Server) tgPeer(k peerKey) tg.PeerClass {
	if u, ok := k.user(); ok {
		return &tg.PeerUser{UserID: int64(u)}
	}
	id, _ := k.chat()
	if s.mustChat(id).Kind.isChannel() {
		return &tg.PeerChannel{ChannelID: int64(id)}
	}
	return &tg.PeerChat{ChatID: int64(id)}
}

func (s *Server) tgUser(viewer, u *user) *tg.User {
	out := &tg.User{ID: int64(u.ID), AccessHash: s.accessHash(viewer.ID, int64(u.ID)), Self: u == viewer, Bot: u.Bot,
		Deleted: u.Gone, FirstName: u.FirstName, LastName: u.LastName, Username: u.Username}
	out.Contact = viewer.Contacts[u.ID]
	out.MutualContact = out.Contact && u.Contacts[viewer.ID]
	if u == viewer || out.Contact {
		out.Phone = u.Phone
	}
	if u.Bot {
		out.BotInfoVersion = 1
	} else {
		out.Status = &tg.UserStatusRecently{}
	}
	if u.Photo != 0 {
		out.Photo = &tg.UserProfilePhoto{PhotoID: u.Photo, DCID: 2}
	}
	out.SetFlags()
	return out
}

func (s *Server) tgChat(viewer *user, c *chat) tg.ChatClass {
	me := c.Members[viewer.ID]
	removed := c.Former[viewer.ID] || c.Gone
	var photo tg.ChatPhotoClass = &tg.ChatPhotoEmpty{}
	if c.Photo != 0 {
		photo = &tg.ChatPhoto{PhotoID: c.Photo, DCID: 2}
	}
	if c.Kind == Group {
		if removed {
			return &tg.ChatForbidden{ID: int64(c.ID), Title: c.Title}
		}
		out := &tg.Chat{ID: int64(c.ID), Title: c.Title, Photo: photo, ParticipantsCount: len(c.Members), Date: c.Date,
			Version: c.Version, Creator: c.Creator == viewer.ID, Left: me == nil}
		if me != nil && me.Admin {
			out.SetAdminRights(adminRights())
		}
		out.SetDefaultBannedRights(tg.ChatBannedRights{UntilDate: 0x7fffffff})
		return out
	}
	hash := s.accessHash(viewer.ID, int64(c.ID))
	if removed {
		return &tg.ChannelForbidden{ID: int64(c.ID), AccessHash: hash, Title: c.Title,
			Broadcast: c.Kind == Channel, Megagroup: c.Kind == Supergroup}
	}
	out := &tg.Channel{ID: int64(c.ID), AccessHash: hash, Title: c.Title, Username: c.Username, Photo: photo, Date: c.Date,
		Broadcast: c.Kind == Channel, Megagroup: c.Kind == Supergroup, Creator: c.Creator == viewer.ID, Left: me == nil}
	out.SetParticipantsCount(len(c.Members))
	if me != nil && me.Admin {
		out.SetAdminRights(adminRights())
	}
	if c.Kind == Supergroup {
		out.SetDefaultBannedRights(tg.ChatBannedRights{UntilDate: 0x7fffffff})
	}
	out.SetFlags()
	return out
}

func adminRights() tg.ChatAdminRights {
	return tg.ChatAdminRights{ChangeInfo: true, PostMessages: true, EditMessages: true, DeleteMessages: true,
		BanUsers: true, InviteUsers: true, PinMessages: true, Other: true}
}

// message renders a post under the number that the viewer knows it by; one
// that was deleted since is empty.
func (s *Server) message(no int64, alive func(int) (int64, bool), id int, e *entities) tg.MessageClass {
	p := s.w.Posts[no]
	peer := s.peerFor(e.viewer, p)
	e.peer(peer)
	if _, ok := alive(id); !ok {
		out := &tg.MessageEmpty{ID: id}
		out.SetPeerID(s.tgPeer(peer))
		return out
	}
	var from tg.PeerClass
	channel := false
	if c := s.w.Chats[p.Chat]; c != nil {
		channel = c.Kind == Channel
	}
	switch {
	case channel: // posts have no author
	case p.Chat != 0 || p.From == e.viewer.ID:
		from = &tg.PeerUser{UserID: int64(p.From)}
		e.user(p.From)
	default: // in a private chat the peer tells who it was
		e.user(p.From)
	}
	out := p.From == e.viewer.ID
	var reply tg.MessageReplyHeaderClass
	if n := s.numberOf(p.ReplyTo, e.viewer.ID); n != 0 {
		reply = &tg.MessageReplyHeader{ReplyToMsgID: n}
	}
	if len(p.Action) > 0 {
		a, err := tg.DecodeMessageAction(&bin.Buffer{Buf: p.Action})
		if err != nil {
			panic(err) // we encoded it
		}
		e.action(a)
		return &tg.MessageService{ID: id, Out: out, Post: channel, Silent: p.Silent, FromID: from, PeerID: s.tgPeer(peer), ReplyTo: reply, Date: p.Date, Action: a}
	}
	m := &tg.Message{ID: id, Out: out, Post: channel, Silent: p.Silent, FromID: from, PeerID: s.tgPeer(peer), ReplyTo: reply,
		Date: p.Date, EditDate: p.EditDate, Message: p.Text, Entities: decodeEntities(p.Entities)}
	if channel {
		m.SetViews(1)
	}
	if len(p.Media) > 0 {
		m.Media = decodeMedia(p.Media)
	}
	if len(p.Reactions) > 0 {
		m.SetReactions(reactions(p, e.viewer.ID))
	}
	for _, ent := range m.Entities {
		if n, ok := ent.(*tg.MessageEntityMentionName); ok {
			e.user(UserID(n.UserID))
		}
	}
	m.SetFlags()
	return m
}

func decodeMedia(data []byte) tg.MessageMediaClass {
	if len(data) == 0 {
		return nil
	}
	m, err := tg.DecodeMessageMedia(&bin.Buffer{Buf: data})
	if err != nil {
		panic(err) // we encoded it
	}
	return m
}

// action collects the users a service message speaks of.
func (e *entities) action(a tg.MessageActionClass) {
	switch a := a.(type) {
	case *tg.MessageActionChatCreate:
		for _, u := range a.Users {
			e.user(UserID(u))
		}
	case *tg.MessageActionChatAddUser:
		for _, u := range a.Users {
			e.user(UserID(u))
		}
	case *tg.MessageActionChatDeleteUser:
		e.user(UserID(a.UserID))
	}
}

// numberOf is what a user calls a post; 0 if it never got it.
func (s *Server) numberOf(no int64, u UserID) int {
	p := s.w.Posts[no]
	if p == nil {
		return 0
	}
	if p.IDs != nil {
		return p.IDs[u]
	}
	return p.ID
}

func reactions(p *post, viewer UserID) tg.MessageReactions {
	count := map[string]int{}
	for _, r := range p.Reactions {
		count[r]++
	}
	var out tg.MessageReactions
	for _, emoji := range sortedKeys(count) {
		r := tg.ReactionCount{Reaction: &tg.ReactionEmoji{Emoticon: emoji}, Count: count[emoji]}
		if p.Reactions[viewer] == emoji {
			r.SetChosenOrder(0)
		}
		out.Results = append(out.Results, r)
	}
	for _, u := range sortedKeys(p.Reactions) {
		out.RecentReactions = append(out.RecentReactions, tg.MessagePeerReaction{My: u == viewer, PeerID: &tg.PeerUser{UserID: int64(u)},
			Date: p.Date, Reaction: &tg.ReactionEmoji{Emoticon: p.Reactions[u]}})
	}
	out.CanSeeList = true
	out.SetFlags()
	return out
}

// serviceName is the action in words: "ChatEditTitle".
func serviceName(action []byte) string {
	if len(action) == 0 {
		return ""
	}
	a, err := tg.DecodeMessageAction(&bin.Buffer{Buf: action})
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(a.TypeName(), "messageAction")
}
