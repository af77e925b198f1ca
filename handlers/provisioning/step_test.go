package provisioning

import (
	"context"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

func TestStepOfARunningAttempt(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		attempt projections.Attempt
		known   asides
		id      string
		kind    string
		fields  string
		says    string
	}{
		{"phone", projections.Attempt{Step: events.StepPhone}, asides{}, stepPhone, typeInput, "phone_number:phone_number", "phone number of your Telegram account"},
		{"register", projections.Attempt{Step: events.StepPhone, Method: events.MethodRegister}, asides{}, stepPhone, typeInput, "phone_number:phone_number", "for the new account"},
		{"requesting", projections.Attempt{Step: events.StepRequestingCode, Awaiting: "x"}, asides{}, stepWait, typeWait, "", "Waiting for Telegram"},
		{"unreachable", projections.Attempt{Step: events.StepCheckingCode, Awaiting: "x", Delayed: true}, asides{}, stepWait, typeWait, "", "can't be reached"},
		{"code", projections.Attempt{Step: events.StepCode, Route: events.RouteApp, Length: 5, Next: events.RouteSMS, NextAt: noon}, asides{}, stepCode, typeInput, "2fa_code:code",
			"from 12:00:00 UTC on, enter resend for a code by SMS"},
		{"word", projections.Attempt{Step: events.StepCode, Route: events.RouteSMSWord}, asides{hint: vault.Secret("pl")}, stepCode, typeInput, "2fa_code:code", "begins with “pl”"},
		{"wrong code", projections.Attempt{Step: events.StepCode, Rebuff: &projections.Rebuff{Reason: events.BadCode}}, asides{}, stepCode, typeInput, "2fa_code:code", "not the code that Telegram sent"},
		{"password", projections.Attempt{Step: events.StepPassword}, asides{hint: vault.Secret("the cave")}, stepPassword, typeInput, "password:password", "“the cave”"},
		{"flood", projections.Attempt{Step: events.StepPassword, RetryAt: noon, Rebuff: &projections.Rebuff{Reason: events.FloodWait}}, asides{}, stepPassword, typeInput, "password:password", "from 12:00:00 UTC on"},
		{"token", projections.Attempt{Step: events.StepToken}, asides{}, stepToken, typeInput, "token:token", "BotFather"},
		{"qr", projections.Attempt{Step: events.StepQR}, asides{qr: vault.Secret("\x00\xff")}, stepQR, typeWait, "", "Link Desktop Device"},
		{"no qr yet", projections.Attempt{Step: events.StepQR}, asides{}, stepQR, typeWait, "", "comes in a while"},
		{"terms", projections.Attempt{Step: events.StepTerms, Terms: "Be nice.", MinAge: 16}, asides{}, stepTerms, typeInput, "select:consent", "16 years old:\n\nBe nice."},
		{"name", projections.Attempt{Step: events.StepName}, asides{}, stepName, typeInput, "username:first_name username:last_name", "name for the new one"},
		{"confirm", projections.Attempt{Step: events.StepConfirm, Account: &events.AccountFacts{Name: "Mina", Masked: "+44 ••0199"}}, asides{}, stepConfirm, typeInput, "select:consent", "Mina (+44 ••0199)"},
		{"pairing", projections.Attempt{Step: events.StepPairing}, asides{}, stepPairing, typeWait, "", "login page shows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.attempt.ID = "p"
			s, err := stepOf(projections.User{Attempt: &c.attempt}, "p", c.known)
			if err != nil {
				t.Fatal(err)
			}
			var fields []string
			if s.Input != nil {
				for _, f := range s.Input.Fields {
					fields = append(fields, f.Type+":"+f.ID)
				}
			}
			if s.ID != c.id || s.Type != c.kind || strings.Join(fields, " ") != c.fields || !strings.Contains(s.Instructions, c.says) {
				t.Errorf("%+v", s)
			}
			if s.Show != nil && (s.Show.Type == "qr") != (c.name == "qr") || c.name == "qr" && s.Show.Data != "tg://login?token=AP8" {
				t.Errorf("%+v", s.Show)
			}
		})
	}
}

