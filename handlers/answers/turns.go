package answers

import (
	"sync"

	"github.com/natsgram/natsgram/events"
)

// Turns lets one answer of a user at a time go into the vault and, by its event,
// into the log: given through two doors at once, the answer that is recorded is
// the one that Telegram gets. All doors of a process share one. The zero value is
// ready for use.
type Turns struct{ locks [64]sync.Mutex }

// Take waits for the turn of a user, and returns the function that ends it.
func (t *Turns) Take(uid events.UID) (release func()) {
	lock := &t.locks[uid.Partition(len(t.locks))]
	lock.Lock()
	return lock.Unlock
}
