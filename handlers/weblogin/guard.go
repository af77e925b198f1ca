package weblogin

import (
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a form.
const maxBody = 4 << 10

// policy is the Content-Security-Policy of every page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types natsgram"

// guard stands before every handler: what a response always says, requests of
// other sites, sizes, and a handler that fails.
func (s *Site) guard(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	// The browser's word on the origin counts, also where a proxy changes the host.
	_ = origins.AddTrustedOrigin(s.cfg.Public.Scheme + "://" + s.cfg.Public.Host)
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.instead(w, r, http.StatusForbidden, kindForeignForm)
	}))
	next = origins.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.headers(w.Header())
		defer func() {
			if failed := recover(); failed != nil && failed != http.ErrAbortHandler { //nolint:errorlint // as net/http compares it
				// The value may hold what was typed; where it happened does not.
				s.Log.Error().Str("path", r.URL.Path).Str("stack", stackOf(debug.Stack())).Msg("a request failed")
				s.instead(w, r, http.StatusInternalServerError, kindUnwell)
			}
		}()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if r.Method == http.MethodPost {
			if err := r.ParseForm(); err != nil {
				s.instead(w, r, http.StatusRequestEntityTooLarge, kindForeignForm)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Site) headers(h http.Header) {
	for name, value := range map[string]string{
		"Content-Security-Policy":      policy,
		"Referrer-Policy":              "no-referrer",
		"Cache-Control":                "no-store",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=()",
		"X-Robots-Tag":                 "noindex, nofollow",
	} {
		h.Set(name, value)
	}
	if s.cfg.Public.Scheme == "https" {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// stackOf is where a handler failed, without the values of its arguments.
func stackOf(stack []byte) string {
	var lines []string
	for line := range strings.Lines(string(stack)) {
		if strings.HasPrefix(line, "\t") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, " < ")
}

// tooMany refuses who comes too often, and says when to come again.
func (s *Site) tooMany(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	v := s.special(r, kindTooMany)
	v.Wait = time.Duration(seconds) * time.Second
	s.show(w, http.StatusTooManyRequests, v)
}

// unwell says that the bridge can take nothing now.
func (s *Site) unwell(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.Error().Err(err).Msg("the login page could not do what it was asked for")
	w.Header().Set("Retry-After", "5")
	s.instead(w, r, http.StatusServiceUnavailable, kindUnwell)
}

// address is the client's: the nearest one that is no trusted proxy's.
func (s *Site) address(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	at, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(forwarded) {
		if !s.trusts(at) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if with, ported := netip.ParseAddrPort(strings.TrimSpace(hop)); ported == nil {
			next, err = with.Addr(), nil // as some proxies write it
		}
		if err != nil {
			break
		}
		at = next
	}
	return at.Unmap()
}

func (s *Site) trusts(at netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(at.Unmap()) })
}

// network is what an address is counted as: one household has a /64 of IPv6.
func network(at netip.Addr) string {
	if at.Is4() {
		return at.String()
	}
	p, err := at.WithZone("").Prefix(64)
	if err != nil {
		return fmt.Sprint(at)
	}
	return p.String()
}

// quiet takes what the HTTP server says of its clients: addresses, and no faults
// of ours.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
