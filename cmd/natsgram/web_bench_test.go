package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gotd/td/telegram"
	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
)

// BenchmarkSignIn: from the form with the code until the page that asks for the
// password is there, against the same call to Telegram by itself.
func BenchmarkSignIn(b *testing.B) {
	const people, times = 4, 10 // so often a login may go back to its beginning
	for b.Loop() {
		w := newWebWorld(b, telegramtest.Options{})
		w.run()
		c := newCast(w, 1)
		var signIn, raw []time.Duration
		for i := range people {
			a := c.actor(fmt.Sprint("signs in ", i), telegramtest.UserSpec{Password: "some"})
			a.enter()
			p := w.surfer(a)
			for n := range times {
				if n > 0 {
					p.send("choose", "phone", "method", "phone")
				}
				p.send("answer", "code", "phone", a.phone)
				start := time.Now()
				p.send("answer", "password", "code", a.code)
				signIn = append(signIn, time.Since(start))
			}
			raw = append(raw, w.rawSignIns(a, times)...)
		}
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		b.ReportMetric(ms(at(signIn, 50)), "page-p50-ms")
		b.ReportMetric(ms(at(signIn, 95)), "page-p95-ms")
		b.ReportMetric(ms(at(raw, 50)), "telegram-p50-ms")
		b.ReportMetric(ms(at(signIn, 50)-at(raw, 50)), "added-p50-ms")
	}
}

// surfer is a browser as far as forms and cookies go.
type surfer struct {
	w      *world
	client *http.Client
	page   string
}

// surfer begins a login and opens the page by the link to it.
func (w *world) surfer(a *actor) *surfer {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	p := &surfer{w: w, client: &http.Client{Jar: loopbackJar{jar}}}
	w.ask(a.c, a.room, "login", "Open this page to log in")
	_, token, _ := strings.Cut(w.link(w.hear(a.c, a.room, w.page+"/link#")), "#")
	p.post("link", "phone", url.Values{"token": {token}})
	return p
}

// loopbackJar sends what is for TLS alone to this machine, too, as browsers do.
type loopbackJar struct{ *cookiejar.Jar }

func (j loopbackJar) Cookies(u *url.URL) []*http.Cookie { return j.Jar.Cookies(overTLS(u)) }

func (j loopbackJar) SetCookies(u *url.URL, all []*http.Cookie) { j.Jar.SetCookies(overTLS(u), all) }

func overTLS(u *url.URL) *url.URL {
	secure := *u
	secure.Scheme = "https"
	return &secure
}

// send sends a form of the page, and has the page of a kind for an answer.
func (p *surfer) send(action, kind, field, value string) {
	p.w.t.Helper()
	form := url.Values{field: {value}}
	for _, name := range []string{"form", "step"} {
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.page)
		if m == nil {
			p.w.t.Fatalf("the page has no %s", name)
		}
		form.Set(name, m[1])
	}
	p.post(action, kind, form)
}

