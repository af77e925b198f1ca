package telegram

import (
	"context"
	"errors"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/projections"
)

// echoWait is how long the account's own updates may take to bring the number
// of a message that was sent by an earlier try.
const echoWait = 3 * time.Second

// find looks for a message that was sent by an earlier try: in the account's
// own updates, which are asked for; then in the chat. It stands on Telegram in
// any case, so that not to find its number loses only later edits of it.
func (s *copying) find(ctx context.Context, text events.Text) error {
	s.w.sends.try(s.e.ID)
	box := s.c.feed.common
	if s.portal.Peer.Kind == events.PeerChannel {
		box = s.c.feed.box(s.portal.Peer.ID)
	}
	box.fallBehind()
	wait, cancel := context.WithTimeout(ctx, echoWait)
	defer cancel()
	for wait.Err() == nil {
		changed, settled := s.w.deps.Messages.Changed(), false
		s.w.deps.Messages.View(s.e.Aggregate.UID, func(t projections.Thread) { settled = t.Settled(s.e.ID) })
		if settled {
			s.w.sends.done(s.e.ID)
			return nil
		}
		select {
		case <-changed:
		case <-wait.Done():
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	number, err := s.findInChat(ctx, text)
	if err != nil {
		return later(err)
	}
	return s.carried(ctx, number)
}

// onMessageID takes a number that Telegram tells for a random_id: the surest
// sign that a message of ours was sent.
func (c *client) onMessageID(ctx context.Context, u *tg.UpdateMessageID) {
	for _, p := range c.w.deps.Portals.OfLogin(c.login) {
		var sent events.EventID
		c.w.deps.Messages.View(p.UID, func(t projections.Thread) {
			for _, post := range t.PendingFrom(c.login) {
				if randomID(c.account, post.ID, 0) == u.RandomID {
					sent = post.ID
				}
			}
		})
		if sent == "" {
			continue
		}
		_, err := c.say(ctx, p.UID, messages.Carried{Of: sent, Message: sent, To: events.OnTelegram, Number: events.MessageNumber(u.ID)})
		if err != nil && !errors.Is(err, context.Canceled) {
			c.log.Error().Err(err).Msg("number of a sent message not stored")
		}
		return
	}
}
