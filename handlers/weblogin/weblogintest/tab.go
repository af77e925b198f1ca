package weblogintest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

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
// WCAG 2.2 A and AA and its own good practice, or only by the rules named.
func (tab *Tab) Violations(rules ...string) []string {
	tab.t.Helper()
	var found []string
	only := ""
	if len(rules) > 0 {
		only = `, runOnly: ["` + strings.Join(rules, `", "`) + `"]`
	}
	tab.Run(chromedp.Evaluate(tab.axe+";0", nil), chromedp.Evaluate(`axe.run(document, {resultTypes: ["violations"]`+only+`}).then((r) =>
		r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html + " " + n.failureSummary)))`, &found,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return found
}

// Sound holds the page as it stands against all rules, or of axe-core's only
// against those named.
func (tab *Tab) Sound(name string, rules ...string) {
	tab.t.Helper()
	for _, b := range tab.Breaches() {
		tab.t.Errorf("%s: %s", name, b)
	}
	for _, v := range tab.Violations(rules...) {
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
