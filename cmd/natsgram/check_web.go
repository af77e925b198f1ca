package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// checkPage fetches the login page where the bridge listens, and then as a
// browser does, through the public URL: the two must be the same.
func checkPage(ctx context.Context, cfg Config, r *report) {
	public := cfg.Web.PublicURL
	if public == nil {
		r.ok("no login page: web.public_url is empty")
		return
	}
	link := public.JoinPath("link").String()
	what := "the login page is at " + link
	here, err := fetchPage(ctx, http.MethodGet, "http://"+reachable(cfg.Web.Listen)+public.Path+"/link")
	if err != nil {
		r.unknown(what, "nothing answers at web.listen, "+cfg.Web.Listen+": natsgram run starts it")
		return
	}
	if here.status == http.StatusNotFound && here.policy != "" {
		r.fault(what, "the running bridge knows no such page: it runs with another web.public_url. Restart it, or correct the URL")
		return
	}
	if here.status != http.StatusOK || here.policy == "" {
		r.fault(what, fmt.Sprintf("at web.listen, %s, something else answers, with HTTP %d: does another program listen there?", cfg.Web.Listen, here.status))
		return
	}
	there, err := fetchPage(ctx, http.MethodGet, link)
	if why := pageFault(here, there, err, cfg); why != "" {
		r.fault(what, why)
		return
	}
	// A form that spends nothing: it says whether forms come through.
	form, err := fetchPage(ctx, http.MethodPost, link)
	switch {
	case err != nil:
		r.fault(what, "a form sent there is not answered: "+plainError(err))
	case form.policy != here.policy || form.status != http.StatusForbidden && form.status != http.StatusTooManyRequests:
		r.fault(what, fmt.Sprintf("a form sent there is answered with HTTP %d: the reverse proxy must pass on POST requests as they are", form.status))
	default:
		r.ok(what)
	}
}

// pageFault says what is wrong with the page as it comes through the public URL.
func pageFault(here, there fetched, err error, cfg Config) string {
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate):
		return "its certificate is not good: " + plainError(certificate.Err)
	case err != nil:
		return fmt.Sprintf("it can't be reached: %s. Is the name right, and does a reverse proxy listen there that passes requests on to %s?", plainError(err), cfg.Web.Listen)
	case there.status == http.StatusBadGateway || there.status == http.StatusServiceUnavailable || there.status == http.StatusGatewayTimeout:
		return fmt.Sprintf("the reverse proxy answers HTTP %d: it does not reach web.listen, %s", there.status, cfg.Web.Listen)
	case there.status >= 300 && there.status < 400:
		return fmt.Sprintf("it leads elsewhere, to %s: web.public_url must be where it ends", there.location)
	case there.status == http.StatusNotFound:
		return "there is no such page (HTTP 404): the reverse proxy must pass the path on unchanged, and to web.listen"
	case there.status != http.StatusOK:
		return fmt.Sprintf("it answers HTTP %d where web.listen answers 200", there.status)
	case there.policy == "" && there.body != here.body:
		return "another site answers there: does the reverse proxy pass this address on to web.listen?"
	case there.policy != here.policy:
		return "the reverse proxy changes the header Content-Security-Policy: it must leave it as it is"
	case !strings.Contains(there.cache, "no-store"):
		return "the reverse proxy changes the header Cache-Control: pages could be kept where others read them"
	case there.body != here.body:
		return "the page comes changed: the reverse proxy must not touch it"
	default:
		return ""
	}
}

// fetched is what matters of an answer.
type fetched struct {
	status                        int
	policy, cache, location, body string
}

// maxPage bounds what is read of a page.
const maxPage = 1 << 20

func fetchPage(ctx context.Context, method, url string) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return fetched{}, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return fetched{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return fetched{
		status: resp.StatusCode, policy: resp.Header.Get("Content-Security-Policy"), cache: resp.Header.Get("Cache-Control"),
		location: resp.Header.Get("Location"), body: string(body),
	}, err
}

// plainError is an error without the words that Go's HTTP client puts before it.
func plainError(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, `": `); i >= 0 {
		text = text[i+3:]
	}
	return text
}
