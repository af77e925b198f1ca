package weblogin

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// heartbeat keeps proxies from closing a stream that has nothing to tell, and
// tells the server that the browser is gone.
const heartbeat = 25 * time.Second

// writeWithin is how long a browser may take to read what it is told.
const writeWithin = 10 * time.Second

// maxStreams is how many pages of a session follow the log at once.
const maxStreams = 4

// updates tells the page that there is something new to show: the version of
// what is, which is the last event of the user. It says nothing of what happened.
func (s *Site) updates(v visit) {
	leave, ok := s.limits.enter(v.b.Name(), maxStreams)
	if !ok {
		s.tooMany(v.w, v.r, time.Minute)
		return
	}
	defer leave()
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
	out := http.NewResponseController(v.w)
	tell := func(format string, args ...any) bool {
		_ = out.SetWriteDeadline(time.Now().Add(writeWithin))
		_, err := fmt.Fprintf(v.w, format, args...)
		return err == nil && out.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	ends := time.NewTimer(v.closes(v.b).Sub(s.now()))
	defer ends.Stop()
	var shown uint64
	for {
		changed := s.Users.Changed()
		if version := s.Users.Version(v.b.User); version != shown {
			if shown = version; !tell("event: change\ndata: %s\n\n", strconv.FormatUint(version, 10)) {
				return
			}
		}
		select {
		case <-changed:
		case <-beat.C:
			if !tell(": still here\n\n") {
				return
			}
		case <-ends.C:
			if b, open := s.session(v.r); open {
				ends.Reset(s.closes(b).Sub(s.now())) // prolonged meanwhile
				continue
			}
			tell("event: change\ndata: closed\n\n")
			return
		case <-v.r.Context().Done():
			return
		}
	}
}
