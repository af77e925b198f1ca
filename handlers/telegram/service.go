package telegram

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// onService takes a service message: it is told as a notice, and what it says
// of the chat is noted.
func (c *client) onService(ctx context.Context, m *tg.MessageService) error {
	peer, ok := peerOf(m.PeerID)
	if !ok {
		return nil
	}
	sender := c.who(ctx, c.senderOf(peer, m.FromID, m.Out))
	if err := c.changeChat(ctx, peer, sender, m.Action); err != nil {
		return err
	}
	sentence := c.sentence(ctx, peer, sender, m.Action)
	if sentence == "" {
		return nil
	}
	return c.said(ctx, peer, messages.Said{
		Number: events.MessageNumber(m.ID), Login: c.login, Content: events.ContentNotice,
		SaidAt: time.Unix(int64(m.Date), 0).UTC(),
		What:   events.MessageFacts{Sender: sender, Text: events.Text{Body: sentence}},
	})
}

// sentence tells what happened; empty if there is nothing to tell. The room
// shows who said it, so it begins with the deed where that is enough.
func (c *client) sentence(ctx context.Context, peer events.Peer, sender events.Member, action tg.MessageActionClass) string {
	noun := "group"
	if e, _, _ := c.book.get(ctx, peer); e.Kind == events.KindChannel {
		noun = "channel"
	}
	switch a := action.(type) {
	case *tg.MessageActionChatCreate, *tg.MessageActionChannelCreate:
		return "" // the room's own beginning says so
	case *tg.MessageActionChatEditTitle:
		return fmt.Sprintf("%s renamed the %s to %s", sender.Name, noun, a.Title)
	case *tg.MessageActionChatEditPhoto:
		return fmt.Sprintf("%s changed the %s photo", sender.Name, noun)
	case *tg.MessageActionChatDeletePhoto:
		return fmt.Sprintf("%s removed the %s photo", sender.Name, noun)
	case *tg.MessageActionChatAddUser:
		if len(a.Users) == 1 && a.Users[0] == sender.Peer.ID {
			return sender.Name + " joined"
		}
		return fmt.Sprintf("%s added %s", sender.Name, c.names(ctx, a.Users))
	case *tg.MessageActionChatJoinedByLink, *tg.MessageActionChatJoinedByRequest:
		return sender.Name + " joined"
	case *tg.MessageActionChatDeleteUser:
		if a.UserID == sender.Peer.ID {
			return sender.Name + " left"
		}
		return fmt.Sprintf("%s removed %s", sender.Name, c.names(ctx, []int64{a.UserID}))
	case *tg.MessageActionChatMigrateTo:
		return "This group became a supergroup; it goes on in a new room"
	case *tg.MessageActionChannelMigrateFrom:
		return "This supergroup was the group " + a.Title
	case *tg.MessageActionPinMessage:
		return sender.Name + " pinned a message"
	case *tg.MessageActionHistoryClear:
		return ""
	default:
		return otherSentence(sender.Name, action)
	}
}

// otherSentence tells of what does not change the chat.
func otherSentence(name string, action tg.MessageActionClass) string {
	switch a := action.(type) {
	case *tg.MessageActionPhoneCall:
		what := "call"
		if a.Video {
			what = "video call"
		}
		if a.Duration > 0 {
			return fmt.Sprintf("%s: %s, %s", name, what, time.Duration(a.Duration)*time.Second)
		}
		return fmt.Sprintf("%s: missed %s", name, what)
	case *tg.MessageActionGroupCall, *tg.MessageActionGroupCallScheduled:
		return name + " started or ended a video chat"
	case *tg.MessageActionContactSignUp:
		return name + " joined Telegram"
	case *tg.MessageActionScreenshotTaken:
		return name + " took a screenshot"
	case *tg.MessageActionCustomAction:
		return a.Message
	case *tg.MessageActionSetMessagesTTL:
		if a.Period == 0 {
			return name + " turned off disappearing messages"
		}
		return fmt.Sprintf("%s had messages disappear after %s", name, time.Duration(a.Period)*time.Second)
	case *tg.MessageActionTopicCreate:
		return fmt.Sprintf("%s created the topic %s", name, a.Title)
	default:
		return fmt.Sprintf("%s did something that is not bridged (%s)", name, strings.TrimPrefix(a.TypeName(), "messageAction"))
	}
}

