package main

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// TestRestore: snapshot and tail, no snapshot, rubbish in its place, and one
// that is ahead of its log all give what the whole log says.
func TestRestore(t *testing.T) {
	a := newArchive(t)
	a.write(t, events.Auth, 20, loginStory)
	a.write(t, events.Portal, 20, portalStory)
	s := shelf{conn: a.conn, vault: a.vault, log: zerolog.Nop()}
	restored := func(name string) []projections.Digest {
		t.Helper()
		f := newFolds()
		if err := f.restore(t.Context(), s, a.journal); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sums, err := f.digests(nil)
		if err != nil {
			t.Fatal(err)
		}
		return sums
	}
	same := func(name string, want []projections.Digest) {
		t.Helper()
		for i, got := range restored(name) {
			if got != want[i] {
				t.Errorf("%s: %v, want %v", name, got, want[i])
			}
		}
	}
	before := newFolds()
	if err := before.restore(t.Context(), s, a.journal); err != nil {
		t.Fatal(err)
	}
	for _, p := range before.all() {
		if err := s.save(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	a.write(t, events.Auth, 5, loginStory)
	whole := newFolds()
	err := a.journal.Replay(t.Context(), events.Auth, 0, 0, func(e events.Event) error { whole.users.Apply(e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	want := restored("snapshot and tail")
	if d, err := whole.users.Digest(); err != nil || d != want[0] {
		t.Errorf("snapshot and tail %v, whole %v (%v)", want[0], d, err)
	}

	ahead := newFolds()
	ahead.users.Apply(events.Event{ID: "x", Seq: 10_000, Aggregate: events.Aggregate{Stream: events.Auth, UID: "lost"},
		Fact: &events.CodeSent{}})
	if err := s.save(t.Context(), ahead.users); err != nil {
		t.Fatal(err)
	}
	same("a snapshot ahead of the log", want)

	if err := a.conn.Snapshots().Save(t.Context(), "users", []byte("rubbish")); err != nil {
		t.Fatal(err)
	}
	same("rubbish for a snapshot", want)
}
