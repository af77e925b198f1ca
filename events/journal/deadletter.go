package journal

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/natsgram/natsgram/events"
)

// The headers of a dead letter.
const (
	headerSeq     = "Natsgram-Seq"
	headerSubject = "Natsgram-Subject"
	headerReason  = "Natsgram-Reason"
	headerTries   = "Natsgram-Tries"
)

// DeadLetter is an event (or timer) that a reactor gave up on. It lies in
// stream DEAD under dead.<STREAM>.<reactor>.<uid> for 90 days.
type DeadLetter struct {
	Seq     uint64 // in stream DEAD
	Stream  string // the event's
	Event   uint64 // its sequence there
	Subject string // its subject there
	Reactor string
	UID     events.UID
	Reason  string // the last error
	Tries   int
	At      time.Time
	Body    []byte // the event as stored, personal data sealed
}

// bury stores m as a dead letter. It is safe to repeat: the ID says which
// event of which reactor it is.
func (j *Journal) bury(ctx context.Context, w worker, m held, cause error, tries int) error {
	ctx, cancel := j.conn.writing(ctx)
	defer cancel()
	uid := w.lane(m.msg)
	if !isToken(uid) {
		uid = "unknown"
	}
	reason := oneLine(cause.Error())
	msg := nats.NewMsg(fmt.Sprintf("dead.%s.%s.%s", w.stream, w.reactor, uid))
	msg.Data = m.msg.Data()
	msg.Header.Set(headerSeq, strconv.FormatUint(m.seq, 10))
	msg.Header.Set(headerSubject, m.msg.Subject())
	msg.Header.Set(headerReason, reason)
	msg.Header.Set(headerTries, strconv.Itoa(tries))
	id := fmt.Sprintf("%s/%s/%d", w.reactor, w.stream, m.seq)
	if _, err := j.conn.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id)); err != nil {
		return j.conn.noteWrite(err)
	}
	j.conn.log.Error().Str("reactor", w.reactor).Str("stream", w.stream).Uint64("seq", m.seq).
		Str("subject", m.msg.Subject()).Int("tries", tries).Str("reason", reason).Msg("an event could not be handled and was put aside")
	return nil
}

// oneLine makes an error fit for a header.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	return s[:min(len(s), 500)]
}

// DeadLetters lists what reactors gave up on, oldest first. It blocks for the
// reading of stream DEAD. An auditor may ask.
func (j *Journal) DeadLetters(ctx context.Context) ([]DeadLetter, error) {
	info, err := j.conn.streamInfo(ctx, streamDead)
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", streamDead, err)
	}
	letters := make([]DeadLetter, 0, min(info.State.Msgs, math.MaxInt16))
	err = j.conn.scan(ctx, span{stream: streamDead, until: info.State.LastSeq}, func(records []Record) error {
		for _, r := range records {
			letters = append(letters, parseDeadLetter(r))
		}
		return nil
	})
	return letters, err
}

func parseDeadLetter(r Record) DeadLetter {
	d := DeadLetter{Seq: r.Seq, At: r.Time, Body: r.Body, Subject: r.Header.Get(headerSubject), Reason: r.Header.Get(headerReason)}
	d.Event, _ = strconv.ParseUint(r.Header.Get(headerSeq), 10, 64)
	d.Tries, _ = strconv.Atoi(r.Header.Get(headerTries))
	if parts := strings.SplitN(r.Subject, ".", 4); len(parts) == 4 {
		d.Stream, d.Reactor, d.UID = parts[1], parts[2], events.UID(parts[3])
	}
	return d
}
