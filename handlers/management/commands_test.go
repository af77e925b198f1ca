package management

import (
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

func TestReadOrder(t *testing.T) {
	for body, want := range map[string]order{
		"login":                                {name: events.CommandLogin},
		"LOGIN":                                {name: events.CommandLogin},
		"  Login \n":                           {name: events.CommandLogin},
		"/login":                               {name: events.CommandLogin},
		"!login":                               {name: events.CommandLogin},
		"`login`":                              {name: events.CommandLogin},
		"login bot":                            {name: events.CommandLogin, method: events.MethodBot},
		"login Bot  1:x":                       {name: events.CommandLogin, method: events.MethodBot, args: "1:x"},
		"login qr":                             {name: events.CommandLogin, method: events.MethodQR},
		"login  QR ":                           {name: events.CommandLogin, method: events.MethodQR},
		"relogin qr":                           {name: events.CommandRelogin, method: events.MethodQR},
		"relogin 2 qr":                         {name: events.CommandRelogin, args: "2", method: events.MethodQR},
		"help?":                                {name: events.CommandHelp},
		"!tg login":                            {name: events.CommandLogin},
		"!TG   logout 2":                       {name: events.CommandLogout, args: "2"},
		"login +44 7911 1":                     {name: events.CommandLogin, args: "+44 7911 1", secret: events.SecretPhone},
		"login\n+44 79":                        {name: events.CommandLogin, args: "+44 79"},
		"login\tqr":                            {name: events.CommandLogin, method: events.MethodQR},
		"login qr please":                      {name: events.CommandLogin, method: events.MethodQR},
		"relogin qr 2":                         {name: events.CommandRelogin, args: "2", method: events.MethodQR},
		"login qr 447911123":                   {name: events.CommandLogin, method: events.MethodQR, args: "447911123", secret: events.SecretPhone},
		"login bot\n1:x":                       {name: events.CommandLogin, method: events.MethodBot, args: "1:x"},
		"+44 7911 123456":                      {name: events.CommandUnknown, secret: events.SecretPhone},
		"logn +44 7911 1234":                   {name: events.CommandUnknown, suggestion: events.CommandLogin, secret: events.SecretPhone},
		"it is 123:" + strings.Repeat("x", 20): {name: events.CommandUnknown, secret: events.SecretToken},
		"!tg":                                  {name: events.CommandHelp},
		"":                                     {name: events.CommandHelp},
		"lgoin":                                {name: events.CommandUnknown, suggestion: events.CommandLogin},
		"logn":                                 {name: events.CommandUnknown, suggestion: events.CommandLogin},
		"hlep":                                 {name: events.CommandUnknown, suggestion: events.CommandHelp},
		"cancle":                               {name: events.CommandUnknown, suggestion: events.CommandCancel},
		"versions":                             {name: events.CommandUnknown, suggestion: events.CommandVersion},
		"hello":                                {name: events.CommandUnknown, suggestion: events.CommandHelp},
		"12345":                                {name: events.CommandUnknown},
		"unknown":                              {name: events.CommandUnknown},
		"what is this":                         {name: events.CommandUnknown},
		"!tglogin":                             {name: events.CommandUnknown, suggestion: events.CommandLogin},
		"loginnnnnnnnnnnnnn":                   {name: events.CommandUnknown},
	} {
		if got := readOrder(body, "!tg"); got != want {
			t.Errorf("%q is %+v, not %+v", body, got, want)
		}
	}
}

func TestUnderstand(t *testing.T) {
	at := func(step events.Step) *projections.Attempt { return &projections.Attempt{Step: step} }
	for _, c := range []struct {
		name    string
		attempt *projections.Attempt
		said    said
		want    events.CommandName // empty: an answer
	}{
		{"a command", nil, said{body: "help", text: true}, events.CommandHelp},
		{"no command", nil, said{body: "12345", text: true}, events.CommandUnknown},
		{"a picture", nil, said{body: "help"}, events.CommandUnknown},
		{"a code", at(events.StepCode), said{body: "12345", text: true}, ""},
		{"a command in place of a code", at(events.StepCode), said{body: "ping", text: true}, events.CommandPing},
		{"a mistyped command in place of a number", at(events.StepPhone), said{body: "cancle", text: true}, ""},
		{"an edited command", at(events.StepCode), said{body: "ping", text: true, edit: true}, ""},
		{"a picture in place of a number", at(events.StepPhone), said{body: "login"}, ""},
		{"something while Telegram is asked", at(events.StepCheckingCode), said{body: "12345", text: true}, ""},
		{"cancel while Telegram is asked", at(events.StepCheckingCode), said{body: "cancel", text: true}, events.CommandCancel},
		{"a password", at(events.StepPassword), said{body: "correct horse", text: true}, ""},
		{"a password that is a command", at(events.StepPassword), said{body: "help", text: true}, ""},
		{"a password with the prefix", at(events.StepPassword), said{body: "!tg help", text: true}, ""},
		{"cancel with the prefix", at(events.StepPassword), said{body: "!tg cancel", text: true}, events.CommandCancel},
		{"a password that begins with cancel", at(events.StepPassword), said{body: "cancel culture", text: true}, ""},
		{"a code that is a command", &projections.Attempt{Step: events.StepCode, Route: events.RouteSMSWord}, said{body: "help", text: true}, ""},
		{"another code, please", &projections.Attempt{Step: events.StepCode, Route: events.RouteSMSWord}, said{body: "Resend", text: true}, events.CommandResend},
		{"cancel", at(events.StepPassword), said{body: " Cancel ", text: true}, events.CommandCancel},
		{"a second password", at(events.StepCheckingPassword), said{body: "ping", text: true}, ""},
	} {
		o, answers := understand(c.attempt, c.said, "!tg")
		if answers != (c.want == "") || !answers && o.name != c.want {
			t.Errorf("%s: %+v, an answer %v", c.name, o, answers)
		}
	}
}

func TestHindrance(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		attempt projections.Attempt
		said    said
		want    events.Refusal
	}{
		{projections.Attempt{}, said{text: true}, ""},
		{projections.Attempt{RetryAt: now}, said{text: true}, ""},
		{projections.Attempt{RetryAt: now.Add(1)}, said{text: true}, events.FloodWait},
		{projections.Attempt{Awaiting: "e"}, said{text: true}, events.NotNow},
		{projections.Attempt{Awaiting: "e"}, said{text: true, edit: true}, events.NotAnEdit},
		{projections.Attempt{}, said{}, events.NotUnderstood},
	} {
		if got := hindrance(c.attempt, c.said, now); got != c.want {
			t.Errorf("%+v %+v: %q", c.attempt, c.said, got)
		}
	}
}

