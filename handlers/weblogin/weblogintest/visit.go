package weblogintest

import (
	"context"
	"fmt"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// ask is how often Until looks at the page.
const ask = 25 * time.Millisecond

// Until waits until an expression is true on the page, whatever page that is by
// then, and also where scripts don't run. meanwhile is called, if given, while
// it is not true yet.
func (tab *Tab) Until(expression string, meanwhile func()) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	tick := time.NewTicker(ask)
	defer tick.Stop()
	for {
		var ok bool
		// A page that is being left answers nothing: the next one will.
		once, done := context.WithTimeout(ctx, patience/3)
		err := chromedp.Run(once, chromedp.Evaluate("Boolean("+expression+")", &ok))
		done()
		if err == nil && ok {
			return
		}
		if err == nil && meanwhile != nil {
			meanwhile()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tab.t.Fatalf("the page never had %s: %v\n%s", expression, err, tab.where())
		}
	}
}

// Beside opens another page of the same browser: it has the cookies of this one.
func (tab *Tab) Beside() *Tab {
	tab.t.Helper()
	var id target.ID
	tab.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		c := chromedp.FromContext(ctx)
		ctx = cdp.WithExecutor(ctx, c.Browser)
		info, err := target.GetTargetInfo().WithTargetID(c.Target.TargetID).Do(ctx)
		if err == nil {
			id, err = target.CreateTarget("about:blank").WithBrowserContextID(info.BrowserContextID).WithNewWindow(true).Do(ctx)
		}
		return err
	}))
	ctx, end := chromedp.NewContext(tab.ctx, chromedp.WithTargetID(id))
	tab.t.Cleanup(end)
	if err := chromedp.Run(ctx); err != nil { // not for as long as Run has: the page ends with what began it
		tab.t.Fatalf("open a page: %v", err)
	}
	other := &Tab{t: tab.t, ctx: ctx, axe: tab.axe}
	chromedp.ListenTarget(ctx, other.hear)
	other.Run(log.Enable(), runtime.Enable(), page.Enable())
	return other
}

// Do runs a statement on the page.
func (tab *Tab) Do(statement string) {
	tab.t.Helper()
	tab.Run(chromedp.Evaluate("(() => {"+statement+"})()", nil))
}

// Paste puts a text into a field in place of what is there, all at once.
func (tab *Tab) Paste(selector, value string) {
	tab.t.Helper()
	tab.Run(
		chromedp.Evaluate(fmt.Sprintf("(e => { e.value = ''; e.focus() })(document.querySelector(%q))", selector), nil),
		input.InsertText(value),
	)
}

// Has reports whether the page has an element.
func (tab *Tab) Has(selector string) bool {
	tab.t.Helper()
	return tab.Text(fmt.Sprintf("document.querySelector(%q) !== null", selector)) == "true"
}

// Reads are the words of the first element that a selector finds, if any.
func (tab *Tab) Reads(selector string) string {
	tab.t.Helper()
	return tab.Text(fmt.Sprintf(`(e => e ? e.textContent : "")(document.querySelector(%q))`, selector))
}

// Attributes are the values of an attribute of all elements that a selector finds.
func (tab *Tab) Attributes(selector, name string) (values []string) {
	tab.t.Helper()
	tab.Run(chromedp.Evaluate(fmt.Sprintf(`[...document.querySelectorAll(%q)].map((e) => e.getAttribute(%q) || "")`, selector, name), &values))
	return values
}

// Shot is a picture of the first element that a selector finds: of the place where
// it is, as another may come there meanwhile.
func (tab *Tab) Shot(selector string) (png []byte) {
	tab.t.Helper()
	var at page.Viewport
	tab.Run(chromedp.Evaluate(fmt.Sprintf(`(r => ({x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height, scale: 1}))(
		document.querySelector(%q).getBoundingClientRect())`, selector), &at),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			png, err = page.CaptureScreenshot().WithClip(&at).WithCaptureBeyondViewport(true).WithOptimizeForSpeed(true).Do(ctx)
			return err
		}))
	return png
}

// Cookies are the values of the cookies that the browser keeps for the page.
func (tab *Tab) Cookies() (values []string) {
	tab.t.Helper()
	tab.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		all, err := network.GetCookies().Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Target))
		for _, c := range all {
			values = append(values, c.Value)
		}
		return err
	}))
	return values
}
