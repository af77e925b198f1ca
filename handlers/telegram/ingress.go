package telegram

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// apply brings one update into the log. It returns when the log holds it, or
// has no need of it, and fails only when ctx ends.
func (c *client) apply(ctx context.Context, u tg.UpdateClass) error {
	switch u := u.(type) {
	case *tg.UpdateNewMessage:
		return c.onMessage(ctx, u.Message)
	case *tg.UpdateNewChannelMessage:
		return c.onMessage(ctx, u.Message)
	case *tg.UpdateEditMessage:
		return c.onEdit(ctx, u.Message)
	case *tg.UpdateEditChannelMessage:
		return c.onEdit(ctx, u.Message)
	case *tg.UpdateDeleteMessages:
		return c.onDeleted(ctx, u.Messages)
	case *tg.UpdateDeleteChannelMessages:
		return c.onDeletedIn(ctx, events.Peer{Kind: events.PeerChannel, ID: u.ChannelID}, u.Messages)
	default:
		return nil // reads, pins, previews: not bridged
	}
}

// onMessage takes a new message.
func (c *client) onMessage(ctx context.Context, m tg.MessageClass) error {
	if service, ok := m.(*tg.MessageService); ok {
		return c.onService(ctx, service)
	}
	msg, ok := m.(*tg.Message)
	if !ok {
		return nil // deleted before it came
	}
	peer, ok := peerOf(msg.PeerID)
	if !ok {
		return nil
	}
	what, content := c.read(ctx, peer, msg)
	said := messages.Said{
		Number: events.MessageNumber(msg.ID), Login: c.login, Content: content, ReplyTo: replyTo(msg.ReplyTo),
		SaidAt: time.Unix(int64(msg.Date), 0).UTC(), What: what, Out: msg.Out,
	}
	if peer.Kind == events.PeerChannel && what.Sender.Peer.Kind == events.PeerUser {
		// In a chat that logins share, this one may be told of what another has
		// just sent before that one is told its number.
		if other, ok := c.w.fleet.owner(what.Sender.Peer.ID); ok {
			said.Login, said.Out = other, true
		}
	}
	return c.said(ctx, peer, said)
}

