package telegramtest

import (
	"context"
	"time"
)

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
