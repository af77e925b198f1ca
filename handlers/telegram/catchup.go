package telegram

import (
	"context"
	"slices"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// maxCatchUp is how many messages of one chat are read after an absence so long
// that Telegram gives no difference any more.
const maxCatchUp = 1000

// catchUp reads what was said since a date in private chats and basic groups:
// Telegram says that the difference is too long to tell. Channels have their own
// sequences.
func (c *client) catchUp(ctx context.Context, since int) error {
	err := c.dialogs(ctx, func(p page) bool {
		newest := 0
		for _, d := range p.dialogs {
			dialog, ok := d.(*tg.Dialog)
			if !ok {
				continue
			}
			peer, ok := peerOf(dialog.Peer)
			if !ok {
				continue
			}
			date := dateOf(p.msgs, peer, dialog.TopMessage)
			newest = max(newest, date)
			if peer.Kind != events.PeerChannel && date >= since && c.readBack(ctx, peer, since) != nil {
				return false
			}
		}
		return newest >= since
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.log.Warn().Str("error", codeOf(err)).Msg("chats not read after a long absence")
	}
	return nil
}

// catchUpChannel reads what was said in a channel since the last message that
// the log has. recent is what Telegram sent along.
func (c *client) catchUpChannel(ctx context.Context, channel int64, recent []tg.MessageClass) error {
	peer := events.Peer{Kind: events.PeerChannel, ID: channel}
	last := c.lastNumber(peer)
	oldest := 0
	for _, m := range recent {
		if oldest == 0 || m.GetID() < oldest {
			oldest = m.GetID()
		}
	}
	if last == 0 || oldest != 0 && oldest <= last+1 {
		return c.applyOld(ctx, recent)
	}
	return c.readBack(ctx, peer, 0)
}

// lastNumber is the highest number that the log has of a chat.
func (c *client) lastNumber(peer events.Peer) int {
	p, ok := c.w.deps.Portals.OfChat(c.user, c.account, peer)
	if !ok {
		return 0
	}
	last := 0
	c.w.deps.Messages.View(p.UID, func(t projections.Thread) {
		for i := range t.Posts {
			last = max(last, int(t.Posts[i].Number))
		}
	})
	return last
}

// readBack reads a chat's messages from the newest back to the last that the
// log has, and at most to a date, and stores them oldest first.
func (c *client) readBack(ctx context.Context, peer events.Peer, since int) error {
	in, ok, err := c.book.inputPeer(ctx, peer)
	if err != nil || !ok {
		return ctx.Err()
	}
	var found []tg.MessageClass
	req := &tg.MessagesGetHistoryRequest{Peer: in, Limit: 100, MinID: c.lastNumber(peer)}
	for len(found) < maxCatchUp {
		var res tg.MessagesMessagesClass
		err := c.persist(ctx, func(ctx context.Context) (err error) {
			res, err = c.api().MessagesGetHistory(ctx, req)
			return err
		})
		if err != nil {
			if ctx.Err() == nil {
				c.log.Warn().Str("error", codeOf(err)).Msg("history not read")
			}
			break
		}
		part, ok := res.AsModified()
		if !ok {
			break
		}
		if err := c.learn(ctx, part.GetUsers(), part.GetChats(), nil); err != nil {
			return err
		}
		fresh := newerThan(part.GetMessages(), since)
		found = append(found, fresh...)
		if len(fresh) == 0 || len(fresh) < len(part.GetMessages()) {
			break
		}
		req.OffsetID = fresh[len(fresh)-1].GetID()
	}
	return c.applyOld(ctx, found)
}

func newerThan(msgs []tg.MessageClass, since int) []tg.MessageClass {
	for i, m := range msgs {
		if m, ok := m.AsNotEmpty(); ok && m.GetDate() < since {
			return msgs[:i]
		}
	}
	return msgs
}

// applyOld stores messages in the order of their numbers.
func (c *client) applyOld(ctx context.Context, msgs []tg.MessageClass) error {
	msgs = slices.Clone(msgs)
	slices.SortFunc(msgs, func(a, b tg.MessageClass) int { return a.GetID() - b.GetID() })
	for _, m := range msgs {
		if err := c.onMessage(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
