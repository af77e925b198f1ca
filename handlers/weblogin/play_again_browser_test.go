package weblogin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/weblogin/weblogintest"
)

// unreachedAndLed is true when the page says that nobody answered, and has led
// there.
const unreachedAndLed = `document.activeElement.id === "unreached" && document.activeElement.innerText.includes("can't be reached")`

func playUnreached(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	s.refuses("/answer", 1_000) // the browser itself tries again
	s.on("/answer", func(now *input) { *now = at(events.StepCode, codeBy(events.RouteApp, "", 0)) })
	tab.Go(s.url + "/login")
	tab.Text("window.stays = 1")
	tab.Fill("#phone", "+44 7911 123456")
	tab.Click(".answer .main")
	tab.Await(unreachedAndLed)
	for expression, want := range map[string]string{
		"document.querySelector('#unreached').getAttribute('role')": "alert",
		"document.querySelector('#phone').value":                    "+44 7911 123456",
		"document.querySelector('.main').hasAttribute('aria-busy') || document.querySelector('.main').hasAttribute('aria-disabled')": "false",
		"location.pathname": "/login",
	} {
		if got := tab.Text(expression); got != want {
			t.Errorf("%s: %s", expression, got)
		}
	}
	tab.Sound("unreached")
	s.refuses("/answer", 0)
	s.mu.Lock()
	s.instead["/answer"] = func(w http.ResponseWriter) { http.Error(w, "<h1>502 of a proxy</h1>", http.StatusBadGateway) }
	s.mu.Unlock()
	tab.Text("document.querySelector('#unreached').id = 'former'")
	tab.Click(".answer .main")
	tab.Await(unreachedAndLed)
	s.mu.Lock()
	delete(s.instead, "/answer")
	s.mu.Unlock()
	tab.Click(".answer .main")
	tab.Shows("#code")
	if form, n := s.last(); n != 1 || form.Get("phone") != "+44 7911 123456" || tab.Text("window.stays") != "1" || tab.Text("document.querySelector('#unreached')") != "null" {
		t.Errorf("%d forms, the last %v", n, form)
	}
}

// playAnotherLink pastes a link into the address of a page that stands at it.
func playAnotherLink(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	another := strings.Repeat("another-link", 4)
	tab.Go(s.url + "/link")
	tab.Text("window.stays = 1")
	tab.Do(`location.hash = "` + linkToken + `"`)
	tab.Await(`document.querySelector("#token").value === "` + linkToken + `"`)
	tab.Do(`location.hash = "` + another + `"`)
	tab.Await(`document.querySelector("#token").value === "` + another + `" && location.href === "` + s.url + `/link"`)
	if tab.Text("window.stays") != "1" {
		t.Error("the page was loaded anew")
	}
	s.mu.Lock()
	s.deadLinks = true
	s.mu.Unlock()
	tab.Click("form[action='/link'] .main")
	tab.Await(`document.title.includes("can't be used")`)
	tab.Do(`location.hash = "` + linkToken + `"`)
	tab.Until(`document.querySelector("#token")?.value === "`+linkToken+`"`, nil)
	if url := tab.Text("location.href"); url != s.url+"/link" {
		t.Errorf("the address keeps the token: %s", url)
	}
	tab.Click("form[action='/link'] .main")
	tab.Until(`document.title.includes("can't be used")`, nil)
	if form, n := s.last(); n != 2 || form.Get("token") != linkToken {
		t.Errorf("%d forms, the last %v", n, form)
	}
}

// playMissed has something happen between a form's answer and its arrival.
func playMissed(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepCode, codeBy(events.RouteApp, "", 0)))
	s.held["/answer"] = make(chan error)
	old := at(events.StepCode, codeBy(events.RouteApp, "", 0), refused(events.StepCheckingCode, events.BadCode))
	s.instead["/answer"] = func(w http.ResponseWriter) { s.show(w, viewOf(old)) }
	tab.Go(s.url + "/login")
	tab.Shows("main[data-version='7']")
	tab.Fill("#code", "12345")
	tab.Click(".answer .main")
	tab.Await(`document.querySelector(".main").getAttribute("aria-busy") === "true"`)
	tab.Do(`window.told = 0; new EventSource("/updates").addEventListener("change", () => { window.told++ })`)
	tab.Await("window.told === 1")
	s.turn(at(events.StepPassword))
	tab.Await("window.told === 2")
	close(s.held["/answer"])
	tab.Shows("#password")
}

// playRetry breaks the page's own request for what has changed.
func playRetry(t *testing.T, tab *weblogintest.Tab) {
	s := newStage(t, at(events.StepPhone))
	tab.Go(s.url + "/login")
	tab.Await(`document.readyState === "complete"`)
	s.refuses("/login", 2)
	s.turn(at(events.StepPassword))
	tab.Shows("#password")
	if left := s.broken("/login"); left != 0 {
		t.Errorf("the page was asked for only %d times", 3-left)
	}
}
