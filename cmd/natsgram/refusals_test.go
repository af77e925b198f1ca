package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// refusalWords are the words by which the user knows a refusal: after which the
// login goes on, and by which it ends. Every reason of the table is here.
func refusalWords(r telegram.Refusal) string {
	if r.Final {
		return map[events.Refusal]string{
			events.ConfigError:     "This bridge is not set up right: Telegram refuses it (`" + r.Error + "`), so the login has ended",
			events.SignUpForbidden: "Make the account in an official Telegram app (https://telegram.org/apps)",
			events.PhoneUnknown:    "There is no Telegram account with this number, so the login has ended",
			events.EmailDemanded:   "Telegram wants you to set up an e-mail address",
			events.AccountClosed:   "Telegram has closed this account, so the login has ended",
			events.PhoneOccupied:   "Somebody has made a Telegram account with this number just now",
		}[r.Reason]
	}
	return map[events.Refusal]string{
		events.BadPhone:         "does not take this as a phone number",
		events.PhoneBanned:      "has banned this phone number",
		events.PhoneFlood:       "too many logins with this number",
		events.LoginRestarted:   "wants the login from its beginning (`" + r.Error + "`)",
		events.CodeNotMade:      "could not make a code just now",
		events.NoOtherRoute:     "has no other way to send this code now",
		events.BadCode:          "not the code that Telegram sent",
		events.CodeExpired:      "The code has expired",
		events.BadPassword:      "The password is wrong",
		events.ChallengeExpired: "Telegram did not look at the password",
		events.BadName:          "does not take this as a name",
		events.BadQR:            "no longer takes the QR code that you scanned (`" + r.Error + "`)",
		events.BadToken:         "does not know this token",
		events.SessionLost:      "has lost this login (`" + r.Error + "`), so we begin it anew",
		events.TelegramError:    "Telegram refused with `" + r.Error + "`",
		events.FloodWait:        "Telegram asks us to wait",
		events.ResendWait:       "asks us to wait before it sends another code",
	}[r.Reason]
}

// refused is a method that Telegram may refuse, and where a login calls it.
type refused struct {
	method, call string
	step         events.Step // whose answer it looks at
	checking     events.Step // while it does
	rejected     string      // the event of a refusal after which the login goes on
	any          bool        // for the rows that name no method
}

func refusedCalls() []refused {
	return []refused{
		{"phone", "auth.sendCode", events.StepPhone, events.StepRequestingCode, "phone_rejected", false},
		{"phone", "auth.resendCode", events.StepCode, events.StepResendingCode, "code_rejected", false},
		{"phone", "auth.signIn", events.StepCode, events.StepCheckingCode, "code_rejected", false},
		{"phone", "auth.signIn", events.StepCode, events.StepCheckingCode, "code_rejected", true},
		{"password", "auth.checkPassword", events.StepPassword, events.StepCheckingPassword, "password_rejected", false},
		{"register", "auth.signUp", events.StepName, events.StepSigningUp, "signup_rejected", false},
		{"bot", "auth.importBotAuthorization", events.StepToken, events.StepCheckingToken, "token_rejected", false},
	}
}

// rows are the rows of the table for a call, and what is in no table.
func (r refused) rows() (rows []telegram.Refusal) {
	for _, row := range telegram.Refusals() {
		if r.any && row.Methods == nil || !r.any && slices.Contains(row.Methods, r.call) {
			rows = append(rows, row)
		}
	}
	if r.any {
		return rows
	}
	wait := events.FloodWait
	if r.checking == events.StepResendingCode {
		wait = events.ResendWait
	}
	return append(rows,
		telegram.Refusal{Error: "NEVER_HEARD_OF", Code: 400, Reason: events.TelegramError},
		telegram.Refusal{Error: "NOT_ACCEPTABLE_EITHER", Code: 406, Reason: events.TelegramError},
		telegram.Refusal{Error: "FLOOD_WAIT_1", Code: 420, Reason: wait},
	)
}