func (c *client) names(ctx context.Context, ids []int64) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, c.who(ctx, events.Peer{Kind: events.PeerUser, ID: id}).Name)
	}
	return strings.Join(names, ", ")
}

// changeChat notes what a service message changes in its chat.
func (c *client) changeChat(ctx context.Context, peer events.Peer, sender events.Member, action tg.MessageActionClass) error {
	switch a := action.(type) {
	case *tg.MessageActionChatEditTitle:
		return c.redescribe(ctx, peer, func(d *events.Description) { d.Title = a.Title })
	case *tg.MessageActionChatEditPhoto:
		photo, ok := a.Photo.AsNotEmpty()
		if !ok {
			return nil
		}
		return c.redescribe(ctx, peer, func(d *events.Description) { d.Photo = photo.ID })
	case *tg.MessageActionChatDeletePhoto:
		return c.redescribe(ctx, peer, func(d *events.Description) { d.Photo = 0 })
	case *tg.MessageActionChatAddUser:
		return c.moved(ctx, peer, c.members(ctx, a.Users), nil)
	case *tg.MessageActionChatJoinedByLink, *tg.MessageActionChatJoinedByRequest:
		return c.moved(ctx, peer, []events.Member{sender}, nil)
	case *tg.MessageActionChatDeleteUser:
		return c.moved(ctx, peer, nil, []int64{a.UserID})
	case *tg.MessageActionChatMigrateTo:
		// The supergroup's own update brings its access hash; it is asked for.
		c.onHint(&tg.UpdateChannel{ChannelID: a.ChannelID})
		return nil
	default:
		return nil
	}
}

func (c *client) members(ctx context.Context, ids []int64) []events.Member {
	list := make([]events.Member, 0, len(ids))
	for _, id := range ids {
		list = append(list, c.who(ctx, events.Peer{Kind: events.PeerUser, ID: id}))
	}
	return list
}

// moved notes who came to or left a chat. That this login came or left is told
// of the chat itself as well.
func (c *client) moved(ctx context.Context, peer events.Peer, joined []events.Member, left []int64) error {
	if slices.Contains(left, c.selfID) {
		return c.departed(ctx, peer)
	}
	p, ok := c.w.deps.Portals.OfChat(c.user, c.account, peer)
	if !ok || p.Room == "" {
		return nil
	}
	move := portals.MembersMoved{Login: c.login, Joined: joined}
	for _, id := range left {
		move.Left = append(move.Left, events.Peer{Kind: events.PeerUser, ID: id})
	}
	return c.tellPortal(ctx, p.UID, move)
}

// departed notes that this login is in a chat no more, so that the message which
// says so does not bring it back.
func (c *client) departed(ctx context.Context, peer events.Peer) error {
	err := c.untilStored(ctx, "learn peers", func(ctx context.Context) error {
		e, ok, err := c.book.get(ctx, peer)
		if err != nil || !ok {
			return err
		}
		e.Out = true
		return c.book.learn(ctx, []entry{e})
	})
	if err != nil {
		return err
	}
	c.lose(ctx, peer, "left")
	return ctx.Err()
}

// redescribe notes a change of a chat whose room has been dressed before. A
// room that is still to be made is described when it is there.
func (c *client) redescribe(ctx context.Context, peer events.Peer, change func(*events.Description)) error {
	p, ok := c.w.deps.Portals.OfChat(c.user, c.account, peer)
	if !ok || !p.Described {
		return nil
	}
	d := events.Description{Title: p.Title, About: p.About, Photo: p.Photo}
	change(&d)
	return c.tellPortal(ctx, p.UID, portals.Describe{Login: c.login, What: d})
}

// tellPortal decides on a portal and tells the log, waiting while it can't be
// written.
func (c *client) tellPortal(ctx context.Context, uid events.UID, cmd portals.Command) error {
	return c.untilStored(ctx, "store a change of a chat", func(ctx context.Context) error {
		_, err := c.w.desk.portals.Do(ctx, uid, byTelegram(), func(p projections.Portal) (events.Fact, error) { return portals.Decide(p, cmd) })
		return err
	})
}
