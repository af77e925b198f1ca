package weblogin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/natsgram/natsgram/handlers/weblogin/weblogintest"
)

// stage is a server whose page is whatever a test says, as often as it says so.
type stage struct {
	t    *testing.T
	face *face
	url  string

	mu        sync.Mutex
	now       input
	deadLinks bool
	sent      []url.Values                         // the forms that came
	answers   map[string]func()                    // what a form changes, by its path
	pushes    map[chan uint64]bool                 // pages that listen
	refuse    map[string]int                       // how many of the script's requests to a path get no answer
	held      map[string]chan error                // closed to let a form's answer out
	instead   map[string]func(http.ResponseWriter) // answers the script's requests to a path
}

func newStage(t *testing.T, in input) *stage {
	t.Helper()
	s := &stage{
		t: t, face: newTestFace(t), now: in, answers: map[string]func(){}, pushes: map[chan uint64]bool{},
		refuse: map[string]int{}, held: map[string]chan error{}, instead: map[string]func(http.ResponseWriter){},
	}
	mux := http.NewServeMux()
	mux.Handle("GET /static/", s.face.static())
	mux.HandleFunc("GET /link", func(w http.ResponseWriter, _ *http.Request) { s.show(w, special(kindLanding)) })
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) {
		s.breaks(r)
		s.mu.Lock()
		in := s.now
		s.mu.Unlock()
		s.show(w, viewOf(in))
	})
	mux.HandleFunc("GET /updates", s.updates)
	mux.HandleFunc("POST /", s.take)
	server := httptest.NewServer(weblogintest.Guarded(policy, mux))
	t.Cleanup(func() {
		server.CloseClientConnections() // pages that listen
		server.Close()
	})
	s.url = server.URL
	return s
}

func (s *stage) show(w http.ResponseWriter, v view) {
	if err := s.face.render(w, http.StatusOK, v); err != nil {
		s.t.Error(err)
	}
}

// take takes a form and leads to the page that has come of it.
func (s *stage) take(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	s.breaks(r)
	s.mu.Lock()
	if answer := s.instead[r.URL.Path]; answer != nil && r.Header.Get("Sec-Fetch-Mode") == "cors" {
		hold := s.held[r.URL.Path]
		s.mu.Unlock()
		await(r, hold)
		answer(w)
		return
	}
	s.sent = append(s.sent, r.PostForm)
	if r.URL.Path == "/link" && s.deadLinks {
		s.mu.Unlock()
		s.show(w, special(kindDeadLink))
		return
	}
	if change := s.answers[r.URL.Path]; change != nil {
		change()
	}
	hold := s.held[r.URL.Path]
	s.mu.Unlock()
	await(r, hold)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// await waits until an answer may go out, if it is held.
func await(r *http.Request, hold chan error) {
	if hold == nil {
		return
	}
	select {
	case <-hold:
	case <-r.Context().Done():
	}
}

// breaks breaks the connection of a request of the script's, if a test says so.
func (s *stage) breaks(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse[r.URL.Path] > 0 && r.Header.Get("Sec-Fetch-Mode") == "cors" {
		s.refuse[r.URL.Path]--
		panic(http.ErrAbortHandler)
	}
}

// refuses says how many of the script's requests to a path are to break.
func (s *stage) refuses(path string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[path] = times
}

// broken is how many are to break still.
func (s *stage) broken(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refuse[path]
}

func (s *stage) updates(w http.ResponseWriter, r *http.Request) {
	news := make(chan uint64, 8)
	s.mu.Lock()
	if s.refuse["/updates"] > 0 {
		s.refuse["/updates"]--
		s.mu.Unlock()
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	s.pushes[news] = true
	news <- s.now.User.Seq
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.pushes, news)
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		select {
		case version := <-news:
			_, _ = fmt.Fprintf(w, "event: change\ndata: %d\n\n", version)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// on says what a form to a path changes.
func (s *stage) on(path string, change func(now *input)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = func() { change(&s.now) }
}

// turn changes what the page shows, and tells those that listen.
func (s *stage) turn(to input) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to.User.Seq = s.now.User.Seq + 1
	s.now = to
	for page := range s.pushes {
		page <- to.User.Seq
	}
}

// last is the form that came last, and how many came.
func (s *stage) last() (url.Values, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sent) == 0 {
		return nil, 0
	}
	return s.sent[len(s.sent)-1], len(s.sent)
}
