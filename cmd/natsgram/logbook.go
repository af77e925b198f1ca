package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/vault"
)

// logbook is the log as an operator reads it: over NATS as the auditor while
// the bridge runs, from the store while it is stopped. It holds no client of
// Telegram or Matrix: reading the past can't make it happen again.
type logbook struct {
	conn    *journal.Conn
	journal *journal.Journal
	vault   *vault.Vault
	dir     *vault.Directory
	shelf   shelf
}

// openLog opens the log that the configuration names, for reading.
func openLog(ctx context.Context, path string, errOut io.Writer) (*logbook, error) {
	cfg, err := LoadConfig(path)
	if err != nil {
		return nil, err
	}
	keys, err := vault.LoadKeyset(cfg.Keyset)
	if err != nil {
		return nil, err
	}
	log := zerolog.New(zerolog.ConsoleWriter{Out: errOut, NoColor: true}).Level(zerolog.WarnLevel)
	jc := cfg.journal(log)
	jc.ReadOnly, jc.User, jc.Password = true, "", cfg.NATS.AuditorPassword.Reveal()
	jc.SyncInterval = time.Minute // it writes nothing
	conn, err := journal.Connect(ctx, jc)
	if err != nil {
		return nil, err
	}
	l := &logbook{conn: conn}
	secrets, err := conn.Bucket(ctx, "VAULT")
	if err == nil {
		l.vault = vault.Open(keys, secrets)
		err = l.vault.Check(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	rows, err := conn.Bucket(ctx, "DIRECTORY")
	if err != nil {
		conn.Close()
		return nil, err
	}
	l.dir = l.vault.DirectoryFor(rows)
	l.journal = journal.New(conn, l.vault)
	l.shelf = shelf{conn: conn, vault: l.vault, log: log}
	return l, nil
}

func (l *logbook) close() { l.conn.Close() }

// resolve finds the uids that the filter's user and portal stand for.
func (l *logbook) resolve(ctx context.Context, f *eventFilter) error {
	f.uids = map[events.UID]bool{}
	switch {
	case strings.HasPrefix(f.user, "@"):
		uid, ok, err := l.dir.User(ctx, events.MatrixID(f.user))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("the bridge has never met %s, or has forgotten them", f.user)
		}
		f.uids[uid] = true
	case f.user != "":
		if uuid.Validate(f.user) != nil {
			return usageError{fmt.Sprintf("%q is no user: write a Matrix ID (@alice:example.org) or a uid", f.user)}
		}
		f.uids[events.UID(f.user)] = true
	}
	switch {
	case strings.HasPrefix(f.portal, "!"):
		uid, err := l.portalOfRoom(ctx, events.RoomID(f.portal))
		if err != nil {
			return err
		}
		f.uids[uid] = true
	case f.portal != "":
		if uuid.Validate(f.portal) != nil {
			return usageError{fmt.Sprintf("%q is no portal: write a room ID (!…:example.org) or a uid", f.portal)}
		}
		f.uids[events.UID(f.portal)] = true
	}
	return nil
}

// merged calls fn with the events of all streams up to the given sequences, in
// the order of their time.
func (l *logbook) merged(ctx context.Context, ends map[events.Stream]uint64, fn func(events.Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reading, ctx := errgroup.WithContext(ctx)
	var heads []head
	for _, stream := range events.Streams() {
		if ends[stream] == 0 {
			continue
		}
		rest := make(chan events.Event, 256)
		reading.Go(func() error {
			defer close(rest)
			return l.journal.Replay(ctx, stream, 0, ends[stream], func(e events.Event) error {
				select {
				case rest <- e:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
		heads = append(heads, head{rest: rest})
	}
	for heads = advance(heads); len(heads) > 0; heads = advance(heads) {
		first := 0
		for i := range heads {
			if heads[i].event.Time.Before(heads[first].event.Time) {
				first = i
			}
		}
		if err := fn(heads[first].event); err != nil {
			cancel()
			_ = reading.Wait() // it can only say that it was cancelled
			return err
		}
		heads[first].full = false
	}
	return reading.Wait()
}

// head is the next event of a stream.
type head struct {
	event events.Event
	full  bool
	rest  <-chan events.Event
}

// advance fills the empty heads and drops those of streams that are at an end.
func advance(heads []head) []head {
	kept := heads[:0]
	for _, h := range heads {
		if !h.full {
			h.event, h.full = <-h.rest
		}
		if h.full {
			kept = append(kept, h)
		}
	}
	return kept
}

// follow calls fn with what comes after the given sequences, one event at a
// time, until ctx ends or fn fails.
func (l *logbook) follow(ctx context.Context, after map[events.Stream]uint64, fn func(events.Event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	came := make(chan events.Event)
	failed := make(chan error, len(after))
	for stream, seq := range after {
		go func() {
			failed <- l.journal.Follow(ctx, stream, seq, func(e events.Event) error {
				select {
				case came <- e:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}()
	}
	for {
		select {
		case e := <-came:
			if err := fn(e); err != nil {
				return err
			}
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// meter shows the progress of long work on a terminal, and nothing elsewhere.
type meter struct {
	out   io.Writer
	what  string
	total uint64
	start time.Time
	next  time.Time
}

func newMeter(out io.Writer, what string, total uint64) *meter {
	if !isTerminal(out) {
		out = nil
	}
	now := time.Now()
	return &meter{out: out, what: what, total: total, start: now, next: now.Add(time.Second)}
}

func (m *meter) at(n uint64) {
	if m.out == nil || n%1024 != 0 || time.Now().Before(m.next) {
		return
	}
	m.next = time.Now().Add(200 * time.Millisecond)
	rate := float64(n) / time.Since(m.start).Seconds()
	left := time.Duration(float64(m.total-n) / rate * float64(time.Second)).Round(time.Second)
	fmt.Fprintf(m.out, "\r%s: %d of %d, %.0f a second, %s left ", m.what, n, m.total, rate, left)
}

func (m *meter) done() {
	if m.out != nil && time.Since(m.start) > time.Second {
		fmt.Fprint(m.out, "\r\033[K")
	}
}
