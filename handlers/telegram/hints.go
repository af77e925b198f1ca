package telegram

import (
	"context"
	"sync"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
)

// hintPause is how long hints of the same chat are gathered: a chat in which
// much changes is asked for once.
const hintPause = 300 * time.Millisecond

// hints are the chats of which Telegram said that something changed, without
// saying what.
type hints struct {
	mu      sync.Mutex
	pending map[events.Peer]bool
}

// add reports whether the chat was not pending yet.
func (h *hints) add(p events.Peer) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.pending[p] {
		return false
	}
	if h.pending == nil {
		h.pending = map[events.Peer]bool{}
	}
	h.pending[p] = true
	return true
}

func (h *hints) take(p events.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pending, p)
}

// onHint takes an update that belongs to no sequence. It does not block.
func (c *client) onHint(u tg.UpdateClass) {
	var peer events.Peer
	switch u := u.(type) {
	case *tg.UpdateChannel:
		peer = events.Peer{Kind: events.PeerChannel, ID: u.ChannelID}
	case *tg.UpdateChat:
		peer = events.Peer{Kind: events.PeerGroup, ID: u.ChatID}
	case *tg.UpdateChatParticipants:
		peer = events.Peer{Kind: events.PeerGroup, ID: u.Participants.GetChatID()}
	case *tg.UpdateChatParticipantAdmin:
		peer = events.Peer{Kind: events.PeerGroup, ID: u.ChatID}
	default:
		return // presence, typing, reactions, settings: not bridged
	}
	if !c.hints.add(peer) {
		return
	}
	c.task(func() {
		pause(c.ctx, hintPause)
		c.hints.take(peer)
		if c.gate.enter(c.ctx) != nil {
			return
		}
		defer c.gate.leave()
		c.refresh(c.ctx, peer)
	})
}

// refresh asks what a chat looks like now.
func (c *client) refresh(ctx context.Context, peer events.Peer) {
	var full fullChat
	err := c.persist(ctx, func(ctx context.Context) (err error) {
		full, err = c.full(ctx, peer)
		return err
	})
	if ctx.Err() != nil {
		return
	}
	switch code := codeOf(err); {
	case outOfReach(code):
		c.lose(ctx, peer, "left")
		return
	case err != nil:
		c.log.Debug().Err(err).Msg("chat not looked at again")
		return
	}
	if c.learn(ctx, full.users, full.chats, nil) != nil {
		return
	}
	c.noticeChats(ctx, full.chats)
	c.feed.setChannelIfNew(peer, full.pts)
	_ = c.redescribe(ctx, peer, func(d *events.Description) {
		if full.title != "" {
			d.Title, d.Photo = full.title, full.photo
		}
		d.About = full.about
	})
}
