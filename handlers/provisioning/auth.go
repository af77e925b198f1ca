package provisioning

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/natsgram/natsgram/events"
)

// openIDPrefix stands before an OpenID token, to tell it from an access token.
const openIDPrefix = "openid:"

// vouchedFor is how long a homeserver's word on a token is good: as long may a
// token work that was revoked.
const vouchedFor = time.Minute

// authenticate says for whom a call is, from its token and the query's user_id.
func (s *Server) authenticate(ctx context.Context, r *http.Request) (caller, error) {
	token, ok := bearer(r)
	if !ok {
		return caller{}, missingToken()
	}
	claimed := events.MatrixID(r.URL.Query().Get("user_id"))
	if claimed != "" && serverOf(claimed) == "" {
		return caller{}, badUser()
	}
	id, err := s.identify(ctx, r, token, claimed)
	switch {
	case err != nil:
		return caller{}, err
	case !s.cfg.Permission(id):
		return caller{}, forbidden()
	}
	uid, err := s.Directory.EnsureUser(ctx, id)
	if err != nil {
		return caller{}, fmt.Errorf("find the user of a call: %w", err)
	}
	return caller{id: id, uid: uid}, nil
}

// identify holds a token against the shared secret and then, unless the address
// has failed too often, against what homeservers say. Who has the secret is
// never locked out by who has not.
func (s *Server) identify(ctx context.Context, r *http.Request, token string, claimed events.MatrixID) (events.MatrixID, error) {
	if s.isSecret(token) {
		if claimed == "" {
			return "", missingUser()
		}
		return claimed, nil
	}
	if id, ok := s.tokens.get(token, claimed, s.now()); ok {
		return id, nil
	}
	from := address(r)
	if wait := s.failed.left(from, s.now()); wait > 0 {
		return "", slowDown(wait)
	}
	id, err := s.ask(ctx, token, claimed)
	if err == nil && claimed != "" && id != claimed {
		err = ErrNotTheirs
	}
	if err != nil {
		s.failed.take(from, s.now())
	}
	var p problem
	switch {
	case errors.As(err, &p):
		return "", p
	case errors.Is(err, ErrNotTheirs):
		return "", badToken()
	case err != nil:
		// The error may name the user's server; the operator needs no more than that it failed.
		s.Log.Warn().Bool("openid", strings.HasPrefix(token, openIDPrefix)).Msg("A homeserver could not be asked whose token it is")
		return "", homeserverSilent()
	}
	s.tokens.put(token, claimed, id, s.now())
	return id, nil
}

// ask has a homeserver say whose token it is. No other than the bridge's own is
// asked for the sake of somebody who may not use the bridge.
func (s *Server) ask(ctx context.Context, token string, claimed events.MatrixID) (events.MatrixID, error) {
	open, isOpenID := strings.CutPrefix(token, openIDPrefix)
	switch {
	case !isOpenID:
		return s.whose(ctx, token)
	case claimed == "":
		return "", missingUser()
	case !s.cfg.Permission(claimed):
		return "", forbidden()
	case serverOf(claimed) == s.cfg.ServerName:
		return s.whoseOpenID(ctx, open)
	default:
		return s.OpenID(ctx, serverOf(claimed), open)
	}
}

// isSecret compares in a time that says nothing of the secret, its length
// included.
func (s *Server) isSecret(token string) bool {
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256(s.cfg.SharedSecret)
	return len(s.cfg.SharedSecret) >= MinSecret && subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// serverOf is the server of a Matrix ID; empty if it is none.
func serverOf(id events.MatrixID) string {
	local, server, ok := strings.Cut(string(id), ":")
	if !ok || len(local) < 2 || local[0] != '@' || len(id) > 255 || strings.ContainsAny(server, "/?#%@ \t\r\n\x00") {
		return ""
	}
	return server
}

// maxTokens is how many tokens are remembered as good.
const maxTokens = 4096

// tokenCache remembers, by their hashes, tokens that a homeserver has vouched for.
type tokenCache struct {
	mu   sync.Mutex
	good map[tokenKey]vouched
}

type tokenKey [sha256.Size]byte

type vouched struct {
	id    events.MatrixID
	until time.Time
}

// keyOf is of a token as it was used: for whom is part of it.
func keyOf(token string, claimed events.MatrixID) tokenKey {
	return sha256.Sum256([]byte(string(claimed) + "\x00" + token))
}

func (c *tokenCache) get(token string, claimed events.MatrixID, now time.Time) (events.MatrixID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.good[keyOf(token, claimed)]
	return v.id, ok && now.Before(v.until)
}

func (c *tokenCache) put(token string, claimed, id events.MatrixID, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.good == nil || len(c.good) >= maxTokens {
		c.good = map[tokenKey]vouched{}
	}
	c.good[keyOf(token, claimed)] = vouched{id, now.Add(vouchedFor)}
}
