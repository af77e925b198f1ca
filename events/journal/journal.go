package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/natsgram/natsgram/events"
)

// Journal is the log of events on an open connection. Its methods may be called
// from several goroutines.
type Journal struct {
	conn   *Conn
	sealer events.Sealer
	back   broadcast // told when the outside world is back

	backoff func(try int) time.Duration
	tries   int           // before an event is a dead letter
	ackWait time.Duration // how long a silent reactor keeps what it has in hand
}

// New returns the journal of c. The sealer is called from several goroutines at
// once; nil leaves personal data sealed and allows no append of any.
func New(c *Conn, s events.Sealer) *Journal {
	return &Journal{conn: c, sealer: s, backoff: backoff, tries: 8, ackWait: 30 * time.Second}
}

// backoff is 100 ms doubled with every try up to 5 s, less up to a quarter so
// that what failed together does not come back together.
func backoff(try int) time.Duration {
	d := min(100*time.Millisecond<<min(try, 10), 5*time.Second)
	return d - rand.N(d/4)
}

// LastSeq is the sequence of the last event of stream, 0 if it never had one.
// It blocks for one request. An auditor may ask.
func (j *Journal) LastSeq(ctx context.Context, stream events.Stream) (uint64, error) {
	info, err := j.conn.streamInfo(ctx, string(stream))
	if err != nil {
		return 0, fmt.Errorf("read stream %s: %w", stream, err)
	}
	return info.State.LastSeq, nil
}

// Lasting is the sequence of the first event of stream that the log keeps for at
// least d more, one past the last if there is none; 0 if it keeps every event.
// It blocks for two requests. An auditor may ask.
func (j *Journal) Lasting(ctx context.Context, stream events.Stream, d time.Duration) (uint64, error) {
	info, err := j.conn.streamInfo(ctx, string(stream))
	if err != nil {
		return 0, fmt.Errorf("read stream %s: %w", stream, err)
	}
	if info.Config.MaxAge == 0 {
		return 0, nil
	}
	start := time.Now().Add(d - info.Config.MaxAge)
	record, found, err := j.conn.get(ctx, string(stream), getRequest{Start: &start, NextFor: stream.Filter()})
	switch {
	case err != nil:
		return 0, err
	case !found:
		return info.State.LastSeq + 1, nil
	}
	return record.Seq, nil
}

// LastOf is the sequence of the last event of agg, 0 if it has none: what
// Append expects. It blocks for one request (about 1 ms).
func (j *Journal) LastOf(ctx context.Context, agg events.Aggregate) (uint64, error) {
	if err := checkUID(agg.UID); err != nil {
		return 0, err
	}
	record, found, err := j.conn.last(ctx, string(agg.Stream), agg.Filter(j.conn.partitions))
	if err != nil || !found {
		return 0, err
	}
	return record.Seq, nil
}

// WorldIsBack makes every reactor retry now what waits after a [Down] error.
func (j *Journal) WorldIsBack() { j.back.tell() }

// broadcast wakes everybody who waits on the channel.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

// next is closed by the next tell.
func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch == nil {
		b.ch = make(chan struct{})
	}
	return b.ch
}

func (b *broadcast) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ch != nil {
		close(b.ch)
		b.ch = nil
	}
}
