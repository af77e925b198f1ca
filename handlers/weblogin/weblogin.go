package weblogin

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// Config is what the operator chose. Public must be set.
type Config struct {
	// Public is where browsers reach the page. Links are made of it alone, never of
	// what a request says of its host.
	Public *url.URL
	// Proxies are those whose word on the client's address is taken (X-Forwarded-For).
	Proxies []netip.Prefix
	// Pairing has the user send the bot a code that the page shows, before a login
	// takes effect: who was tricked into using another's link can't.
	Pairing bool
	// PerAddress is how many forms an address may send in ten minutes; 0 for the
	// usual number.
	PerAddress int
	// Idle and Longest end a browser's session; 0 for the usual times.
	Idle, Longest time.Duration
}

// What holds unless the configuration says otherwise.
const (
	usualIdle       = 5 * time.Minute
	usualLongest    = 15 * time.Minute
	usualPerAddress = 30
)

// Desk is what the page needs of *commit.Desk[projections.User], the one for AUTH.
type Desk interface {
	Do(context.Context, events.UID, commit.Meta, func(projections.User) (events.Fact, error)) (events.Event, error)
}

// Vault is what the page needs of *vault.Vault.
type Vault interface {
	Link(ctx context.Context, token vault.Secret) (vault.WebLink, error)
	OpenBrowser(ctx context.Context, b vault.Browser, idle time.Duration) (cookie vault.Secret, err error)
	Browser(ctx context.Context, cookie vault.Secret) (vault.Browser, error)
	TouchBrowser(ctx context.Context, b vault.Browser) error
	CloseBrowser(ctx context.Context, b vault.Browser) error
	Attempt(ctx context.Context, id events.AttemptID, name string) (vault.Secret, error)
	PutAttempt(ctx context.Context, id events.AttemptID, name string, value vault.Secret, ttl time.Duration) error
}

// Deps is what the page works with.
type Deps struct {
	Desk  Desk
	Users *projections.Users
	Vault Vault
	Turns *answers.Turns // shared with the other doors
	Log   zerolog.Logger
}

// Site is the login page. It is safe for concurrent use.
type Site struct {
	cfg Config
	Deps
	base   string // path of the public URL, without a slash at its end
	face   *face
	limits *limits
	now    func() time.Time
}

// New returns the login page.
func New(cfg Config, deps Deps) (*Site, error) {
	cfg.Idle, cfg.Longest = orUsual(cfg.Idle, usualIdle), orUsual(cfg.Longest, usualLongest)
	cfg.PerAddress = orUsual(cfg.PerAddress, usualPerAddress)
	base := strings.TrimRight(cfg.Public.Path, "/")
	face, err := newFace(base)
	if err != nil {
		return nil, err
	}
	return &Site{cfg: cfg, Deps: deps, base: base, face: face, limits: newLimits(), now: time.Now}, nil
}

func orUsual[T comparable](chosen, usual T) T {
	var none T
	if chosen == none {
		return usual
	}
	return chosen
}

// Handler serves the page under the path of the public URL.
func (s *Site) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.base+"/{$}", s.front)
	if s.base != "" {
		mux.HandleFunc("GET "+s.base, s.front)
		s.only(mux, "", "GET, HEAD")
	}
	mux.HandleFunc("GET "+s.base+"/link", s.landing)
	mux.HandleFunc("POST "+s.base+"/link", s.redeem)
	mux.HandleFunc("GET "+s.base+"/login", s.within(s.page))
	mux.HandleFunc("GET "+s.base+"/qr.png", s.within(s.qr))
	mux.HandleFunc("GET "+s.base+"/updates", s.within(s.updates))
	for name, act := range map[string]action{
		"answer": s.answer, "resend": s.resend, "choose": s.choose, "cancel": s.cancel, "stay": s.stay, "close": s.leave,
	} {
		mux.HandleFunc("POST "+s.base+"/"+name, s.within(s.form(act)))
		mux.HandleFunc("GET "+s.base+"/"+name, s.toLogin)
		s.only(mux, "/"+name, "GET, HEAD, POST")
	}
	s.only(mux, "/link", "GET, HEAD, POST")
	for _, path := range []string{"/{$}", "/login", "/qr.png", "/updates", "/static/"} {
		s.only(mux, path, "GET, HEAD")
	}
	mux.Handle("GET "+s.base+"/static/", http.StripPrefix(s.base+"/static/", s.face.static()))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.instead(w, r, http.StatusNotFound, kindNotFound) })
	return s.guard(mux)
}

// Server serves Handler with the timeouts that a public server needs. What it
// would log of its clients, it keeps to itself.
func (s *Site) Server() *http.Server {
	return &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: quiet(),
	}
}

// show writes a page. What can't be written any more, nobody reads.
func (s *Site) show(w http.ResponseWriter, status int, v view) {
	if err := s.face.render(w, status, v); err != nil {
		s.Log.Debug().Err(err).Msg("a page was not sent to its end")
	}
}

// instead shows a page without a login.
func (s *Site) instead(w http.ResponseWriter, r *http.Request, status int, why occasion) {
	s.show(w, status, s.special(r, why))
}

func (s *Site) special(r *http.Request, why occasion) view {
	v := special(why)
	v.Base, v.Languages = s.base, r.Header.Get("Accept-Language")
	switch why {
	case kindLanding, kindDeadLink, kindTooMany:
		_, v.Open = s.session(r)
	default:
		// Within a session, or of none.
	}
	return v
}

// front leads to the page, or to where a link is taken up.
func (s *Site) front(w http.ResponseWriter, r *http.Request) {
	to := "/link"
	if _, err := r.Cookie(cookieName); err == nil {
		to = "/login"
	}
	http.Redirect(w, r, s.base+to, http.StatusSeeOther)
}
