package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/matrix"
	"github.com/natsgram/natsgram/handlers/telegram"
)

const checkUsage = `natsgram check [--config config.yaml]

Looks at the configuration, the keyset, the registration, the homeserver,
Telegram and the log, and says for each what is wrong and how to mend it. It
changes nothing. Run it once before the bridge, and once while it runs.

`

// errFaults makes check exit with 1: what is wrong has been said.
var errFaults = errors.New("something is to be mended: see above")

// report writes a line on each thing looked at, and remembers faults.
type report struct {
	out    io.Writer
	faults bool
}

func (r *report) ok(what string) { fmt.Fprintf(r.out, "ok       %s\n", what) }

func (r *report) unknown(what, why string) {
	fmt.Fprintf(r.out, "unknown  %s\n         %s\n", what, why)
}

func (r *report) fault(what, fix string) {
	r.faults = true
	fmt.Fprintf(r.out, "WRONG    %s\n         %s\n", what, fix)
}

func (r *report) err(what string, err error) {
	if err != nil {
		r.fault(what, err.Error())
		return
	}
	r.ok(what)
}

func checkCommand(ctx context.Context, args []string, out, errOut io.Writer) error {
	flags, path := newFlags("check", checkUsage)
	if err := parseFlags(flags, args, 0); err != nil {
		return err
	}
	cfg, err := LoadConfig(*path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r := &report{out: out}
	r.ok("configuration " + cfg.File)
	r.err("registration "+cfg.Appservice.Registration+" agrees with it", CheckRegistration(cfg))
	log, err := openLog(ctx, *path, errOut)
	switch {
	case err == nil:
		log.close()
		r.ok("log and keyset " + cfg.Keyset)
	case errors.Is(err, journal.ErrNoLog):
		r.unknown("log", "there is none yet: natsgram run makes it")
	default:
		r.err("log and keyset "+cfg.Keyset, err)
	}
	for _, f := range matrix.Check(ctx, cfg.matrix()) {
		switch {
		case f.OK:
			r.ok(f.What)
		case f.Unknown:
			r.unknown(f.What, f.Fix)
		default:
			r.fault(f.What, f.Fix)
		}
	}
	checkTelegram(ctx, cfg, r)
	checkRunning(ctx, cfg, r)
	checkPage(ctx, cfg, r)
	if r.faults {
		return errFaults
	}
	return nil
}

func checkTelegram(ctx context.Context, cfg Config, r *report) {
	tg, err := cfg.telegram()
	if err == nil {
		err = telegram.New(tg, telegram.Deps{}).Check(ctx)
	}
	r.err("Telegram answers and knows the api_id", err)
}

// checkRunning asks the bridge itself, at the address that the homeserver uses.
func checkRunning(ctx context.Context, cfg Config, r *report) {
	what := "the bridge is ready at " + cfg.Appservice.Address
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Appservice.Address+"/_matrix/mau/ready", nil)
	if err != nil {
		r.err(what, err)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.unknown(what, "nothing answers there: natsgram run starts it")
		return
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.fault(what, fmt.Sprintf("it answers HTTP %d: its log says why, or something else listens there", resp.StatusCode))
		return
	}
	r.ok(what)
}
