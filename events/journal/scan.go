package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// A bulk read is a chain of batched direct gets rather than a consumer: it
// needs no right to create anything, so that operators read as fast as the
// bridge; and with no_hdr the server leaves out the headers, whose parsing
// costs more than all the rest of the read.
const (
	batchMessages = 4000
	batchBytes    = 8 << 20
	batchTimeout  = 10 * time.Second // for the next message of a batch
)

// Record is a stored message as it is.
type Record struct {
	Seq     uint64
	Subject string
	Time    time.Time // when the server stored it
	Header  nats.Header
	Body    []byte // sealed parts still sealed
}

// span says what to read: the messages of stream under filter ("" = all) with
// after < seq <= until. Bare leaves Subject, Time and Header of the records empty.
type span struct {
	stream, filter string
	after, until   uint64
	bare           bool
}

// getRequest is the body of a direct get; field names are the server's.
type getRequest struct {
	Seq     uint64 `json:"seq,omitempty"`
	NextFor string `json:"next_by_subj,omitempty"`
	LastFor string `json:"last_by_subj,omitempty"`
	// Start asks for the first message stored then or later.
	Start   *time.Time `json:"start_time,omitempty"`
	Batch   int        `json:"batch,omitempty"`
	MaxByte int        `json:"max_bytes,omitempty"`
	NoHdr   bool       `json:"no_hdr,omitempty"`
}

// errGap says that a bare batch can't be numbered by counting.
var errGap = errors.New("the batch has gaps")

// scan reads s in order and gives it to fn batch by batch. It holds at most two
// batches of 8 MB: the next is on its way while fn has the last.
func (c *Conn) scan(ctx context.Context, s span, fn func([]Record) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type page struct {
		records []Record
		err     error
	}
	pages := make(chan page)
	go func() {
		defer close(pages)
		err := c.fetchAll(ctx, s, func(records []Record) error {
			select {
			case pages <- page{records: records}:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		if err != nil {
			select {
			case pages <- page{err: err}:
			case <-ctx.Done():
			}
		}
	}()
	for p := range pages {
		if p.err != nil {
			return p.err
		}
		if err := fn(p.records); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// fetchAll requests batch after batch until the span or the stream ends.
func (c *Conn) fetchAll(ctx context.Context, s span, fn func([]Record) error) error {
	f := &fetcher{conn: c, in: make(chan *nats.Msg, 2*batchMessages), inbox: c.reader.NewInbox()}
	sub, err := c.reader.ChanSubscribe(f.inbox+".*", f.in)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.stream, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	behind := 0
	for s.after < s.until {
		records, more, err := f.fetch(ctx, s)
		if errors.Is(err, errGap) { // ageing or deletion took messages: have each one say its number
			wide := s
			wide.bare = false
			records, more, err = f.fetch(ctx, wide)
		}
		if err != nil {
			return fmt.Errorf("read %s after %d: %w", s.stream, s.after, err)
		}
		if len(records) > 0 {
			s.after = records[len(records)-1].Seq
			if err := fn(records); err != nil {
				return err
			}
		}
		if more {
			continue
		}
		// A replica that lags answers too. It catches up; a single server has said all.
		if c.cfg.Replicas < 2 || s.filter != "" || behind == 10 {
			return nil
		}
		behind++
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// fetcher is one subscription that batches arrive on, each under its own subject.
type fetcher struct {
	conn  *Conn
	in    chan *nats.Msg
	inbox string
	batch int
}

// fetch reads one batch. More says that the stream has more within the span.
func (f *fetcher) fetch(ctx context.Context, s span) (records []Record, more bool, err error) {
	f.batch++
	reply := f.inbox + "." + strconv.Itoa(f.batch)
	size := batchMessages
	if s.filter == "" {
		size = int(min(uint64(size), s.until-s.after))
	}
	body, err := json.Marshal(getRequest{Seq: s.after + 1, NextFor: s.filter, Batch: size, MaxByte: batchBytes, NoHdr: s.bare})
	if err != nil {
		return nil, false, err
	}
	if err := f.conn.reader.PublishRequest("$JS.API.DIRECT.GET."+s.stream, reply, body); err != nil {
		return nil, false, err
	}
	records = make([]Record, 0, size)
	stalled := time.NewTimer(batchTimeout)
	defer stalled.Stop()
	for {
		select {
		case m := <-f.in:
			if m.Subject != reply { // of a batch that was given up
				continue
			}
			if status := m.Header.Get("Status"); status != "" && len(m.Data) == 0 {
				return endBatch(s, records, status, m.Header)
			}
			r := Record{Body: m.Data}
			if !s.bare {
				if r, err = parseRecord(m); err != nil {
					return nil, false, err
				}
				if !follows(records, m) {
					return nil, false, fmt.Errorf("a message before %d was lost on the way", r.Seq)
				}
			}
			records = append(records, r)
		case <-stalled.C:
			return nil, false, nats.ErrTimeout
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// endBatch closes a batch: it numbers bare records, and drops what lies beyond
// the span. A message lost on the way shows here as a gap.
func endBatch(s span, records []Record, status string, h nats.Header) ([]Record, bool, error) {
	switch status {
	case "204":
	case "404":
		return nil, false, nil
	default:
		return nil, false, fmt.Errorf("the server says %s %s", status, h.Get("Description"))
	}
	last, err := strconv.ParseUint(h.Get("Nats-Last-Sequence"), 10, 64)
	if err != nil {
		return nil, false, fmt.Errorf("end of batch: last sequence: %w", err)
	}
	if s.bare {
		if last-s.after != uint64(len(records)) {
			return nil, false, errGap
		}
		for i := range records {
			records[i].Seq = s.after + 1 + uint64(i)
		}
	} else if len(records) > 0 && records[len(records)-1].Seq != last {
		return nil, false, errors.New("the batch lost its end")
	}
	for len(records) > 0 && records[len(records)-1].Seq > s.until {
		records = records[:len(records)-1]
	}
	return records, last < s.until && h.Get("Nats-Num-Pending") != "0", nil
}

// follows checks that m comes right after the last of records: each message of
// a batch names its predecessor.
func follows(records []Record, m *nats.Msg) bool {
	before := uint64(0)
	if len(records) > 0 {
		before = records[len(records)-1].Seq
	}
	return m.Header.Get("Nats-Last-Sequence") == strconv.FormatUint(before, 10)
}

// parseRecord reads what a direct get tells in headers.
func parseRecord(m *nats.Msg) (Record, error) {
	seq, err := strconv.ParseUint(m.Header.Get("Nats-Sequence"), 10, 64)
	if err != nil {
		return Record{}, fmt.Errorf("message without sequence: %w", err)
	}
	at, err := time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
	if err != nil {
		return Record{}, fmt.Errorf("message %d: %w", seq, err)
	}
	return Record{Seq: seq, Subject: m.Header.Get("Nats-Subject"), Time: at, Header: m.Header, Body: m.Data}, nil
}
