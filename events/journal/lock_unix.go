//go:build unix

package journal

import (
	"errors"
	"os"
	"syscall"
)

// flock takes the exclusive lock of f, or reports that somebody else has it.
// The kernel drops it when the process dies, however it dies.
func flock(f *os.File) (held bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
