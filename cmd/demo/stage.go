package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
)

const (
	serverName    = "localhost"
	alicePassword = "wonderland-1865"
)

// stage is everything that runs while the story is told.
type stage struct {
	options  options
	screen   *screen
	dir      string // holds natsgram/, homeserver/, telegram/
	ownDir   bool   // ours to remove
	tg       *cast
	hs       *matrixtest.Homeserver
	user     *matrixtest.Client
	bridge   *exec.Cmd
	log      *exec.Cmd // natsgram events --follow
	natsAddr string
	room     id.RoomID  // where alice talks to the bot
	last     id.EventID // what the bot said last there
}

// setStage starts the simulated Telegram, the homeserver and the bridge.
func setStage(ctx context.Context, o options) (*stage, error) {
	st := &stage{options: o, screen: &screen{out: os.Stdout}}
	if err := st.makeDirs(); err != nil {
		return st, err
	}
	if err := st.findBridge(); err != nil {
		return st, err
	}
	done := st.screen.step("starting the simulated Telegram")
	var err error
	if st.tg, err = castTelegram(ctx, filepath.Join(st.dir, "telegram"), "127.0.0.1:0", o.groups); err != nil {
		return st, err
	}
	done()
	done = st.screen.step("natsgram init, check, run")
	ports, err := st.initBridge(ctx)
	if err != nil {
		return st, err
	}
	done()
	done = st.screen.step("starting the homeserver (Dendrite)")
	st.hs, err = matrixtest.Start(ctx, matrixtest.Options{
		Dir: filepath.Join(st.dir, "homeserver"), ServerName: serverName, Port: ports.homeserver,
		RegistrationFiles: []string{filepath.Join(st.dir, "natsgram", "registration.yaml")},
	})
	if err != nil {
		return st, err
	}
	if st.user, err = st.hs.Register(ctx, "alice", alicePassword); err != nil {
		return st, err
	}
	done()
	if err := st.startBridge(ctx, ports); err != nil {
		return st, err
	}
	return st, st.followLog(ctx)
}

func (st *stage) makeDirs() error {
	st.dir = st.options.data
	if st.dir == "" {
		dir, err := os.MkdirTemp("", "natsgram-demo-")
		if err != nil {
			return err
		}
		st.dir, st.ownDir = dir, true
	}
	if entries, err := os.ReadDir(st.dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: the demo begins at the beginning, give it a new directory", st.dir)
	}
	for _, name := range []string{"natsgram", "homeserver", "telegram"} {
		if err := os.MkdirAll(filepath.Join(st.dir, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (st *stage) findBridge() error {
	if st.options.natsgram == "" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		st.options.natsgram = filepath.Join(filepath.Dir(self), "natsgram")
	}
	if _, err := os.Stat(st.options.natsgram); err != nil {
		return fmt.Errorf("the bridge's binary is missing (run make demo): %w", err)
	}
	return nil
}

type ports struct{ homeserver, bridge, nats, page int }

// initBridge makes the configuration as an operator would.
func (st *stage) initBridge(ctx context.Context) (ports, error) {
	var p ports
	for _, port := range []*int{&p.homeserver, &p.bridge, &p.nats, &p.page} {
		var err error
		if *port, err = matrixtest.FreePort(); err != nil {
			return p, err
		}
	}
	key := filepath.Join(st.dir, "telegram", "public-key.pem")
	if err := os.WriteFile(key, []byte(st.tg.server.PublicKeyPEM()), 0o600); err != nil {
		return p, err
	}
	conf, err := filepath.Abs("nats.conf")
	if err != nil {
		return p, err
	}
	st.natsAddr = fmt.Sprintf("127.0.0.1:%d", p.nats)
	_, err = st.natsgram(ctx, "init", "--dir", filepath.Join(st.dir, "natsgram"),
		"--homeserver", fmt.Sprintf("http://127.0.0.1:%d", p.homeserver), "--server-name", serverName,
		"--listen", fmt.Sprintf("127.0.0.1:%d", p.bridge), "--address", fmt.Sprintf("http://127.0.0.1:%d", p.bridge),
		"--api-id", "17349", "--api-hash", "344583e45741c457fe1862106095a5eb",
		"--web-url", fmt.Sprintf("http://127.0.0.1:%d", p.page), "--web-listen", fmt.Sprintf("127.0.0.1:%d", p.page),
		"--test-server", st.tg.server.Addr(), "--test-server-key", key,
		"--user", serverName, "--nats-conf", conf, "--nats-listen", st.natsAddr)
	return p, err
}

// natsgram runs one of the bridge's commands to its end.
func (st *stage) natsgram(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, st.options.natsgram, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("natsgram %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (st *stage) config() string { return filepath.Join(st.dir, "natsgram", "config.yaml") }

func (st *stage) startBridge(ctx context.Context, p ports) error {
	logFile, err := os.Create(filepath.Join(st.dir, "natsgram", "natsgram.log"))
	if err != nil {
		return err
	}
	defer logFile.Close()
	st.bridge = exec.Command(st.options.natsgram, "run", "--config", st.config())
	st.bridge.Stdout, st.bridge.Stderr = logFile, logFile
	if err := st.bridge.Start(); err != nil {
		return err
	}
	if err := untilReady(ctx, fmt.Sprintf("http://127.0.0.1:%d/_matrix/mau/ready", p.bridge)); err != nil {
		text, _ := os.ReadFile(logFile.Name())
		return fmt.Errorf("the bridge did not get ready: %w\n%s", err, text)
	}
	_, err = st.natsgram(ctx, "check", "--config", st.config())
	return err
}

// followLog shows each event as it is stored, read as an operator would.
func (st *stage) followLog(ctx context.Context) error {
	st.log = exec.Command(st.options.natsgram, "events", "--config", st.config(), "--follow", "--output", "json")
	lines, err := st.log.StdoutPipe()
	if err != nil {
		return err
	}
	if err := st.log.Start(); err != nil {
		return err
	}
	go func() {
		in := bufio.NewScanner(lines)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			st.screen.event(summary(in.Bytes()))
		}
	}()
	return nil
}

func (st *stage) close() error {
	var errs []error
	for _, cmd := range []*exec.Cmd{st.log, st.bridge} {
		if cmd != nil && cmd.Process != nil && cmd.ProcessState == nil {
			errs = append(errs, stopProcess(cmd))
		}
	}
	if st.hs != nil {
		errs = append(errs, st.hs.Close())
	}
	if st.tg != nil {
		errs = append(errs, st.tg.server.Close())
	}
	if st.ownDir {
		errs = append(errs, os.RemoveAll(st.dir))
	}
	return errors.Join(errs...)
}

// stopProcess ends a process as an operator would; it has ten seconds.
func stopProcess(cmd *exec.Cmd) error {
	_ = cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if errors.As(err, &exit) && !exit.Exited() {
			return nil // ended by our signal
		}
		return err
	case <-time.After(10 * time.Second):
		_ = cmd.Process.Kill()
		return fmt.Errorf("%s did not stop within 10 s", filepath.Base(cmd.Path))
	}
}
