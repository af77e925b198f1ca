package telegramtest

import (
	"context"
	"strconv"
	"time"

	"github.com/gotd/td/tgerr"
)

// Drop says when a fault cuts the connection.
type Drop int

// The moments at which a connection can be cut.
const (
	DropBefore Drop = iota + 1 // the request has no effect
	DropAfter                  // it has its effect, the answer is lost
)

// Fault is a trouble to come. Several may match one request: the oldest is
// taken.
type Fault struct {
	Method string        // "auth.signIn"; "*" or "" for every method of the API
	User   UserID        // 0 = anyone, also clients without an account
	Phone  string        // login methods with this phone only
	Times  int           // how often; 0 = until cancelled
	Skip   int           // let so many pass first
	Delay  time.Duration // wait, then go on with the rest of the fault
	Err    *tgerr.Error  // answer this, without effect
	After  bool          // with Err: the effect takes place all the same
	Drop   Drop          // cut the connection
}

type fault struct {
	Fault
	hits int
	off  bool
}

// Inject adds a fault. Cancel ends it; hits tells how often it struck.
func (s *Server) Inject(f Fault) (cancel func(), hits func() int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := &fault{Fault: f}
	s.faults = append(s.faults, in)
	cancel = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		in.off = true
	}
	hits = func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return in.hits
	}
	return cancel, hits
}

// FloodWait has a method answered FLOOD_WAIT_<seconds>, times times.
func (s *Server) FloodWait(method string, seconds, times int) (cancel func(), hits func() int) {
	return s.Inject(Fault{Method: method, Times: times, Err: tgerr.New(420, "FLOOD_WAIT_"+strconv.Itoa(seconds))})
}

// strike finds the fault that hits this request.
func (s *Server) strike(c *call) Fault {
	keep := s.faults[:0]
	var hit *fault
	for _, f := range s.faults {
		if f.off || f.Times > 0 && f.hits >= f.Times {
			continue
		}
		keep = append(keep, f)
		if hit != nil || !f.matches(c) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		f.hits++
		hit = f
	}
	clear(s.faults[len(keep):])
	s.faults = keep
	if hit == nil {
		return Fault{}
	}
	return hit.Fault
}

func (f *fault) matches(c *call) bool {
	switch {
	case f.Method != "" && f.Method != "*" && f.Method != c.rec.Method:
		return false
	case f.User != 0 && f.User != c.rec.User:
		return false
	case f.Phone != "" && digits(f.Phone) != c.phone:
		return false
	}
	return true
}

// Call is one request that arrived.
type Call struct {
	Method string
	User   UserID // 0 before authorisation
	KeyID  int64  // whose authorization key
	At     time.Time
	// Answer is "" while the client waits, then "ok", the error's message, or
	// "dropped" if the client was never told.
	Answer string
}

// CallLog returns all calls of a method in order of arrival; "" for all.
func (s *Server) CallLog(method string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if method == "" || method == c.Method {
			out = append(out, *c)
		}
	}
	return out
}

// Calls counts the requests of a method that arrived.
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arrived[method]
}

// Answered counts the requests of a method that have had their effect, or none.
func (s *Server) Answered(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered[method]
}

// ResetCalls empties the log of calls.
func (s *Server) ResetCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
	clear(s.arrived)
	clear(s.answered)
}

// WaitCall returns when n requests of a method have arrived.
func (s *Server) WaitCall(ctx context.Context, method string, n int) error {
	return s.Await(ctx, func() bool { return s.Calls(method) >= n })
}

// WaitAnswer returns when n requests of a method have been answered.
func (s *Server) WaitAnswer(ctx context.Context, method string, n int) error {
	return s.Await(ctx, func() bool { return s.Answered(method) >= n })
}