// refusals drives each row of the table through a login: somebody for each call.
func (c *cast) refusals() {
	driven := map[string]bool{}
	for _, r := range refusedCalls() {
		for _, row := range r.rows() {
			driven[row.Error] = true
			if refusalWords(row) == "" {
				c.w.t.Errorf("%s: nobody knows the words for %s (the login ends: %v)", row.Error, row.Reason, row.Final)
			}
		}
		m := methods()[slices.IndexFunc(methods(), func(m method) bool { return m.name == r.method })]
		a := c.of("refused "+strings.ToLower(strings.TrimPrefix(r.call, "auth."))+map[bool]string{true: " by any"}[r.any], m)
		routes := slices.Repeat([]telegramtest.CodeRoute{telegramtest.ViaSMS, telegramtest.ViaCall}, 20)
		c.w.tg.SetCodeRoutes(a.phone, routes...)
		c.do(func() {
			a.enter()
			at := events.Step("")
			for _, row := range r.rows() {
				at = r.drive(a, m, at, row)
			}
			r.troubles(a, m, at)
		})
	}
	for _, call := range []string{"auth.exportLoginToken", "auth.importLoginToken"} { // see conformance_qr_test.go
		for _, row := range (refused{call: call}).rows() {
			driven[row.Error] = true
		}
	}
	for _, row := range telegram.Refusals() {
		if !driven[row.Error] {
			c.w.t.Errorf("no call is refused with %s", row.Error)
		}
	}
}

// reach brings a login that stands at a step, or none, to that of the call.
func (r refused) reach(a *actor, m method, at events.Step) {
	a.w.t.Helper()
	if at == "" {
		m.begin(a)
		at = m.steps[0]
	}
	from, to := slices.Index(m.steps, at), slices.Index(m.steps, r.step)
	m.answers(a, from, to)
	if r.checking == events.StepResendingCode && from < to {
		a.untilTime(time.Now().Add(time.Second)) // until another code may be asked for
	}
}

// ask has the bridge make the call.
func (r refused) ask(a *actor) (submits string) {
	a.w.t.Helper()
	if r.checking == events.StepResendingCode {
		a.w.say(a.c, a.room, "resend")
		return "resend_requested"
	}
	a.give(a.right(r.step))
	return submitted(r.step)
}

// drive has Telegram refuse the call with a row, and returns the step at which
// the login stands then.
func (r refused) drive(a *actor, m method, at events.Step, row telegram.Refusal) events.Step {
	a.w.t.Helper()
	r.reach(a, m, at)
	fault := telegramtest.Fault{Method: r.call, Err: tgerr.New(row.Code, row.Error)}
	if r.step == events.StepPassword || r.step == events.StepToken {
		fault.User = a.user
	} else {
		fault.Phone = a.phone
	}
	cancel, hits := a.w.tg.Inject(fault)
	defer cancel()
	submits := r.ask(a)
	a.w.hear(a.c, a.room, refusalWords(row))
	if hits() == 0 {
		a.w.t.Errorf("%s was not refused with %s", r.call, row.Error)
	}
	if row.Final {
		a.wants = append(a.wants, submits, strings.Join([]string{"login_failed refused", string(row.Reason), row.Error, string(r.checking)}, " "))
		return ""
	}
	next := r.step
	if row.Next == events.StepPhone && r.step != events.StepToken {
		next = events.StepPhone
	}
	if row.Next == events.StepCode {
		next = events.StepCode
	}
	code := fault.Err.Type
	a.wants = append(a.wants, submits, strings.Join([]string{r.rejected, string(row.Reason), code, string(next)}, " "))
	if row.Code == 420 {
		a.untilTime(time.Now().Add(time.Second))
	}
	if r.step == events.StepName && next != r.step {
		// A name that was given is not asked for again on the way back here.
		a.order("cancel", "cancelled", "login_failed cancelled "+string(next))
		return ""
	}
	return next
}

// troubles has the call meet all that is tried again without a word: errors of
// Telegram's own, lost connections, another data centre. The login comes in.
func (r refused) troubles(a *actor, m method, at events.Step) {
	a.w.t.Helper()
	r.reach(a, m, at)
	faults := []telegramtest.Fault{{Err: tgerr.New(500, "INTERNAL")}, {Drop: telegramtest.DropBefore}}
	if kind := map[events.Step]string{events.StepRequestingCode: "PHONE_MIGRATE_4", events.StepCheckingToken: "USER_MIGRATE_4"}[r.checking]; kind != "" {
		faults = append(faults, telegramtest.Fault{Err: tgerr.New(303, kind)})
	}
	for _, f := range faults {
		f.Method, f.Times = r.call, 1
		if f.User = a.user; a.token == "" && a.password == "" {
			f.User, f.Phone = 0, a.phone
		}
		a.w.tg.Inject(f)
	}
	if r.checking == events.StepResendingCode {
		a.order("resend", "send me the code", "resend_requested", "code_sent")
	}
	m.answers(a, slices.Index(m.steps, r.step), len(m.steps))
}

// TestRefusalWords: every reason in the table has its words, so that a new one
// is not forgotten.
func TestRefusalWords(t *testing.T) {
	for _, row := range telegram.Refusals() {
		if refusalWords(row) == "" {
			t.Errorf("%s: no words for %s (the login ends: %v)", row.Error, row.Reason, row.Final)
		}
	}
}
