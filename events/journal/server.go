package journal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// serverOptions reads nats.conf with cfg's variables in place and applies what
// cfg overrides. It fills in cfg's passwords.
func serverOptions(cfg *Config) (*server.Options, error) {
	if cfg.ConfigFile == "" {
		return nil, errors.New("neither a nats.conf to embed a server from nor the URL of a server is given")
	}
	text, err := os.ReadFile(cfg.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("nats.conf: %w", err)
	}
	vars, err := cfg.variables()
	if err != nil {
		return nil, err
	}
	opts := &server.Options{}
	if err := opts.ProcessConfigString(define(vars, string(text))); err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.ConfigFile, err)
	}
	if cfg.StoreDir != "" {
		opts.StoreDir = cfg.StoreDir
	}
	if cfg.StoreKey != "" {
		opts.JetStreamKey = cfg.StoreKey
	}
	if opts.StoreDir == "" {
		return nil, fmt.Errorf("%s: jetstream has no store_dir", cfg.ConfigFile)
	}
	if cfg.SyncInterval > 0 {
		opts.SyncInterval = cfg.SyncInterval
	}
	opts.JetStream = true
	opts.NoSigs = true // signals are the program's business
	return opts, listenOn(opts, cfg.Listen)
}

func listenOn(opts *server.Options, listen string) error {
	switch listen {
	case "":
		return nil
	case "none":
		opts.DontListen = true
		return nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	opts.Host = host
	if opts.Port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("listen: port %q is not a number", port)
	}
	return nil
}

// startServer starts the embedded server and returns when it takes clients and
// has recovered its streams: 10 ms for a small store, about 1 s for a million
// events. The error is the server's own fatal one.
//
// Broken is told when a store can't be written any more.
func startServer(ctx context.Context, opts *server.Options, log zerolog.Logger, broken func(error)) (*server.Server, error) {
	srv, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("nats.conf: %w", err)
	}
	fatal := make(chan string, 1)
	srv.SetLoggerV2(&serverLog{log: log, fatal: fatal, broken: broken}, false, false, false)
	go srv.Start()
	for {
		ready := srv.ReadyForConnections(20 * time.Millisecond)
		select {
		case text := <-fatal:
			srv.Shutdown()
			return nil, fmt.Errorf("%w: %s", ErrStore, text)
		default:
		}
		if ready {
			return srv, nil
		}
		if ctx.Err() != nil {
			srv.Shutdown()
			return nil, fmt.Errorf("the embedded server did not start in time: %w", ctx.Err())
		}
	}
}

// storedStreams lists the streams whose files are in the store of account, by
// their folders. With a wrong key the server starts as if there were none, and
// would make new ones over them.
func storedStreams(storeDir string) ([]string, error) {
	metas, err := filepath.Glob(filepath.Join(storeDir, "*", "streams", "*", server.JetStreamMetaFile))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, meta := range metas {
		name := filepath.Base(filepath.Dir(meta))
		if !strings.HasPrefix(name, ".") { // half deleted
			names = append(names, name)
		}
	}
	return names, nil
}

// serverLog passes the server's log on. What the server tells as notice is
// debugging to us: the bridge has its own words for its start and end.
type serverLog struct {
	log    zerolog.Logger
	fatal  chan<- string
	broken func(error)
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug().Msgf(format, v...) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Debug().Msgf(format, v...) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.Trace().Msgf(format, v...) }

// Errorf looks for the one error that the server tells nowhere else: after a
// failed write a stream takes nothing more until the server is restarted, and
// leaves who appends to it without an answer.
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Warn().Msg(text)
	if strings.Contains(text, "critical write error") {
		l.broken(errors.New(text))
	}
}

// Fatalf must not end the process: a library does not.
func (l *serverLog) Fatalf(format string, v ...any) {
	select {
	case l.fatal <- fmt.Sprintf(format, v...):
	default:
	}
}
