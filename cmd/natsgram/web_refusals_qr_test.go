package main

import (
	"strconv"
	"strings"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// exportsOnPage drives the refusals of a code to show. They can't be meant for
// one user who is not known yet.
func (c *cast) exportsOnPage(pages *tabs) {
	const call = "auth.exportLoginToken"
	a := c.scanner("page exportlogintoken")
	c.do(func() {
		a.enter()
		pages.onSheet(a, func(v *visitor) {
			under := false
			for _, row := range qrRows(call) {
				v.wantsQR(under)
				under = v.meetsQR(row, "requesting_qr", telegramtest.Fault{Method: call}, func() { v.choose(events.MethodQR) })
			}
			v.wantsQR(under)
			v.choose(events.MethodQR)
			v.scan()
			v.note("login_succeeded qr qr")
			v.comesIn()
		})
	})
}

// wantsQR brings the visitor to where a code is chosen.
func (v *visitor) wantsQR(under bool) {
	v.w.t.Helper()
	if !under {
		v.order("login", "Open this page to log in", "login_started phone", "web_link_made")
		v.open(v.linkTold())
	}
	if v.stands() == "qr" {
		v.showsQR(1) // while one is being made there is no way back
		v.press(".back button")
		v.note("method_chosen phone web")
	}
	v.shows("phone")
}

// qrNumber is the number of the code that the page shows; 0 if it shows none.
func (v *visitor) qrNumber() int {
	for _, src := range v.Attributes("img.picture", "src") {
		_, number, _ := strings.Cut(src, "n=")
		if n, err := strconv.Atoi(number); err == nil {
			return n
		}
	}
	return 0
}

// meetsQR has Telegram refuse a code, or a scan, and reads what the page says to
// it. It reports whether the login is still under way.
func (v *visitor) meetsQR(row telegram.Refusal, checking string, fault telegramtest.Fault, act func()) bool {
	v.w.t.Helper()
	fault.Times, fault.Err = 1, tgerr.New(row.Code, row.Error)
	cancel, hits := v.w.tg.Inject(fault)
	defer cancel()
	before := v.qrNumber()
	act()
	p := pageRefusal{refused{step: events.StepQR}, row}
	switch {
	case row.Final:
		v.ends(p.keys()[0])
		v.note(strings.Join([]string{"login_failed refused", string(row.Reason), row.Error, checking}, " "))
	case row.Code == 420:
		v.note("qr_rejected flood_wait FLOOD_WAIT qr")
		v.shows("qr") // the words are there for as long as the wait
	case row.Reason == events.BadQR:
		v.note("qr_rejected qr_invalid " + row.Error + " qr")
		v.showsQR(before + 1) // beside which it is said why the one before was refused
		v.has("#summary")
		v.saysOne("#summary", p.keys())
		v.sound("refused at qr")
	default:
		v.note("qr_rejected " + string(row.Reason) + " " + row.Error + " phone")
		v.reproved("", events.StepPhone, p.keys()...)
	}
	if hits() == 0 {
		v.w.t.Errorf("%s was not refused with %s", fault.Method, row.Error)
	}
	return !row.Final
}

// importsOnPage drives the refusals of a scan. After each the login is in the data
// centre of the telephone, also once it was begun anew: the other one scans next.
func (c *cast) importsOnPage(pages *tabs) {
	const call = "auth.importLoginToken"
	a := c.scanner("page importlogintoken")
	c.do(func() {
		a.enter()
		pages.at(a, false, func(v *visitor) {
			turn, tries, under := 0, 0, false
			home := v.user
			for _, row := range qrRows(call) {
				if row.Code == 420 {
					continue
				}
				if turn == 0 || tries == conformTries-1 || row.Reason != events.BadQR {
					v.wantsQR(under)
					v.choose(events.MethodQR)
					v.showsQR(1)
					tries = 0
				}
				v.user = v.telephones[turn%2]
				under = v.meetsQR(row, "requesting_qr", telegramtest.Fault{Method: call, User: v.user}, v.scan)
				turn, tries = turn+1, tries+1
			}
			v.user = home
			v.wantsQR(under)
			v.choose(events.MethodQR)
			for _, f := range []telegramtest.Fault{{Err: tgerr.New(500, "INTERNAL")}, {Drop: telegramtest.DropBefore}} {
				f.Method, f.Times, f.User = call, 1, v.user
				v.w.tg.Inject(f)
			}
			v.scan()
			v.note("login_succeeded qr qr")
			v.comesIn()
		})
	})
}
