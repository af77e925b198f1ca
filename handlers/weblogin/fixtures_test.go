package weblogin

import (
	"strings"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

var noon = time.Date(2026, 11, 1, 14, 31, 23, 0, time.UTC)

// at is the page at a step of a login.
func at(step events.Step, change ...func(*input, *projections.Attempt)) input {
	a := &projections.Attempt{
		ID: "a", Method: events.MethodPhone, Step: step, Started: noon.Add(-time.Minute), Deadline: noon.Add(15 * time.Minute),
		Masked: "+44 ••••• ••1234",
	}
	in := input{
		User:    projections.User{UID: "u", Seq: 7, MatrixID: "@alice:example.org", Attempt: a},
		Attempt: "a", Now: noon, Closes: noon.Add(5 * time.Minute), Form: "form-token", Languages: "en",
	}
	for _, c := range change {
		c(&in, a)
	}
	return in
}

// refused is an answer to a step that was not taken.
func refused(step events.Step, why events.Refusal) func(*input, *projections.Attempt) {
	return func(_ *input, a *projections.Attempt) {
		a.Rebuff = &projections.Rebuff{Step: step, Reason: why, Error: "SOME_ERROR_420", At: noon}
		if why == events.FloodWait {
			a.RetryAt = noon.Add(37 * time.Second)
		}
		if why == events.ResendWait {
			a.NextAt = noon.Add(37 * time.Second)
		}
	}
}

func codeBy(route, next events.Route, wait time.Duration) func(*input, *projections.Attempt) {
	return func(_ *input, a *projections.Attempt) {
		a.Route, a.Length, a.Next, a.NextAt = route, 5, next, noon.Add(wait)
	}
}

func method(m events.Method) func(*input, *projections.Attempt) {
	return func(_ *input, a *projections.Attempt) { a.Method = m }
}

// over is the page after the attempt.
func over(o projections.Over, logins ...projections.Login) input {
	in := at(events.StepPhone)
	o.Attempt, o.At = "a", noon
	in.User.Attempt, in.User.Over, in.User.Logins = nil, &o, logins
	return in
}

var liddell = projections.Login{ID: "l", Name: "Alice Liddell", Username: "alice", Masked: "+44 ••••• ••1234", State: projections.LoginActive}

// fixtures are pages of every kind, in every state that looks different.
func fixtures() map[string]view {
	all := map[string]view{}
	for name, in := range steps() {
		all[name] = viewOf(in)
	}
	for name, in := range ends() {
		all[name] = viewOf(in)
	}
	for name, why := range map[string]occasion{
		"landing": kindLanding, "link-dead": kindDeadLink, "closed": kindClosed, "too-many": kindTooMany, "not-now": kindUnwell,
		"not-found": kindNotFound, "forbidden": kindForeignForm, "left": kindLeft, "method": kindMethod,
	} {
		all[name] = special(why)
	}
	busy := all["too-many"]
	busy.Wait = 95 * time.Second
	all["too-many"] = busy
	landing := all["landing"]
	busy.Open, landing.Open = true, true
	all["too-many-open"], all["landing-open"] = busy, landing
	return all
}

func steps() map[string]input {
	who := func(_ *input, a *projections.Attempt) {
		a.Account = &events.AccountFacts{Name: "Alice Liddell", Username: "alice", Masked: a.Masked}
	}
	return map[string]input{
		"phone": at(events.StepPhone),
		"phone-long-name": at(events.StepPhone, func(in *input, _ *projections.Attempt) {
			in.User.MatrixID = "@alexandria.montgomery-featherstonehaugh:matrix.long-name-of-a-homeserver.example.org"
		}),
		"phone-revive": at(events.StepPhone, func(in *input, a *projections.Attempt) {
			a.Login, in.User.Logins = "l", []projections.Login{liddell}
		}),
		"phone-refused": at(events.StepPhone, refused(events.StepPhone, events.CountryMissing)),
		"phone-flood":   at(events.StepPhone, refused(events.StepRequestingCode, events.FloodWait)),
		"phone-late": at(events.StepPhone, refused(events.StepRequestingCode, events.FloodWait), func(_ *input, a *projections.Attempt) {
			a.RetryAt = noon.Add(20 * time.Minute)
		}),
		"phone-expired":  at(events.StepPhone, refused(events.StepCheckingCode, events.CodeExpired)),
		"phone-stale":    at(events.StepPhone, func(in *input, _ *projections.Attempt) { in.Stale = true }),
		"phone-closing":  at(events.StepPhone, func(in *input, _ *projections.Attempt) { in.Closes = noon.Add(48 * time.Second) }),
		"phone-ending":   at(events.StepPhone, func(_ *input, a *projections.Attempt) { a.Deadline = noon.Add(48 * time.Second) }),
		"register":       at(events.StepPhone, method(events.MethodRegister)),
		"register-name":  at(events.StepPhone, method(events.MethodRegister), refused(events.StepPhone, events.BadName)),
		"token":          at(events.StepToken, method(events.MethodBot)),
		"token-refused":  at(events.StepToken, method(events.MethodBot), refused(events.StepCheckingToken, events.BadToken)),
		"code-app":       at(events.StepCode, codeBy(events.RouteApp, events.RouteSMS, 0)),
		"code-sms":       at(events.StepCode, codeBy(events.RouteSMS, events.RouteCall, 58*time.Second)),
		"code-call":      at(events.StepCode, codeBy(events.RouteCall, "", 0)),
		"code-refused":   at(events.StepCode, codeBy(events.RouteSMS, events.RouteCall, 0), refused(events.StepCheckingCode, events.BadCode)),
		"code-resend":    at(events.StepCode, codeBy(events.RouteSMS, events.RouteCall, 0), refused(events.StepResendingCode, events.ResendWait)),
		"code-no-route":  at(events.StepCode, codeBy(events.RouteSMS, "", 0), refused(events.StepResendingCode, events.NoOtherRoute)),
		"code-flashcall": at(events.StepCode, codeBy(events.RouteFlashCall, events.RouteSMS, 0), func(_ *input, a *projections.Attempt) { a.Pattern = "+44*" }),
		"code-fragment":  at(events.StepCode, codeBy(events.RouteFragment, "", 0), func(_ *input, a *projections.Attempt) { a.URL = "https://fragment.com/login" }),
		"code-word":      at(events.StepCode, codeBy(events.RouteSMSWord, events.RouteSMS, 0), func(in *input, _ *projections.Attempt) { in.Hint = "be" }),
		"password":       at(events.StepPassword, func(in *input, _ *projections.Attempt) { in.Hint = "first pet" }),
		"password-wrong": at(events.StepPassword, refused(events.StepCheckingPassword, events.BadPassword)),
		"qr":             at(events.StepQR, method(events.MethodQR), func(in *input, a *projections.Attempt) { a.QR, in.QRLink = 2, "tg://login?token=YWJj" }),
		"qr-refused":     at(events.StepQR, method(events.MethodQR), refused(events.StepRequestingQR, events.BadQR), func(_ *input, a *projections.Attempt) { a.QR = 3 }),
		"terms": at(events.StepTerms, method(events.MethodRegister), func(_ *input, a *projections.Attempt) {
			a.MinAge, a.Terms = 16, strings.Repeat("By signing up you accept not to use our service to send spam or to scam users.\n\n", 12)
		}),
		"terms-refused": at(events.StepTerms, method(events.MethodRegister), refused(events.StepTerms, events.NotUnderstood)),
		"name":          at(events.StepName, method(events.MethodRegister)),
		"name-refused":  at(events.StepName, method(events.MethodRegister), refused(events.StepName, events.NameTooLong)),
		"confirm":       at(events.StepConfirm, method(events.MethodRegister), who),
		"confirm-2fa":   at(events.StepConfirm, method(events.MethodRegister), func(_ *input, a *projections.Attempt) { a.Guarded = true }),
		"pairing":       at(events.StepPairing, who, func(in *input, _ *projections.Attempt) { in.Pairing = "K7P2QX" }),
		"pairing-wrong": at(events.StepPairing, who, refused(events.StepPairing, events.BadPairing), func(in *input, _ *projections.Attempt) { in.Pairing = "K7P2QX" }),
		"wait":          at(events.StepCheckingCode, func(_ *input, a *projections.Attempt) { a.Awaiting = "e" }),
		"wait-delayed":  at(events.StepCheckingPassword, func(_ *input, a *projections.Attempt) { a.Awaiting, a.Delayed = "e", true }),
	}
}

func ends() map[string]input {
	return map[string]input{
		"done":            over(projections.Over{Login: "l", Method: events.MethodPhone}, liddell),
		"done-bot":        over(projections.Over{Login: "l", Method: events.MethodBot, Displaces: true}, projections.Login{ID: "l", Username: "wonder_bot"}),
		"done-registered": over(projections.Over{Login: "l", Method: events.MethodRegister}, liddell),
		"failed":          over(projections.Over{Reason: events.FailedTooManyTries}),
		"failed-refused":  over(projections.Over{Reason: events.FailedRefused, Refusal: events.EmailDemanded}),
		"failed-unnamed":  over(projections.Over{Reason: events.FailedRefused, Error: "SOME_ERROR_400", Method: events.MethodRegister}),
		"failed-revive":   over(projections.Over{Reason: events.FailedTimeout, Revives: "l"}, liddell),
		"over":            at(events.StepPhone, func(in *input, _ *projections.Attempt) { in.Attempt = "another" }),
	}
}
