package telegram

import (
	"context"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// dialogPage is how many dialogs one call lists; Telegram gives no more.
const dialogPage = 100

// page is one answer of messages.getDialogs, newest dialog first.
type page struct {
	dialogs []tg.DialogClass
	msgs    []tg.MessageClass
	chats   []tg.ChatClass
	users   []tg.UserClass
	last    bool
}

// listChats opens a portal for every group, supergroup and channel of the
// login, newest first, and then tells the log how many there are. A crash in
// between begins it anew: what is open is open. The next page is fetched while
// the portals of the one before are being opened.
func (c *client) listChats(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan page, 1)
	done := make(chan error, 1)
	go func() {
		defer close(pages)
		done <- c.dialogs(ctx, func(p page) bool {
			select {
			case pages <- p:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	list := login.ListChats{Login: c.login}
	for p := range pages {
		if c.openPage(ctx, p, &list) != nil {
			cancel()
		}
	}
	if err := <-done; err != nil && codeOf(err) != "BOT_METHOD_INVALID" {
		if ctx.Err() == nil {
			c.log.Warn().Str("error", codeOf(err)).Msg("chats not listed")
		}
		return
	}
	_ = c.untilStored(ctx, "store the number of chats", func(ctx context.Context) error {
		_, err := c.w.desk.users.Do(ctx, c.user, byTelegram(), func(u projections.User) (events.Fact, error) { return login.Decide(u, list) })
		return err
	})
}

// dialogs gives the account's dialogs to take, page by page, until take says no.
func (c *client) dialogs(ctx context.Context, take func(page) bool) error {
	req := &tg.MessagesGetDialogsRequest{OffsetPeer: &tg.InputPeerEmpty{}, Limit: dialogPage}
	seen := map[events.Peer]bool{}
	for {
		var res tg.MessagesDialogsClass
		err := c.persist(ctx, func(ctx context.Context) (err error) {
			res, err = c.api().MessagesGetDialogs(ctx, req)
			return err
		})
		if err != nil {
			return err
		}
		var p page
		switch res := res.(type) {
		case *tg.MessagesDialogs:
			p = page{res.Dialogs, res.Messages, res.Chats, res.Users, true}
		case *tg.MessagesDialogsSlice:
			p = page{res.Dialogs, res.Messages, res.Chats, res.Users, len(res.Dialogs) == 0}
		default:
			return nil
		}
		if err := c.learn(ctx, p.users, p.chats, nil); err != nil {
			return err
		}
		next, ok := c.after(ctx, p, seen)
		p.last = p.last || !ok
		if !take(p) || p.last {
			return ctx.Err()
		}
		req = next
	}
}

// after is the request for the page after p, false if p holds nothing new.
func (c *client) after(ctx context.Context, p page, seen map[events.Peer]bool) (*tg.MessagesGetDialogsRequest, bool) {
	req := &tg.MessagesGetDialogsRequest{OffsetPeer: &tg.InputPeerEmpty{}, Limit: dialogPage, ExcludePinned: true}
	fresh := false
	for _, d := range p.dialogs {
		dialog, ok := d.(*tg.Dialog)
		if !ok {
			continue // an archive folder; its dialogs are listed on their own
		}
		peer, ok := peerOf(dialog.Peer)
		if !ok || seen[peer] {
			continue
		}
		seen[peer], fresh = true, true
		date := dateOf(p.msgs, peer, dialog.TopMessage)
		in, ok, err := c.book.inputPeer(ctx, peer)
		if date == 0 || !ok || err != nil {
			continue
		}
		req.OffsetDate, req.OffsetID, req.OffsetPeer = date, dialog.TopMessage, in
	}
	return req, fresh && req.OffsetID != 0
}

// dateOf is when the newest message of a dialog was sent.
func dateOf(msgs []tg.MessageClass, peer events.Peer, number int) int {
	for _, m := range msgs {
		m, ok := m.AsNotEmpty()
		if !ok || m.GetID() != number {
			continue
		}
		if p, ok := peerOf(m.GetPeerID()); ok && p == peer {
			return m.GetDate()
		}
	}
	return 0
}

// openPage opens the portals of a page, in its order.
func (c *client) openPage(ctx context.Context, p page, list *login.ListChats) error {
	known := map[events.Peer]chat{}
	for _, ch := range p.chats {
		if read, ok := readChat(ch); ok {
			known[read.Peer] = read
		}
	}
	for _, d := range p.dialogs {
		dialog, ok := d.(*tg.Dialog)
		if !ok {
			continue
		}
		peer, ok := peerOf(dialog.Peer)
		if !ok {
			continue
		}
		if peer.Kind == events.PeerUser {
			list.Private++
			continue
		}
		chat, ok := known[peer]
		if !ok || !chat.in || chat.closed {
			continue
		}
		c.feed.setChannelIfNew(peer, dialog.Pts)
		list.Rooms++
		err := c.untilStored(ctx, "open a portal", func(ctx context.Context) error {
			_, err := c.see(ctx, chat.entry)
			return err
		})
		if err != nil {
			return err
		}
	}
	return c.feed.save(ctx)
}

// noticeChats compares what an answer shows of chats with what the log says:
// chats that this login came into or left, new titles and pictures.
func (c *client) noticeChats(ctx context.Context, chats []tg.ChatClass) {
	for _, ch := range chats {
		read, ok := readChat(ch)
		if !ok || read.min || ctx.Err() != nil {
			continue
		}
		p, open := c.w.deps.Portals.OfChat(c.user, c.account, read.Peer)
		seen := open && p.SeenBy(c.login)
		switch {
		case seen && !read.in:
			c.lose(ctx, read.Peer, read.why)
		case read.closed || !read.in:
			// Nothing to show.
		case !seen || viewOf(p, c.login).CanPost != read.CanPost:
			_ = c.untilStored(ctx, "open a portal", func(ctx context.Context) error {
				_, err := c.see(ctx, read.entry)
				return err
			})
		case p.Title != read.Name || p.Photo != read.Photo:
			_ = c.redescribe(ctx, read.Peer, func(d *events.Description) { d.Title, d.Photo = read.Name, read.Photo })
		}
	}
}

func viewOf(p projections.Portal, id events.LoginID) projections.Viewer {
	for _, v := range p.Viewers {
		if v.Login == id {
			return v
		}
	}
	return projections.Viewer{}
}

// lose notes that this login no longer sees a chat.
func (c *client) lose(ctx context.Context, peer events.Peer, reason string) {
	if p, ok := c.w.deps.Portals.OfChat(c.user, c.account, peer); ok {
		_ = c.tellPortal(ctx, p.UID, portals.Lose{Login: c.login, Reason: reason})
	}
}

func byTelegram() commit.Meta { return commit.Meta{Actor: events.ByTelegram} }
