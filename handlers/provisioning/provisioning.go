package provisioning

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// Prefix is the path under which the API is served.
const Prefix = "/_matrix/provision/"

// MinSecret is how long a shared secret must be at least, in bytes. It is never
// guessed then, however often one tries.
const MinSecret = 16

// callWait is how long a call waits for what comes next before it is answered
// with what there is: shorter than a proxy's usual minute.
const callWait = 45 * time.Second

// Config is what the operator chose. All fields must be set.
type Config struct {
	SharedSecret   vault.Secret // at least MinSecret bytes
	HomeserverURL  string
	ServerName     string          // of the homeserver
	Bot            events.MatrixID // the bridge bot
	Prefix         string          // of commands outside of management rooms
	AttemptTimeout time.Duration
	MaxLogins      int // active logins a user may hold
	// Permission reports whether a Matrix user may use the bridge.
	Permission func(events.MatrixID) bool
}

// Desk is what the API needs of *commit.Desk[projections.User], the one for AUTH.
type Desk interface {
	Do(context.Context, events.UID, commit.Meta, func(projections.User) (events.Fact, error)) (events.Event, error)
}

// Directory is what the API needs of *vault.Directory.
type Directory interface {
	EnsureUser(context.Context, events.MatrixID) (events.UID, error)
}

// Secrets is what the API needs of *vault.Vault: a place for what a user gives,
// and for what Telegram lets them know.
type Secrets interface {
	Attempt(ctx context.Context, id events.AttemptID, name string) (vault.Secret, error)
	PutAttempt(ctx context.Context, id events.AttemptID, name string, value vault.Secret, ttl time.Duration) error
}

// Deps is what the API works with. All fields must be set.
type Deps struct {
	Desk      Desk
	Users     *projections.Users
	Directory Directory
	Vault     Secrets
	Turns     *answers.Turns // shared with the other doors
	HTTP      *http.Client   // for the homeserver
	// OpenID asks another homeserver whose OpenID token it is: ErrNotTheirs if
	// nobody's there.
	OpenID func(ctx context.Context, server, token string) (events.MatrixID, error)
	// Healthy says why nothing can be recorded now, or nil.
	Healthy func() error
	Log     zerolog.Logger
}

// Server answers the API's calls. It is safe for concurrent use.
type Server struct {
	cfg Config
	Deps
	now    func() time.Time
	wait   time.Duration
	tokens tokenCache
	told   told
	doors  doors
	failed *limiter // by address
	taken  *limiter // by user
}

// New returns the API.
func New(cfg Config, deps Deps) *Server {
	return &Server{
		cfg: cfg, Deps: deps, now: time.Now, wait: callWait,
		failed: newLimiter(rate.Every(6*time.Second), 10), taken: newLimiter(rate.Every(5*time.Second), 30),
	}
}

// Handler is the HTTP server for everything under Prefix.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.plain(func(context.Context, *http.Request) (any, error) { return nil, noEndpoint() }))
	mux.Handle(Prefix+"v3/openapi.yaml", s.only(http.MethodGet, s.document()))
	for _, r := range []struct {
		method, path string
		call         call
	}{
		{http.MethodGet, "whoami", s.whoami},
		{http.MethodGet, "capabilities", s.capabilities},
		{http.MethodGet, "logins", s.logins},
		{http.MethodGet, "login/flows", s.flows},
		{http.MethodPost, "login/start/{flow}", s.noted(s.limited(s.start))},
		{http.MethodPost, "login/step/{process}/{step}/{type}", s.noted(s.step)},
		{http.MethodPost, "login/cancel/{process}", s.limited(s.cancel)},
		{http.MethodPost, "logout/{login}", s.limited(s.logout)},
	} {
		mux.Handle(Prefix+"v3/"+r.path, s.only(r.method, s.authorised(r.call)))
	}
	return s.observed(mux)
}

// caller is the Matrix user whom a call is for.
type caller struct {
	id  events.MatrixID
	uid events.UID
}

// call answers one call: with a body, or an error that is a problem or a fault.
type call func(ctx context.Context, who caller, r *http.Request) (any, error)

// limited holds a user to so many calls that write into the log.
func (s *Server) limited(next call) call {
	return func(ctx context.Context, who caller, r *http.Request) (any, error) {
		if wait := s.taken.take(string(who.uid), s.now()); wait > 0 {
			return nil, slowDown(wait)
		}
		return next(ctx, who, r)
	}
}

// only lets one method through, and what a browser asks before it.
func (s *Server) only(method string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case method:
			next.ServeHTTP(w, r)
		case http.MethodOptions:
			w.Header().Set("Allow", strings.Join([]string{method, http.MethodOptions}, ", "))
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", strings.Join([]string{method, http.MethodOptions}, ", "))
			s.refuse(w, r, wrongMethod(method))
		}
	})
}
