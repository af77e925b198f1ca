package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// TestPageRefusals is each refusal of Telegram's as the login page tells it, and
// every way to go wrong or back on it.
func TestPageRefusals(t *testing.T) {
	w := newWebWorld(t, telegramtest.Options{CodeTimeout: 1, DCs: 2, QRLife: 55 * time.Second})
	w.tg.SetTerms(telegramtest.Terms{ID: `{"v":7}`, Text: "Do not send spam.", MinAge: 16})
	w.setConfig(`max_tries: 5`, "max_tries: 3")
	w.run()
	c, pages := newCast(w, 6), newTabs(t, 6)
	c.exportsOnPage(pages)
	c.done() // nobody else may ask for a code meanwhile
	c.refusalsOnPage(pages)
	c.importsOnPage(pages)
	for _, m := range webMethods() {
		if m.name == "future token" || m.name == "relogin" {
			continue // as by phone
		}
		c.looks(pages, "turner "+m.name, m, m.name == "password", func(v *visitor) { v.toTheLimit(m); v.fallsBack(m) })
		c.looks(pages, "quitter "+m.name, m, m.name == "phone", func(v *visitor) { v.cancels(m) })
	}
	c.done()
	c.leave(t)
}

// looks has somebody act in the browser with its scripts, or by forms alone.
func (c *cast) looks(pages *tabs, name string, m method, scripts bool, act func(*visitor)) {
	a := c.of(name, m)
	routes := slices.Repeat([]telegramtest.CodeRoute{telegramtest.ViaSMS, telegramtest.ViaCall}, 20)
	c.w.tg.SetCodeRoutes(a.phone, routes...)
	c.do(func() {
		a.enter()
		if scripts {
			pages.at(a, false, act)
		} else {
			pages.onSheet(a, act)
		}
	})
}

// pageRefusal is a row of the table as a call meets it on the page.
type pageRefusal struct {
	refused
	row telegram.Refusal
}

// next is the step at which the login stands after it; empty if it has ended.
func (p pageRefusal) next() events.Step {
	switch {
	case p.row.Final:
		return ""
	case p.row.Next == events.StepPhone && p.step != events.StepToken, p.row.Next == events.StepCode:
		return p.row.Next
	default:
		return p.step
	}
}

// linked reports whether the next row wants another link: the login has ended, or
// has to, because the way back to the call is another one.
func (p pageRefusal) linked() bool {
	return p.row.Final || p.step == events.StepName && p.next() != p.step
}

// key names the page's words for it, and whether they stand by themselves.
func (p pageRefusal) keys() []string {
	key := "refusal." + string(p.row.Reason)
	if p.row.Final {
		key = "ended." + string(p.row.Reason)
	}
	if p.row.Code == 420 {
		return []string{key, key + ".over"}
	}
	return []string{key}
}

// field is the ID of what the words stand beside; empty if the answer that was
// refused is no longer on the page.
func (p pageRefusal) field() string {
	switch {
	case p.next() != p.step:
		return ""
	case p.row.Reason == events.ResendWait || p.row.Reason == events.NoOtherRoute:
		return "resend"
	case p.step == events.StepName:
		return "first"
	default:
		return string(p.step)
	}
}

// refusalsOnPage drives each row of the table through the page: the first of a
// reason in a browser with its scripts, the others, which are told alike, by the
// page's forms. There are as many people for a call as it takes links.
func (c *cast) refusalsOnPage(pages *tabs) {
	seen := map[string]bool{}
	for _, r := range refusedCalls() {
		m := webMethods()[slices.IndexFunc(webMethods(), func(m method) bool { return m.name == r.method })]
		name := "page " + strings.ToLower(r.call) + map[bool]string{true: " any"}[r.any]
		rows := map[bool][]pageRefusal{} // by whether there are scripts
		for _, row := range r.rows() {
			p := pageRefusal{r, row}
			reason := p.keys()[0]
			rows[!seen[reason]] = append(rows[!seen[reason]], p)
			seen[reason] = true
		}
		for scripts, rows := range rows {
			for i, share := range shares(rows) {
				c.looks(pages, fmt.Sprintf("%s %d %v", name, i, scripts), m, scripts, func(v *visitor) {
					at := v.meetsAll(share, m)
					switch {
					case i == 0 && !scripts:
						v.meetsTrouble(r, m, at)
					case at != "":
						v.cancel(at)
					}
				})
			}
		}
	}
}

