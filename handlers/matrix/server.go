package matrix

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
)

// maxTransaction bounds one transaction's size. Homeservers send at most a
// hundred events of 64 KiB at a time.
const maxTransaction = 64 << 20

// maxEvent bounds one event. Matrix allows 64 KiB (client-server API, size
// limits); the homeserver adds a little. What is larger could be more than the
// log can hold, and to refuse it would block all that come after it for ever.
const maxEvent = 128 << 10

// Inbox takes events of the homeserver. Whoever returns taken has stored what
// matters of the event, or knows it stored; nobody else is asked. After an
// error the homeserver is told to send the event again.
type Inbox interface {
	Take(ctx context.Context, evt *event.Event) (taken bool, err error)
}

// server is the appservice's side of the application service API
// (spec.matrix.org/v1.16/application-service-api).
type server struct {
	token   [sha256.Size]byte
	who     identities
	healthy func() error
	inboxes []Inbox
	log     zerolog.Logger
	busy    chan struct{} // holds a token while a transaction is worked on
}

// Handler is the HTTP server that the homeserver talks to. Each event goes to
// the inboxes in order, the bridge's own last, until one takes it.
func (b *Bridge) Handler() http.Handler {
	s := &server{
		token: sha256.Sum256([]byte(b.cfg.HSToken)), who: b.who, healthy: b.deps.Healthy,
		inboxes: append(slices.Clone(b.deps.Inboxes), b.Inbox()), log: b.deps.Logger, busy: make(chan struct{}, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, mautrix.MUnrecognized, "there is no such endpoint")
	})
	for _, prefix := range []string{"/_matrix/app/v1", ""} {
		mux.HandleFunc("PUT "+prefix+"/transactions/{txn}", s.authorised(s.transaction))
		// Ghosts and aliases are made by the bridge alone, before anybody asks.
		mux.HandleFunc("GET "+prefix+"/users/{user}", s.authorised(s.notFound))
		mux.HandleFunc("GET "+prefix+"/rooms/{alias}", s.authorised(s.notFound))
	}
	mux.HandleFunc("POST /_matrix/app/v1/ping", s.authorised(s.ping))
	mux.HandleFunc("POST /_matrix/app/unstable/fi.mau.msc2659/ping", s.authorised(s.ping))
	mux.HandleFunc("GET /_matrix/mau/live", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, struct{}{}) })
	mux.HandleFunc("GET /_matrix/mau/ready", s.ready)
	return mux
}

// authorised lets only the homeserver in.
func (s *server) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			token = r.URL.Query().Get("access_token")
		}
		given := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(given[:], s.token[:]) != 1 {
			refuse(w, http.StatusForbidden, mautrix.MForbidden, "wrong hs_token: the homeserver's registration file is not this bridge's")
			return
		}
		next(w, r)
	}
}

func (s *server) notFound(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusNotFound, mautrix.MNotFound, "no such user or room")
}

func (s *server) ping(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, struct{}{}) }

func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	if err := s.healthy(); err != nil {
		refuse(w, http.StatusServiceUnavailable, mautrix.MUnknown, err.Error())
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

// transaction stores the events of one transaction, in order, one transaction
// at a time. It answers 200 only when all are stored. The transaction's ID
// means nothing: a retry may bring more events under the same one, and what was
// stored before is known by the event's own ID.
func (s *server) transaction(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTransaction))
	if err != nil {
		refuse(w, http.StatusBadRequest, mautrix.MNotJSON, "the transaction could not be read")
		return
	}
	var txn struct {
		Events []json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(body, &txn); err != nil {
		code := mautrix.MBadJSON
		if !json.Valid(body) {
			code = mautrix.MNotJSON
		}
		refuse(w, http.StatusBadRequest, code, "that is no transaction")
		return
	}
	ctx := r.Context()
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return // the homeserver gave up waiting, and sends it again
	}
	if err := s.healthy(); err != nil {
		s.log.Warn().Err(err).Msg("the homeserver's events are not taken for now")
		refuse(w, http.StatusServiceUnavailable, mautrix.MUnknown, "nothing can be recorded now; send it again later")
		return
	}
	for _, raw := range txn.Events {
		if err := s.take(ctx, raw); err != nil {
			s.log.Warn().Err(err).Msg("an event of the homeserver could not be stored; it will come again")
			refuse(w, http.StatusServiceUnavailable, mautrix.MUnknown, "an event could not be recorded; send it again later")
			return
		}
	}
	answer(w, http.StatusOK, struct{}{})
}

// take offers one event to the inboxes. An event that makes no sense is passed
// over: to refuse it would block all that come after it for ever.
func (s *server) take(ctx context.Context, raw json.RawMessage) error {
	if len(raw) > maxEvent {
		s.log.Warn().Int("bytes", len(raw)).Msg("passed over an event of the homeserver that is larger than Matrix allows")
		return nil
	}
	evt, err := parseEvent(raw)
	if err != nil {
		s.log.Warn().Err(err).Msg("passed over a malformed event of the homeserver")
		return nil
	}
	if s.who.isOurs(evt.Sender) {
		return nil
	}
	for _, inbox := range s.inboxes {
		taken, err := s.offer(ctx, inbox, evt)
		if taken || err != nil {
			return err
		}
	}
	return nil
}

// offer guards against an inbox that panics: the event would come for ever.
func (s *server) offer(ctx context.Context, inbox Inbox, evt *event.Event) (taken bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error().Str("event", string(evt.ID)).Str("type", evt.Type.Type).Bytes("stack", debug.Stack()).
				Msg("passed over an event of the homeserver that broke its handler")
			taken, err = true, nil
		}
	}()
	taken, err = inbox.Take(ctx, evt)
	if err != nil {
		err = fmt.Errorf("event %s (%s): %w", evt.ID, evt.Type.Type, err)
	}
	return taken, err
}

// parseEvent reads an event and its content, as far as its type is known. Its
// errors name the event, never its content.
func parseEvent(raw json.RawMessage) (*event.Event, error) {
	var evt *event.Event
	if err := json.Unmarshal(raw, &evt); err != nil || evt == nil {
		return nil, errors.New("not an event")
	}
	if evt.ID == "" || evt.Sender == "" || evt.RoomID == "" || evt.Type.Type == "" {
		return nil, fmt.Errorf("event %q lacks its ID, sender, room or type", evt.ID)
	}
	evt.Type.Class = event.MessageEventType
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	}
	err := evt.Content.ParseRaw(evt.Type)
	if err != nil && !errors.Is(err, event.ErrUnsupportedContentType) {
		return nil, fmt.Errorf("event %s has no content of type %s", evt.ID, evt.Type.Type)
	}
	return evt, nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the homeserver may be gone; it asks again
}

func refuse(w http.ResponseWriter, status int, code mautrix.RespError, why string) {
	answer(w, status, map[string]string{"errcode": code.ErrCode, "error": why})
}