func TestStepOfAnEndedProcess(t *testing.T) {
	in := projections.User{
		Over:   &projections.Over{Attempt: "p", Login: "l"},
		Logins: []projections.Login{{ID: "l", Name: "Alice", Username: "al"}},
	}
	s, err := stepOf(in, "p", asides{})
	if err != nil || s.Type != typeComplete || s.Complete.Login != "l" || s.Instructions != "Logged in as Alice (@al)." {
		t.Errorf("%+v, %v", s, err)
	}
	for _, c := range []struct {
		over   projections.Over
		status int
		code   string
	}{
		{projections.Over{Reason: events.FailedCancelled}, 410, "FI.MAU.BRIDGE.LOGIN_CANCELLED"},
		{projections.Over{Reason: events.FailedTimeout}, 410, "FI.MAU.BRIDGE.LOGIN_TIMED_OUT"},
		{projections.Over{Reason: events.FailedTooManyTries}, 403, "ORG.NATSGRAM.TOO_MANY_TRIES"},
		{projections.Over{Reason: events.FailedRefused, Refusal: events.PhoneUnknown}, 403, "ORG.NATSGRAM.PHONE_UNREGISTERED"},
		{projections.Over{Reason: events.FailedRefused, Error: "SOMETHING"}, 403, "ORG.NATSGRAM.REFUSED"},
	} {
		c.over.Attempt = "p"
		_, err := stepOf(projections.User{Over: &c.over}, "p", asides{})
		if p, ok := err.(problem); !ok || p.Status != c.status || p.Code != c.code || p.Text == "" {
			t.Errorf("%+v: %#v", c.over, err)
		}
	}
	for _, process := range []events.AttemptID{"", "q"} {
		if _, err := stepOf(in, process, asides{}); err != noProcess() {
			t.Errorf("%q: %v", process, err)
		}
	}
}

// TestAnyAttemptGivesAStep holds what comes of any state against the description,
// and the same state to the same step.
func TestAnyAttemptGivesAStep(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(openapi)
	if err != nil {
		t.Fatal(err)
	}
	schema := doc.Components.Schemas["Step"].Value
	steps, reasons := constants(t, "Step"), constants(t, "Refusal")
	if len(steps) < 15 || len(reasons) < 30 {
		t.Fatalf("%d steps, %d refusals", len(steps), len(reasons))
	}
	rapid.Check(t, func(t *rapid.T) {
		a := projections.Attempt{
			ID: "p", Step: events.Step(rapid.SampledFrom(steps).Draw(t, "step")), Tries: rapid.IntRange(0, 9).Draw(t, "tries"),
			Method:  rapid.SampledFrom([]events.Method{events.MethodPhone, events.MethodQR, events.MethodBot, events.MethodRegister}).Draw(t, "method"),
			Route:   rapid.SampledFrom([]events.Route{"", events.RouteApp, events.RouteSMSWord, events.RouteFlashCall}).Draw(t, "route"),
			Length:  rapid.IntRange(0, 9).Draw(t, "length"),
			NextAt:  time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "next"), 0),
			Delayed: rapid.Bool().Draw(t, "delayed"), Guarded: rapid.Bool().Draw(t, "guarded"), Terms: rapid.String().Draw(t, "terms"),
		}
		if rapid.Bool().Draw(t, "rebuffed") {
			a.Rebuff = &projections.Rebuff{Reason: events.Refusal(rapid.SampledFrom(reasons).Draw(t, "reason"))}
		}
		known := asides{qr: rapid.SliceOf(rapid.Byte()).Draw(t, "qr"), hint: vault.Secret(rapid.String().Draw(t, "hint"))}
		s, err := stepOf(projections.User{Attempt: &a}, "p", known)
		if err != nil || !isStep(s.ID) {
			t.Fatalf("%+v, %v", s, err)
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		_ = json.Unmarshal(data, &value)
		if err := schema.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		again, _ := stepOf(projections.User{Attempt: &a}, "p", known)
		if !reflect.DeepEqual(s, again) {
			t.Fatalf("%+v is not %+v", s, again)
		}
	})
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestEveryReasonHasItsWords reads the vocabulary's source: a reason that is new
// there has words here, or this fails.
func TestEveryReasonHasItsWords(t *testing.T) {
	for _, reason := range constants(t, "Refusal") {
		a := projections.Attempt{Step: events.StepCode, Rebuff: &projections.Rebuff{Reason: events.Refusal(reason)}}
		if words := rebuffWords(a); words == "That was not taken: try again." {
			t.Errorf("%s has no words", reason)
		}
	}
	for _, reason := range constants(t, "Failure") {
		o := projections.Over{Reason: events.Failure(reason)}
		if words := failureWords(o); strings.HasPrefix(words, "The login has ended.") {
			t.Errorf("%s has no words", reason)
		}
		if code := failure(o).Code; strings.ToUpper(code) != code {
			t.Errorf("%s", code)
		}
	}
}

// constants are the values of a type's constants in package events.
func constants(t *testing.T, kind string) (values []string) {
	t.Helper()
	files, err := filepath.Glob("../../events/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != kind {
				return true
			}
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					text, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, text)
				}
			}
			return true
		})
	}
	return values
}