// said brings a message into the portal of its chat, made if there is none.
func (c *client) said(ctx context.Context, peer events.Peer, said messages.Said) error {
	uid, err := c.portal(ctx, peer)
	if err != nil || uid == "" {
		return err
	}
	for {
		changed, tried := c.w.deps.Messages.Changed(), c.w.sends.changed()
		said.Tried = c.w.sends.tried()
		held, err := c.say(ctx, uid, said)
		if err != nil || !held {
			return err
		}
		// It may be the echo of a message that is being sent: that one's outcome
		// will tell, or the next try to send it.
		select {
		case <-changed:
		case <-tried:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// say decides on a portal's messages and tells the log, waiting while the log
// can't be written. held is messages.ErrHold.
func (c *client) say(ctx context.Context, uid events.UID, cmd messages.Command) (held bool, err error) {
	err = c.untilStored(ctx, "store an update", func(ctx context.Context) error {
		_, err := c.w.desk.chats.Do(ctx, uid, byTelegram(), func(t projections.Thread) (events.Fact, error) { return messages.Decide(t, cmd) })
		if errors.Is(err, messages.ErrHold) {
			held, err = true, nil
		}
		if errors.Is(err, messages.ErrNotYours) {
			err = nil
		}
		return err
	})
	return held, err
}

// portal finds the portal of a chat, or opens it; the login sees it then. What
// is said in a chat as the login goes ("Alice left") brings it back to none: an
// empty uid says that such a chat has no portal.
func (c *client) portal(ctx context.Context, peer events.Peer) (events.UID, error) {
	p, open := c.w.deps.Portals.OfChat(c.user, c.account, peer)
	if open && p.SeenBy(c.login) {
		return p.UID, nil
	}
	uid := p.UID
	err := c.untilStored(ctx, "open a portal", func(ctx context.Context) error {
		e, ok, err := c.book.get(ctx, peer)
		if err != nil {
			return err
		}
		if e.Out {
			return nil
		}
		if !ok {
			e = entry{Peer: peer, CanPost: true}
		}
		uid, err = c.see(ctx, e)
		return err
	})
	return uid, err
}

// see tells the log that this login can see a chat.
func (c *client) see(ctx context.Context, e entry) (events.UID, error) {
	uid, _, err := c.w.deps.Directory.EnsurePortal(ctx, c.portalKey(e.Peer))
	if err != nil {
		return "", err
	}
	kind, title := e.Kind, e.Name
	if e.Peer.Kind == events.PeerUser {
		kind = events.KindPrivate
		if e.Peer.ID == c.selfID {
			title = "Saved Messages"
		}
	}
	if kind == "" {
		kind = events.KindGroup
		if e.Peer.Kind == events.PeerChannel {
			kind = events.KindSupergroup
		}
	}
	if title == "" {
		title = "Telegram chat"
	}
	return uid, c.w.commitPortal(ctx, uid, byTelegram(), portals.See{
		Kind: kind, User: c.user, Login: c.login, Account: c.account, CanPost: e.CanPost,
		Chat: events.ChatFacts{Peer: e.Peer, Title: title, Username: e.Username},
	})
}

// portalKey is the directory's name for a chat: a channel or supergroup is one
// chat for everybody; of all others each account has its own.
func (c *client) portalKey(p events.Peer) string {
	switch p.Kind {
	case events.PeerChannel:
		return fmt.Sprintf("channel:%d", p.ID)
	case events.PeerGroup:
		return fmt.Sprintf("group:%s:%s:%d", c.user, c.account, p.ID)
	default:
		return fmt.Sprintf("private:%s:%s:%d", c.user, c.account, p.ID)
	}
}

// onEdit takes a changed message. Telegram also tells of changes that are none
// to a reader (views, reactions); the decider knows the text.
func (c *client) onEdit(ctx context.Context, m tg.MessageClass) error {
	msg, ok := m.(*tg.Message)
	if !ok {
		return nil
	}
	peer, ok := peerOf(msg.PeerID)
	if !ok {
		return nil
	}
	p, ok := c.w.deps.Portals.OfChat(c.user, c.account, peer)
	if !ok {
		return nil
	}
	what, content := c.read(ctx, peer, msg)
	at := msg.EditDate
	if at == 0 {
		at = msg.Date
	}
	_, err := c.say(ctx, p.UID, messages.Edit{
		Side: events.OnTelegram, Number: events.MessageNumber(msg.ID), Login: c.login, Content: content,
		SaidAt: time.Unix(int64(at), 0).UTC(), What: what,
	})
	return err
}

// onDeletedIn takes deletions in a channel or supergroup.
func (c *client) onDeletedIn(ctx context.Context, peer events.Peer, numbers []int) error {
	p, ok := c.w.deps.Portals.OfChat(c.user, c.account, peer)
	if !ok {
		return nil
	}
	return c.deleteFrom(ctx, p.UID, numbers)
}

// onDeleted takes deletions in private chats and basic groups. Telegram says
// only the numbers, which are unique for the account.
func (c *client) onDeleted(ctx context.Context, numbers []int) error {
	for _, p := range c.w.deps.Portals.OfLogin(c.login) {
		if p.Kind.Shared() {
			continue
		}
		if err := c.deleteFrom(ctx, p.UID, numbers); err != nil {
			return err
		}
	}
	return nil
}

// deleteFrom deletes those of the numbers that the portal has.
func (c *client) deleteFrom(ctx context.Context, uid events.UID, numbers []int) error {
	var here []events.MessageNumber
	c.w.deps.Messages.View(uid, func(t projections.Thread) {
		for _, n := range numbers {
			if _, ok := t.ByNumber(events.MessageNumber(n)); ok {
				here = append(here, events.MessageNumber(n))
			}
		}
	})
	for _, n := range here {
		if _, err := c.say(ctx, uid, messages.Delete{Side: events.OnTelegram, Number: n, Login: c.login}); err != nil {
			return err
		}
	}
	return nil
}

// replyTo is the message that a message answers, 0 if none in the same chat.
func replyTo(r tg.MessageReplyHeaderClass) events.MessageNumber {
	h, ok := r.(*tg.MessageReplyHeader)
	if !ok || h.ReplyToPeerID != nil || h.ForumTopic && h.ReplyToTopID == 0 {
		return 0
	}
	return events.MessageNumber(h.ReplyToMsgID)
}
