package matrixtest

import "syscall"

// processAttributes ties the homeserver's life to ours, so that a test binary
// that is killed leaves none behind, and keeps a terminal's Ctrl-C from it: who
// started it stops it, in the right order.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
