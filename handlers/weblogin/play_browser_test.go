package weblogin

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/weblogin/weblogintest"
	"github.com/natsgram/natsgram/projections"
)

// TestPlay drives the page in a browser.
func TestPlay(t *testing.T) {
	browser := weblogintest.Start(t)
	for name, play := range map[string]func(*testing.T, *weblogintest.Tab){
		"a link's token leaves the address":       playLanding,
		"a refusal is led to, what is typed kept": playRefusal,
		"nothing but forms without script":        playPlainly,
		"what is no page is asked for plainly":    playFallback,
		"a bridge out of reach is told":           playUnreached,
		"a new link in an open page is taken up":  playAnotherLink,
		"what was missed is loaded later":         playMissed,
		"a page that failed to come is asked for": playRetry,
		"what happens elsewhere is followed":      playFollow,
		"a wait ends by itself":                   playWait,
		"a page about to close can be kept":       playClosing,
		"a password can be looked at":             playReveal,
		"all is reached by keyboard":              playKeyboard,
		"a form on its way is not sent twice":     playBusy,
	} {
		t.Run(name, func(t *testing.T) {
			tab := browser.Open(t)
			tab.Look(390, 844, "light")
			play(t, tab)
			for _, b := range tab.Breaches() {
				if !strings.Contains(b, "net::ERR_EMPTY_RESPONSE") {
					t.Error(b)
				}
			}
		})
	}
}

const linkToken = "dG9rZW4tb2YtdGhpcnR5LXR3by1ieXRlcy1mb3ItYS1saW5r"

func playLanding(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	tab.Go(s.url + "/link#" + linkToken)
	tab.Await(`document.querySelector("#token").value !== ""`)
	if url := tab.Text("location.href"); url != s.url+"/link" {
		t.Errorf("the address keeps the token: %s", url)
	}
	if tab.Text(`document.querySelector("#token-field").hidden`) != "true" {
		t.Error("the field is to be seen")
	}
	if _, n := s.last(); n != 0 {
		t.Error("the link was used without a click")
	}
	tab.Sound("landing")
	tab.Click("form[action='/link'] .main")
	tab.Await(`location.pathname === "/login"`)
	if form, _ := s.last(); form.Get("token") != linkToken {
		t.Errorf("sent: %v", form)
	}
}

func playRefusal(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	s.on("/answer", func(now *input) { *now = at(events.StepPhone, refused(events.StepPhone, events.CountryMissing)) })
	tab.Go(s.url + "/login")
	tab.Text("window.stays = 1")
	tab.Fill("#phone", "07911 123456")
	tab.Click(".answer .main")
	tab.Await(`document.activeElement.id === "summary"`)
	for expression, want := range map[string]string{
		"document.querySelector('#phone').value": "07911 123456",
		"window.stays":                           "1", // no other page was loaded
		"document.title.slice(0, 6)":             "Error:",
		"document.querySelector('#phone').getAttribute('aria-invalid')":                                                      "true",
		"document.getElementById(document.querySelector('#phone').getAttribute('aria-describedby').split(' ')[0]).className": "error",
	} {
		if got := tab.Text(expression); got != want {
			t.Errorf("%s: %s", expression, got)
		}
	}
	tab.Click("#summary a")
	tab.Await(`document.activeElement.id === "phone"`)
	tab.Sound("refused")
	form, _ := s.last()
	if form.Get("phone") != "07911 123456" || form.Get("form") != "form-token" || form.Get("step") != "phone" {
		t.Errorf("sent: %v", form)
	}
	s.on("/choose", func(now *input) { *now = at(events.StepToken, method(events.MethodBot)) })
	tab.Click("button[value=bot]")
	tab.Await(`document.activeElement.id === "title" && document.querySelector("#token")`)
	if form, _ := s.last(); form.Get("method") != "bot" {
		t.Errorf("chosen: %v", form)
	}
}

func playPlainly(t *testing.T, tab *weblogintest.Tab) {
	tab.Scripts(false)
	s := newStage(t, at(events.StepPhone))
	s.on("/answer", func(now *input) { *now = at(events.StepCode, codeBy(events.RouteSMS, events.RouteCall, time.Minute)) })
	s.on("/resend", func(now *input) {
		*now = at(events.StepCode, codeBy(events.RouteSMS, events.RouteCall, time.Minute), refused(events.StepResendingCode, events.ResendWait))
	})
	s.on("/choose", func(now *input) { *now = at(events.StepQR, method(events.MethodQR)) })
	tab.Go(s.url + "/link#" + linkToken)
	tab.Fill("#token", s.url+"/link#"+linkToken)
	tab.Click("form[action='/link'] .main")
	tab.Fill("#phone", "+44 7911 123456")
	tab.Click(".answer .main")
	tab.Shows("#code")
	tab.Click(".resend button")
	tab.Shows("#resend-error")
	tab.Click(".back button")
	tab.Shows("[data-plain] a[href='/login']")
	if form, n := s.last(); n != 4 || form.Get("method") != "phone" {
		t.Errorf("%d forms, the last %v", n, form)
	}
}

