package vault_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/handlers/vault"
)

func TestOfALinkOnlyItsHMACIsKept(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	l := vault.WebLink{User: "u", Attempt: "a", Link: "l"}
	token := must(v.NewLink(ctx, l, 10*time.Minute))(t)
	if len(token) != 43 {
		t.Errorf("the token has %d letters", len(token))
	}
	if got := must(v.Link(ctx, token))(t); got != l {
		t.Errorf("got %+v", got)
	}
	for key, value := range bucket.Raw() {
		if strings.Contains(key, token.Reveal()) || bytes.Contains(value, token) {
			t.Errorf("%s gives the token away", key)
		}
	}
	for _, other := range []string{"", "x", strings.Repeat("A", 43), token.Reveal() + "A", token.Reveal()[:42]} {
		_, err := v.Link(ctx, vault.Secret(other))
		wantError(t, err, vault.ErrMissing)
	}
	bucket.Advance(24 * time.Hour) // one that is too late is still known for what it was
	must(v.Link(ctx, token))(t)
	bucket.Advance(11 * time.Minute)
	_, err := v.Link(ctx, token)
	wantError(t, err, vault.ErrMissing)
}

func TestABrowsersSession(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	cookie := must(v.OpenBrowser(ctx, vault.Browser{User: "u", Attempt: "a"}, 5*time.Minute))(t)
	b := must(v.Browser(ctx, cookie))(t)
	if b.User != "u" || b.Attempt != "a" || len(b.Form) != 32 || !b.Born.Equal(b.Seen) || b.Name() == "" {
		t.Errorf("%+v", b)
	}
	other := must(v.OpenBrowser(ctx, vault.Browser{User: "u", Attempt: "a"}, 5*time.Minute))(t)
	if o := must(v.Browser(ctx, other))(t); bytes.Equal(o.Form, b.Form) || bytes.Equal(other, cookie) {
		t.Error("two sessions share what should be their own")
	}
	bucket.Advance(4 * time.Minute)
	check(t, v.TouchBrowser(ctx, b))
	check(t, v.TouchBrowser(ctx, b)) // of an older state: another request was first
	bucket.Advance(4 * time.Minute)
	if again := must(v.Browser(ctx, cookie))(t); !again.Seen.Equal(b.Born.Add(4*time.Minute)) || !again.Born.Equal(b.Born) {
		t.Errorf("%+v", again)
	}
	_, err := v.Browser(ctx, other)
	wantError(t, err, vault.ErrMissing)
	check(t, v.CloseBrowser(ctx, b))
	_, err = v.Browser(ctx, cookie)
	wantError(t, err, vault.ErrMissing)
	// A link's token opens no session, nor a cookie a link.
	token := must(v.NewLink(ctx, vault.WebLink{User: "u"}, time.Minute))(t)
	_, err = v.Browser(ctx, token)
	wantError(t, err, vault.ErrMissing)
	_, err = v.Link(ctx, cookie)
	wantError(t, err, vault.ErrMissing)
}
