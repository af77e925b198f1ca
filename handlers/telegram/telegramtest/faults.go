package telegramtest

import (
	"strconv"
	"time"

	"github.com/gotd/td/proto"
	"github.com/gotd/td/tg"
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
	User   UserID        // also one whose password or token is looked at; 0 = anyone, also clients without an account
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

// LosePushes has the next n pushes to a user's listening clients get lost,
// which leaves a gap in what they know.
func (s *Server) LosePushes(u UserID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose[u] = n
}

// PushTooLong tells a user's clients that they missed updates, without saying which.
func (s *Server) PushTooLong(u UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.online[u] {
		c.send(proto.MessageFromServer, true, &tg.UpdatesTooLong{})
	}
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
	case f.User != 0 && f.User != c.rec.User && f.User != c.who:
		return false
	case f.Phone != "" && digits(f.Phone) != c.phone:
		return false
	}
	return true
}
