package projections

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	json "github.com/go-json-experiment/json"

	"github.com/natsgram/natsgram/events"
)

// foldVersion changes whenever a fold would make another state of the same
// log: a snapshot of another version is passed over and the log replayed.
const foldVersion = 8

// Snapshot is a projection's state at one sequence. It holds personal data in
// plain text: whoever stores it seals it.
type Snapshot struct {
	Version int    `json:"version"`
	Name    string `json:"name"` // "users", "portals", "messages"
	Seq     uint64 `json:"seq"`
}

type stored[T any] struct {
	Snapshot
	State []T `json:"state"`
}

// Digest of a projection at the sequence it names.
type Digest struct {
	Name string `json:"name"`
	Seq  uint64 `json:"seq"`
	Sum  string `json:"sum"` // SHA-256 of the snapshot, hex
}

// table holds one state an aggregate and how far the stream is folded.
type table[T any] struct {
	cursor
	name    string
	byID    map[events.UID]*T
	uidOf   func(*T) events.UID
	reindex func() // builds what is derived from byID anew; mu is held
	// since is what of a state comes from events at a sequence or later, nil if
	// nothing does; the function is nil where the log keeps every event.
	since func(*T, uint64) *T
}

func (t *table[T]) init(name string, uidOf func(*T) events.UID, reindex func()) {
	t.name, t.uidOf, t.reindex = name, uidOf, reindex
	t.byID = map[events.UID]*T{}
	reindex()
}

// Name is the projection's name: "users", "portals" or "messages".
func (t *table[T]) Name() string { return t.name }

// Snapshot writes the state, for Restore, and says which sequence it is of.
// States are written in the order of their uids: the same state gives the same
// bytes, which is what a digest is made of.
func (t *table[T]) Snapshot(w io.Writer) (uint64, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.seq, t.write(w)
}

// Reach says that the log is folded up to seq: the events between the last one
// folded and seq have aged out of it.
func (t *table[T]) Reach(seq uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(seq)
}

func (t *table[T]) write(w io.Writer) error { return t.writeSince(w, 0) }

func (t *table[T]) writeSince(w io.Writer, first uint64) error {
	s := stored[*T]{Snapshot: Snapshot{Version: foldVersion, Name: t.name, Seq: t.seq}}
	s.State = make([]*T, 0, len(t.byID))
	for _, k := range slices.Sorted(maps.Keys(t.byID)) {
		state := t.byID[k]
		if t.since != nil && first > 0 {
			state = t.since(state, first)
		}
		if state != nil {
			s.State = append(s.State, state)
		}
	}
	return json.MarshalWrite(w, s, json.Deterministic(true))
}

// Restore replaces the state by a snapshot of the same fold version. On an
// error the state is as it was.
func (t *table[T]) Restore(b []byte) error {
	var s stored[*T]
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read snapshot of %s: %w", t.name, err)
	}
	if s.Name != t.name || s.Version != foldVersion {
		return fmt.Errorf("snapshot is %s v%d, not %s v%d", s.Name, s.Version, t.name, foldVersion)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID = make(map[events.UID]*T, len(s.State))
	for _, state := range s.State {
		t.byID[t.uidOf(state)] = state
	}
	t.reindex()
	t.seq = 0
	t.advance(s.Seq)
	return nil
}

// Digest sums up the state and says which sequence it is of.
func (t *table[T]) Digest() (Digest, error) { return t.DigestSince(0) }

// DigestSince is Digest of what comes from events at first or later: of two
// folds of a log that forgets its oldest events, one begun earlier than the
// other, that much is the same.
func (t *table[T]) DigestSince(first uint64) (Digest, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	h := sha256.New()
	if err := t.writeSince(h, first); err != nil {
		return Digest{}, fmt.Errorf("digest of %s: %w", t.name, err)
	}
	return Digest{Name: t.name, Seq: t.seq, Sum: hex.EncodeToString(h.Sum(nil))}, nil
}

// Clear empties the projection, to fold the log from its first event.
func (t *table[T]) Clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID = map[events.UID]*T{}
	t.reindex()
	t.seq = 0
}
