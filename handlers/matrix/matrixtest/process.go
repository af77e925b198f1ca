package matrixtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is one run of the homeserver.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process is gone and reaped
}

// startProcess runs the program in dir with its output appended to logFile and,
// if also is not nil, copied there.
func startProcess(binary, dir, logFile string, also io.Writer, args ...string) (*process, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = processAttributes()
	cmd.Stdout = log
	if also != nil {
		cmd.Stdout = io.MultiWriter(log, also)
	}
	cmd.Stderr = cmd.Stdout
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel kills the child when the thread that started it ends
		// (see processAttributes), so that thread stays with it to its end.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is read from cmd.ProcessState
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop ends the process with SIGTERM, or with SIGKILL if grace is zero or has
// passed, and returns when it is gone.
func (p *process) stop(grace time.Duration) error {
	if grace > 0 && !p.exited() {
		_ = p.freeze(false) // a frozen process would not see SIGTERM
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		late := time.NewTimer(grace)
		defer late.Stop()
		select {
		case <-p.done:
			return nil
		case <-late.C:
		}
	}
	_ = p.cmd.Process.Kill() // fails only if the process is gone already
	<-p.done
	if grace > 0 {
		return fmt.Errorf("still running %v after SIGTERM, killed", grace)
	}
	return nil
}

// freeze stops the process where it is, and returns when it stands, or lets it go on.
func (p *process) freeze(frozen bool) error {
	if !frozen {
		return p.cmd.Process.Signal(syscall.SIGCONT)
	}
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !standing(p.pid()) {
		select {
		case <-tick.C:
		case <-p.done:
			return os.ErrProcessDone
		}
	}
	return nil
}

// waitReady returns nil once the homeserver answers, or an error if its process
// ends first or the context does.
func waitReady(ctx context.Context, url string, p *process) error {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	wait := 5 * time.Millisecond
	for {
		if answers(ctx, client, url) && !p.exited() {
			return nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.done:
			timer.Stop()
			return fmt.Errorf("ended before it answered: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("does not answer: %w", ctx.Err())
		case <-timer.C:
		}
		wait = min(2*wait, 200*time.Millisecond)
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/_matrix/client/versions", nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// logTail is the end of a log file, for an error message.
func logTail(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}
