package telegram

import (
	"context"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"
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
