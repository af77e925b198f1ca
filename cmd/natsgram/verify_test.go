package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/projections"
)

// TestVerifyFindsDrift: a snapshot that says something else than the log, or
// that can't be read, is told; one that agrees is not.
func TestVerifyFindsDrift(t *testing.T) {
	w := newWorld(t, telegramtest.Options{})
	w.run()
	w.openRoom(w.alice)
	w.stop()
	verify := func(name string, code int, says string) {
		t.Helper()
		var out bytes.Buffer
		got := dispatch(t.Context(), []string{"replay", "--verify", "--config", w.config}, &out, &out)
		if got != code || !strings.Contains(out.String(), says) {
			t.Errorf("%s: exit code %d, and it says %s", name, got, out.String())
		}
	}
	verify("as the bridge left it", exitOK, "agree")

	users, sealed := projections.NewUsers(), []byte(nil)
	w.withStore(func(s shelf) error {
		if err := s.load(t.Context(), users); err != nil {
			return err
		}
		var err error
		sealed, err = s.conn.Snapshots().Load(t.Context(), users.Name())
		users.Apply(events.Event{Aggregate: events.Aggregate{Stream: events.Auth, UID: events.NewUID()}, Seq: users.Seq() + 1,
			Fact: &events.CommandGiven{Command: events.CommandHelp}})
		return errors.Join(err, s.save(t.Context(), users))
	})
	verify("a snapshot of more than the log", exitFailed, "users has drifted")
	w.withStore(func(s shelf) error {
		damaged := bytes.Clone(sealed)
		damaged[len(damaged)-1] ^= 1
		return s.conn.Snapshots().Save(t.Context(), users.Name(), damaged)
	})
	verify("a damaged snapshot", exitFailed, "the snapshot of users can't be used")
	w.run() // which starts without it, and leaves a good one
	w.kill()
	verify("after kill -9", exitFailed, "the snapshot of users can't be used")
	w.run()
	w.stop()
	verify("after an orderly stop", exitOK, "agree")
}

// withStore opens the stopped bridge's store for writing.
func (w *world) withStore(change func(shelf) error) {
	w.t.Helper()
	cfg, err := LoadConfig(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := newBridge(w.ctx(time.Minute), cfg, zerolog.Nop())
	if err != nil {
		w.t.Fatal(err)
	}
	err = change(b.shelf)
	b.lease.Close()
	b.conn.Close() // not b.close: it would store good snapshots
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestVerifyAfterMessagesHaveAged: the log forgets old messages, and a bridge
// that remembers them has not drifted.
func TestVerifyAfterMessagesHaveAged(t *testing.T) {
	a := newArchive(t)
	posted := func(int) []events.Fact {
		return []events.Fact{&events.MessagePosted{Side: events.OnTelegram, Content: events.ContentText, Login: "l", Number: 1}}
	}
	a.write(t, events.Chat, 3, posted)
	remembers := newFolds()
	fold := func(fs *folds) {
		t.Helper()
		err := a.journal.Replay(t.Context(), events.Chat, fs.messages.Seq(), 0, func(e events.Event) error { fs.messages.Apply(e); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	fold(remembers)
	a.forgetChat(t)
	a.write(t, events.Chat, 2, posted)
	fold(remembers)

	l := &logbook{conn: a.conn, journal: a.journal, vault: a.vault}
	first, err := l.lasting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want, err := remembers.messages.DigestSince(first["messages"])
	if err != nil {
		t.Fatal(err)
	}
	anew := newFolds()
	var out bytes.Buffer
	got, err := l.replay(t.Context(), foldOf{anew.messages, events.Chat}, first["messages"], want.Seq, &out, &out)
	if err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if posts, _ := anew.messages.Count(); posts != 2 {
		t.Errorf("%d messages: the log forgot nothing, and the test tests nothing", posts)
	}
}

// forgetChat opens the log with a retention that has passed for everything in
// it, waits until it is empty, and opens it again as it was.
func (a *archive) forgetChat(tb testing.TB) {
	tb.Helper()
	a.conn.Close()
	a.openWith(tb, func(c *journal.Config) { c.ChatAge = 200 * time.Millisecond })
	err := waitUntil(tb.Context(), func() bool {
		n := 0
		err := a.journal.Records(context.Background(), events.Chat, 0, 0, func(journal.Record) error { n++; return nil })
		return err == nil && n == 0
	})
	if err != nil {
		tb.Fatal(err)
	}
	a.conn.Close()
	a.open(tb)
}
