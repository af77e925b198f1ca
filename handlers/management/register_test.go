package management

import (
	"strings"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/projections"
)

func TestWhatIsHeardWhileRegistering(t *testing.T) {
	at := func(step events.Step) *projections.Attempt {
		return &projections.Attempt{ID: "a", Step: step, Method: events.MethodRegister}
	}
	for _, c := range []struct {
		step    events.Step
		body    string
		command events.CommandName // empty: an answer
		ok      bool               // that is taken
	}{
		{events.StepTerms, "Accept", "", true},
		{events.StepTerms, "I agree.", "", true},
		{events.StepTerms, "`accept`", "", true},
		{events.StepTerms, "perhaps", "", false},
		{events.StepTerms, "No", events.CommandCancel, false},
		{events.StepTerms, "cancel", events.CommandCancel, false},
		{events.StepTerms, "help", events.CommandHelp, false},
		{events.StepConfirm, "Yes, please!", "", true},
		{events.StepConfirm, "no thanks", events.CommandCancel, false},
		{events.StepConfirm, "Alice", "", false},
		{events.StepName, "Alice Liddell", "", true},
		{events.StepName, "Ping Li", "", true},
		{events.StepName, "No", "", true},
		{events.StepName, "…", "", false},
		{events.StepName, "cancel", events.CommandCancel, false},
		{events.StepPhone, "+44 7911 123456", "", true},
		{events.StepPhone, "+44 7911 123456 Alice", "", true},
		{events.StepPhone, "what?", "", false},
		{events.StepPhone, "123456:ABCDEFGHIJKLMNOPQRSTUVWXYZ", "", false}, // a bot is not registered
	} {
		o, answered := understand(at(c.step), said{body: c.body, text: true}, "!tg")
		if answered != (c.command == "") || !answered && o.name != c.command {
			t.Errorf("%s: %q is %q, an answer: %v", c.step, c.body, o.name, answered)
			continue
		}
		if a := answers.Read(*at(c.step), c.body, false); answered && a.OK != c.ok {
			t.Errorf("%s: %q reads as %+v", c.step, c.body, a)
		}
	}
}

// TestRegistrationWords holds that each question says what to send, and how to
// get out.
func TestRegistrationWords(t *testing.T) {
	u := projections.User{Attempt: &projections.Attempt{ID: "a", Method: events.MethodRegister, Step: events.StepTerms}}
	who := events.AccountFacts{Name: "Alice", Username: "alice"}
	for want, fact := range map[string]events.Fact{
		"<i>no</i> spam":  &events.SignupRequired{Terms: "<i>no</i> spam\nand more", Next: events.StepTerms},
		"16 years old":    &events.SignupRequired{MinAge: 16, Next: events.StepTerms},
		"`Alice Liddell`": &events.SignupRequired{Next: events.StepName},
		"Thank you":       &events.TermsAccepted{Next: events.StepName},
		"I have the name": &events.NameSubmitted{Next: events.StepPhone},
		"Alice (@alice)":  &events.NumberTaken{Sealed: who},
		"two-step":        &events.NumberTaken{Password: true},
		"as a name":       &events.InputRefused{Attempt: "a", Step: events.StepName, Reason: events.BadName},
		"64 characters":   &events.InputRefused{Attempt: "a", Step: events.StepPhone, Reason: events.NameTooLong},
		"`accept`":        &events.InputRefused{Attempt: "a", Step: events.StepTerms, Reason: events.NotUnderstood},
		"`register`":      &events.LoginFailed{Reason: events.FailedCancelled, Method: events.MethodRegister},
		"A registration":  &events.CommandRefused{Reason: events.RefusedLoginRunning},
		"does not take":   &events.SignupRejected{Rejection: events.Rejection{Reason: events.BadName, Next: events.StepName}},
	} {
		_, ended := fact.(*events.LoginFailed)
		if text := says(t, u, fact); !strings.Contains(text, want) || !ended && !strings.Contains(text, "`cancel`") {
			t.Errorf("%T: %q has no %q", fact, text, want)
		}
	}
	if help := commandHelp(events.CommandRegister, LevelUser).body; !strings.Contains(help, "`register +44 7911 123456 Alice Liddell`") {
		t.Errorf("%q", help)
	}
	if text := says(t, u, &events.LoginSucceeded{Method: events.MethodRegister, Sealed: who}); !strings.HasPrefix(text, "Registered: ") {
		t.Errorf("%q", text)
	}
}
