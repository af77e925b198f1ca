// Package weblogintest drives the login page in a real browser, Debian's
// chromium without a window, and holds it against what every page has to keep:
// no breach of its content security policy, no error on the console, no
// violation of axe-core's accessibility rules.
//
// It knows browsers and nothing of logins.
package weblogintest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Policy is the content security policy under which the page has to live.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types natsgram"

// patience is how long anything on a page may take on a busy machine.
const patience = 30 * time.Second

// Guarded sends Policy with every answer of a handler.
func Guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", Policy)
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

// Run runs any actions of chromedp.
func (tab *Tab) Run(actions ...chromedp.Action) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		tab.t.Fatalf("browser: %v\n%s\n%s", err, tab.where(), strings.Join(tab.Breaches(), "\n"))
	}
}

// where tells what the page shows, for a test that failed.
func (tab *Tab) where() string {
	var text string
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.Evaluate(`location.href + "\n" + document.body.innerText`, &text)); err != nil {
		return err.Error()
	}
	return text
}

// Go opens an address.
func (tab *Tab) Go(url string) {
	tab.t.Helper()
	tab.Run(chromedp.Navigate(url))
}

// Fill types a text into a field in place of what is there.
func (tab *Tab) Fill(selector, value string) {
	tab.t.Helper()
	tab.Run(chromedp.WaitVisible(selector, chromedp.ByQuery),
		chromedp.Evaluate(fmt.Sprintf("document.querySelector(%q).select()", selector), nil),
		chromedp.SendKeys(selector, value, chromedp.ByQuery))
}

// Click clicks on the first element that a selector finds.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	tab.Run(chromedp.Click(selector, chromedp.NodeVisible, chromedp.ByQuery))
}

// Press presses keys, such as kb.Tab.
func (tab *Tab) Press(keys string) {
	tab.t.Helper()
	tab.Run(chromedp.KeyEvent(keys))
}

// Tabulate presses the tabulator.
func (tab *Tab) Tabulate() {
	tab.t.Helper()
	tab.Press(kb.Tab)
}

// Back presses it with shift.
func (tab *Tab) Back() {
	tab.t.Helper()
	tab.Run(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(input.ModifierShift)))
}

// Await waits until an expression is true on the page, or on one that comes in
// its place.
func (tab *Tab) Await(expression string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	for {
		err := chromedp.Run(ctx, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(0), chromedp.WithPollingInterval(20*time.Millisecond)))
		switch {
		case err == nil:
			return
		case ctx.Err() != nil || !strings.Contains(err.Error(), "navigated") && !strings.Contains(err.Error(), "context"):
			tab.t.Fatalf("browser: %v\n%s\n%s", err, tab.where(), strings.Join(tab.Breaches(), "\n"))
		}
	}
}

// Shows waits until an element is to be seen.
func (tab *Tab) Shows(selector string) {
	tab.t.Helper()
	tab.Run(chromedp.WaitVisible(selector, chromedp.ByQuery))
}

// Text is the value of an expression, as a string.
func (tab *Tab) Text(expression string) string {
	tab.t.Helper()
	var text string
	tab.Run(chromedp.Evaluate("String("+expression+")", &text))
	return text
}

// Look sets the size of the window and the colour scheme, "light" or "dark".
func (tab *Tab) Look(width, height int64, scheme string) {
	tab.t.Helper()
	tab.Run(chromedp.EmulateViewport(width, height), emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}))
}

// Scripts lets pages that are opened from now on run scripts, or not.
func (tab *Tab) Scripts(on bool) {
	tab.t.Helper()
	tab.Run(emulation.SetScriptExecutionDisabled(!on))
}

// Picture is the whole page as PNG.
func (tab *Tab) Picture() []byte {
	tab.t.Helper()
	var png []byte
	tab.Run(chromedp.FullScreenshot(&png, 100))
	return png
}

// Violations are what axe-core finds wrong with the page, by the rules of
// WCAG 2.2 A and AA and its own good practice.
func (tab *Tab) Violations() []string {
	tab.t.Helper()
	var found []string
	tab.Run(chromedp.Evaluate(tab.axe+";0", nil), chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]}).then((r) =>
		r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html + " " + n.failureSummary)))`, &found,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return found
}

// Sound holds the page as it stands against all rules.
func (tab *Tab) Sound(name string) {
	tab.t.Helper()
	for _, b := range tab.Breaches() {
		tab.t.Errorf("%s: %s", name, b)
	}
	for _, v := range tab.Violations() {
		tab.t.Errorf("%s: %s", name, v)
	}
	tab.Breaches() // what axe itself did is not the page's
	if wide := tab.Text("document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide != "0" {
		tab.t.Errorf("%s: the page is %s pixels too wide", name, wide)
	}
}

// Focused is the element that has the focus: its tag and ID, or its text.
func (tab *Tab) Focused() string {
	tab.t.Helper()
	return tab.Text(fmt.Sprintf(`((e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : " " + e.innerText))(%s)`, "document.activeElement"))
}