func TestChooseLogin(t *testing.T) {
	one := projections.User{Logins: []projections.Login{{ID: "a", Username: "alice"}}}
	two := projections.User{Logins: []projections.Login{
		{ID: "a", Username: "alice", Masked: "+44 ••••• ••3456"}, {ID: "b", Name: "Bob Smith", Username: "Bob", Masked: "+1 ••••• ••9999"},
	}}
	twins := projections.User{Logins: []projections.Login{{ID: "a", Masked: "+44 ••••• ••3412"}, {ID: "b", Masked: "+1 ••••• ••5612"}}}
	for _, c := range []struct {
		user projections.User
		args string
		want events.LoginID
		why  events.CommandRefusal
	}{
		{projections.User{}, "", "", events.RefusedNotLoggedIn},
		{one, "", "a", ""},
		{one, "1", "a", ""},
		{one, "carol", "", events.RefusedNoSuchLogin},
		{two, "", "", events.RefusedWhich},
		{two, "2", "b", ""},
		{two, "@bob", "b", ""},
		{two, "3", "", events.RefusedNoSuchLogin},
		{two, "-1", "", events.RefusedNoSuchLogin},
		{two, "@", "", events.RefusedNoSuchLogin},
		{two, "3456", "a", ""},
		{two, "56", "a", ""},
		{two, "+44 7911 123456", "a", ""},
		{two, "6", "", events.RefusedNoSuchLogin},
		{two, "bob smith", "b", ""},
		{twins, "12", "", events.RefusedWhich},
	} {
		if got, why := chooseLogin(c.user, c.args, anyLogin); got != c.want || why != c.why {
			t.Errorf("logout %q of %d: %q, %q", c.args, len(c.user.Logins), got, why)
		}
	}
}

func TestReadMessage(t *testing.T) {
	edit := &event.MessageEventContent{MsgType: event.MsgText, Body: "old"}
	edit.SetEdit("$first")
	edit.Body = "* new"
	for _, c := range []struct {
		content *event.MessageEventContent
		want    said
	}{
		{&event.MessageEventContent{MsgType: event.MsgText, Body: " pass "}, said{body: " pass ", text: true}},
		{&event.MessageEventContent{MsgType: event.MsgText, Body: "> <b> pass"}, said{body: "> <b> pass", text: true}},
		{&event.MessageEventContent{
			MsgType: event.MsgText, Body: "> <@bot:example.org> Please send the code\n\n12345",
			RelatesTo: (&event.RelatesTo{}).SetReplyTo("$prompt"),
		}, said{body: "12345", text: true}},
		{&event.MessageEventContent{MsgType: event.MsgImage, Body: "12345"}, said{body: "12345"}},
		{edit, said{body: "old", text: true, edit: true}},
		{&event.MessageEventContent{}, said{text: true}},
	} {
		if got := readMessage(c.content); got != c.want {
			t.Errorf("%+v reads as %+v", c.content, got)
		}
	}
}

// TestAnythingIsAnOrder reads anything, with and without a login: no panic, and
// what is no command is never kept.
func TestAnythingIsAnOrder(t *testing.T) {
	known := map[events.CommandName]bool{events.CommandUnknown: true, "": true}
	for _, name := range commands() {
		known[name] = true
	}
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.OneOf(rapid.String(), rapid.StringMatching(`!tg [a-z]{0,8} ?.*`), rapid.StringMatching(`[clonagiev]{3,8}`)).Draw(t, "body")
		o := readOrder(body, "!tg")
		if !known[o.name] || !known[o.suggestion] || o.name == "" {
			t.Fatalf("%q is %+v", body, o)
		}
		cutPrefix(body, "!tg")
		word, other := rapid.StringN(0, 8, -1).Draw(t, "word"), rapid.StringN(0, 8, -1).Draw(t, "other")
		if d := distance(word, other); d != distance(other, word) || (d == 0) != (word == other) {
			t.Fatalf("distance of %q and %q is %d", word, other, d)
		}
	})
}
