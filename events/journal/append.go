package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/natsgram/natsgram/events"
)

// appendTimeout bounds one append when the caller's context does not: longer
// than a cluster needs to choose a new leader.
const appendTimeout = 8 * time.Second

// Append stores e as the next event of its aggregate if the aggregate's last
// sequence is still expect (0: it has none), and returns e's sequence. It
// blocks until the server has stored it (about 50 µs embedded), at most 8 s.
//
// Appending an event that is stored already (same ID) returns its sequence and
// nil, so that an append whose answer was lost is simply repeated.
//
// Errors: ErrConflict, decide again; ErrUnwritable, take no input and try again
// later; ErrReadOnly; else e itself can't be stored.
func (j *Journal) Append(ctx context.Context, e events.Event, expect uint64) (uint64, error) {
	if j.conn.cfg.ReadOnly {
		return 0, ErrReadOnly
	}
	msg, filter, err := j.message(e)
	if err != nil {
		return 0, err
	}
	ctx, cancel := j.conn.writing(ctx)
	defer cancel()
	ack, err := j.conn.js.PublishMsg(ctx, msg, jetstream.WithMsgID(string(e.ID)),
		jetstream.WithExpectLastSequenceForSubject(expect, filter), jetstream.WithExpectStream(string(e.Aggregate.Stream)))
	if err == nil {
		return ack.Sequence, j.conn.noteWrite(nil)
	}
	if !isConflict(err) && !isUnwritable(err) && ctx.Err() == nil {
		return 0, fmt.Errorf("append to %s: %w", e.Aggregate.Stream, err)
	}
	return j.settle(ctx, e.ID, string(e.Aggregate.Stream), filter, expect, err)
}

// settle finds out what a failed append left behind. The answer may be lost
// and the event stored: then the repeat meets itself as a conflict, because a
// single server looks at the sequence before it looks at the ID.
func (j *Journal) settle(ctx context.Context, id events.EventID, stream, filter string, expect uint64, cause error) (uint64, error) {
	// The time of the append may be used up; reading back has its own.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), getTimeout)
	defer cancel()
	newer := false
	for seq := expect + 1; ; {
		record, found, err := j.conn.next(ctx, stream, filter, seq)
		if err != nil {
			return 0, j.conn.noteWrite(fmt.Errorf("%w: %w (and read back: %w)", ErrUnwritable, cause, err))
		}
		if !found {
			break
		}
		if record.Header.Get(nats.MsgIdHdr) == string(id) {
			return record.Seq, j.conn.noteWrite(nil)
		}
		newer, seq = true, record.Seq+1
	}
	// Newer events also answer a timeout: this append can't succeed any more.
	if newer || isConflict(cause) {
		return 0, fmt.Errorf("%w (expected %d)", ErrConflict, expect)
	}
	return 0, j.conn.noteWrite(cause)
}

// message is e as it is stored, and the one filter to compare and set under.
func (j *Journal) message(e events.Event) (*nats.Msg, string, error) {
	if e.ID == "" || e.Fact == nil {
		return nil, "", errors.New("an event needs an ID and a fact")
	}
	if err := checkUID(e.Aggregate.UID); err != nil {
		return nil, "", err
	}
	if j.sealer == nil && e.Fact.Personal() != nil {
		return nil, "", errors.New("personal data can't be appended without a sealer")
	}
	subject := e.Aggregate.Subject(j.conn.partitions, e.Fact.Type())
	filter := e.Aggregate.Filter(j.conn.partitions)
	// The server does not compare the two: an event outside the filter would be
	// stored unguarded.
	name, inside := strings.CutPrefix(subject, strings.TrimSuffix(filter, ">"))
	if !inside || !isToken(name) {
		return nil, "", fmt.Errorf("subject %s is not under %s", subject, filter)
	}
	body, err := events.Encode(e, j.sealer)
	if err != nil {
		return nil, "", err
	}
	return &nats.Msg{Subject: subject, Data: body, Header: nats.Header{}}, filter, nil
}

// checkUID keeps out what would make a filter match other aggregates.
func checkUID(uid events.UID) error {
	if !isToken(string(uid)) {
		return fmt.Errorf("uid %q can't be part of a subject", uid)
	}
	return nil
}

func isToken(s string) bool {
	return s != "" && !strings.ContainsAny(s, ".*> \t\r\n")
}
