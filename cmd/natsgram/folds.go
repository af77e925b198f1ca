package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	json "github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// digestSubject is where a running bridge answers with its projections' digests.
const digestSubject = "natsgram.ask.digests"

// snapshotEvery is how often a running bridge stores its projections, if they
// have changed. A start after a crash folds at most what came since.
const snapshotEvery = 5 * time.Minute

// fold is a projection as the wiring sees it.
type fold interface {
	Name() string
	Seq() uint64
	Apply(events.Event)
	WaitFor(ctx context.Context, seq uint64) error
	Snapshot(w io.Writer) (uint64, error)
	Restore(b []byte) error
	// DigestSince is a digest of what comes from events at first or later; of
	// everything if first is 0.
	DigestSince(first uint64) (projections.Digest, error)
	// Reach says that no event before seq is missing.
	Reach(seq uint64)
	Clear()
}

// folds are the bridge's projections, each with the stream that it folds.
type folds struct {
	users    *projections.Users
	portals  *projections.Portals
	messages *projections.Messages
}

func newFolds() *folds {
	return &folds{users: projections.NewUsers(), portals: projections.NewPortals(), messages: projections.NewMessages()}
}

type foldOf struct {
	fold
	stream events.Stream
}

func (f *folds) all() []foldOf {
	return []foldOf{{f.users, events.Auth}, {f.portals, events.Portal}, {f.messages, events.Chat}}
}

// shelf is where snapshots lie: sealed, for they hold personal data.
type shelf struct {
	conn  *journal.Conn
	vault *vault.Vault
	log   zerolog.Logger
}

func (s shelf) save(ctx context.Context, p fold) error {
	var b bytes.Buffer
	if _, err := p.Snapshot(&b); err != nil {
		return err
	}
	sealed, err := s.vault.SealBlob("snapshot."+p.Name(), b.Bytes())
	if err != nil {
		return err
	}
	return s.conn.Snapshots().Save(ctx, p.Name(), sealed)
}

// load restores a projection from its snapshot, if there is one.
func (s shelf) load(ctx context.Context, p fold) error {
	sealed, err := s.conn.Snapshots().Load(ctx, p.Name())
	switch {
	case errors.Is(err, journal.ErrNoKey):
		return nil
	case errors.Is(err, journal.ErrDamaged):
		return &snapshotError{p.Name(), err}
	case err != nil:
		return fmt.Errorf("load snapshot of %s: %w", p.Name(), err)
	}
	b, err := s.vault.OpenBlob("snapshot."+p.Name(), sealed)
	if err == nil {
		err = p.Restore(b)
	}
	if err != nil {
		return &snapshotError{p.Name(), err}
	}
	return nil
}

// snapshotError is a snapshot that is damaged, or of another version. To a
// start it costs only time: the log is folded from its first event.
type snapshotError struct {
	name string
	err  error
}

func (e *snapshotError) Error() string {
	return "the snapshot of " + e.name + " can't be used: " + e.err.Error()
}
func (e *snapshotError) Unwrap() error { return e.err }

// loadIfUsable is load for a start, to which an unusable snapshot is no error.
func (s shelf) loadIfUsable(ctx context.Context, p fold) error {
	err := s.load(ctx, p)
	var unusable *snapshotError
	if errors.As(err, &unusable) {
		s.log.Warn().Err(err).Msg("Folding the whole log instead")
		return nil
	}
	return err
}

// collectLess has garbage collected more seldom until back is called. While a log
// is folded the heap only grows, and looking through it again and again would
// take a third of the time; it may grow to the fivefold of what is kept.
// GOMEMLIMIT is obeyed, and an operator's own GOGC stands.
func collectLess() (back func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	former := debug.SetGCPercent(400)
	return func() { debug.SetGCPercent(former) }
}

// restore brings every projection to the end of the log: snapshot, then tail.
func (f *folds) restore(ctx context.Context, s shelf, j *journal.Journal) error {
	defer collectLess()()
	if err := f.each(func(p foldOf) error { return s.loadIfUsable(ctx, p) }); err != nil {
		return err
	}
	// A whole log opens with thousands of keys, faster read at once than one by
	// one; a tail needs few.
	if f.users.Seq() == 0 || f.portals.Seq() == 0 {
		if err := s.vault.Preload(ctx); err != nil {
			return err
		}
	}
	return f.each(func(p foldOf) error {
		end, err := j.LastSeq(ctx, p.stream)
		if err != nil {
			return err
		}
		if end < p.Seq() {
			// A power cut took events that the snapshot had seen. What is not in
			// the log has not happened.
			s.log.Warn().Str("projection", p.Name()).Uint64("snapshot", p.Seq()).Uint64("log", end).
				Msg("Snapshot is ahead of the log; folding the whole log instead")
			p.Clear()
		}
		said := time.Now()
		err = j.Replay(ctx, p.stream, p.Seq(), end, func(e events.Event) error {
			p.Apply(e)
			if e.Seq%1024 == 0 && time.Since(said) > 2*time.Second {
				said = time.Now()
				s.log.Info().Str("projection", p.Name()).Uint64("event", e.Seq).Uint64("of", end).Msg("Folding the log")
			}
			return nil
		})
		if err == nil {
			p.Reach(end)
		}
		return err
	})
}

// follow folds what comes until ctx ends, and stores snapshots now and then.
func (f *folds) follow(ctx context.Context, s shelf, j *journal.Journal) error {
	return f.each(func(p foldOf) error {
		var keeping sync.WaitGroup
		defer keeping.Wait()
		keeping.Go(func() { s.keep(ctx, p) })
		return j.Follow(ctx, p.stream, p.Seq(), func(e events.Event) error {
			p.Apply(e)
			return nil
		})
	})
}

// keep stores a snapshot every while; the last one is stored by close.
func (s shelf) keep(ctx context.Context, p fold) {
	tick := time.NewTicker(snapshotEvery)
	defer tick.Stop()
	stored := p.Seq()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.Seq() == stored {
			continue
		}
		stored = p.Seq()
		if err := s.save(ctx, p); err != nil && ctx.Err() == nil {
			s.log.Warn().Err(err).Str("projection", p.Name()).Msg("Snapshot not stored; the next start takes longer")
		}
	}
}

// each does one thing for all projections at once and joins the errors.
func (f *folds) each(do func(foldOf) error) error {
	all := f.all()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() { errs[i] = do(p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// digests are what replay --verify compares: of each projection, what comes
// from events at the sequence given for it or later.
func (f *folds) digests(first map[string]uint64) ([]projections.Digest, error) {
	all := f.all()
	sums := make([]projections.Digest, len(all))
	for i, p := range all {
		var err error
		if sums[i], err = p.DigestSince(first[p.Name()]); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// answerDigests serves operators who compare a replay with the running bridge.
func (f *folds) answerDigests(_ context.Context, question []byte) ([]byte, error) {
	var first map[string]uint64
	if len(question) > 0 {
		if err := json.Unmarshal(question, &first); err != nil {
			return nil, fmt.Errorf("the question can't be read: %w", err)
		}
	}
	sums, err := f.digests(first)
	if err != nil {
		return nil, err
	}
	return json.Marshal(sums)
}