func playFallback(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	s.instead["/answer"] = func(w http.ResponseWriter) { _, _ = w.Write([]byte("<p>Not the bridge's</p>")) }
	s.on("/answer", func(now *input) { *now = at(events.StepCode, codeBy(events.RouteApp, "", 0)) })
	tab.Go(s.url + "/login")
	tab.Text("window.stays = 1")
	tab.Fill("#phone", "+44 7911 123456")
	tab.Click(".answer .main")
	tab.Shows("#code")
	if form, n := s.last(); n != 1 || form.Get("phone") != "+44 7911 123456" || tab.Text("window.stays") != "undefined" {
		t.Errorf("%d forms, the last %v", n, form)
	}
}

func playFollow(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	s.refuse["/updates"] = 1 // it asks again
	tab.Go(s.url + "/login")
	tab.Fill("#phone", "+44 79")
	tab.Shows("main[data-version='7']")
	s.turn(at(events.StepPhone, func(in *input, _ *projections.Attempt) { in.Stale = true }))
	tab.Shows("main[data-version='8'] .note")
	if value, focus := tab.Text("document.querySelector('#phone').value"), tab.Focused(); value != "+44 79" || focus != "input#phone" {
		t.Errorf("the same step: %q is typed, %s has the focus", value, focus)
	}
	s.turn(at(events.StepPassword))
	tab.Shows("#password")
	tab.Await(`document.activeElement.id === "title"`)
	if typed := tab.Text("document.querySelector('#password').value"); typed != "" {
		t.Errorf("the password field holds %q", typed)
	}
	s.turn(over(projections.Over{Login: "l", Method: events.MethodPhone}, liddell))
	tab.Shows(".mark.good")
	tab.Sound("done")
}

func playWait(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone, refused(events.StepRequestingCode, events.FloodWait), func(_ *input, a *projections.Attempt) {
		a.RetryAt = noon.Add(2 * time.Second)
	}))
	tab.Go(s.url + "/login")
	tab.Fill("#phone", "+44 7911 123456")
	if off := tab.Text(`document.querySelector(".main").getAttribute("aria-disabled")`); off != "true" {
		t.Errorf("the button is disabled: %s", off)
	}
	tab.Click(".answer .main")
	if _, n := s.last(); n != 0 {
		t.Error("the form was sent before its time")
	}
	tab.Await(`!document.querySelector(".main").hasAttribute("aria-disabled")`)
	tab.Click(".answer .main")
	tab.Await(`document.activeElement.id === "summary"`)
	if _, n := s.last(); n != 1 {
		t.Errorf("%d forms", n)
	}
}

func playClosing(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone, func(in *input, _ *projections.Attempt) { in.Closes = noon.Add(61 * time.Second) }))
	s.on("/stay", func(now *input) { *now = at(events.StepPhone) })
	tab.Go(s.url + "/login")
	if tab.Text(`document.querySelector("#closing").hidden`) != "true" {
		t.Error("warned too early")
	}
	tab.Fill("#phone", "+44 7911 123456")
	tab.Shows("#closing")
	if said := tab.Text(`document.querySelector("#announce").textContent`); !strings.Contains(said, "about to close") {
		t.Errorf("announced: %q", said)
	}
	tab.Sound("closing")
	tab.Click("#closing button")
	tab.Await(`document.querySelector("#closing").hidden`)
	if value := tab.Text("document.querySelector('#phone').value"); value != "+44 7911 123456" {
		t.Errorf("what was typed is gone: %q", value)
	}
}

func playReveal(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPassword))
	tab.Go(s.url + "/login")
	tab.Fill("#password", "correct horse")
	tab.Click(".reveal button")
	if kind := tab.Text("document.querySelector('#password').type"); kind != "text" {
		t.Errorf("the password is a field of type %s", kind)
	}
	tab.Sound("revealed")
	tab.Click(".reveal button")
	if kind := tab.Text("document.querySelector('#password').type"); kind != "password" {
		t.Errorf("the password is a field of type %s", kind)
	}
}

func playKeyboard(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	tab.Go(s.url + "/login")
	for _, want := range []string{
		"a Skip to the content", "input#phone", "button Request code", "button Use bot token", "button Use QR code",
		"button Register a new account", "button Cancel this login",
	} {
		tab.Tabulate()
		if got := tab.Focused(); got != want {
			t.Errorf("the tabulator leads to %q, not %q", got, want)
		}
		if outline := tab.Text("getComputedStyle(document.activeElement).outlineStyle"); outline == "none" {
			t.Errorf("the focus on %q is not to be seen", want)
		}
	}
	s.on("/cancel", func(now *input) { *now = over(projections.Over{Reason: events.FailedCancelled}) })
	tab.Press("\r")
	tab.Await(`document.activeElement.id === "title" && document.title.includes("ended")`)
}

func playBusy(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepCode, codeBy(events.RouteApp, "", 0)))
	s.held["/answer"] = make(chan error)
	s.on("/answer", func(now *input) { *now = at(events.StepPassword) })
	tab.Go(s.url + "/login")
	tab.Fill("#code", "12345")
	tab.Click(".answer .main")
	tab.Await(`document.querySelector(".main").getAttribute("aria-busy") === "true"`)
	tab.Click(".answer .main")
	if said := tab.Text(`document.querySelector("#announce").textContent`); !strings.Contains(said, "please wait") {
		t.Errorf("announced: %q", said)
	}
	s.turn(at(events.StepPassword)) // its news comes before the form's own answer
	close(s.held["/answer"])
	tab.Shows("#password")
	if _, n := s.last(); n != 1 {
		t.Errorf("the form was sent %d times", n)
	}
}
