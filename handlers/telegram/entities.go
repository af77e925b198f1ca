package telegram

import (
	"context"
	"slices"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
)

// chat is a group, supergroup or channel as Telegram shows it to one login.
type chat struct {
	entry
	in     bool   // the login is a member
	why    string // why not: "left" or "kicked"
	closed bool   // deactivated, or moved to a supergroup
	min    bool   // not all of it is told
}

// peerOf reads a peer.
func peerOf(p tg.PeerClass) (events.Peer, bool) {
	switch p := p.(type) {
	case *tg.PeerUser:
		return events.Peer{Kind: events.PeerUser, ID: p.UserID}, true
	case *tg.PeerChat:
		return events.Peer{Kind: events.PeerGroup, ID: p.ChatID}, true
	case *tg.PeerChannel:
		return events.Peer{Kind: events.PeerChannel, ID: p.ChannelID}, true
	default:
		return events.Peer{}, false
	}
}

// userEntry reads a user.
func userEntry(u *tg.User) entry {
	e := entry{Peer: events.Peer{Kind: events.PeerUser, ID: u.ID}, Name: userName(u), Username: firstName(u.Username, u.Usernames)}
	if !u.Min {
		e.Hash = u.AccessHash
	}
	if p, ok := u.Photo.(*tg.UserProfilePhoto); ok {
		e.Photo = p.PhotoID
	}
	e.CanPost = !u.Deleted
	return e
}

// firstName is the username, or the first active of several.
func firstName(name string, several []tg.Username) string {
	if name != "" {
		return name
	}
	for _, u := range several {
		if u.Active {
			return u.Username
		}
	}
	return ""
}

// readChat reads a chat; false if it says nothing.
func readChat(c tg.ChatClass) (chat, bool) {
	switch c := c.(type) {
	case *tg.Chat:
		out := chat{in: !c.Left, why: "left", closed: c.Deactivated || c.MigratedTo != nil}
		out.entry = entry{
			Peer: events.Peer{Kind: events.PeerGroup, ID: c.ID}, Name: c.Title, Photo: photoOf(c.Photo), Kind: events.KindGroup,
			CanPost: c.Creator || has(c.GetAdminRights) || !c.DefaultBannedRights.SendMessages,
		}
		return out, true
	case *tg.ChatForbidden:
		out := chat{why: "kicked"}
		out.entry = entry{Peer: events.Peer{Kind: events.PeerGroup, ID: c.ID}, Name: c.Title, Kind: events.KindGroup}
		return out, true
	case *tg.Channel:
		return readChannel(c), true
	case *tg.ChannelForbidden:
		out := chat{why: "kicked"}
		out.entry = entry{
			Peer: events.Peer{Kind: events.PeerChannel, ID: c.ID}, Name: c.Title, Hash: c.AccessHash, Kind: channelKind(c.Broadcast),
		}
		return out, true
	default:
		return chat{}, false
	}
}

func readChannel(c *tg.Channel) chat {
	out := chat{in: !c.Left, why: "left", min: c.Min}
	out.entry = entry{
		Peer: events.Peer{Kind: events.PeerChannel, ID: c.ID}, Name: c.Title, Username: firstName(c.Username, c.Usernames),
		Photo: photoOf(c.Photo), Kind: channelKind(c.Broadcast),
	}
	if !c.Min {
		out.Hash = c.AccessHash
	}
	rights, admin := c.GetAdminRights()
	switch {
	case c.Creator:
		out.CanPost = true
	case c.Broadcast:
		out.CanPost = admin && rights.PostMessages
	default:
		out.CanPost = admin || !c.BannedRights.SendMessages && !c.DefaultBannedRights.SendMessages
	}
	return out
}

func channelKind(broadcast bool) events.ChatKind {
	if broadcast {
		return events.KindChannel
	}
	return events.KindSupergroup
}

func photoOf(p tg.ChatPhotoClass) int64 {
	if p, ok := p.(*tg.ChatPhoto); ok {
		return p.PhotoID
	}
	return 0
}

func has[T any](get func() (T, bool)) bool {
	_, ok := get()
	return ok
}

// learn keeps what an answer says of users and chats. It waits while that can't
// be stored, and fails only when ctx ends: later updates lean on it.
func (c *client) learn(ctx context.Context, users []tg.UserClass, chats []tg.ChatClass, updates []tg.UpdateClass) error {
	entries := make([]entry, 0, len(users))
	for _, u := range users {
		u, ok := u.(*tg.User)
		if !ok {
			continue
		}
		e := userEntry(u)
		if e.Hash == 0 {
			e.SeenIn, e.SeenAt = seenIn(u.ID, updates)
		}
		entries = append(entries, e)
	}
	return c.untilStored(ctx, "learn peers", func(ctx context.Context) error {
		all := slices.Clone(entries)
		for _, ch := range chats {
			read, ok := readChat(ch)
			if !ok {
				continue
			}
			read.Out = !read.in
			if read.min {
				known, _, err := c.book.get(ctx, read.Peer)
				if err != nil {
					return err
				}
				read.Out = known.Out
			}
			all = append(all, read.entry)
		}
		return c.book.learn(ctx, all)
	})
}

// seenIn finds a channel message of a user among updates.
func seenIn(user int64, updates []tg.UpdateClass) (channel int64, message int) {
	for _, u := range updates {
		n, ok := u.(*tg.UpdateNewChannelMessage)
		if !ok {
			continue
		}
		m, ok := n.Message.(*tg.Message)
		if !ok {
			continue
		}
		from, _ := peerOf(m.FromID)
		in, _ := peerOf(m.PeerID)
		if from.Kind == events.PeerUser && from.ID == user && in.Kind == events.PeerChannel {
			return in.ID, m.ID
		}
	}
	return 0, 0
}

// untilStored repeats f until it succeeds or ctx ends: while the log or a
// bucket can't be written, nothing goes on and nothing is lost.
func (c *client) untilStored(ctx context.Context, what string, f func(context.Context) error) error {
	for n := 0; ; n++ {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if n == 0 {
			c.log.Error().Err(err).Msg(what + ": waiting until it can be stored")
		}
		pause(ctx, backoff(n))
	}
}
