package matrixtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Options says how to run a homeserver. The zero value is usable.
type Options struct {
	// Dir keeps the configuration, the signing key, the databases and the
	// homeserver's own log. A directory that was used before is continued.
	// Empty: a temporary directory, removed by Close.
	Dir string
	// RegistrationFiles are the appservices the homeserver knows.
	RegistrationFiles []string
	// ServerName is the part of a user ID after the colon. Empty: "localhost".
	ServerName string
	// Port to listen on, at 127.0.0.1. Zero: one that is free now.
	Port int
	// Binary is the Dendrite program. Empty: as FindBinary finds it.
	Binary string
	// Log also receives what the homeserver prints; Dir/dendrite.log always does.
	Log io.Writer
}

// stopGrace is how long a homeserver may take over SIGTERM before it is killed.
const stopGrace = 10 * time.Second

// Homeserver is one Dendrite and its data. Its methods may be called from any
// goroutine; Start, Stop, Kill and Close wait for each other.
type Homeserver struct {
	opts   Options
	secret string // registration_shared_secret
	ownDir bool   // Dir is ours to remove

	mu      sync.Mutex
	proc    *process // nil while stopped
	closed  bool
	clients []*Client
}

// Start writes the configuration and runs a homeserver, and returns when it
// answers. The context bounds the start alone: the homeserver runs until Close.
func Start(ctx context.Context, opts Options) (*Homeserver, error) {
	hs := &Homeserver{opts: opts}
	if err := hs.prepare(); err != nil {
		hs.discard()
		return nil, fmt.Errorf("matrixtest: %w", err)
	}
	if err := hs.Start(ctx); err != nil {
		hs.discard()
		return nil, err
	}
	return hs, nil
}

// ForTest is Start for a test: a failure ends the test, and the homeserver is
// closed when the test and its subtests are done. When the test failed, the
// end of the homeserver's log is added to the test's.
func ForTest(t testing.TB, opts Options) *Homeserver {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	hs, err := Start(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the homeserver's log:\n%s", logTail(hs.logFile()))
		}
		if err := hs.Close(); err != nil {
			t.Error(err)
		}
	})
	return hs
}

// prepare fills in the options and writes what the homeserver reads.
func (hs *Homeserver) prepare() (err error) {
	if hs.opts.Binary, err = FindBinary(hs.opts.Binary); err != nil {
		return err
	}
	if hs.opts.ServerName == "" {
		hs.opts.ServerName = "localhost"
	}
	if hs.opts.Port == 0 {
		if hs.opts.Port, err = FreePort(); err != nil {
			return err
		}
	}
	if hs.opts.Dir == "" {
		if hs.opts.Dir, err = os.MkdirTemp("", "natsgram-homeserver-"); err != nil {
			return err
		}
		hs.ownDir = true
	}
	if hs.opts.Dir, err = filepath.Abs(hs.opts.Dir); err != nil {
		return err
	}
	hs.secret, err = writeConfig(hs.opts)
	return err
}

// URL is the address of the client-server API, without a slash at the end. It
// stays the same over Stop and Start.
func (hs *Homeserver) URL() string {
	return "http://" + hs.address()
}

// ServerName is the part of a user ID after the colon.
func (hs *Homeserver) ServerName() string { return hs.opts.ServerName }

// Dir is where the homeserver keeps its data.
func (hs *Homeserver) Dir() string { return hs.opts.Dir }

// PID is the process ID of the running homeserver, or 0 while it is stopped.
func (hs *Homeserver) PID() int {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.proc == nil {
		return 0
	}
	return hs.proc.pid()
}

// Start runs the homeserver again after Stop or Kill, on the same port and
// data, and returns when it answers. On a running homeserver it does nothing.
func (hs *Homeserver) Start(ctx context.Context) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	switch {
	case hs.closed:
		return errors.New("matrixtest: the homeserver is closed")
	case hs.proc != nil && !hs.proc.exited():
		return nil
	}
	// Dendrite may crash while it starts, when events from before its end reach
	// a part of it that is not built yet. A supervisor would start it again.
	const starts = 5
	for try := 1; ; try++ {
		proc, err := startProcess(hs.opts.Binary, hs.opts.Dir, hs.logFile(), hs.opts.Log,
			"-config", hs.path(configFile), "-http-bind-address", hs.address())
		if err != nil {
			return fmt.Errorf("matrixtest: start the homeserver: %w", err)
		}
		err = waitReady(ctx, hs.URL(), proc)
		if err == nil {
			hs.proc = proc
			return nil
		}
		crashed := proc.exited()
		proc.stop(0)
		if !crashed || try == starts {
			return fmt.Errorf("matrixtest: homeserver at %s: %w\n%s", hs.address(), err, logTail(hs.logFile()))
		}
	}
}

// Stop ends the homeserver in good order (SIGTERM) and returns when it is
// gone. A homeserver that takes longer than ten seconds is killed, and that is
// an error. On a stopped homeserver it does nothing.
func (hs *Homeserver) Stop() error { return hs.end(stopGrace) }

// Kill ends the homeserver as a crash would (SIGKILL) and returns when it is gone.
func (hs *Homeserver) Kill() error { return hs.end(0) }

// Restart is Stop, then Start.
func (hs *Homeserver) Restart(ctx context.Context) error {
	if err := hs.Stop(); err != nil {
		return err
	}
	return hs.Start(ctx)
}

func (hs *Homeserver) end(grace time.Duration) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.proc == nil {
		return nil
	}
	err := hs.proc.stop(grace)
	hs.proc = nil
	for _, c := range hs.clients {
		c.startOver.Store(true)
		c.api.Client.CloseIdleConnections() // they lead nowhere now
	}
	if err != nil {
		return fmt.Errorf("matrixtest: stop the homeserver: %w", err)
	}
	return nil
}

// Pause freezes the homeserver: connections are accepted and nothing is
// answered, as when its machine hangs. Resume ends it.
func (hs *Homeserver) Pause() error { return hs.freeze(true) }

// Resume lets a paused homeserver go on.
func (hs *Homeserver) Resume() error { return hs.freeze(false) }

func (hs *Homeserver) freeze(frozen bool) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.proc == nil {
		return errors.New("matrixtest: the homeserver is stopped")
	}
	return hs.proc.freeze(frozen)
}

// Close ends all clients and the homeserver, and removes its directory if
// Options named none. It may be called more than once.
func (hs *Homeserver) Close() error {
	hs.mu.Lock()
	clients := hs.clients
	hs.clients, hs.closed = nil, true
	hs.mu.Unlock()
	for _, c := range clients {
		c.Close()
	}
	err := hs.Stop()
	hs.discard()
	return err
}

func (hs *Homeserver) discard() {
	if hs.ownDir {
		_ = os.RemoveAll(hs.opts.Dir)
	}
}

func (hs *Homeserver) address() string {
	return "127.0.0.1:" + strconv.Itoa(hs.opts.Port)
}

func (hs *Homeserver) path(name string) string { return filepath.Join(hs.opts.Dir, name) }

func (hs *Homeserver) logFile() string { return hs.path("dendrite.log") }
