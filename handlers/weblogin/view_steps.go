package weblogin

import (
	"strings"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/projections"
)

// step shows what a step asks for.
func (v *view) step(in input, a projections.Attempt) {
	v.Back = events.MethodPhone
	if a.Method == events.MethodRegister {
		v.Back = events.MethodRegister
	}
	switch {
	case a.Awaiting != "" && a.Step == events.StepRequestingQR && a.QR > 0:
		v.show("qr", "qr.title") // another code takes the place of the one that was shown
		v.qr, v.Back = &qrPart{}, ""
	case a.Awaiting != "":
		v.waiting(a)
	case a.Step == events.StepPhone:
		v.phone(in, a)
	case a.Step == events.StepToken:
		v.show("token", "token.title", say("token.lead"))
		v.others(a, events.MethodBot)
	case a.Step == events.StepCode:
		v.askCode(in, a)
	case a.Step == events.StepPassword:
		v.show("password", "password.title", say("password.lead"))
		v.Hint, v.Account = in.Hint, a.Masked
		if v.Account == "" {
			v.Account = string(in.User.MatrixID)
		}
	case a.Step == events.StepQR:
		v.showQR(in, a)
	case a.Step == events.StepTerms:
		v.show("terms", "terms.title", say("terms.lead"))
		v.Terms = strings.TrimSpace(a.Terms)
		if a.MinAge > 0 {
			v.Lead = append(v.Lead, say("terms.age", "age", a.MinAge))
		}
	case a.Step == events.StepName:
		v.show("name", "name.title", say("name.lead"))
	case a.Step == events.StepConfirm:
		v.show("confirm", "confirm.title", say("confirm.guarded"))
		if !a.Guarded && a.Account != nil {
			v.Lead = []text{say("confirm.lead", "account", accountName(*a.Account))}
		}
		v.Lead = append(v.Lead, say("confirm.question"))
	case a.Step == events.StepPairing:
		v.pair(in, a)
	default:
		v.waiting(a)
	}
}

func (v *view) show(kind, title string, lead ...text) {
	v.Kind, v.Title, v.Lead = kind, say(title), lead
}

// phone asks for a number; to who makes an account, for its name too.
func (v *view) phone(in input, a projections.Attempt) {
	v.Back = ""
	if a.Method == events.MethodRegister {
		v.show("phone", "register.title", say("register.lead"))
		v.Named = true
		v.others(a, events.MethodRegister)
		return
	}
	v.show("phone", "phone.title", say("phone.lead"))
	if l, ok := in.User.Known(a.Login); ok {
		v.Lead = []text{say("phone.revive", "account", accountName(facts(l)))}
	}
	v.others(a, events.MethodPhone)
}

// others offers the methods but the one that is used.
func (v *view) others(a projections.Attempt, used events.Method) {
	v.Back = ""
	for _, m := range []events.Method{events.MethodPhone, events.MethodBot, events.MethodQR, events.MethodRegister} {
		if m != used && (m != events.MethodRegister || a.Login == "") {
			v.Methods = append(v.Methods, m)
		}
	}
}

// askCode says where the code is and what to do if it does not come.
func (v *view) askCode(in input, a projections.Attempt) {
	route, way := "route."+string(a.Route), "way."+string(a.Next)
	switch a.Route {
	case events.RouteFlashCall, events.RouteMissedCall, events.RouteEmail:
		if a.Pattern != "" {
			route += ".shaped"
		}
	case events.RouteApp, events.RouteSMS, events.RouteCall, events.RouteFragment, events.RouteSMSWord, events.RouteSMSPhrase:
	default:
		route = "route.other"
	}
	v.show("code", "code.title", say(route, "pattern", a.Pattern))
	if a.Masked != "" {
		v.Lead = append(v.Lead, say("code.number", "number", a.Masked))
	}
	v.code = &codePart{Words: answers.WordRoute(a.Route), Help: codeHelp(in, a)}
	if a.Route == events.RouteFragment && strings.HasPrefix(a.URL, "https://") {
		v.code.URL = a.URL
	}
	if a.Next == "" {
		return
	}
	switch a.Next {
	case events.RouteApp, events.RouteSMS, events.RouteCall, events.RouteFlashCall, events.RouteMissedCall,
		events.RouteEmail, events.RouteFragment, events.RouteSMSWord, events.RouteSMSPhrase:
	default:
		way = "way.other"
	}
	v.code.Resend = &resendPart{Label: say("code.resend", "way", say(way)), Ask: say("code.resend_now")}
	if open := (moment{At: later(a.NextAt, a.RetryAt), Now: in.Now}); open.At.After(in.Now) {
		v.code.Resend.Wait = &open
		v.code.Resend.Ask = say("code.resend_wait", "way", say(way), "when", open)
	}
}

func codeHelp(in input, a projections.Attempt) text {
	switch {
	case answers.WordRoute(a.Route) && in.Hint != "":
		return say("code.begins", "hint", in.Hint)
	case answers.WordRoute(a.Route):
		return say("code.words")
	case a.Length > 0:
		return say("code.digits", "n", a.Length)
	default:
		return say("code.plain")
	}
}

// showQR shows the code to scan, or until when there is none.
func (v *view) showQR(in input, a projections.Attempt) {
	v.show("qr", "qr.title")
	v.Back = events.MethodPhone
	v.qr = &qrPart{N: a.QR}
	if strings.HasPrefix(in.QRLink, "tg://login?token=") {
		v.qr.Link = in.QRLink
	}
	if a.RetryAt.After(in.Now) {
		v.qr.N = 0 // Telegram gives another then
	}
}

func (v *view) pair(in input, a projections.Attempt) {
	account := any(say("done.unnamed"))
	if a.Account != nil {
		account = accountName(*a.Account)
	}
	v.show("pairing", "pairing.title", say("pairing.lead", "account", account))
	v.Pairing, v.Back = in.Pairing, ""
}

// waiting shows that Telegram is asked.
func (v *view) waiting(a projections.Attempt) {
	key := "wait." + string(a.Step)
	switch a.Step {
	case events.StepRequestingCode, events.StepResendingCode, events.StepCheckingToken, events.StepCheckingCode,
		events.StepCheckingPassword, events.StepRequestingQR, events.StepSigningUp, events.StepEntering:
	default:
		key = "wait.other"
	}
	v.show("wait", "wait.title", say(key))
	v.Back = ""
	if a.Delayed {
		v.Lead = append(v.Lead, say("wait.delayed"))
	}
}

// facts is who a login's account is.
func facts(l projections.Login) events.AccountFacts {
	return events.AccountFacts{TelegramID: l.TelegramID, Name: l.Name, Username: l.Username, Masked: l.Masked}
}