// meetsAll meets one refusal after the other, and returns the step at which the
// login stands then.
func (v *visitor) meetsAll(rows []pageRefusal, m method) (at events.Step) {
	v.w.t.Helper()
	for _, row := range rows {
		at = v.meets(row, m, at)
	}
	return at
}

// shares are the rows of a call, no more together than a user has links for.
func shares(rows []pageRefusal) (all [][]pageRefusal) {
	links := 0
	for i, p := range rows {
		if i == 0 || links == 2 && p.linked() {
			all, links = append(all, nil), 0
		}
		if p.linked() {
			links++
		}
		all[len(all)-1] = append(all[len(all)-1], p)
	}
	return all
}

// reaches brings a login that stands at a step, or none, to that of a call.
func (v *visitor) reaches(r refused, m method, at events.Step) {
	v.w.t.Helper()
	if at == "" {
		v.begin(m)
		at = m.steps[0]
	}
	if at == r.step {
		return
	}
	to := slices.Index(m.steps, r.step)
	if r.step == events.StepName {
		to = len(m.steps) - 1 // the name was given before: the call comes after the terms
	}
	v.answers(m, slices.Index(m.steps, at), to)
	if r.checking == events.StepResendingCode && v.plain {
		v.untilTime(time.Now().Add(time.Second))
	}
}

// asks has the bridge make the call.
func (v *visitor) asks(r refused, m method) (submits string) {
	v.w.t.Helper()
	step := r.step
	switch {
	case r.checking == events.StepResendingCode:
		v.shows("code")
		v.press("#resend button")
		return "resend_requested web"
	case step == events.StepName && v.stands() != "name":
		step = m.steps[len(m.steps)-1]
	}
	v.shows(string(step))
	v.give(step, v.right(step))
	return submitted(step) + " web"
}

// meets has Telegram refuse the call, reads what the page says to it, and returns
// the step at which the login stands then.
func (v *visitor) meets(p pageRefusal, m method, at events.Step) events.Step {
	v.w.t.Helper()
	v.reaches(p.refused, m, at)
	fault := telegramtest.Fault{Method: p.call, Phone: v.phone, Err: tgerr.New(p.row.Code, p.row.Error)}
	if p.step == events.StepPassword || p.step == events.StepToken {
		fault.User, fault.Phone = v.user, ""
	}
	cancel, hits := v.w.tg.Inject(fault)
	defer cancel()
	v.note(v.asks(p.refused, m))
	if p.row.Final {
		v.ends(p.keys()[0])
		v.note(strings.Join([]string{"login_failed refused", string(p.row.Reason), p.row.Error, string(p.checking)}, " "))
	} else {
		v.reproved(p.field(), p.next(), p.keys()...)
		v.note(strings.Join([]string{p.rejected, string(p.row.Reason), fault.Err.Type, string(p.next())}, " "))
	}
	if hits() == 0 {
		v.w.t.Errorf("%s was not refused with %s", p.call, p.row.Error)
	}
	if p.row.Code == 420 && v.plain {
		v.untilTime(time.Now().Add(time.Second))
	}
	if p.linked() && !p.row.Final {
		v.cancel(p.next())
	}
	if p.linked() {
		return ""
	}
	return p.next()
}

// reproved reads what is wrong: above, and beside the field if it is there.
func (v *visitor) reproved(field string, at events.Step, keys ...string) {
	v.w.t.Helper()
	v.has(fmt.Sprintf("main[data-step=%q] #summary", at))
	v.saysOne("#summary", keys)
	if title := v.Reads("title"); !strings.HasPrefix(title, "Error: ") {
		v.w.t.Errorf("%s: the title %q says nothing of the error", v.name, title)
	}
	beside := strings.Join(v.Attributes(".error", "id"), ",")
	want := ""
	if field != "" {
		want = field + "-error"
		v.saysOne("#"+want, keys)
	}
	if beside != want {
		v.w.t.Errorf("%s: %s is said beside %q, not %q", v.name, keys[0], beside, want)
	}
	if input := fmt.Sprintf("input[id=%q]", field); v.Has(input) && !v.Has(input+`[aria-invalid="true"]`) {
		v.w.t.Errorf("%s: the field %s does not say that it is wrong", v.name, field)
	}
	v.sound("refused at " + string(at))
}

