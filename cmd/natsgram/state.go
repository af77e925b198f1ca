package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	json "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

const stateUsage = `natsgram state user ID | portal ID [--at SEQ|TIME]

Prints what the log says of one user (a Matrix ID, or a uid) or of one portal
(a room ID, or a uid), now or at a sequence of its stream or a time. Works while
the bridge runs and while it is stopped.

`

// moment is a point in a stream: a sequence, or a time, or the end.
type moment struct {
	seq  uint64
	time time.Time
}

func (m *moment) set(s string) error {
	if seq, err := strconv.ParseUint(s, 10, 64); err == nil {
		m.seq = seq
		return nil
	}
	if err := timeFlag(&m.time)(s); err != nil {
		return fmt.Errorf("%w, or a sequence", err)
	}
	return nil
}

// before reports whether e belongs to the past of m.
func (m moment) before(e events.Event) bool {
	return (m.seq == 0 || e.Seq <= m.seq) && (m.time.IsZero() || !e.Time.After(m.time))
}

func stateCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	var at moment
	flags, path := newFlags("state", stateUsage)
	flags.Func("at", "a sequence of the stream, or a time: 2h (ago), 2026-11-22T18:00:00Z", at.set)
	if err := parseFlags(flags, args, 2); err != nil {
		return err
	}
	kind, name := flags.Arg(0), flags.Arg(1)
	f := eventFilter{}
	var p foldOf
	fs := newFolds()
	switch kind {
	case "user":
		f.user, p = name, foldOf{fs.users, events.Auth}
	case "portal":
		f.portal, p = name, foldOf{fs.portals, events.Portal}
	default:
		return usageError{fmt.Sprintf("state of %q? Say: natsgram state user ID, or natsgram state portal ID", kind)}
	}
	log, err := openLog(ctx, *path, errOut)
	if err != nil {
		return err
	}
	defer log.close()
	if err := log.resolve(ctx, &f); err != nil {
		return err
	}
	for uid := range f.uids {
		err := log.journal.ReplayAggregate(ctx, events.Aggregate{Stream: p.stream, UID: uid}, func(e events.Event) error {
			if !at.before(e) {
				return errEnough
			}
			p.Apply(e)
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if p.Seq() == 0 {
			return fmt.Errorf("the log says nothing of this %s at that time", kind)
		}
		return printState(out, fs, uid, p.stream)
	}
	return nil
}

func printState(out io.Writer, fs *folds, uid events.UID, stream events.Stream) error {
	var state any
	switch stream {
	case events.Auth:
		state = fs.users.Get(uid)
	default:
		state = fs.portals.Get(uid)
	}
	if err := json.MarshalWrite(out, state, jsontext.WithIndent("  "), json.Deterministic(true)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}

// portalOfRoom looks through PORTAL for the portal whose room it is: the log
// has no index by room.
func (l *logbook) portalOfRoom(ctx context.Context, room events.RoomID) (events.UID, error) {
	fold := projections.NewPortals()
	err := l.journal.Replay(ctx, events.Portal, 0, 0, func(e events.Event) error {
		fold.Apply(e)
		return nil
	})
	if err != nil {
		return "", err
	}
	p, ok := fold.ByRoom(room)
	if !ok {
		return "", fmt.Errorf("no portal has the room %s", room)
	}
	return p.UID, nil
}
