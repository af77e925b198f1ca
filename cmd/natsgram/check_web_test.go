package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/weblogin"
	"github.com/natsgram/natsgram/projections"
)

// TestCheckOfThePage has the page behind reverse proxies that are set up well
// and badly, and reads what check says of each.
func TestCheckOfThePage(t *testing.T) {
	public := &url.URL{Scheme: "http", Host: "127.0.0.1", Path: "/telegram"}
	site, err := weblogin.New(weblogin.Config{Public: public, PerAddress: 1000}, weblogin.Deps{Users: projections.NewUsers(), Vault: noVault{}, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	page := httptest.NewServer(site.Handler())
	defer page.Close()
	listen, _ := url.Parse(page.URL)
	pass := func(rewrite func(*httputil.ProxyRequest), modify func(*http.Response) error) http.Handler {
		return &httputil.ReverseProxy{ModifyResponse: modify, Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(listen)
			if rewrite != nil {
				rewrite(r)
			}
		}}
	}
	header := func(name, value string) func(*http.Response) error {
		return func(r *http.Response) error { r.Header.Set(name, value); return nil }
	}
	answer := func(status int, text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.test/")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		})
	}
	for want, proxy := range map[string]http.Handler{
		"ok ":                            pass(nil, nil),
		"must pass the path on":          pass(func(r *httputil.ProxyRequest) { r.Out.URL.Path = strings.TrimPrefix(r.Out.URL.Path, "/telegram") }, nil),
		"does not reach web.listen":      answer(http.StatusBadGateway, "Bad Gateway"),
		"leads elsewhere, to https":      answer(http.StatusMovedPermanently, ""),
		"another site answers":           answer(http.StatusOK, "Welcome!"),
		"header Content-Security-Policy": pass(nil, header("Content-Security-Policy", "default-src *")),
		"header Cache-Control":           pass(nil, header("Cache-Control", "public")),
		"must pass on POST": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				http.Error(w, "no", http.StatusMethodNotAllowed)
				return
			}
			pass(nil, nil).ServeHTTP(w, r)
		}),
	} {
		front := httptest.NewServer(proxy)
		at, _ := url.Parse(front.URL + "/telegram")
		var out bytes.Buffer
		checkPage(t.Context(), Config{Web: WebConfig{PublicURL: at, Listen: listen.Host}}, &report{out: &out})
		if !strings.Contains(out.String(), want) {
			t.Errorf("check says\n%swhere it should say %q", out.String(), want)
		}
		front.Close()
	}
	page.Close()
	var out bytes.Buffer
	checkPage(t.Context(), Config{Web: WebConfig{PublicURL: public, Listen: listen.Host}}, &report{out: &out})
	if !strings.HasPrefix(out.String(), "unknown ") {
		t.Errorf("with the bridge off check says\n%s", out.String())
	}
}

// noVault knows of no link.
type noVault struct{ weblogin.Vault }

func (noVault) Link(context.Context, vault.Secret) (vault.WebLink, error) {
	return vault.WebLink{}, vault.ErrMissing
}
