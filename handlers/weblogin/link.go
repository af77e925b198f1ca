package weblogin

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// refusalTime is how long it takes to be told that a link opens nothing,
// whatever the reason is: the time tells no more than the words.
const refusalTime = 300 * time.Millisecond

// maxAgent bounds what the log keeps of a browser's own description.
const maxAgent = 256

// landing is where a link leads. It does not see the link and changes nothing.
func (s *Site) landing(w http.ResponseWriter, r *http.Request) {
	s.instead(w, r, http.StatusOK, kindLanding)
}

// redeem takes a link up: the one request that spends it.
func (s *Site) redeem(w http.ResponseWriter, r *http.Request) {
	since := time.NewTimer(refusalTime)
	defer since.Stop()
	address := s.address(r)
	if wait := s.limits.take("address "+network(address), s.cfg.PerAddress, s.now()); wait > 0 {
		s.tooMany(w, r, wait)
		return
	}
	where := events.BrowserFacts{Address: address.String(), Agent: agent(r)}
	l, in, err := s.takeUp(r.Context(), tokenIn(r.PostFormValue("token")), where)
	switch {
	case err != nil:
		s.unwell(w, r, err)
		return
	case !in:
		select {
		case <-since.C:
		case <-r.Context().Done():
		}
		s.instead(w, r, http.StatusForbidden, kindDeadLink)
		return
	}
	if former, ok := s.session(r); ok {
		_ = s.Vault.CloseBrowser(r.Context(), former) // else it ends by itself
	}
	cookie, err := s.Vault.OpenBrowser(r.Context(), vault.Browser{User: l.User, Attempt: l.Attempt, Link: l.Link}, s.cfg.Idle)
	if err != nil {
		s.unwell(w, r, err)
		return
	}
	http.SetCookie(w, s.cookie(cookie.Reveal(), int(s.cfg.Longest.Seconds())))
	http.Redirect(w, r, s.base+"/login", http.StatusSeeOther)
}

// takeUp records that a link was redeemed, or that it was tried in vain.
func (s *Site) takeUp(ctx context.Context, token vault.Secret, where events.BrowserFacts) (l vault.WebLink, in bool, err error) {
	l, err = s.Vault.Link(ctx, token)
	switch {
	case errors.Is(err, vault.ErrMissing):
		return l, false, nil
	case err != nil:
		return l, false, err
	}
	command := login.Redeem{Link: l.Link, Now: s.now(), Pairing: s.cfg.Pairing, Where: where}
	m := commit.Meta{Actor: events.ByUser, Correlation: string(l.Attempt)}
	e, err := s.Desk.Do(ctx, l.User, m, func(u projections.User) (events.Fact, error) { return login.Decide(u, command) })
	if err != nil {
		return l, false, err
	}
	_, in = e.Fact.(*events.WebLinkRedeemed)
	return l, in, nil
}

// tokenIn finds the token in what was pasted: the token, or the whole link.
func tokenIn(text string) vault.Secret {
	if i := strings.LastIndexByte(text, '#'); i >= 0 {
		text = text[i+1:]
	}
	return vault.Secret(strings.TrimSpace(text))
}

// agent is what a browser calls itself.
func agent(r *http.Request) string {
	text := strings.ToValidUTF8(r.UserAgent(), "")
	for len(text) > maxAgent {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return text
}

// pairingCode is a fresh code for the page to show. Its letters are those that
// are not taken for one another.
func pairingCode() vault.Secret {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // 32: a byte picks each alike
	code := make([]byte, answers.PairingLength)
	_, _ = rand.Read(code)
	for i, b := range code {
		code[i] = letters[int(b)%len(letters)]
	}
	return code
}
