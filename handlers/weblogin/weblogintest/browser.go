// Package weblogintest drives the login page in a real browser, Debian's
// chromium without a window, and holds it against what every page has to keep:
// no breach of its content security policy, no error on the console, no
// violation of axe-core's accessibility rules.
//
// It knows browsers and nothing of logins.
package weblogintest

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// patience is how long anything on a page may take on a busy machine.
const patience = 30 * time.Second

// Guarded sends a content security policy with every answer of a handler.
func Guarded(policy string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cache-Control", "no-store")
		h.ServeHTTP(w, r)
	})
}

// Browser is a running browser with a profile of its own.
type Browser struct {
	ctx context.Context
	axe string
}

// Start starts a browser, which ends with the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(root(t), ".cache", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("%v: run make setup, which fetches it", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(2*patience),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		// Nothing is drawn by a simulated graphics card, and no process is kept for a
		// page that may never come.
		chromedp.Flag("disable-software-rasterizer", true),
		chromedp.Flag("disable-features", "site-per-process,Translate,BlinkGenPropertyTrees,SpareRendererForSitePerProcess"),
	)
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator)
	if err := chromedp.Run(ctx); err != nil {
		release()
		t.Fatalf("start chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("end chromium: %v", err)
		}
		end()
		release()
	})
	return &Browser{ctx: ctx, axe: string(axe)}
}

// root is the directory with go.mod.
func root(t testing.TB) string {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	t.Fatalf("no go.mod above the working directory: %v", err)
	return ""
}

// Tab is a page of a browser. Its methods end the test if they fail.
type Tab struct {
	t   testing.TB
	ctx context.Context
	axe string

	mu       sync.Mutex
	breaches []string
}

// watch tells breaches of the policy on the console, where Tab listens.
const watch = `document.addEventListener("securitypolicyviolation", (e) =>
	console.error("policy", e.violatedDirective, e.blockedURI, e.sourceFile + ":" + e.lineNumber, e.sample));`

// Open opens an empty page with cookies of its own.
func (b *Browser) Open(t testing.TB) *Tab {
	t.Helper()
	id, err := b.window()
	if err != nil {
		t.Fatalf("open a window: %v", err)
	}
	ctx, end := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	t.Cleanup(end)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("open a page: %v", err)
	}
	tab := &Tab{t: t, ctx: ctx, axe: b.axe}
	chromedp.ListenTarget(ctx, tab.hear)
	tab.Run(log.Enable(), runtime.Enable(), page.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(watch).Do(ctx)
		return err
	}))
	return tab
}

// window opens an empty window, which shares nothing with others: a profile that
// has none open takes no tab.
func (b *Browser) window() (target.ID, error) {
	ctx := cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
	profile, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx)
	if err != nil {
		return "", err
	}
	return target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(ctx)
}

func (tab *Tab) hear(event any) {
	what := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
			what = e.Entry.Text
		}
	case *runtime.EventExceptionThrown:
		what = e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError {
			for _, arg := range e.Args {
				what += string(arg.Value) + " "
			}
		}
	}
	if what == "" {
		return
	}
	tab.mu.Lock()
	defer tab.mu.Unlock()
	tab.breaches = append(tab.breaches, what)
}

// Breaches returns what went wrong on the pages since the last call: breaches of
// the policy, exceptions, errors on the console.
func (tab *Tab) Breaches() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	all := tab.breaches
	tab.breaches = nil
	return all
}
