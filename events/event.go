package events

import (
	"fmt"
	"strings"
	"time"
)

// Type is the wire name of a fact: "natsgram.<stream>.<name>.v<version>".
type Type string

// Name is the event name, the last token of its subject.
func (t Type) Name() string {
	_, name := t.cut()
	return name
}

// Stream is the stream that facts of this type are stored in, empty if t is no
// wire name.
func (t Type) Stream() Stream {
	stream, _ := t.cut()
	switch stream { // called for every event of a replay: no allocation
	case "auth":
		return Auth
	case "portal":
		return Portal
	case "chat":
		return Chat
	default:
		return ""
	}
}

func (t Type) cut() (stream, name string) {
	rest, ok := strings.CutPrefix(string(t), "natsgram.")
	if !ok {
		return "", string(t)
	}
	stream, rest, _ = strings.Cut(rest, ".")
	name, _, _ = strings.Cut(rest, ".")
	return stream, name
}

// Fact is the typed payload of an event: what happened. Its exported fields
// are stored in plain text; what it returns from Personal is sealed under the
// key of the event's aggregate.
type Fact interface {
	// Type is the newest wire name of the fact.
	Type() Type
	// Personal points to the part that is sealed, or is nil if there is none.
	Personal() any
}

// Actor says who caused an event.
type Actor string

// The actors.
const (
	ByUser     Actor = "user"     // the Matrix user concerned
	ByOperator Actor = "operator" // somebody who runs the bridge
	ByTelegram Actor = "telegram" // Telegram's answer or update
	ByMatrix   Actor = "matrix"   // the homeserver's answer or event
	BySystem   Actor = "system"   // the bridge itself: timers, start-up
)

// Event is one stored (or about to be stored) fact with its envelope.
type Event struct {
	ID        EventID
	Aggregate Aggregate
	Time      time.Time // when the bridge recorded it; UTC, millisecond precision
	Actor     Actor
	// Correlation groups what belongs together: the login attempt, or the
	// conversation that a message copy belongs to.
	Correlation string
	// Causation is the event that this one reacts to. An outcome is found by it.
	Causation EventID
	// Origin is the Matrix event that this event records, if any: the same
	// Matrix event is recorded once.
	Origin MatrixEventID
	Fact   Fact

	// Seq is the stream sequence: 0 before the event is stored.
	Seq uint64
	// Forgotten says that the personal part can no longer be opened because the
	// key of the person or chat is gone; the fact's Personal is then empty.
	Forgotten bool
}

// Unknown stands for a fact of a type that this version does not know, written
// by a newer one. Projections pass over it; reactors leave it to the newer.
type Unknown struct {
	Wire Type
	Raw  []byte
}

// Type is the wire name as stored.
func (u *Unknown) Type() Type { return u.Wire }

// Personal is nil: what is sealed in an unknown fact stays sealed.
func (u *Unknown) Personal() any { return nil }

func (u *Unknown) String() string { return fmt.Sprintf("unknown event type %s", u.Wire) }