func (p *surfer) post(action, kind string, form url.Values) {
	p.w.t.Helper()
	resp, err := p.client.PostForm(p.w.page+"/"+action, form)
	if err != nil {
		p.w.t.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if p.page = string(page); err != nil || !strings.Contains(p.page, `data-step="`+kind+`"`) {
		p.w.t.Fatalf("HTTP %d, %v, and no page of the kind %s", resp.StatusCode, err, kind)
	}
}

// rawSignIns is how long the call that looks at the code takes, by a client of
// Telegram's that does nothing else.
func (w *world) rawSignIns(a *actor, times int) (took []time.Duration) {
	w.t.Helper()
	client := telegram.NewClient(1, "hash", telegram.Options{
		PublicKeys: w.tg.PublicKeys(), DCList: w.tg.DCList(), Resolver: dcs.Plain(dcs.PlainOptions{}),
	})
	err := client.Run(w.ctx(time.Minute), func(ctx context.Context) error {
		for range times {
			sent, err := client.API().AuthSendCode(ctx, &tg.AuthSendCodeRequest{PhoneNumber: a.phone, APIID: 1, APIHash: "hash"})
			if err != nil {
				return err
			}
			code, ok := sent.(*tg.AuthSentCode)
			if !ok {
				return fmt.Errorf("%T in the place of a code", sent)
			}
			start := time.Now()
			_, err = client.API().AuthSignIn(ctx, &tg.AuthSignInRequest{PhoneNumber: a.phone, PhoneCodeHash: code.PhoneCodeHash, PhoneCode: a.code})
			took = append(took, time.Since(start))
			if !tgerr.Is(err, "SESSION_PASSWORD_NEEDED") {
				return fmt.Errorf("signed in without a password: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return took
}

// BenchmarkOpenPages: memory of the bridge for each of 500 pages that follow
// their logins, and the time it works while nothing happens.
func BenchmarkOpenPages(b *testing.B) {
	const pages = 500
	for b.Loop() {
		w := newWebWorld(b, telegramtest.Options{})
		cookies := w.addPages(pages)
		w.run()
		w.rss() // until what starting cost is over
		before := w.worked()
		none := w.rss() // which takes ten seconds
		idle := w.worked() - before
		ctx, leave := context.WithCancel(b.Context())
		for _, cookie := range cookies {
			w.follow(ctx, cookie)
		}
		w.rss() // until what opening them cost is over
		before = w.worked()
		all := w.rss()
		open := w.worked() - before
		leave()
		b.ReportMetric(float64(none)/1024, "MB-without-pages")
		b.ReportMetric(float64(all-none)/pages, "kB-a-page")
		b.ReportMetric(float64(idle.Milliseconds()), "cpu-ms-in-10-s-without-pages")
		b.ReportMetric(float64(open.Milliseconds()), "cpu-ms-in-10-s-with-pages")
	}
}

// addPages writes logins that are under way into the stopped bridge's log, and
// sessions of browsers for them into its vault. It returns their cookies.
func (w *world) addPages(n int) (cookies []vault.Secret) {
	w.t.Helper()
	ctx := w.ctx(5 * time.Minute)
	j, v, closeStore := w.openStore(ctx)
	defer closeStore()
	if err := v.Claim(ctx); err != nil {
		w.t.Fatal(err)
	}
	for i := range n {
		uid, attempt := events.NewUID(), events.NewAttemptID()
		e := events.Event{
			ID: events.NewEventID(), Aggregate: events.Aggregate{Stream: events.Auth, UID: uid}, Time: time.Now(), Actor: events.BySystem,
			Fact: &events.LoginStarted{
				Attempt: attempt, Method: events.MethodPhone, Channel: events.ChannelWeb, Deadline: time.Now().Add(time.Hour),
				Sealed: events.RoomFacts{User: events.MatrixID(fmt.Sprintf("@page%d:%s", i, homeName))},
			},
		}
		if _, err := j.Append(ctx, e, 0); err != nil {
			w.t.Fatal(err)
		}
		cookie, err := v.OpenBrowser(ctx, vault.Browser{User: uid, Attempt: attempt}, 5*time.Minute)
		if err != nil {
			w.t.Fatal(err)
		}
		cookies = append(cookies, cookie)
	}
	return cookies
}

// follow opens a page and has it follow its login, until ctx ends.
func (w *world) follow(ctx context.Context, cookie vault.Secret) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	get := func(path string) *http.Response {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.page+path, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: "__Host-natsgram", Value: cookie.Reveal()})
		resp, err := client.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			w.t.Fatalf("%s: %v, %v", path, resp, err)
		}
		return resp
	}
	page := get("/login")
	_, err := io.Copy(io.Discard, page.Body)
	_ = page.Body.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	updates := get("/updates")
	if line, err := bufio.NewReader(updates.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "event:") {
		w.t.Fatalf("%q, %v", line, err)
	}
	w.t.Cleanup(func() { _ = updates.Body.Close() })
}

// worked is how long the bridge has used a processor.
func (w *world) worked() time.Duration {
	w.t.Helper()
	w.mu.Lock()
	pid := w.bridge.Process.Pid
	w.mu.Unlock()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		w.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	ticks := 0
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			w.t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
