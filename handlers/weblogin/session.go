package weblogin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/natsgram/natsgram/handlers/vault"
)

// cookieName is the cookie of a session. By its prefix a browser keeps it to this
// very host, and takes and sends it over TLS alone.
const cookieName = "__Host-natsgram"

// touchEvery is how exactly the vault knows when a user did something last.
const touchEvery = 10 * time.Second

func (s *Site) cookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// session is the session that a request belongs to, if it has not ended.
func (s *Site) session(r *http.Request) (vault.Browser, bool) {
	b, ok, err := s.findSession(r)
	return b, ok && err == nil
}

// findSession is session, and the error if that can't be known now.
func (s *Site) findSession(r *http.Request) (b vault.Browser, ok bool, err error) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return vault.Browser{}, false, nil
	}
	b, err = s.Vault.Browser(r.Context(), vault.Secret(cookie.Value))
	if errors.Is(err, vault.ErrMissing) {
		return vault.Browser{}, false, nil
	}
	return b, err == nil && s.now().Before(s.closes(b)), err
}

// closes is when a session ends unless its user does something, or at the latest.
func (s *Site) closes(b vault.Browser) time.Time {
	idle, longest := b.Seen.Add(s.cfg.Idle), b.Born.Add(s.cfg.Longest)
	if idle.Before(longest) {
		return idle
	}
	return longest
}

// visit is a request within a session.
type visit struct {
	*Site
	w http.ResponseWriter
	r *http.Request
	b vault.Browser
}

// within lets in whoever has a session.
func (s *Site) within(next func(visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, ok, err := s.findSession(r)
		if err != nil {
			s.unwell(w, r, err)
			return
		}
		if !ok {
			s.instead(w, r, http.StatusForbidden, kindClosed)
			return
		}
		next(visit{s, w, r, b})
	}
}

// touch keeps the session open: its user did something. What the script does by
// itself is nothing that the user did.
func (v *visit) touch() {
	if v.now().Sub(v.b.Seen) < touchEvery {
		return
	}
	if err := v.Vault.TouchBrowser(v.r.Context(), v.b); err != nil {
		v.Log.Warn().Err(err).Str("attempt", string(v.b.Attempt)).Msg("a browser's session was not prolonged")
		return
	}
	v.b.Seen = v.now()
}

// formToken is what a form must bring along to be one of this session's own pages,
// for the step that the page showed.
func formToken(b vault.Browser, step string) string {
	mac := hmac.New(sha256.New, b.Form)
	mac.Write([]byte("form\n" + step))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func goodForm(b vault.Browser, r *http.Request) bool {
	want := formToken(b, r.PostFormValue("step"))
	return hmac.Equal([]byte(want), []byte(r.PostFormValue("form")))
}
