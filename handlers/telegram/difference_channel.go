package telegram

import (
	"context"
	"slices"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
)

// fillChannel brings a channel's sequence up to date
// (updates.getChannelDifference). The time that Telegram says not to ask again
// before is meant for polling; a gap does not wait for it.
func (f *feed) fillChannel(ctx context.Context, b *box) error {
	for {
		input, ok, err := f.c.book.channel(ctx, b.channel)
		if err != nil {
			f.c.log.Error().Err(err).Msg("read the known chats")
			pause(ctx, backoff(4))
			b.fallBehind()
			return ctx.Err()
		}
		if !ok {
			b.jump() // no way to ask: what is brought is all there is
			return nil
		}
		var diff tg.UpdatesChannelDifferenceClass
		err = f.c.persist(ctx, func(ctx context.Context) (err error) {
			diff, err = f.c.api().UpdatesGetChannelDifference(ctx, &tg.UpdatesGetChannelDifferenceRequest{
				Channel: input, Filter: &tg.ChannelMessagesFilterEmpty{}, Pts: b.at(), Limit: channelSlice, Force: true,
			})
			return err
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.refusedChannel(ctx, b, codeOf(err))
			return nil
		}
		done, err := f.takeChannelDifference(ctx, b, diff)
		if err != nil || done {
			return err
		}
	}
}

// refusedChannel gives up a channel that Telegram tells this login nothing of.
func (f *feed) refusedChannel(ctx context.Context, b *box, code string) {
	peer := events.Peer{Kind: events.PeerChannel, ID: b.channel}
	switch {
	case outOfReach(code):
		f.c.lose(ctx, peer, "left")
		b.forget()
	case slices.Contains([]string{"PERSISTENT_TIMESTAMP_INVALID", "PERSISTENT_TIMESTAMP_EMPTY", "PERSISTENT_TIMESTAMP_OUTDATED"}, code):
		b.forget()
		f.c.onHint(&tg.UpdateChannel{ChannelID: b.channel})
	default:
		f.c.log.Warn().Str("error", code).Msg("no difference of a channel")
		pause(ctx, backoff(6))
	}
}

// forget drops the cursor: the next update begins a new one.
func (b *box) forget() {
	b.set(0)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.queue = nil
}

// jump leaves out what can't be had.
func (b *box) jump() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, it := range b.queue {
		if from := it.pts - it.count; i == 0 || from < b.pts {
			b.pts = from
		}
	}
}

// takeChannelDifference stores one answer of updates.getChannelDifference.
func (f *feed) takeChannelDifference(ctx context.Context, b *box, diff tg.UpdatesChannelDifferenceClass) (done bool, err error) {
	switch d := diff.(type) {
	case *tg.UpdatesChannelDifferenceEmpty:
		b.set(d.Pts)
		return true, nil
	case *tg.UpdatesChannelDifference:
		if err := f.c.learn(ctx, d.Users, d.Chats, d.OtherUpdates); err != nil {
			return false, err
		}
		if err := f.applyChannel(ctx, d.NewMessages, d.OtherUpdates); err != nil {
			return false, err
		}
		b.set(d.Pts)
		f.c.noticeChats(ctx, d.Chats)
		return d.Final, f.save(ctx)
	case *tg.UpdatesChannelDifferenceTooLong:
		if err := f.c.learn(ctx, d.Users, d.Chats, nil); err != nil {
			return false, err
		}
		if err := f.c.catchUpChannel(ctx, b.channel, d.Messages); err != nil {
			return false, err
		}
		if dialog, ok := d.Dialog.(*tg.Dialog); ok {
			b.set(dialog.Pts)
		}
		return true, f.save(ctx)
	default:
		return true, nil
	}
}

func (f *feed) applyChannel(ctx context.Context, msgs []tg.MessageClass, others []tg.UpdateClass) error {
	for _, m := range msgs {
		if err := f.c.apply(ctx, &tg.UpdateNewChannelMessage{Message: m}); err != nil {
			return err
		}
	}
	for _, u := range others {
		if err := f.c.apply(ctx, u); err != nil {
			return err
		}
	}
	return nil
}
