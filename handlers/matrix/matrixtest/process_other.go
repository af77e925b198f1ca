//go:build unix && !linux

package matrixtest

import "syscall"

// processAttributes keeps a terminal's Ctrl-C from the homeserver: who started
// it stops it, in the right order.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
