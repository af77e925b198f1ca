package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/natsgram/natsgram/events"
)

// Lag is how far one consumer of a reactor is behind.
type Lag struct {
	Consumer string // <reactor>-<STREAM>-<partition>
	Stream   string
	Waiting  uint64 // not yet delivered
	InHand   int    // delivered, not yet handled
	Done     uint64 // every event up to this sequence is handled
}

// Lag lists the consumers of every reactor, by name. It blocks for a few
// requests. An auditor may ask.
func (j *Journal) Lag(ctx context.Context) ([]Lag, error) {
	names := []string{streamTimers}
	for _, s := range events.Streams() {
		names = append(names, string(s))
	}
	var lags []Lag
	for _, name := range names {
		stream, err := j.conn.js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("read stream %s: %w", name, err)
		}
		consumers := stream.ListConsumers(ctx)
		for info := range consumers.Info() {
			if info.Config.Durable == "" { // a follower
				continue
			}
			lags = append(lags, Lag{
				Consumer: info.Name, Stream: name, Waiting: info.NumPending,
				InHand: info.NumAckPending, Done: info.AckFloor.Stream,
			})
		}
		if err := consumers.Err(); err != nil {
			return nil, fmt.Errorf("consumers of %s: %w", name, err)
		}
	}
	slices.SortFunc(lags, func(a, b Lag) int { return strings.Compare(a.Consumer, b.Consumer) })
	return lags, nil
}