// saysOne holds an element against several texts of the page.
func (v *visitor) saysOne(selector string, keys []string) {
	v.w.t.Helper()
	got := v.reads(selector)
	if !slices.ContainsFunc(keys, func(key string) bool { return v.pages.words(key).MatchString(got) }) {
		v.w.t.Errorf("%s: %s says %q, not %s", v.name, selector, got, keys[0])
	}
}

// ends reads why the login is over.
func (v *visitor) ends(key string) {
	v.w.t.Helper()
	v.shows("failed")
	v.says("main", key)
	v.sound("failed")
}

// cancel gives up on the page.
func (v *visitor) cancel(at events.Step) {
	v.w.t.Helper()
	v.shows(string(at))
	v.press("form.cancel button")
	v.ends("failure.cancelled")
	v.w.hear(v.c, v.room, "cancelled")
	v.note("login_failed cancelled " + string(at) + " web")
}

// meetsTrouble has the call meet what is tried again without a word; the login
// comes in.
func (v *visitor) meetsTrouble(r refused, m method, at events.Step) {
	v.w.t.Helper()
	v.reaches(r, m, at)
	for _, f := range []telegramtest.Fault{{Err: tgerr.New(500, "INTERNAL")}, {Drop: telegramtest.DropBefore}} {
		f.Method, f.Times = r.call, 1
		if f.User = v.user; v.token == "" && v.password == "" {
			f.User, f.Phone = 0, v.phone
		}
		v.w.tg.Inject(f)
	}
	if r.checking == events.StepResendingCode {
		v.note(v.asks(r, m), "code_sent")
	}
	if r.step != events.StepName {
		v.answers(m, slices.Index(m.steps, r.step), len(m.steps))
		return
	}
	v.note(v.asks(r, m), m.done)
	v.comesIn()
}

// toTheLimit gives wrong answers at the last step until the bridge has enough.
func (v *visitor) toTheLimit(m method) {
	v.w.t.Helper()
	v.begin(m)
	last := len(m.steps) - 1
	step := m.steps[last]
	if m.makes {
		last, step = 1, events.StepCode // the terms can't be wrong
	}
	v.answers(m, 0, last)
	_, event := noes(step)
	why := strings.Fields(event)
	for range conformTries - 1 {
		v.shows(string(step))
		v.give(step, v.wrong(step))
		v.note(submitted(step)+" web", event)
		v.reproved(string(step), step, "refusal."+why[1])
	}
	v.give(step, v.wrong(step))
	v.ends("failure.too_many_tries")
	v.w.hear(v.c, v.room, "wrong too often")
	checking := map[events.Step]events.Step{
		events.StepCode: events.StepCheckingCode, events.StepPassword: events.StepCheckingPassword, events.StepToken: events.StepCheckingToken,
	}[step]
	v.note(submitted(step)+" web", "login_failed too_many_tries "+why[2]+" "+string(checking))
}

// fallsBack goes back to the beginning from each step, then through to the end.
func (v *visitor) fallsBack(m method) {
	v.w.t.Helper()
	v.begin(m)
	back := events.MethodPhone
	if m.makes {
		back = events.MethodRegister
	}
	for i := 1; i < len(m.steps); i++ {
		v.answers(m, 0, i)
		v.shows(string(m.steps[i]))
		v.press(".back button")
		v.note("method_chosen " + string(back) + " web")
		v.shows("phone")
	}
	v.answers(m, 0, len(m.steps))
}

// cancels gives up at each step that is not the same by another method.
func (v *visitor) cancels(m method) {
	v.w.t.Helper()
	for i, step := range m.steps {
		if i+1 < len(m.steps) && m.name != "phone" && (step == events.StepPhone || step == events.StepCode) {
			continue
		}
		v.begin(m)
		v.answers(m, 0, i)
		v.cancel(step)
	}
}
