package main

import (
	"io"

	"github.com/rs/zerolog"

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

// logger writes the bridge's log as the configuration has it.
func (c Config) logger(out io.Writer) (zerolog.Logger, error) {
	level, err := zerolog.ParseLevel(c.Logging.Level)
	if err != nil {
		return zerolog.Nop(), err
	}
	if c.Logging.Format == "console" {
		out = zerolog.ConsoleWriter{Out: out, TimeFormat: "2006-01-02 15:04:05.000"}
	}
	return zerolog.New(out).Level(level).With().Timestamp().Logger(), nil
}
