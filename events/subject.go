package events

import (
	"fmt"
	"strconv"
	"strings"
)

// Stream is one of the log's streams.
type Stream string

// The streams that hold events. TIMERS and DEAD hold machinery, not facts, and
// belong to the journal.
const (
	Auth   Stream = "AUTH"   // users: logins, logouts, management rooms
	Portal Stream = "PORTAL" // portals: rooms and their life
	Chat   Stream = "CHAT"   // messages, of bounded retention
)

// Streams lists the streams of facts in the order in which a reader wants them.
func Streams() []Stream { return []Stream{Auth, Portal, Chat} }

// Prefix is the first token of the stream's subjects.
func (s Stream) Prefix() string { return strings.ToLower(string(s)) }

// Filter matches every subject of the stream.
func (s Stream) Filter() string { return s.Prefix() + ".>" }

// PartitionFilter matches every subject of one partition.
func (s Stream) PartitionFilter(partition int) string {
	return fmt.Sprintf("%s.%d.>", s.Prefix(), partition)
}

// Aggregate addresses one user or portal in one stream. A portal has an
// aggregate in PORTAL (its room) and one in CHAT (its messages).
type Aggregate struct {
	Stream Stream
	UID    UID
}

// Filter matches every event of the aggregate. It is the only filter under
// which this aggregate may be appended to: compare-and-set is safe only while
// every writer uses the same one.
func (a Aggregate) Filter(partitions int) string {
	return fmt.Sprintf("%s.%d.%s.>", a.Stream.Prefix(), a.UID.Partition(partitions), a.UID)
}

// Subject is <stream>.<partition>.<uid>.<event name>.
func (a Aggregate) Subject(partitions int, t Type) string {
	return fmt.Sprintf("%s.%d.%s.%s", a.Stream.Prefix(), a.UID.Partition(partitions), a.UID, t.Name())
}

// ParseSubject takes a subject apart. It refuses what no event can have.
func ParseSubject(subject string) (a Aggregate, partition int, name string, err error) {
	parts := strings.Split(subject, ".")
	if len(parts) != 4 || parts[2] == "" || parts[3] == "" {
		return a, 0, "", fmt.Errorf("subject %q is not <stream>.<partition>.<uid>.<event>", subject)
	}
	stream := Stream(strings.ToUpper(parts[0]))
	switch stream {
	case Auth, Portal, Chat:
	default:
		return a, 0, "", fmt.Errorf("subject %q belongs to no stream of events", subject)
	}
	partition, err = strconv.Atoi(parts[1])
	if err != nil {
		return a, 0, "", fmt.Errorf("subject %q: partition: %w", subject, err)
	}
	return Aggregate{Stream: stream, UID: UID(parts[2])}, partition, parts[3], nil
}

// Known reports whether there is an event of that name, such as login_failed, or
// wire name.
func Known(name string) bool {
	if _, ok := New(Type(name)); ok {
		return true
	}
	for _, s := range Streams() {
		wire := Type("natsgram." + strings.ToLower(string(s)) + "." + name + ".v1")
		if _, ok := New(wire); ok {
			return true
		}
	}
	return false
}
