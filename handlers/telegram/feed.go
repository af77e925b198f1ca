package telegram

import (
	"context"
	"sync"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
)

const (
	// maxInbox is how many containers of updates may wait to be sorted. Beyond
	// it all are dropped and asked for again.
	maxInbox = 1000
	// sweepApart is how often the channels are compared with the server at most.
	sweepApart = 10 * time.Second
)

// feed takes the updates of one login apart into the sequences that they belong
// to. gotd hands them over from several goroutines, in any order; nothing here
// blocks it. While nothing happens, no goroutine of a feed exists.
type feed struct {
	c      *client
	cur    *cursors
	ctx    context.Context // ends when no more updates are taken
	cancel context.CancelFunc
	common *box

	mu       sync.Mutex
	inbox    []tg.UpdatesClass
	sorting  bool
	begun    bool
	channels map[int64]*box
	sweeping bool
	swept    time.Time
	heard    time.Time // when something came last
}

func newFeed(c *client, bucket vault.Bucket) *feed {
	f := &feed{c: c, cur: newCursors(bucket, c.login), channels: map[int64]*box{}}
	f.ctx, f.cancel = context.WithCancel(c.ctx)
	f.common = newBox(f, 0)
	return f
}

// begin reads the cursors, or takes Telegram's present state for a login that
// has none, and lets the updates in.
func (f *feed) begin(ctx context.Context) error {
	for n := 0; ; n++ {
		err := f.cur.load(ctx)
		if err == nil {
			break
		}
		f.c.log.Error().Err(err).Msg("read cursors")
		if pause(ctx, backoff(n)); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	fresh := f.cur.get().Pts == 0
	if fresh {
		now, err := f.presentState(ctx)
		if err != nil {
			return err
		}
		f.cur.change(func(s *state) { *s = now })
		if err := f.save(ctx); err != nil {
			return err
		}
	}
	f.common.set(f.cur.get().Pts)
	f.mu.Lock()
	f.begun = true
	f.wake()
	f.mu.Unlock()
	if !fresh {
		f.common.fallBehind()
		f.wantSweep()
	}
	return nil
}

// presentState asks where Telegram stands (updates.getState).
func (f *feed) presentState(ctx context.Context) (state, error) {
	for {
		var now *tg.UpdatesState
		err := f.c.persist(ctx, func(ctx context.Context) (err error) {
			now, err = f.c.api().UpdatesGetState(ctx)
			return err
		})
		if err == nil {
			return state{Pts: now.Pts, Qts: now.Qts, Date: now.Date, Seq: now.Seq}, nil
		}
		if ctx.Err() != nil {
			return state{}, ctx.Err()
		}
		// Refused: the session is looked into (suspect.go), which ends ctx or not.
		pause(ctx, backoff(6))
	}
}

// push takes a container of updates. It does not block.
func (f *feed) push(u tg.UpdatesClass) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.inbox) >= maxInbox {
		f.inbox = nil
		f.c.task(f.missed)
	}
	f.inbox = append(f.inbox, u)
	f.heard = time.Now()
	f.wake()
}

// wake has the inbox sorted; f.mu is held.
func (f *feed) wake() {
	if f.begun && !f.sorting && len(f.inbox) > 0 && f.ctx.Err() == nil {
		f.sorting = true
		f.c.task(f.sort)
	}
}

func (f *feed) sort() {
	for {
		f.mu.Lock()
		inbox := f.inbox
		f.inbox = nil
		if len(inbox) == 0 || f.ctx.Err() != nil {
			f.sorting = false
			f.mu.Unlock()
			return
		}
		f.mu.Unlock()
		for _, u := range inbox {
			f.takeApart(u)
		}
	}
}

// connected is called on each new connection: what happened meanwhile is asked
// for at once. It does not block.
func (f *feed) connected() {
	f.mu.Lock()
	begun := f.begun
	f.heard = time.Now()
	f.mu.Unlock()
	if begun {
		f.c.task(f.missed)
	}
}

// ifQuiet asks for what may have been lost if nothing has come for long.
func (f *feed) ifQuiet(long time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.begun && time.Since(f.heard) > long {
		f.heard = time.Now()
		f.c.task(f.missed)
	}
}

// missed has every sequence ask for what it may have missed.
func (f *feed) missed() {
	f.common.fallBehind()
	f.wantSweep()
}

// box is the sequence of a channel.
func (f *feed) box(channel int64) *box {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.channels[channel]
	if b == nil {
		b = newBox(f, channel)
		b.pts = f.cur.channel(channel)
		f.channels[channel] = b
	}
	return b
}

// stop takes no more updates: what is being stored is stored, the rest will be
// asked for again.
func (f *feed) stop() { f.cancel() }

// store writes the cursors a last time.
func (f *feed) store() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := f.cur.store(ctx); err != nil {
		f.c.log.Warn().Err(err).Msg("cursors not stored; what came since will be asked for again")
	}
}

// save writes the cursors, and waits while that can't be done.
func (f *feed) save(ctx context.Context) error {
	for n := 0; ; n++ {
		err := f.cur.store(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if n == 0 {
			f.c.log.Error().Err(err).Msg("cursors can't be stored; waiting")
		}
		pause(ctx, backoff(n))
	}
}

// setChannelIfNew gives a channel that had no cursor the one that its dialog
// shows: what came before is not bridged.
func (f *feed) setChannelIfNew(peer events.Peer, pts int) {
	if peer.Kind != events.PeerChannel || pts == 0 || f.cur.channel(peer.ID) != 0 {
		return
	}
	b := f.box(peer.ID)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pts == 0 && len(b.queue) == 0 {
		b.pts = pts
		f.cur.setChannel(peer.ID, pts)
	}
}
