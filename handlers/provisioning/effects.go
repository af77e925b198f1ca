package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/natsgram/natsgram/events"
)

// askTimeout bounds a question to the homeserver.
const askTimeout = 10 * time.Second

// maxReply bounds what a homeserver's answer may be.
const maxReply = 64 << 10

// ErrNotTheirs says that a homeserver does not know a token, or that it is no
// user's.
var ErrNotTheirs = errors.New("the homeserver does not vouch for this token")

// errNotServed says that the homeserver has no such endpoint.
var errNotServed = errors.New("ask the homeserver: no such endpoint")

// whose asks the bridge's homeserver for the owner of an access token. A guest's
// is as good as none: a guest has no account to keep a login for.
func (s *Server) whose(ctx context.Context, token string) (events.MatrixID, error) {
	var reply struct {
		User  events.MatrixID `json:"user_id"`
		Guest bool            `json:"is_guest"`
	}
	err := s.get(ctx, "/_matrix/client/v3/account/whoami", token, &reply)
	if err == nil && (reply.Guest || reply.User == "") {
		err = ErrNotTheirs
	}
	return reply.User, err
}

// whoseOpenID asks it for the owner of an OpenID token. Where it serves that to
// the federation alone, it is asked there.
func (s *Server) whoseOpenID(ctx context.Context, token string) (events.MatrixID, error) {
	var reply struct {
		Sub events.MatrixID `json:"sub"`
	}
	err := s.get(ctx, "/_matrix/federation/v1/openid/userinfo?access_token="+url.QueryEscape(token), "", &reply)
	if errors.Is(err, errNotServed) {
		return s.OpenID(ctx, s.cfg.ServerName, token)
	}
	if err == nil && serverOf(reply.Sub) != s.cfg.ServerName {
		err = ErrNotTheirs
	}
	return reply.Sub, err
}

// get asks the homeserver. Its errors never hold the address, of which a token
// may be part.
func (s *Server) get(ctx context.Context, path, token string, to any) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.cfg.HomeserverURL+path, nil)
	if err != nil {
		return errors.New("ask the homeserver: bad address")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return errors.New("ask the homeserver: no answer")
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return ErrNotTheirs
	case resp.StatusCode == http.StatusNotFound:
		return errNotServed
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("ask the homeserver: status %d", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(to); err != nil {
		return errors.New("ask the homeserver: the answer is no JSON")
	}
	return nil
}
