package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	json "github.com/go-json-experiment/json"

	"github.com/natsgram/natsgram/events"
)

const eventsUsage = `natsgram events [filters] [--follow] [--output table|json|csv]

Prints the log as it is stored, oldest first. What is personal is opened with
the keyset; after a person is forgotten it shows as such. Works while the bridge
runs and while it is stopped.

`

// errEnough ends a replay that has reached its end early.
var errEnough = errors.New("enough")

// eventFilter chooses events. Empty fields choose all.
type eventFilter struct {
	user, portal string // Matrix ID or uid; room ID or uid
	kind         string // event name or wire name
	since, until time.Time
	uids         map[events.UID]bool // what user and portal stand for
}

func (f *eventFilter) match(e events.Event) bool {
	switch {
	case len(f.uids) > 0 && !f.uids[e.Aggregate.UID],
		f.kind != "" && f.kind != e.Fact.Type().Name() && f.kind != string(e.Fact.Type()),
		!f.since.IsZero() && e.Time.Before(f.since),
		!f.until.IsZero() && e.Time.After(f.until):
		return false
	default:
		return true
	}
}

func eventsCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	var f eventFilter
	flags, path := newFlags("events", eventsUsage)
	flags.StringVar(&f.user, "user", "", "only of this user: a Matrix ID, or a uid")
	flags.StringVar(&f.portal, "portal", "", "only of this portal: a room ID, or a uid")
	flags.StringVar(&f.kind, "type", "", "only this event, e.g. login_failed")
	flags.Func("since", "not before: 2h (ago), 2026-11-22, 2026-11-22T18:00:00Z", timeFlag(&f.since))
	flags.Func("until", "not after: likewise", timeFlag(&f.until))
	follow := flags.Bool("follow", false, "go on as events come, until interrupted")
	format := flags.String("output", "table", "table, json (one object a line) or csv")
	if err := parseFlags(flags, args, 0); err != nil {
		return err
	}
	print, err := newPrinter(*format, out)
	if err != nil {
		return err
	}
	if f.kind != "" && !events.Known(f.kind) {
		return usageError{fmt.Sprintf("no event is called %s: natsgram events without --type shows their names", f.kind)}
	}
	log, err := openLog(ctx, *path, errOut)
	if err != nil {
		return err
	}
	defer log.close()
	if err := log.resolve(ctx, &f); err != nil {
		return err
	}
	return log.print(ctx, &f, print, *follow)
}

// print writes the chosen events of all streams in the order of their time;
// with follow, then what comes.
func (l *logbook) print(ctx context.Context, f *eventFilter, p *printer, follow bool) error {
	if err := p.head(); err != nil {
		return err
	}
	chosen := func(e events.Event) error {
		if !f.match(e) {
			return nil
		}
		return p.event(e)
	}
	ends := map[events.Stream]uint64{}
	for _, stream := range events.Streams() {
		last, err := l.journal.LastSeq(ctx, stream)
		if err != nil {
			return err
		}
		ends[stream] = last
	}
	if err := l.merged(ctx, ends, chosen); err != nil {
		return err
	}
	if !follow {
		return p.flush()
	}
	return l.follow(ctx, ends, func(e events.Event) error { return errors.Join(chosen(e), p.flush()) })
}

// printer writes events in one of the output formats.
type printer struct {
	out    io.Writer
	csv    *csv.Writer
	format string
}

func newPrinter(format string, out io.Writer) (*printer, error) {
	switch format {
	case "table", "json":
		return &printer{out: out, format: format}, nil
	case "csv":
		return &printer{out: out, format: format, csv: csv.NewWriter(out)}, nil
	default:
		return nil, usageError{fmt.Sprintf("--output %q is none of table, json, csv", format)}
	}
}

func (p *printer) head() error {
	switch p.format {
	case "table":
		_, err := fmt.Fprintf(p.out, "%-6s %6s  %-24s %-8s  %-22s %-8s  %s\n", "STREAM", "SEQ", "TIME (UTC)", "ABOUT", "EVENT", "BY", "WHAT")
		return err
	case "csv":
		return p.csv.Write([]string{"stream", "seq", "time", "uid", "event", "actor", "correlation", "causation", "id", "data", "personal"})
	default:
		return nil
	}
}

func (p *printer) flush() error {
	if p.csv == nil {
		return nil
	}
	p.csv.Flush()
	return p.csv.Error()
}

// shown is an event as an operator reads it.
type shown struct {
	Stream      events.Stream        `json:"stream"`
	Seq         uint64               `json:"seq"`
	ID          events.EventID       `json:"id"`
	Time        time.Time            `json:"time"`
	UID         events.UID           `json:"uid"`
	Event       string               `json:"event"`
	Type        events.Type          `json:"type"`
	Actor       events.Actor         `json:"actor"`
	Correlation string               `json:"correlation,omitempty"`
	Causation   events.EventID       `json:"causation,omitempty"`
	Origin      events.MatrixEventID `json:"origin,omitempty"`
	Data        any                  `json:"data"`
	Personal    any                  `json:"personal,omitempty"`
	Forgotten   bool                 `json:"forgotten,omitempty"`
}

func show(e events.Event) shown {
	s := shown{
		Stream: e.Aggregate.Stream, Seq: e.Seq, ID: e.ID, Time: e.Time, UID: e.Aggregate.UID, Event: e.Fact.Type().Name(),
		Type: e.Fact.Type(), Actor: e.Actor, Correlation: e.Correlation, Causation: e.Causation, Origin: e.Origin,
		Data: e.Fact, Forgotten: e.Forgotten,
	}
	if p := e.Fact.Personal(); p != nil && !e.Forgotten {
		s.Personal = p
	}
	return s
}

func (p *printer) event(e events.Event) error {
	s := show(e)
	switch p.format {
	case "json":
		b, err := json.Marshal(s)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "%s\n", b)
		return err
	case "csv":
		data, personal, err := s.details()
		if err != nil {
			return err
		}
		return p.csv.Write([]string{
			string(s.Stream), strconv.FormatUint(s.Seq, 10), s.Time.Format(time.RFC3339Nano), string(s.UID), s.Event,
			string(s.Actor), s.Correlation, string(s.Causation), string(s.ID), data, personal,
		})
	default:
		data, personal, err := s.details()
		if err != nil {
			return err
		}
		what := strings.TrimSpace(strings.Trim(data, "{}") + "  " + strings.Trim(personal, "{}"))
		_, err = fmt.Fprintf(p.out, "%-6s %6d  %-24s %-8.8s  %-22s %-8s  %s\n", s.Stream, s.Seq,
			s.Time.Format("2006-01-02T15:04:05.000Z"), s.UID, s.Event, s.Actor, what)
		return err
	}
}

func (s shown) details() (data, personal string, err error) {
	d, err := json.Marshal(s.Data)
	if err != nil {
		return "", "", err
	}
	switch {
	case s.Forgotten:
		personal = "(forgotten)"
	case s.Personal != nil:
		p, err := json.Marshal(s.Personal)
		if err != nil {
			return "", "", err
		}
		personal = string(p)
	}
	return string(d), personal, nil
}

// timeFlag reads a moment: an age (2h), a day, or RFC 3339.
func timeFlag(t *time.Time) func(string) error {
	return func(s string) error {
		if age, err := time.ParseDuration(s); err == nil {
			*t = time.Now().Add(-age)
			return nil
		}
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
			if at, err := time.Parse(layout, s); err == nil {
				*t = at
				return nil
			}
		}
		return fmt.Errorf("%q is no time: write 2h (ago), 2026-11-22 or 2026-11-22T18:00:00Z", s)
	}
}
