package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// lockFile lies in the store directory. Its lock says that the store is open,
// its text by whom and where they listen.
const lockFile = "natsgram.lock"

// tenant is who has a store open.
type tenant struct {
	PID    int    `json:"pid"`
	URL    string `json:"url,omitempty"` // where it takes clients; "" while starting, or without TCP
	Reader bool   `json:"reader,omitempty"`
}

// storeLock is held from before the server opens the store until after it has
// closed it: two servers on one store would destroy it.
type storeLock struct{ file *os.File }

// lockStore takes the lock of dir. While a short-lived reader has it, it waits;
// a bridge that has it is an error at once, with what is known of it.
func lockStore(ctx context.Context, dir string, me tenant) (*storeLock, tenant, error) {
	path := filepath.Join(dir, lockFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, tenant{}, fmt.Errorf("%w: %w", ErrStore, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		held, err := flock(f)
		if err != nil {
			f.Close()
			return nil, tenant{}, fmt.Errorf("%w: lock %s: %w", ErrStore, path, err)
		}
		if held {
			l := &storeLock{f}
			return l, me, l.write(me)
		}
		other := readTenant(path)
		starting := me.Reader && other.URL == "" && !other.Reader
		if !other.Reader && !starting || time.Now().After(deadline) {
			f.Close()
			return nil, other, fmt.Errorf("%w: %s (process %d)", ErrLocked, dir, other.PID)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			f.Close()
			return nil, other, err
		}
	}
}

// readTenant reads who holds the lock; a half-written text reads as nobody known.
func readTenant(path string) tenant {
	var t tenant
	if text, err := os.ReadFile(path); err == nil {
		_ = json.Unmarshal(text, &t)
	}
	return t
}

func (l *storeLock) write(t tenant) error {
	t.PID = os.Getpid()
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if _, err = l.file.WriteAt(append(text, '\n'), 0); err == nil {
		err = l.file.Truncate(int64(len(text) + 1))
	}
	if err != nil {
		return fmt.Errorf("%w: write %s: %w", ErrStore, l.file.Name(), err)
	}
	return nil
}

// release leaves the file: removing it would race with the next one's lock.
func (l *storeLock) release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// pause waits for d or until ctx ends, and then returns its error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
