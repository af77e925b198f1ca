package telegram

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/gotd/td/tg"
)

const (
	// maxQueue is how many updates may wait in one box. Beyond it all are
	// dropped and asked for again.
	maxQueue = 500
	// gapGrace is how long a missing update may be merely late: gotd hands
	// updates over from several goroutines, and our own calls count too.
	gapGrace = 50 * time.Millisecond
)

// item is an update and its place: the sequence stands at pts after its count
// steps. An item without update only moves the sequence.
type item struct {
	pts, count int
	update     tg.UpdateClass
}

// box puts the updates of one sequence in order (core.telegram.org/api/updates)
// and has them stored one after the other. Its cursor moves only after the log
// holds what came before. Each box works by itself: a gap in one delays no other.
type box struct {
	f       *feed
	channel int64 // 0: the account's own sequence
	poke    chan struct{}

	mu     sync.Mutex
	pts    int // 0: unknown
	queue  []item
	behind bool // the server has more: a difference must be fetched
	busy   bool // somebody is at it
}

func newBox(f *feed, channel int64) *box {
	return &box{f: f, channel: channel, poke: make(chan struct{}, 1)}
}

// offer brings an update. It does not block.
func (b *box) offer(it item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) >= maxQueue {
		// Cleared when the next difference is asked for, so that what is
		// dropped here is in one that is asked for later.
		b.queue, b.behind = nil, true
	}
	b.queue = append(b.queue, it)
	b.start()
}

// fallBehind says that the server has more than was brought. It does not block.
func (b *box) fallBehind() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.behind = true
	b.start()
}

// start has the box worked at; b.mu is held.
func (b *box) start() {
	if !b.busy {
		b.busy = true
		b.f.c.task(b.work)
		return
	}
	select {
	case b.poke <- struct{}{}:
	default:
	}
}

func (b *box) unknown() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pts == 0
}

func (b *box) at() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pts
}

// set moves the sequence, and with it the cursor: the log holds all up to pts.
func (b *box) set(pts int) {
	b.mu.Lock()
	b.pts = pts
	b.mu.Unlock()
	if b.channel == 0 {
		b.f.cur.change(func(s *state) { s.Pts = pts })
		return
	}
	b.f.cur.setChannel(b.channel, pts)
}

// What is to be done next in a box.
type todo int

const (
	toRest  todo = iota // nothing is left
	toTake              // store the item
	toAwait             // something is missing: it may be on its way
	toFill              // fetch a difference
)

// work goes on until nothing is left. It ends early only with the feed; then
// the cursor stands before whatever was not stored.
func (b *box) work() {
	ctx := b.f.ctx
	var missing time.Time // since when
	for ctx.Err() == nil {
		it, do := b.next()
		if do != toAwait {
			missing = time.Time{}
		}
		switch do {
		case toTake:
			if it.update != nil && b.f.c.apply(ctx, it.update) != nil {
				return
			}
			b.set(it.pts)
		case toAwait:
			if missing.IsZero() {
				missing = time.Now()
			}
			if !b.await(time.Until(missing.Add(gapGrace))) {
				b.fallBehind()
			}
		case toFill:
			if b.fill(ctx) != nil {
				return
			}
		case toRest:
			if b.f.save(ctx) != nil || b.rest() {
				return
			}
		}
	}
}

// next looks what is to be done.
func (b *box) next() (item, todo) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.behind && b.pts != 0 {
		b.behind = false
		return item{}, toFill
	}
	b.behind = false
	b.queue = slices.DeleteFunc(b.queue, func(it item) bool { return b.pts != 0 && it.pts <= b.pts })
	if len(b.queue) == 0 {
		return item{}, toRest
	}
	slices.SortStableFunc(b.queue, func(x, y item) int { return cmp.Compare(x.pts, y.pts) })
	first := b.queue[0]
	if b.pts != 0 && first.pts-first.count > b.pts {
		return item{}, toAwait
	}
	b.queue = slices.Delete(b.queue, 0, 1)
	return first, toTake
}

// await waits for something new for at most d.
func (b *box) await(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-b.poke:
		return true
	case <-t.C:
		return false
	case <-b.f.ctx.Done():
		return true
	}
}

// rest ends the work unless something came in.
func (b *box) rest() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 || b.behind {
		return false
	}
	b.queue, b.busy = nil, false
	return true
}
