package login

import (
	"reflect"
	"testing"

	"github.com/natsgram/natsgram/events"
)

func TestDecideOnRegistering(t *testing.T) {
	register := &events.LoginStarted{Attempt: "a", Method: events.MethodRegister, Deadline: started.Deadline, Sealed: started.Sealed}
	masked := phoneGiven.Sealed.Masked
	bare := []events.Fact{register}
	named := []events.Fact{register, &events.NameSubmitted{Attempt: "a", Next: events.StepPhone}}
	checking := []events.Fact{register, phoneGiven, codeSent, codeGiven}
	withName := []events.Fact{register, &events.PhoneSubmitted{Attempt: "a", Named: true, Sealed: phoneGiven.Sealed}, codeSent, codeGiven}
	terms := append(withName[:4:4], &events.SignupRequired{Attempt: "a", Terms: "be nice", Next: events.StepTerms})
	nameless := append(checking[:4:4], &events.SignupRequired{Attempt: "a", Terms: "be nice", Next: events.StepTerms})
	asked := append(checking[:4:4], &events.SignupRequired{Attempt: "a", Next: events.StepName})
	signing := append(asked[:5:5], &events.NameSubmitted{Attempt: "a", Next: events.StepSigningUp})
	taken := append(withName[:4:4], &events.NumberTaken{Attempt: "a", Factor: "code"})
	guarded := append(withName[:4:4], &events.NumberTaken{Attempt: "a", Factor: "code", Password: true})
	entering := append(taken[:5:5], &events.LoginConfirmed{Attempt: "a", Next: events.StepEntering})
	proving := append(guarded[:5:5], &events.LoginConfirmed{Attempt: "a", Next: events.StepPassword}, passGiven)
	who := events.AccountFacts{Name: "Alice", Masked: masked}
	bad := &events.SignupRejected{Rejection: rejection(events.BadName, events.StepName)}

	for _, c := range []struct {
		name  string
		given []events.Fact
		when  Command
		then  events.Fact
	}{
		{"a registration starts", nil, Start{Attempt: "a", User: "@alice:example.org", Room: room, MaxLogins: 1, Method: events.MethodRegister},
			&events.LoginStarted{Attempt: "a", Method: events.MethodRegister, Channel: events.ChannelRoom, Sealed: started.Sealed}},
		{"the number", bare, Submit{Attempt: "a", Step: events.StepPhone, Readable: true, Masked: masked}, phoneGiven},
		{"number and name", bare, Submit{Attempt: "a", Step: events.StepPhone, Readable: true, Masked: masked, Named: true},
			&events.PhoneSubmitted{Attempt: "a", Named: true, Sealed: phoneGiven.Sealed}},
		{"the name before the number", bare, Submit{Attempt: "a", Step: events.StepPhone, Readable: true, Named: true},
			&events.NameSubmitted{Attempt: "a", Next: events.StepPhone}},
		{"the number after the name", named, Submit{Attempt: "a", Step: events.StepPhone, Readable: true, Masked: masked}, phoneGiven},

		{"no account, nothing to ask", withName, NeedSignUp{Of: "e4"}, &events.SignupRequired{Attempt: "a", Next: events.StepSigningUp}},
		{"no account and no name", checking, NeedSignUp{Of: "e4"}, &events.SignupRequired{Attempt: "a", Next: events.StepName}},
		{"no account, and terms", withName, NeedSignUp{Of: "e4", Terms: "be nice", MinAge: 16},
			&events.SignupRequired{Attempt: "a", Terms: "be nice", MinAge: 16, Next: events.StepTerms}},
		{"no account, and an age", withName, NeedSignUp{Of: "e4", MinAge: 16}, &events.SignupRequired{Attempt: "a", MinAge: 16, Next: events.StepTerms}},
		{"no account, said twice", terms, NeedSignUp{Of: "e4"}, nil},
		{"no account, and none wanted", []events.Fact{started, phoneGiven, codeSent, codeGiven}, NeedSignUp{Of: "e4"},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedRefused, Step: events.StepCheckingCode, Refusal: events.PhoneUnknown}},

		{"the terms", terms, Submit{Attempt: "a", Step: events.StepTerms, Readable: true}, &events.TermsAccepted{Attempt: "a", Next: events.StepSigningUp}},
		{"the terms, and no name yet", nameless, Submit{Attempt: "a", Step: events.StepTerms, Readable: true}, &events.TermsAccepted{Attempt: "a", Next: events.StepName}},
		{"no word on the terms", terms, Submit{Attempt: "a", Step: events.StepTerms}, &events.InputRefused{Attempt: "a", Step: events.StepTerms, Reason: events.NotUnderstood}},
		{"the terms twice", append(terms[:5:5], &events.TermsAccepted{Attempt: "a", Next: events.StepSigningUp}), Submit{Attempt: "a", Step: events.StepTerms, Readable: true}, nil},
		{"the terms cancelled", terms, Cancel{}, &events.LoginFailed{Attempt: "a", Method: events.MethodRegister, Reason: events.FailedCancelled, Step: events.StepTerms}},
		{"the name", asked, Submit{Attempt: "a", Step: events.StepName, Readable: true}, &events.NameSubmitted{Attempt: "a", Next: events.StepSigningUp}},

		{"registered", signing, LetIn{Of: "e6", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodRegister, Factors: []string{"code"}, Sealed: events.AccountFacts{Masked: masked}}},
		{"registered at once", append(withName[:4:4], &events.SignupRequired{Attempt: "a", Next: events.StepSigningUp}), LetIn{Of: "e5", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodRegister, Factors: []string{"code"}, Sealed: events.AccountFacts{Masked: masked}}},
		{"a bad name", signing, Refuse{Of: "e6", Reason: events.BadName, Next: events.StepName, MaxTries: 2}, bad},
		{"bad names to the limit", append(signing[:6:6], bad, &events.NameSubmitted{Attempt: "a", Next: events.StepSigningUp}),
			Refuse{Of: "e8", Reason: events.BadName, Next: events.StepName, MaxTries: 2},
			&events.LoginFailed{Attempt: "a", Method: events.MethodRegister, Reason: events.FailedTooManyTries, Step: events.StepSigningUp}},
		{"a name after a bad one", append(signing[:6:6], bad), Submit{Attempt: "a", Step: events.StepName, Readable: true},
			&events.NameSubmitted{Attempt: "a", Next: events.StepSigningUp}},
		{"refused for good", signing, Refuse{Of: "e6", Reason: events.PhoneOccupied, Final: true},
			&events.LoginFailed{Attempt: "a", Method: events.MethodRegister, Reason: events.FailedRefused, Step: events.StepSigningUp, Refusal: events.PhoneOccupied}},
		{"unreachable", signing, Delay{Of: "e6"}, &events.StepDelayed{Attempt: "a", Step: events.StepSigningUp, Reason: "unreachable"}},

		{"the number is taken", withName, LetIn{Of: "e4", Login: "l", Account: "acc", Who: events.AccountFacts{Name: "Alice"}},
			&events.NumberTaken{Attempt: "a", Factor: "code", Sealed: who}},
		{"taken, and a token stood for the code", withName[:2:2], LetIn{Of: "e2", Login: "l", Account: "acc", Who: who},
			&events.NumberTaken{Attempt: "a", Factor: "future_token", Sealed: who}},
		{"taken, with password", withName, NeedPassword{Of: "e4", HasHint: true},
			&events.NumberTaken{Attempt: "a", Factor: "code", Password: true, Sealed: events.AccountFacts{Masked: masked}}},
		{"yes", taken, Submit{Attempt: "a", Step: events.StepConfirm, Readable: true}, &events.LoginConfirmed{Attempt: "a", Next: events.StepEntering}},
		{"yes, with password", guarded, Submit{Attempt: "a", Step: events.StepConfirm, Readable: true}, &events.LoginConfirmed{Attempt: "a", Next: events.StepPassword}},
		{"no", taken, Cancel{}, &events.LoginFailed{Attempt: "a", Method: events.MethodRegister, Reason: events.FailedCancelled, Step: events.StepConfirm}},
		{"no answer", taken, Expire{Attempt: "a", Now: started.Deadline}, &events.LoginFailed{Attempt: "a", Method: events.MethodRegister, Reason: events.FailedTimeout, Step: events.StepConfirm}},
		{"in, unasked", taken, LetIn{Of: "e4", Login: "l", Account: "acc"}, nil},
		{"in, as confirmed", entering, LetIn{Of: "e6", Login: "l", Account: "acc", Who: who},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code"}, Sealed: who}},
		{"in, by password", proving, LetIn{Of: "e7", Login: "l", Account: "acc", Who: who},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code", "password"}, Sealed: who}},
		{"lost while it was confirmed", entering, Refuse{Of: "e6", Reason: events.SessionLost, Next: events.StepPhone},
			&events.SignupRejected{Rejection: rejection(events.SessionLost, events.StepPhone)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Decide(given(c.given...), c.when)
			if err != nil {
				t.Fatal(err)
			}
			if got == nil && c.then == nil {
				return
			}
			if !reflect.DeepEqual(got, c.then) {
				t.Errorf("%#v, want %#v", got, c.then)
			}
		})
	}
}
