package matrix

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proxy stands before the homeserver and can spoil calls.
type proxy struct {
	url  string
	mu   sync.Mutex
	rule func(*http.Request) fault
	seen []string // method and path of each call
}

// fault is what happens to a call.
type fault int

const (
	none      fault = iota
	lostDone        // carried out, and the answer lost
	lost502         // not carried out: bad gateway
	limited         // rate limited, not carried out
	cut             // not carried out: the connection breaks
	forbidden       // refused
)

func newProxy(t testing.TB, target string) *proxy {
	address, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{}
	forward := httputil.NewSingleHostReverseProxy(address)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	forward.Transport = transport
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p.judge(r) {
		case none:
			forward.ServeHTTP(w, r)
		case lostDone:
			forward.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
			panic(http.ErrAbortHandler)
		case lost502:
			w.WriteHeader(http.StatusBadGateway)
		case limited:
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":200}`))
		case forbidden:
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"errcode":"M_FORBIDDEN","error":"no"}`))
		case cut:
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

func (p *proxy) judge(r *http.Request) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, r.Method+" "+r.URL.Path)
	if p.rule == nil {
		return none
	}
	return p.rule(r)
}

// spoil makes the first n calls whose path contains part fail.
func (p *proxy) spoil(part string, n int, f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = func(r *http.Request) fault {
		if n == 0 || !strings.Contains(r.URL.Path, part) {
			return none
		}
		n--
		return f
	}
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rule = nil
}

// calls counts the calls whose path contains part.
func (p *proxy) calls(part string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, call := range p.seen {
		if strings.Contains(call, part) {
			n++
		}
	}
	return n
}
