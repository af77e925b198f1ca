package weblogin

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// TestEveryRefusalStandsBesideItsField holds that what is wrong is said where it
// can be put right.
func TestEveryRefusalStandsBesideItsField(t *testing.T) {
	registering := method(events.MethodRegister)
	for _, c := range []struct {
		step, from events.Step
		why        events.Refusal
		field      string
		beside     bool
		change     func(*input, *projections.Attempt)
	}{
		{events.StepPhone, events.StepPhone, events.PhoneTooShort, "phone", true, nil},
		{events.StepPhone, events.StepRequestingCode, events.PhoneBanned, "phone", true, nil},
		{events.StepPhone, events.StepCheckingCode, events.CodeExpired, "phone", false, nil},
		{events.StepPhone, events.StepPhone, events.BadName, "first", true, registering},
		{events.StepPhone, events.StepPhone, events.PhoneTooLong, "phone", true, registering},
		{events.StepToken, events.StepCheckingToken, events.BadToken, "token", true, nil},
		{events.StepCode, events.StepCheckingCode, events.BadCode, "code", true, nil},
		{events.StepCode, events.StepResendingCode, events.ResendWait, "resend", true, nil},
		{events.StepCode, events.StepResendingCode, events.NoOtherRoute, "resend", true, nil},
		{events.StepPassword, events.StepCheckingPassword, events.BadPassword, "password", true, nil},
		{events.StepName, events.StepSigningUp, events.BadName, "first", true, registering},
		{events.StepTerms, events.StepTerms, events.NotUnderstood, "accept", true, registering},
		{events.StepQR, events.StepRequestingQR, events.BadQR, "content", false, nil},
		{events.StepPairing, events.StepPairing, events.BadPairing, "content", false, nil},
	} {
		in := at(c.step, refused(c.from, c.why))
		if c.change != nil {
			c.change(&in, in.User.Attempt)
		}
		p := viewOf(in).Problem
		if p == nil || p.Field != c.field || p.Beside != c.beside {
			t.Errorf("%s of %s at %s: %+v", c.why, c.from, c.step, p)
		}
	}
}

func TestMethodsOffered(t *testing.T) {
	for name, c := range map[string]struct {
		in   input
		want string
	}{
		"by phone":  {at(events.StepPhone), "bot qr register"},
		"by token":  {at(events.StepToken, method(events.MethodBot)), "phone qr register"},
		"register":  {at(events.StepPhone, method(events.MethodRegister)), "phone bot qr"},
		"to revive": {at(events.StepPhone, func(_ *input, a *projections.Attempt) { a.Login = "l" }), "bot qr"},
		"with code": {at(events.StepCode), ""},
	} {
		var got []string
		for _, m := range viewOf(c.in).Methods {
			got = append(got, string(m))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
	if back := viewOf(at(events.StepCode, method(events.MethodRegister))).Back; back != events.MethodRegister {
		t.Errorf("back from the code of an account to make: %s", back)
	}
}

// TestTheSoonerEndIsTold holds that the page warns of the login's end, which
// can't be put off, when that comes before its own.
func TestTheSoonerEndIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*input, *projections.Attempt)
		ends   time.Duration
		stay   bool
	}{
		"idle":     {func(*input, *projections.Attempt) {}, 5 * time.Minute, true},
		"longest":  {func(in *input, _ *projections.Attempt) { in.Fixed = true }, 5 * time.Minute, false},
		"deadline": {func(_ *input, a *projections.Attempt) { a.Deadline = noon.Add(time.Minute) }, time.Minute, false},
	} {
		got := viewOf(at(events.StepPhone, c.change)).Closing
		if got == nil || !got.Moment.At.Equal(noon.Add(c.ends)) || got.Stay != c.stay {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestLinksStayUnderThePath renders every page of a site that has a path.
func TestLinksStayUnderThePath(t *testing.T) {
	f, err := newFace("/telegram")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
	inline := regexp.MustCompile(`<[^>]* (?:on[a-z]+|style)=|<style|<no value>|ZgotmplZ`)
	allowed := []string{"/telegram/", "#", "tg://login?token=", "https://fragment.com/"}
	for name, v := range fixtures() {
		v.Base = "/telegram"
		w := httptest.NewRecorder()
		if err := f.render(w, http.StatusOK, v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, found := range link.FindAllStringSubmatch(w.Body.String(), -1) {
			if !slices.ContainsFunc(allowed, func(start string) bool { return strings.HasPrefix(found[1], start) }) {
				t.Errorf("%s links to %q", name, found[1])
			}
		}
		if found := inline.FindString(w.Body.String()); found != "" {
			t.Errorf("%s holds %s", name, found)
		}
	}
}

func TestAssetsNeverChangeUnderTheirName(t *testing.T) {
	f := newTestFace(t)
	if len(f.assets) != 3 {
		t.Errorf("%d assets", len(f.assets))
	}
	for name, a := range f.assets {
		w := httptest.NewRecorder()
		f.static().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/static/"+name, nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != a.kind || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	w := httptest.NewRecorder()
	f.static().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/static/page.css", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("a name without hash: %d", w.Code)
	}
}
