package telegram

import (
	"context"
	"slices"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
)

// sweepPage is how many dialogs one call compares.
const sweepPage = 100

// wantSweep has the channels compared with the server, soon and once: after an
// absence Telegram tells of most channels in which something happened, and
// promises it of none. One call for a hundred channels shows which are behind.
func (f *feed) wantSweep() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sweeping || f.ctx.Err() != nil {
		return
	}
	f.sweeping = true
	wait := time.Until(f.swept.Add(sweepApart))
	f.c.task(func() {
		pause(f.ctx, max(wait, 0))
		f.mu.Lock()
		f.sweeping, f.swept = false, time.Now()
		f.mu.Unlock()
		f.sweep(f.ctx)
	})
}

func (f *feed) sweep(ctx context.Context) {
	for page := range slices.Chunk(f.cur.known(), sweepPage) {
		if ctx.Err() != nil {
			return
		}
		var ask []tg.InputDialogPeerClass
		for _, id := range page {
			if in, ok, err := f.c.book.inputPeer(ctx, events.Peer{Kind: events.PeerChannel, ID: id}); ok && err == nil {
				ask = append(ask, &tg.InputDialogPeer{Peer: in})
			}
		}
		if len(ask) == 0 {
			continue
		}
		var res *tg.MessagesPeerDialogs
		err := f.c.persist(ctx, func(ctx context.Context) (err error) {
			res, err = f.c.api().MessagesGetPeerDialogs(ctx, ask)
			return err
		})
		if err != nil {
			// One channel that is closed to this login spoils the page: each asks
			// for itself.
			for _, id := range page {
				f.box(id).fallBehind()
			}
			continue
		}
		f.compare(res.Dialogs)
	}
}

func (f *feed) compare(dialogs []tg.DialogClass) {
	for _, d := range dialogs {
		dialog, ok := d.(*tg.Dialog)
		if !ok {
			continue
		}
		peer, ok := peerOf(dialog.Peer)
		if !ok || peer.Kind != events.PeerChannel {
			continue
		}
		if b := f.box(peer.ID); dialog.Pts > b.at() {
			b.fallBehind()
		}
	}
}
