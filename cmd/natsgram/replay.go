package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	json "github.com/go-json-experiment/json"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/projections"
)

const replayUsage = `natsgram replay [--verify]

Folds every projection from the first event of the log, and prints how many
events that took, how fast, and a digest of each. It cannot call Telegram or
Matrix: nothing happens again.

  --verify  compare with the digests of the running bridge or, when it is
            stopped, of its last snapshots; exit 1 if they differ

`

func replayCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags, path := newFlags("replay", replayUsage)
	verify := flags.Bool("verify", false, "compare with the running bridge, or the snapshots")
	if err := parseFlags(flags, args, 0); err != nil {
		return err
	}
	log, err := openLog(ctx, *path, errOut)
	if err != nil {
		return err
	}
	defer log.close()
	var theirs map[string]projections.Digest
	var first map[string]uint64
	if *verify {
		if first, err = log.lasting(ctx); err != nil {
			return err
		}
		if theirs, err = log.digests(ctx, first); err != nil {
			return err
		}
	}
	if err := log.vault.Preload(ctx); err != nil {
		return err
	}
	var drift error
	for _, p := range newFolds().all() {
		t, compare := theirs[p.Name()]
		d, err := log.replay(ctx, p, first[p.Name()], t.Seq, out, errOut)
		if err != nil {
			return err
		}
		if compare && t != d {
			drift = errors.Join(drift, fmt.Errorf("%s has drifted: the log says %.16s… at %d, the bridge %.16s… at %d",
				p.Name(), d.Sum, d.Seq, t.Sum, t.Seq))
		}
	}
	if *verify && drift == nil {
		_, err = fmt.Fprintln(out, "The projections agree with the log.")
		return err
	}
	return drift
}

// agingSlack is how long a verification may take. Events that the log will drop
// within it are left out, on both sides.
const agingSlack = 10 * time.Minute

// lasting says from where on each projection is compared: the log forgets old
// messages, which a bridge may remember.
func (l *logbook) lasting(ctx context.Context) (map[string]uint64, error) {
	first := map[string]uint64{}
	for _, p := range newFolds().all() {
		var err error
		if first[p.Name()], err = l.journal.Lasting(ctx, p.stream, agingSlack); err != nil {
			return nil, err
		}
	}
	return first, nil
}

// replay folds one stream, up to a sequence or its end, prints a line on it and
// sums up what comes from events at first or later.
func (l *logbook) replay(ctx context.Context, p foldOf, first, until uint64, out, errOut io.Writer) (projections.Digest, error) {
	end, err := l.journal.LastSeq(ctx, p.stream)
	if err != nil {
		return projections.Digest{}, err
	}
	if until == 0 || until > end {
		until = end
	}
	defer collectLess()()
	meter := newMeter(errOut, p.Name(), until)
	start, n := time.Now(), 0
	if until > 0 {
		err := l.journal.Replay(ctx, p.stream, 0, until, func(e events.Event) error {
			p.Apply(e)
			n++
			meter.at(e.Seq)
			return nil
		})
		if err != nil {
			return projections.Digest{}, err
		}
		p.Reach(until)
	}
	took := time.Since(start)
	meter.done()
	d, err := p.DigestSince(first)
	if err != nil {
		return d, err
	}
	rate := float64(n) / max(took.Seconds(), 1e-9)
	_, err = fmt.Fprintf(out, "%-9s %9d events  %8.3f s  %9.0f a second  seq %-9d %s\n", p.Name(), n, took.Seconds(), rate, d.Seq, d.Sum)
	return d, err
}

// digests are the running bridge's or, when none answers, the snapshots'.
func (l *logbook) digests(ctx context.Context, first map[string]uint64) (map[string]projections.Digest, error) {
	theirs, err := l.askDigests(ctx, first)
	if !errors.Is(err, journal.ErrNobodyAnswers) {
		return theirs, err
	}
	theirs = map[string]projections.Digest{}
	for _, p := range newFolds().all() {
		if err := l.shelf.load(ctx, p); err != nil {
			return nil, err
		}
		if p.Seq() == 0 {
			continue
		}
		if theirs[p.Name()], err = p.DigestSince(first[p.Name()]); err != nil {
			return nil, err
		}
	}
	if len(theirs) == 0 {
		return nil, errors.New("nothing to verify against: no bridge runs, and there are no snapshots yet")
	}
	return theirs, nil
}

// foldPatience is how far a bridge's projections may be behind its log.
const foldPatience = 5 * time.Second

// askDigests asks the running bridge. One that has stopped folding would agree
// with the log for ever at the sequence where it stopped: it must have come to
// where the log was when it was asked.
func (l *logbook) askDigests(ctx context.Context, first map[string]uint64) (map[string]projections.Digest, error) {
	question, err := json.Marshal(first)
	if err != nil {
		return nil, err
	}
	ends := map[string]uint64{}
	for _, p := range newFolds().all() {
		if ends[p.Name()], err = l.journal.LastSeq(ctx, p.stream); err != nil {
			return nil, err
		}
	}
	for start := time.Now(); ; {
		answer, err := l.conn.Ask(ctx, digestSubject, question)
		if err != nil {
			return nil, err
		}
		var list []projections.Digest
		if err := json.Unmarshal(answer, &list); err != nil {
			return nil, fmt.Errorf("the bridge's answer can't be read: %w", err)
		}
		theirs, behind := map[string]projections.Digest{}, error(nil)
		for _, d := range list {
			theirs[d.Name] = d
			if d.Seq < ends[d.Name] {
				behind = fmt.Errorf("the bridge has stopped folding %s: it is at %d of %d. Restart it and look at its log", d.Name, d.Seq, ends[d.Name])
			}
		}
		if behind == nil || time.Since(start) > foldPatience {
			return theirs, behind
		}
	}
}
