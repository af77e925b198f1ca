//go:build unix && !linux

package matrixtest

import "syscall"

// processAttributes keeps a terminal's Ctrl-C from the homeserver: who started
// it stops it, in the right order.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// standing can't be told here; SIGSTOP works soon after it is sent.
func standing(int) bool { return true }
