package main

import (
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"

	"github.com/natsgram/natsgram/events/journal"
)

// journal says how the log is opened: the embedded server, or one outside.
func (c Config) journal(log zerolog.Logger) journal.Config {
	n := c.NATS
	j := journal.Config{
		ConfigFile: n.Config, StoreDir: n.Store, StoreKey: n.StoreKey.Reveal(), Listen: n.Listen,
		BridgePassword: n.BridgePassword.Reveal(), AuditorPassword: n.AuditorPassword.Reveal(),
		URL: n.URL, User: n.User, Partitions: n.Partitions, Replicas: n.Replicas, ChatAge: n.ChatRetention, Log: log,
	}
	if n.URL != "" {
		j.Password = j.BridgePassword
	}
	return j
}

// logger writes the bridge's log as the configuration has it: in colour only on
// a terminal, for a journal or a file would keep the escape codes.
func (c Config) logger(out io.Writer) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(c.Logging.Level)
	if err != nil {
		return zerolog.Nop(), err
	}
	if c.Logging.Format == "console" {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "2006-01-02 15:04:05.000", NoColor: !isTerminal(out)}
	}
	// zerolog's own timestamp knows whole seconds only, or a global variable.
	stamp := func(e *zerolog.Event, _ zerolog.Level, _ string) {
		e.Str(zerolog.TimestampFieldName, time.Now().Format("2006-01-02T15:04:05.000Z07:00"))
	}
	return zerolog.New(out).Level(level).Hook(zerolog.HookFunc(stamp)), nil
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
