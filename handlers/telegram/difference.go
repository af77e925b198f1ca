package telegram

import (
	"context"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
)

// channelSlice is how many updates one channel difference brings.
const channelSlice = 100

// fill fetches what a sequence has missed, until nothing more is missing. It
// returns an error only when the feed ends.
func (b *box) fill(ctx context.Context) error {
	if b.channel == 0 {
		return b.f.fillCommon(ctx)
	}
	if err := b.f.c.w.fleet.differ.enter(ctx); err != nil {
		return err
	}
	defer b.f.c.w.fleet.differ.leave()
	return b.f.fillChannel(ctx, b)
}

// fillCommon brings the account's own sequence up to date
// (updates.getDifference).
func (f *feed) fillCommon(ctx context.Context) error {
	for {
		at := f.cur.get()
		var diff tg.UpdatesDifferenceClass
		err := f.c.persist(ctx, func(ctx context.Context) (err error) {
			diff, err = f.c.api().UpdatesGetDifference(ctx, &tg.UpdatesGetDifferenceRequest{Pts: at.Pts, Date: at.Date, Qts: at.Qts})
			return err
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case tgerr.Is(err, "PERSISTENT_TIMESTAMP_INVALID", "PERSISTENT_TIMESTAMP_EMPTY", "PERSISTENT_TIMESTAMP_OUTDATED", "DATE_EMPTY"):
			f.c.log.Warn().Str("error", codeOf(err)).Msg("Telegram does not know the cursor; reading the chats instead")
			return f.restart(ctx, at)
		case err != nil:
			// Refused. If the session is at fault it is looked into; the next
			// connection or update asks again.
			f.c.log.Warn().Str("error", codeOf(err)).Msg("no difference")
			pause(ctx, backoff(6))
			return ctx.Err()
		}
		done, err := f.takeDifference(ctx, at, diff)
		if err != nil || done {
			return err
		}
	}
}

// takeDifference stores one answer of updates.getDifference.
func (f *feed) takeDifference(ctx context.Context, at state, diff tg.UpdatesDifferenceClass) (done bool, err error) {
	switch d := diff.(type) {
	case *tg.UpdatesDifferenceEmpty:
		f.cur.change(func(s *state) { s.Date, s.Seq = d.Date, d.Seq })
		return true, nil
	case *tg.UpdatesDifference:
		if err := f.takeAll(ctx, d.NewMessages, d.OtherUpdates, d.Users, d.Chats); err != nil {
			return false, err
		}
		return true, f.reach(ctx, d.State)
	case *tg.UpdatesDifferenceSlice:
		if err := f.takeAll(ctx, d.NewMessages, d.OtherUpdates, d.Users, d.Chats); err != nil {
			return false, err
		}
		return false, f.reach(ctx, d.IntermediateState)
	case *tg.UpdatesDifferenceTooLong:
		if err := f.c.catchUp(ctx, at.Date); err != nil {
			return false, err
		}
		f.common.set(d.Pts)
		return false, f.save(ctx)
	default:
		return true, nil
	}
}

// reach moves the account's own sequence to where Telegram says it stands.
func (f *feed) reach(ctx context.Context, s tg.UpdatesState) error {
	f.common.set(s.Pts)
	f.cur.change(func(c *state) { c.Qts, c.Date, c.Seq = s.Qts, s.Date, max(s.Seq, c.Seq) })
	return f.save(ctx)
}

// restart reads the chats and goes on from Telegram's present state. The state
// is taken first: what comes meanwhile is told twice rather than not at all.
func (f *feed) restart(ctx context.Context, at state) error {
	now, err := f.presentState(ctx)
	if err != nil {
		return err
	}
	if err := f.c.catchUp(ctx, at.Date); err != nil {
		return err
	}
	f.cur.change(func(s *state) { *s = now })
	f.common.set(now.Pts)
	return f.save(ctx)
}

// takeAll stores what a difference of the account's own sequence holds: the
// messages first, then what was done to them. Channels are told to their boxes.
func (f *feed) takeAll(ctx context.Context, msgs []tg.MessageClass, others []tg.UpdateClass, users []tg.UserClass, chats []tg.ChatClass) error {
	if err := f.c.learn(ctx, users, chats, others); err != nil {
		return err
	}
	// Numbers of messages sent by us come first: they tell which of the
	// messages are echoes.
	for _, u := range others {
		if id, ok := u.(*tg.UpdateMessageID); ok {
			f.c.onMessageID(ctx, id)
		}
	}
	for _, m := range msgs {
		if err := f.c.apply(ctx, &tg.UpdateNewMessage{Message: m}); err != nil {
			return err
		}
	}
	for _, u := range others {
		if _, _, ok := tg.IsPtsUpdate(u); !ok {
			f.route(u)
			continue
		}
		if err := f.c.apply(ctx, u); err != nil {
			return err
		}
	}
	f.c.noticeChats(ctx, chats)
	return nil
}

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
	switch code {
	case "CHANNEL_PRIVATE", "CHANNEL_INVALID", "USER_NOT_PARTICIPANT", "CHAT_FORBIDDEN", "CHANNEL_PUBLIC_GROUP_NA":
		f.c.lose(ctx, peer, "left")
		b.forget()
	case "PERSISTENT_TIMESTAMP_INVALID", "PERSISTENT_TIMESTAMP_EMPTY", "PERSISTENT_TIMESTAMP_OUTDATED":
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
