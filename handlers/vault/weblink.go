package vault

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	json "github.com/go-json-experiment/json"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// The kinds of keys that let a browser in: of each the vault knows the HMAC.
const (
	linkDomain    = "weblink"
	browserDomain = "browser"
)

// Lengths in bytes of what a browser holds.
const (
	linkBytes    = 32
	browserBytes = 16
	formBytes    = 32
)

// linkMemory is how long a link is known beyond its own time, so that one that
// is tried too late is told from one that never was.
const linkMemory = 24 * time.Hour

// WebLink is whom a link to the login page is for.
type WebLink struct {
	User    events.UID       `json:"user"`
	Attempt events.AttemptID `json:"attempt"`
	Link    events.LinkID    `json:"link"`
}

// NewLink returns a fresh token for a link: 43 letters of base64url. Of the token
// the vault keeps only an HMAC, for ttl and a day.
func (v *Vault) NewLink(ctx context.Context, l WebLink, ttl time.Duration) (Secret, error) {
	value, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	token := freshToken(linkBytes)
	key, err := v.webKey(linkDomain, token)
	if err != nil {
		return nil, err
	}
	_, err = v.own.Create(ctx, key, value, ttl+linkMemory)
	return token, wrap("put", linkDomain, err)
}

// Link returns whom a token is for, or ErrMissing if it is for nobody. Whether
// it still opens anything, the log knows.
func (v *Vault) Link(ctx context.Context, token Secret) (WebLink, error) {
	var l WebLink
	_, err := v.byToken(ctx, linkDomain, token, linkBytes, &l)
	return l, err
}

// Browser is the session of a browser on the login page.
type Browser struct {
	User    events.UID       `json:"user"`
	Attempt events.AttemptID `json:"attempt"`
	Link    events.LinkID    `json:"link"`
	Born    time.Time        `json:"born"`
	Seen    time.Time        `json:"seen"` // when its user last did something
	Form    []byte           `json:"form"` // the key of its forms' tokens

	key      string
	revision uint64
}

// Name names the session without being a key to it.
func (b Browser) Name() string { return b.key }

// OpenBrowser begins a session that ends when it is idle for so long, and
// returns its cookie.
func (v *Vault) OpenBrowser(ctx context.Context, b Browser, idle time.Duration) (Secret, error) {
	b.Born = v.now().UTC().Truncate(time.Millisecond)
	b.Seen, b.Form = b.Born, random(formBytes)
	value, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	cookie := freshToken(browserBytes)
	key, err := v.webKey(browserDomain, cookie)
	if err != nil {
		return nil, err
	}
	_, err = v.own.Create(ctx, key, value, max(idle, minTTL))
	return cookie, wrap("put", browserDomain, err)
}

// Browser returns the session of a cookie, or ErrMissing.
func (v *Vault) Browser(ctx context.Context, cookie Secret) (Browser, error) {
	var b Browser
	revision, err := v.byToken(ctx, browserDomain, cookie, browserBytes, &b)
	if err == nil {
		b.revision = revision
		b.key, err = v.webKey(browserDomain, cookie)
	}
	return b, err
}

// TouchBrowser records that the user did something: the session's idle time
// begins anew.
func (v *Vault) TouchBrowser(ctx context.Context, b Browser) error {
	b.Seen = v.now().UTC().Truncate(time.Millisecond)
	value, err := json.Marshal(b)
	if err != nil {
		return err
	}
	_, err = v.own.Update(ctx, b.key, value, b.revision)
	if errors.Is(err, journal.ErrRevision) {
		return nil // another request did so, or the session has ended
	}
	return wrap("touch", browserDomain, err)
}

// CloseBrowser ends a session.
func (v *Vault) CloseBrowser(ctx context.Context, b Browser) error {
	return wrap("drop", browserDomain, v.own.Delete(ctx, b.key))
}

func (v *Vault) byToken(ctx context.Context, domain string, token Secret, bytes int, to any) (uint64, error) {
	if decoded, err := base64.RawURLEncoding.DecodeString(token.Reveal()); err != nil || len(decoded) != bytes {
		return 0, wrap("get", domain, ErrMissing)
	}
	key, err := v.webKey(domain, token)
	if err != nil {
		return 0, err
	}
	value, revision, err := v.own.Get(ctx, key)
	switch {
	case errors.Is(err, journal.ErrNoKey):
		return 0, wrap("get", domain, ErrMissing)
	case err != nil:
		return 0, wrap("get", domain, err)
	}
	if err := json.Unmarshal(value, to); err != nil {
		return 0, fmt.Errorf("read %s: %w", domain, err)
	}
	return revision, nil
}

// webKey is where what a token opens lies: <domain>.<HMAC of the token>.
func (v *Vault) webKey(domain string, token Secret) (string, error) {
	name, err := v.keys.name(domain, strings.TrimSpace(token.Reveal()))
	return domain + "." + name, err
}

func freshToken(bytes int) Secret {
	return Secret(base64.RawURLEncoding.EncodeToString(random(bytes)))
}

func random(bytes int) []byte {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return b
}
