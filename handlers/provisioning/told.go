package provisioning

import (
	"context"
	"net/http"
	"sync"

	"github.com/natsgram/natsgram/events"
)

// maxTold is how many processes' last answers are remembered.
const maxTold = 4096

// told remembers which question of a process was answered with last. A program
// that waits without saying with which QR code has seen that one. It is memory
// only: after a restart such a program waits for the next code.
type told struct {
	mu   sync.Mutex
	last map[events.AttemptID]string
}

// put notes an answer.
func (t *told) put(s step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case s.Type == typeComplete:
		delete(t.last, s.Process)
		return
	case t.last == nil || len(t.last) >= maxTold:
		t.last = map[events.AttemptID]string{}
	}
	t.last[s.Process] = s.Txn
}

// missed reports whether a program can't have seen a question yet.
func (t *told) missed(s step) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, ok := t.last[s.Process]
	return ok && last != s.Txn
}

// noted notes what a call is answered with.
func (s *Server) noted(next call) call {
	return func(ctx context.Context, who caller, r *http.Request) (any, error) {
		body, err := next(ctx, who, r)
		if at, ok := body.(step); ok && err == nil {
			s.told.put(at)
		}
		return body, err
	}
}
