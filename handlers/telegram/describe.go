package telegram

import (
	"context"
	"errors"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// errUnnamed says that a peer can't be named to Telegram: its access hash is
// not known to the login.
var errUnnamed = errors.New("the login has no access hash of this chat")

// onPortal describes a chat once its room is made.
func (w *World) onPortal(ctx context.Context, e events.Event) error {
	p := w.deps.Portals.Get(e.Aggregate.UID)
	if p.Described || p.Room == "" {
		return nil
	}
	starting := false
	for _, v := range p.Viewers {
		c, err := w.fleet.client(v.Login)
		if err == nil {
			return c.describe(ctx, p, commit.Because(e, events.ByTelegram))
		}
		u, _ := w.deps.Users.ByLogin(v.Login)
		l, ok := u.Login(v.Login)
		starting = starting || ok && l.State == projections.LoginActive
	}
	if starting {
		return journal.Down(errNoClient)
	}
	return nil // the next login that comes to see the chat describes it
}

// describeRest describes rooms that were made while this login was away.
func (c *client) describeRest(ctx context.Context) {
	for _, p := range c.w.deps.Portals.OfLogin(c.login) {
		for n := 0; p.Room != "" && !p.Described && ctx.Err() == nil; n++ {
			if err := c.describe(ctx, p, byTelegram()); err == nil {
				break
			}
			pause(ctx, backoff(n+4))
			p = c.w.deps.Portals.Get(p.UID)
		}
	}
}

// describe asks Telegram what a chat looks like and who is in it, and tells the
// log. It is patient: nobody waits for it, and Telegram counts such calls.
func (c *client) describe(ctx context.Context, p projections.Portal, m commit.Meta) error {
	if err := c.gate.enter(ctx); err != nil {
		return journal.Down(err)
	}
	defer c.gate.leave()
	short, cancel := c.call(ctx)
	defer cancel()
	full, err := c.full(short, p.Peer)
	if err == nil && p.Peer.Kind == events.PeerChannel && full.listable {
		err = c.participants(short, p.Peer.ID, &full)
	}
	if err != nil && !errors.Is(err, errUnnamed) {
		if _, flood := floodWait(err); flood || !answered(err) || notAuthorised(err) {
			return later(err)
		}
		c.log.Info().Str("portal", string(p.UID)).Str("error", codeOf(err)).Msg("chat can't be described")
	}
	if full.title == "" {
		full.title, full.photo = p.Title, p.Photo
	}
	if err := c.learn(ctx, full.users, full.chats, nil); err != nil {
		return journal.Down(err)
	}
	members := full.who(ctx, c)
	cmd := portals.Describe{Login: c.login, Members: max(full.count, len(members)), What: events.Description{
		Title: full.title, About: full.about, Photo: full.photo, Members: members,
	}}
	return journal.Down(c.w.commitPortal(ctx, p.UID, m, cmd))
}

// fullChat is what Telegram says of a chat when asked for all of it.
type fullChat struct {
	title    string
	about    string
	photo    int64
	pts      int
	count    int  // of members
	listable bool // the members of this channel may be asked for
	members  []events.Peer
	admins   map[int64]bool
	users    []tg.UserClass
	chats    []tg.ChatClass
}

// full asks for all of a chat: messages.getFullChat, channels.getFullChannel.
func (c *client) full(ctx context.Context, peer events.Peer) (fullChat, error) {
	out := fullChat{admins: map[int64]bool{}}
	var res *tg.MessagesChatFull
	var err error
	switch peer.Kind {
	case events.PeerUser:
		e, _, err := c.book.get(ctx, peer)
		out.title, out.photo, out.members, out.count = e.Name, e.Photo, []events.Peer{peer}, 2
		return out, err
	case events.PeerGroup:
		res, err = c.api().MessagesGetFullChat(ctx, peer.ID)
	default:
		in, ok, bookErr := c.book.channel(ctx, peer.ID)
		if bookErr != nil || !ok {
			return out, errors.Join(bookErr, errUnnamed)
		}
		res, err = c.api().ChannelsGetFullChannel(ctx, in)
	}
	if err != nil {
		return out, err
	}
	out.users, out.chats = res.Users, res.Chats
	for _, ch := range res.Chats {
		if read, ok := readChat(ch); ok && read.Peer == peer {
			out.title, out.photo = read.Name, read.Photo
		}
	}
	switch f := res.FullChat.(type) {
	case *tg.ChatFull:
		out.about = f.About
		out.group(f.Participants, c.w.cfg.MemberLimit)
	case *tg.ChannelFull:
		out.about, out.pts, out.count, out.listable = f.About, f.Pts, f.ParticipantsCount, f.CanViewParticipants
	}
	return out, nil
}

// group reads the members of a basic group.
func (f *fullChat) group(p tg.ChatParticipantsClass, limit int) {
	list, ok := p.(*tg.ChatParticipants)
	if !ok {
		return
	}
	f.count = len(list.Participants)
	for _, m := range list.Participants {
		id := m.GetUserID()
		switch m.(type) {
		case *tg.ChatParticipantCreator, *tg.ChatParticipantAdmin:
			f.admins[id] = true
		}
		if len(f.members) < limit {
			f.members = append(f.members, events.Peer{Kind: events.PeerUser, ID: id})
		}
	}
}

// participants reads the members of a supergroup, or of a channel that the
// login administrates: the most recent, up to the limit.
func (c *client) participants(ctx context.Context, channel int64, f *fullChat) error {
	in, ok, err := c.book.channel(ctx, channel)
	if err != nil || !ok {
		return errors.Join(err, errUnnamed)
	}
	limit := c.w.cfg.MemberLimit
	for len(f.members) < limit {
		res, err := c.api().ChannelsGetParticipants(ctx, &tg.ChannelsGetParticipantsRequest{
			Channel: in, Filter: &tg.ChannelParticipantsRecent{}, Offset: len(f.members), Limit: min(limit-len(f.members), 200),
		})
		if err != nil {
			return err
		}
		list, ok := res.(*tg.ChannelsChannelParticipants)
		if !ok || len(list.Participants) == 0 {
			return nil
		}
		f.users = append(f.users, list.Users...)
		before := len(f.members)
		for _, p := range list.Participants {
			f.participant(p)
		}
		if len(f.members) == before || len(f.members) >= list.Count {
			return nil
		}
	}
	return nil
}

func (f *fullChat) participant(p tg.ChannelParticipantClass) {
	var id int64
	switch p := p.(type) {
	case *tg.ChannelParticipant:
		id = p.UserID
	case *tg.ChannelParticipantSelf:
		id = p.UserID
	case *tg.ChannelParticipantCreator:
		id = p.UserID
		f.admins[id] = true
	case *tg.ChannelParticipantAdmin:
		id = p.UserID
		f.admins[id] = true
	default:
		return // banned, or left
	}
	f.members = append(f.members, events.Peer{Kind: events.PeerUser, ID: id})
}

// who names the members.
func (f *fullChat) who(ctx context.Context, c *client) []events.Member {
	list := make([]events.Member, 0, len(f.members))
	for _, p := range f.members {
		m := c.who(ctx, p)
		m.Admin = f.admins[p.ID]
		list = append(list, m)
	}
	return list
}
