package telegramtest

import "context"

// Await returns when cond holds. It is asked anew after everything that
// happens in the server, so a test needs no sleep. It may call any method of
// the server.
func (s *Server) Await(ctx context.Context, cond func() bool) error {
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	for {
		s.wakeMu.Lock()
		wake := s.wake
		s.wakeMu.Unlock()
		// Taken before cond is asked, so that a change in between wakes us.
		if cond() {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change tells those who Await, and the saver, that something happened.
// Server.mu is held.
func (s *Server) change() {
	s.dirty = true
	s.notify()
}

func (s *Server) notify() {
	if s.waiting.Load() == 0 {
		return
	}
	s.wakeMu.Lock()
	close(s.wake)
	s.wake = make(chan struct{})
	s.wakeMu.Unlock()
}
