package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gotd/td/tgerr"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// A login by QR code has no answers to type. The right one is a scan; of wrong
// ones there is whatever is typed, and a scan that Telegram no longer takes. That
// it says only if the account is at home in another data centre.

// scanner makes an actor with two telephones, one in each data centre.
func (c *cast) scanner(name string) *actor {
	a := c.actor(name, telegramtest.UserSpec{DC: 4})
	other := c.w.tg.AddUser(telegramtest.UserSpec{Phone: a.phone[:len(a.phone)-3] + "888", FirstName: "Another"})
	a.telephones = []telegramtest.UserID{a.user, other}
	return a
}

// beginQR asks for a code to scan.
func (a *actor) beginQR() {
	a.w.t.Helper()
	a.scanned = len(pictures(a.c.Room(a.room)))
	a.order("login qr", "QR code to scan", "login_started qr")
}

// scan has a telephone take the newest code, once there is one that it has not seen.
func (a *actor) scan(with telegramtest.UserID) {
	a.w.t.Helper()
	a.w.picture(a.c, a.room, a.scanned+1)
	err := waitUntil(a.w.ctx(time.Minute), func() bool {
		a.scanned = len(pictures(a.c.Room(a.room)))
		return a.w.tg.ScanQR(with, a.w.read(a.c, a.room)) == nil
	})
	if err != nil {
		a.w.t.Fatalf("%s: no code could be scanned", a.name)
	}
}

// happyQR goes through all of it.
func (a *actor) happyQR() {
	a.w.t.Helper()
	a.beginQR()
	a.scanIn()
}

// scanIn scans the code, and is in.
func (a *actor) scanIn() {
	a.w.t.Helper()
	a.scan(a.user)
	a.w.hear(a.c, a.room, asked(""))
	a.note("login_succeeded qr qr")
	a.active = true
}

// expiringQR drives all refusals of a code to show, and stays with one that
// nobody scans. No other code may be asked for meanwhile: Telegram's refusal
// can't be meant for one user who is not known yet.
func (c *cast) expiringQR() *actor {
	a := c.scanner("late qr")
	c.do(func() {
		a.enter()
		a.exportRows()
		a.wants = append(a.wants, "login_failed timed_out qr")
	})
	return a
}

// qrRows are the rows for a call of a login by QR code. Each but the refusals of
// a scan costs a login, so that of those in no table one is enough.
func qrRows(call string) []telegram.Refusal {
	return slices.DeleteFunc((refused{call: call}).rows(), func(r telegram.Refusal) bool { return r.Code == 406 })
}

func (a *actor) exportRows() {
	w := a.w
	w.t.Helper()
	const call = "auth.exportLoginToken"
	for _, row := range qrRows(call) {
		fault := telegramtest.Fault{Method: call, Times: 1, Err: tgerr.New(row.Code, row.Error)}
		if row.Code == 420 { // and all that is tried again without a word
			w.tg.Inject(telegramtest.Fault{Method: call, Times: 1, Err: tgerr.New(500, "INTERNAL")})
			w.tg.Inject(telegramtest.Fault{Method: call, Times: 1, Drop: telegramtest.DropBefore})
		}
		w.tg.Inject(fault)
		a.beginQR()
		w.hear(a.c, a.room, refusalWords(row))
		switch {
		case row.Final:
			a.note(strings.Join([]string{"login_failed refused", string(row.Reason), row.Error, "requesting_qr"}, " "))
		case row.Code == 420:
			a.note("qr_rejected flood_wait FLOOD_WAIT qr")
			w.picture(a.c, a.room, a.scanned+1)
		default:
			a.note("qr_rejected "+string(row.Reason)+" "+row.Error+" phone", "login_failed cancelled phone")
			w.ask(a.c, a.room, "cancel", "cancelled")
		}
	}
}

// playsQR is a login by QR code in all the ways that need no trouble, and each
// refusal of a scan.
func (c *cast) playsQR() {
	a := c.scanner("player qr")
	c.do(func() {
		a.enter()
		a.beginQR()
		a.w.picture(a.c, a.room, 1)
		a.order("cancel", "cancelled", "login_failed cancelled qr")
		a.beginQR()
		a.w.picture(a.c, a.room, a.scanned+1)
		a.tell(fmt.Sprintf("canary of %s, who types", a.name), "There is nothing to type", "input_refused not_understood")
		a.scanIn()
		a.logsOut()
		a.happyQR()
	})
	r := c.scanner("refused importlogintoken")
	c.do(func() {
		r.enter()
		r.importRows()
	})
}

func (a *actor) logsOut() {
	a.w.t.Helper()
	a.order("logout", "You are logged out", "logout_requested", "session_ended user")
	a.active = false
}

// importRows has Telegram refuse a scan with each row of the table, the first
// time until the bridge has enough. After each scan the login is in the data
// centre of the telephone, so that the other one scans next.
func (a *actor) importRows() {
	w := a.w
	w.t.Helper()
	const call = "auth.importLoginToken"
	turn, tries := 0, 0
	refuse := func(row telegram.Refusal, words string) {
		who := a.telephones[turn%2]
		turn++
		cancel, hits := w.tg.Inject(telegramtest.Fault{Method: call, User: who, Err: tgerr.New(row.Code, row.Error)})
		defer cancel()
		a.scan(who)
		w.hear(a.c, a.room, words)
		if hits() == 0 {
			w.t.Errorf("%s was not refused with %s", call, row.Error)
		}
	}
	begin := func() { turn, tries = 0, 0; a.beginQR() }
	begin()
	limit := true
	for _, row := range qrRows(call) {
		switch {
		case row.Code == 420:
			continue
		case row.Reason != events.BadQR:
			refuse(row, refusalWords(row))
			a.note("qr_rejected " + string(row.Reason) + " " + row.Error + " phone")
			a.order("cancel", "cancelled", "login_failed cancelled phone")
			begin()
			continue
		}
		refuse(row, refusalWords(row))
		a.note("qr_rejected qr_invalid " + row.Error + " qr")
		if tries++; tries < conformTries-1 {
			continue
		}
		if limit {
			refuse(row, "wrong too often")
			a.note("login_failed too_many_tries " + row.Error + " requesting_qr")
		} else {
			w.picture(a.c, a.room, a.scanned+1)
			a.order("cancel", "cancelled", "login_failed cancelled qr")
		}
		limit = false
		begin()
	}
	// What is waited for, and what is tried again without a word: it comes in.
	for _, f := range []telegramtest.Fault{{Err: tgerr.New(420, "FLOOD_WAIT_1")}, {Err: tgerr.New(500, "INTERNAL")}, {Drop: telegramtest.DropBefore}} {
		f.Method, f.Times, f.User = call, 1, a.user
		w.tg.Inject(f)
	}
	a.scan(a.user)
	w.hear(a.c, a.room, "Telegram asks us to wait")
	w.hear(a.c, a.room, asked(""))
	a.note("qr_rejected flood_wait FLOOD_WAIT qr", "login_succeeded qr qr")
	a.active = true
}

// standingQR brings somebody to where a code is to be scanned.
func (c *cast) standingQR() *actor {
	a := c.scanner("stander qr")
	c.do(func() {
		a.enter()
		a.beginQR()
		a.w.picture(a.c, a.room, 1)
	})
	return a
}

// shownTo are the messages with codes that an actor was shown.
func (a *actor) shownTo() []id.EventID {
	a.w.t.Helper()
	return slices.DeleteFunc(a.w.shown(), func(m id.EventID) bool { return a.c.Room(a.room).Event(m) == nil })
}
