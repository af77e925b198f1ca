package provisioning

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/natsgram/natsgram/events/journal"
)

// maxBody bounds a request's body, in bytes: the longest is a name, a number and
// a password.
const maxBody = 4 << 10

// bodyTime is how long a request's body may take.
const bodyTime = 10 * time.Second

//go:embed openapi.yaml
var openapi []byte

// document serves the description of the API. It holds nothing secret.
func (s *Server) document() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openapi)
	})
}

// observed sets what every answer has and logs calls, without what they say:
// path and query hold IDs of people, the body their secrets.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		// The API knows no cookies: another site's page can't act for a user.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		begun, seen := s.now(), &status{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		s.Log.Debug().Str("method", r.Method).Str("call", r.Pattern).Int("status", seen.code).Dur("took", s.now().Sub(begun)).Msg("Provisioning")
	})
}

// status notes what was answered.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// plain answers who need not be known.
func (s *Server) plain(next func(context.Context, *http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := next(r.Context(), r)
		s.answer(w, r, body, err)
	})
}

// authorised lets in who is known and may use the bridge.
func (s *Server) authorised(next call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := s.authenticate(r.Context(), r)
		if err == nil {
			err = s.ready()
		}
		if err == nil && !s.doors.enter(who.uid) {
			err = slowDown(time.Second)
		}
		if err != nil {
			s.answer(w, r, nil, err)
			return
		}
		defer s.doors.leave(who.uid)
		body, err := s.read(w, r)
		if err != nil {
			s.answer(w, r, nil, err)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		said, err := next(r.Context(), who, r)
		s.answer(w, r, said, err)
	})
}

// read reads a request's body, of so many bytes in so much time.
func (s *Server) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	timed := http.NewResponseController(w)
	// A writer without a connection has no deadline to set, nor needs one.
	_ = timed.SetReadDeadline(s.now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	// From here on the server listens for whether the caller hangs up.
	_ = timed.SetReadDeadline(time.Time{})
	return body, unread(err)
}

func (s *Server) ready() error {
	if err := s.Healthy(); err != nil {
		return unavailable()
	}
	return nil
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, body any, err error) {
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_ = json.NewEncoder(w).Encode(body) // who asked may be gone; they ask again
}

// refuse answers with an error. One that is no problem is a fault of ours, told
// to the operator and not to the caller.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	switch {
	case errors.As(err, &p):
	case r.Context().Err() != nil:
		return // nobody is there to read it
	case errors.Is(err, journal.ErrUnwritable):
		s.Log.Warn().Err(err).Str("call", r.Pattern).Msg("A call could not be recorded")
		p = unavailable()
	default:
		s.Log.Error().Err(err).Str("call", r.Pattern).Msg("A call failed")
		p = fault()
	}
	if p.Wait > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((p.Wait+time.Second-1)/time.Second), 10))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p.body())
}

// unread says why a body could not be read, or nil.
func unread(err error) error {
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return tooLarge()
	case err != nil:
		return notJSON()
	default:
		return nil
	}
}
