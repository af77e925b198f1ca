package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/weblogin/weblogintest"
)

// newWebWorld is a world whose bridge has a login page, taking as many forms as
// all the people of a test send from one address.
func newWebWorld(t testing.TB, tgOptions telegramtest.Options) *world {
	t.Helper()
	port, err := matrixtest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	w := newWorld(t, tgOptions, "--web-url", "http://"+listen, "--web-listen", listen)
	w.page = "http://" + listen
	w.setConfig(`posts_per_address: 30`, "posts_per_address: 100000")
	w.setConfig(`level: info`, "level: debug")
	return w
}

// link is the newest link to the login page in a text of the bot's.
func (w *world) link(text string) string {
	w.t.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta(w.page) + `/link#[A-Za-z0-9_-]{43}\b`).FindString(text)
	if link == "" {
		w.t.Fatalf("no link in %q", text)
	}
	return link
}

// tabs are pages of one browser for those who act at once. Their cookies are of
// their own; who takes one up that another has left has its link's session.
type tabs struct {
	t       testing.TB
	browser *weblogintest.Browser
	free    chan *weblogintest.Tab
	texts   map[string]string

	mu   sync.Mutex
	seen map[string]bool // kinds of pages
}

func newTabs(t testing.TB, atOnce int) *tabs {
	t.Helper()
	p := &tabs{t: t, browser: weblogintest.Start(t), free: make(chan *weblogintest.Tab, atOnce), seen: map[string]bool{}}
	for range atOnce {
		p.free <- p.browser.Open(t)
	}
	text, err := os.ReadFile("../../handlers/weblogin/texts/en.json")
	if err == nil {
		err = json.Unmarshal(text, &p.texts)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// first reports whether nobody has looked at a kind of page before.
func (p *tabs) first(kind string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.seen[kind] = true }()
	return !p.seen[kind]
}

// words match what the page says of a text: whatever stands in the place of what
// varies, and nothing of the marks of strong and typed words.
func (p *tabs) words(key string) *regexp.Regexp {
	p.t.Helper()
	text, ok := p.texts[key]
	if !ok {
		p.t.Fatalf("the page has no text %s", key)
	}
	text = regexp.QuoteMeta(strings.NewReplacer("**", "", "`", "").Replace(text))
	return regexp.MustCompile(regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(text, ".+"))
}

// screen is where a visitor sees the page: a tab of a browser, or a sheet.
type screen interface {
	Has(selector string) bool
	Reads(selector string) string
	Attributes(selector, name string) []string
	Paste(selector, value string)
	Shot(selector string) []byte
	Cookies() []string
	Breaches() []string
}

// visitor is an actor who logs in on the login page.
type visitor struct {
	*actor
	screen
	pages *tabs
	tab   *weblogintest.Tab   // of the browser, or
	sheet *weblogintest.Sheet // with forms alone
	plain bool                // without scripts
}

func (p *tabs) visitor(a *actor, tab *weblogintest.Tab, plain bool) *visitor {
	return &visitor{actor: a, screen: tab, pages: p, tab: tab, plain: plain}
}

// at gives an actor a page for as long as they act.
func (p *tabs) at(a *actor, plain bool, act func(*visitor)) {
	tab := <-p.free
	defer func() { p.free <- tab }()
	act(p.visitor(a, tab, plain))
}

// onSheet gives an actor the page without a browser: its forms, as they are sent
// where no scripts run. What is there to be read is the same.
func (p *tabs) onSheet(a *actor, act func(*visitor)) {
	sheet := weblogintest.NewSheet(p.t)
	act(&visitor{actor: a, screen: sheet, pages: p, sheet: sheet, plain: true})
}

// open opens the page by a link, and is where the login stands.
func (v *visitor) open(link string) {
	v.w.t.Helper()
	v.land(link)
	v.press(".main")
	v.has("main:not([data-step=landing])")
	v.keep(v.Cookies()...)
	v.note("web_link_redeemed")
}

// land opens what a link leads to, without taking it up.
func (v *visitor) land(link string) {
	v.w.t.Helper()
	_, token, _ := strings.Cut(link, "#")
	v.keep(token)
	if v.sheet != nil {
		v.sheet.Go(link)
	} else {
		v.tab.Scripts(!v.plain)
		if v.tab.Text("location.pathname") == "/link" {
			v.tab.Go("about:blank") // or a link that differs by its token alone is no new page
		}
		v.tab.Go(link)
	}
	v.has("#token")
	if v.plain {
		v.Paste("#token", link)
	}
}

// keep notes what is secret.
func (v *visitor) keep(secrets ...string) {
	for _, s := range secrets {
		if s != "" {
			v.secrets = append(v.secrets, s)
		}
	}
}

// press presses a button, once it can be pressed. The page as it is then is told
// from what comes of it.
func (v *visitor) press(button string) {
	v.w.t.Helper()
	if v.sheet != nil {
		v.sheet.Press(button)
		return
	}
	if !v.plain {
		v.until(fmt.Sprintf(`(b => b && b.getAttribute("aria-disabled") !== "true")(document.querySelector(%q))`, button))
	}
	v.tab.Do(fmt.Sprintf(`document.querySelector("main").dataset.left = "yes"; document.querySelector(%q).click()`, button))
}

// refreshEvery is how often who has no scripts asks for the page anew.
const refreshEvery = 300 * time.Millisecond

// refresh are the links by which a page that waits is asked for anew.
const refresh = "main[data-step=wait] a.second, .scan a[href$='/login'], [data-plain] a"

// until waits until an expression is true on a page that came after the last
// button was pressed. Without scripts, a page that waits is one to refresh.
func (v *visitor) until(expression string) {
	v.w.t.Helper()
	var meanwhile func()
	if v.plain {
		last := time.Now()
		meanwhile = func() {
			if time.Since(last) < refreshEvery {
				return
			}
			last = time.Now()
			v.tab.Do(fmt.Sprintf(`const again = document.querySelector(%q); if (again) again.click()`, refresh))
		}
	}
	v.tab.Until(`(document.querySelector("main") && !("left" in document.querySelector("main").dataset) && (`+expression+`))`, meanwhile)
}

// has waits until there is an element on a page that came after the last button
// was pressed.
func (v *visitor) has(selector string) {
	v.w.t.Helper()
	if v.sheet == nil {
		v.until(fmt.Sprintf("document.querySelector(%q)", selector))
		return
	}
	v.sees(selector, func() bool { return v.sheet.Has(selector) })
}

// sees waits likewise for what only a look at the sheet tells.
func (v *visitor) sees(what string, ok func() bool) {
	v.w.t.Helper()
	err := waitUntil(v.w.ctx(time.Minute), func() bool {
		if ok() {
			return true
		}
		v.sheet.Follow(refresh)
		return ok()
	})
	if err != nil {
		v.w.t.Fatalf("%s: the page never had %s, but says %q", v.name, what, v.reads("main"))
	}
}

// fill puts the answer to a step into its fields.
func (v *visitor) fill(step events.Step, answer string) {
	v.w.t.Helper()
	v.keepForm()
	switch step {
	case events.StepTerms, events.StepConfirm:
		return
	case events.StepName:
		first, last, _ := strings.Cut(answer, " ")
		v.Paste("#first", first)
		v.Paste("#last", last)
		v.keep(first, last)
	default:
		v.Paste("#"+string(step), answer)
		v.keep(strings.TrimPrefix(answer, "+"))
	}
}

// keepForm notes the token of the page's forms.
func (v *visitor) keepForm() {
	v.w.t.Helper()
	tokens := v.Attributes("input[name=form]", "value")
	if len(tokens) == 0 || len(tokens[0]) <= 20 {
		v.w.t.Errorf("%s: the forms have the tokens %q", v.name, tokens)
		return
	}
	v.keep(tokens[0])
}

// give answers a step; what comes of it is awaited by shows.
func (v *visitor) give(step events.Step, answer string) {
	v.w.t.Helper()
	if step == events.StepPhone && v.called != "" { // who makes an account gives its name with the number
		v.fill(events.StepName, v.called)
	}
	v.fill(step, answer)
	v.press(".main")
}

// shows waits until the page asks for a step, or is one of a kind.
func (v *visitor) shows(kind string) {
	v.w.t.Helper()
	v.has(fmt.Sprintf("main[data-step=%q]", kind))
}

// stands is the kind of the page that came after the last button was pressed.
func (v *visitor) stands() string {
	v.w.t.Helper()
	v.has("main")
	return v.Attributes("main", "data-step")[0]
}

// reads are the words of an element of the page.
func (v *visitor) reads(selector string) string {
	v.w.t.Helper()
	return strings.Join(strings.Fields(v.Reads(selector)), " ")
}

// says holds an element against a text of the page.
func (v *visitor) says(selector, key string) {
	v.w.t.Helper()
	if got := v.reads(selector); !v.pages.words(key).MatchString(got) {
		v.w.t.Errorf("%s: %s says %q, not %s", v.name, selector, got, key)
	}
}

// isIn holds the page after a login against what it has to say.
func (v *visitor) isIn() {
	v.w.t.Helper()
	v.shows("done")
	v.says("h1", "done.title")
	name := v.called
	if name == "" {
		name = "Actor Number"
	}
	if text := v.reads("main"); !strings.Contains(text, name) || !strings.Contains(text, string(v.c.UserID())) {
		v.w.t.Errorf("%s: the page is about somebody else: %q", v.name, text)
	}
	v.active, v.spare = true, false
}

// isTold hears in the room that the login was done on the page, and how to undo it.
func (v *visitor) isTold() {
	v.w.t.Helper()
	told := v.w.hear(v.c, v.room, "It was done on the login page at")
	for _, want := range []string{"Chrome", "127.0.0.1", "type `logout", "Settings, Devices"} {
		if !strings.Contains(told, want) {
			v.w.t.Errorf("%s: no %q in %q", v.name, want, told)
		}
	}
}

// webVocabulary are the events of logins on the page and elsewhere.
func webVocabulary() []string {
	return append(vocabulary(), "web_link_made", "web_link_redeemed", "web_link_reused", "method_chosen",
		"pairing_required", "pairing_rejected", "pairing_confirmed", "login_ordered")
}

// webTelling is telling, with the door through which an answer came.
func webTelling(e events.Event) string {
	text := telling(e)
	add := func(words ...string) { text = strings.TrimSpace(text + " " + strings.Join(words, " ")) }
	switch f := e.Fact.(type) {
	case *events.PhoneSubmitted:
		add(string(f.Via))
	case *events.TokenSubmitted:
		add(string(f.Via))
	case *events.CodeSubmitted:
		add(string(f.Via))
	case *events.PasswordSubmitted:
		add(string(f.Via))
	case *events.ResendRequested:
		add(string(f.Via))
	case *events.InputRefused:
		add(string(f.Via))
	case *events.TermsAccepted:
		add(string(f.Via))
	case *events.NameSubmitted:
		add(string(f.Via))
	case *events.LoginConfirmed:
		add(string(f.Via))
	case *events.LoginFailed:
		add(string(f.Via))
	case *events.MethodChosen:
		add(string(f.Method), string(f.Via))
	case *events.WebLinkReused:
		add(string(f.Reason))
	}
	return text
}
