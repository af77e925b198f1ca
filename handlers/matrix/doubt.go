package matrix

import (
	"sync"
	"time"

	"github.com/natsgram/natsgram/events"
)

// lookAgain is how long after a first look in vain a second one is due, before
// a call of unknown outcome is made again: the first call may still be on its
// way inside the homeserver.
const lookAgain = time.Second

// doubts remembers the events for which a call was made whose outcome is
// unknown, and what came of the looks at the homeserver since. It is empty
// after a restart: then everything from before is in doubt.
type doubts struct {
	mu     sync.Mutex
	looked map[events.EventID]time.Time // first look in vain; zero before it
}

func newDoubts() *doubts { return &doubts{looked: map[events.EventID]time.Time{}} }

// raise puts an event in doubt, anew if it was before.
func (d *doubts) raise(id events.EventID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looked[id] = time.Time{}
}

func (d *doubts) about(id events.EventID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.looked[id]
	return ok
}

// absent says that a look found nothing. It returns zero if that settles it, or
// else when to look again.
func (d *doubts) absent(id events.EventID, now time.Time) (again time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.looked[id]
	if first.IsZero() {
		d.looked[id] = now
		return now.Add(lookAgain)
	}
	if due := first.Add(lookAgain); now.Before(due) {
		return due
	}
	delete(d.looked, id)
	return time.Time{}
}

func (d *doubts) settle(id events.EventID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.looked, id)
}
