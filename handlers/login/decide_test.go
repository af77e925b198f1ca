package login

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

const (
	user = events.UID("11111111-1111-4111-8111-111111111111")
	room = events.RoomID("!room:example.org")
)

// given folds facts into a user's state. The event of fact i, counted from 1,
// is "e<i>".
func given(facts ...events.Fact) projections.User {
	us := projections.NewUsers()
	for i, fact := range facts {
		us.Apply(events.Event{
			ID: eventID(i + 1), Aggregate: events.Aggregate{Stream: events.Auth, UID: user},
			Time: noon, Seq: uint64(i + 1), Fact: fact,
		})
	}
	return us.Get(user)
}

func eventID(n int) events.EventID { return events.EventID("e" + string(rune('0'+n))) }

// The facts of a login, in order: e1 to e6.
var (
	started    = &events.LoginStarted{Attempt: "a", Method: events.MethodPhone, Deadline: noon.Add(10 * time.Minute), Sealed: events.RoomFacts{User: "@alice:example.org", Room: room}}
	revival    = &events.LoginStarted{Attempt: "a", Login: "l", Method: events.MethodPhone, Deadline: started.Deadline, Sealed: started.Sealed}
	phoneGiven = &events.PhoneSubmitted{Attempt: "a", Sealed: events.PhoneFacts{Masked: "+44 ••••• ••1234"}}
	codeSent   = &events.CodeSent{Attempt: "a", Route: events.RouteApp, Length: 5}
	codeGiven  = &events.CodeSubmitted{Attempt: "a"}
	wantsPass  = &events.PasswordRequired{Attempt: "a", Factor: "code"}
	passGiven  = &events.PasswordSubmitted{Attempt: "a"}
	letInFact  = &events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code"}}
	listed     = &events.ChatsListed{Login: "l", Rooms: 48}
)

func rejection(reason events.Refusal, next events.Step) events.Rejection {
	return events.Rejection{Attempt: "a", Reason: reason, Next: next}
}

func TestDecide(t *testing.T) {
	asked := []events.Fact{started}
	requesting := []events.Fact{started, phoneGiven}
	coding := []events.Fact{started, phoneGiven, codeSent}
	checking := []events.Fact{started, phoneGiven, codeSent, codeGiven}
	secret := []events.Fact{started, phoneGiven, codeSent, codeGiven, wantsPass}
	proving := []events.Fact{started, phoneGiven, codeSent, codeGiven, wantsPass, passGiven}
	loggedIn := []events.Fact{started, phoneGiven, codeSent, codeGiven, letInFact}
	suspended := append(loggedIn[:5:5], &events.SessionEnded{Login: "l", Cause: events.EndedByRevocation})
	another := append(requesting[:2:2], &events.CodeSent{Attempt: "a", Route: events.RouteApp, Next: events.RouteSMS, NextAt: noon})
	badCodes := append(checking[:4:4], &events.CodeRejected{Rejection: rejection(events.BadCode, events.StepCode)}, codeGiven)
	flooded := append(checking[:4:4], &events.CodeRejected{Rejection: rejection(events.FloodWait, events.StepCode)}, codeGiven)

	for _, c := range []struct {
		name  string
		given []events.Fact
		when  Command
		then  events.Fact
		err   events.CommandRefusal
	}{
		{"a login starts", nil, Start{Attempt: "a", User: "@alice:example.org", Room: room, Deadline: noon, MaxLogins: 1},
			&events.LoginStarted{Attempt: "a", Method: events.MethodPhone, Channel: events.ChannelRoom, Deadline: noon, Sealed: started.Sealed}, ""},
		{"one attempt at a time", asked, Start{Attempt: "b", MaxLogins: 1}, nil, events.RefusedLoginRunning},
		{"logged in already", loggedIn, Start{Attempt: "b", MaxLogins: 1}, nil, events.RefusedLoggedIn},
		{"a second login where two may be", loggedIn, Start{Attempt: "b", MaxLogins: 2},
			&events.LoginStarted{Attempt: "b", Method: events.MethodPhone, Channel: events.ChannelRoom}, ""},
		{"the way back in after a revocation", suspended, Start{Attempt: "b", MaxLogins: 1},
			&events.LoginStarted{Attempt: "b", Method: events.MethodPhone, Channel: events.ChannelRoom}, ""},

		{"the number", asked, Submit{Attempt: "a", Step: events.StepPhone, Readable: true, Masked: phoneGiven.Sealed.Masked}, phoneGiven, ""},
		{"the code", coding, Submit{Attempt: "a", Step: events.StepCode, Readable: true}, codeGiven, ""},
		{"the password", secret, Submit{Attempt: "a", Step: events.StepPassword, Readable: true}, passGiven, ""},
		{"rubbish", coding, Submit{Attempt: "a", Step: events.StepCode},
			&events.InputRefused{Attempt: "a", Step: events.StepCode, Reason: events.NotUnderstood}, ""},
		{"too early", checking, Submit{Attempt: "a", Step: events.StepCheckingCode, Reason: events.NotNow},
			&events.InputRefused{Attempt: "a", Step: events.StepCheckingCode, Reason: events.NotNow}, ""},
		{"nothing readable while Telegram is asked", checking, Submit{Attempt: "a", Step: events.StepCheckingCode, Readable: true}, nil, ""},
		{"an answer to a step that is over", checking, Submit{Attempt: "a", Step: events.StepCode, Readable: true}, nil, ""},
		{"an answer to another attempt", coding, Submit{Attempt: "z", Step: events.StepCode, Readable: true}, nil, ""},
		{"an answer to nothing", nil, Submit{Attempt: "a", Step: events.StepCode, Readable: true}, nil, ""},

		{"cancel", coding, Cancel{}, &events.LoginFailed{Attempt: "a", Reason: events.FailedCancelled, Step: events.StepCode}, ""},
		{"cancel nothing", loggedIn, Cancel{}, nil, events.RefusedNothingRunning},
		{"a third person", proving, Abandon{Reason: events.FailedRoomShared},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedRoomShared, Step: events.StepCheckingPassword}, ""},
		{"a third person, and no login", loggedIn, Abandon{Reason: events.FailedRoomShared}, nil, ""},
		{"the deadline", asked, Expire{Attempt: "a", Now: started.Deadline},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedTimeout, Step: events.StepPhone}, ""},
		{"before the deadline", asked, Expire{Attempt: "a", Now: started.Deadline.Add(-1)}, nil, ""},
		{"the deadline of an attempt before", asked, Expire{Attempt: "z", Now: started.Deadline}, nil, ""},
		{"the deadline after the end", loggedIn, Expire{Attempt: "a", Now: started.Deadline}, nil, ""},

		{"a code is on its way", requesting, CodeIsOnItsWay{Of: "e2", Route: events.RouteApp, Length: 5}, codeSent, ""},
		{"a code for a submission answered before", coding, CodeIsOnItsWay{Of: "e2"}, nil, ""},
		{"a code for no submission", asked, CodeIsOnItsWay{}, nil, ""},
		{"a code after cancelling", append(requesting[:2:2], &events.LoginFailed{Attempt: "a"}), CodeIsOnItsWay{Of: "e2"}, nil, ""},
		{"a bot", nil, Start{Attempt: "b", MaxLogins: 1, Method: events.MethodBot},
			&events.LoginStarted{Attempt: "b", Method: events.MethodBot, Channel: events.ChannelRoom}, ""},
		{"a bot's token", []events.Fact{&events.LoginStarted{Attempt: "a", Method: events.MethodBot}},
			Submit{Attempt: "a", Step: events.StepToken, Readable: true, Bot: true}, &events.TokenSubmitted{Attempt: "a"}, ""},
		{"a bot's token in place of a number", asked, Submit{Attempt: "a", Step: events.StepPhone, Readable: true, Bot: true}, &events.TokenSubmitted{Attempt: "a"}, ""},
		{"a wrong token", []events.Fact{started, &events.TokenSubmitted{Attempt: "a"}}, Refuse{Of: "e2", Reason: events.BadToken, Next: events.StepToken, MaxTries: 3},
			&events.TokenRejected{Rejection: rejection(events.BadToken, events.StepToken)}, ""},
		{"let in by token", []events.Fact{started, &events.TokenSubmitted{Attempt: "a"}}, LetIn{Of: "e2", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodBot, Factors: []string{"bot_token"}}, ""},

		{"let in without a code", requesting, LetIn{Of: "e2", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodToken, Factors: []string{"future_token"},
				Sealed: events.AccountFacts{Masked: phoneGiven.Sealed.Masked}}, ""},
		{"a password without a code", requesting, NeedPassword{Of: "e2"}, &events.PasswordRequired{Attempt: "a", Factor: "future_token"}, ""},
		{"let in by token and password", []events.Fact{started, phoneGiven, &events.PasswordRequired{Attempt: "a", Factor: "future_token"}, passGiven},
			LetIn{Of: "e4", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodToken, Factors: []string{"future_token", "password"},
				Sealed: events.AccountFacts{Masked: phoneGiven.Sealed.Masked}}, ""},

		{"another code", another, Resend{Now: noon}, &events.ResendRequested{Attempt: "a"}, ""},
		{"another code may be had", another, OfferResend{Attempt: "a", Now: noon}, &events.ResendOffered{Attempt: "a", Route: events.RouteSMS}, ""},
		{"it is offered once", append(another[:3:3], &events.ResendOffered{Attempt: "a"}), OfferResend{Attempt: "a", Now: noon}, nil, ""},
		{"it is offered before its time", another, OfferResend{Attempt: "a", Now: noon.Add(-1)}, nil, ""},
		{"it is offered after the code", append(another[:3:3], codeGiven), OfferResend{Attempt: "a", Now: noon}, nil, ""},
		{"another code before its time", another, Resend{Now: noon.Add(-1)}, nil, events.RefusedTooSoon},
		{"another code where there is no way", coding, Resend{Now: noon}, nil, events.RefusedNoOtherRoute},
		{"another code while a flood wait lasts", append(another[:3:3], codeGiven,
			&events.CodeRejected{Rejection: events.Rejection{Attempt: "a", Reason: events.FloodWait, RetryAt: noon.Add(1), Next: events.StepCode}}),
			Resend{Now: noon}, nil, events.RefusedTooSoon},
		{"another code twice", append(another[:3:3], &events.ResendRequested{Attempt: "a"}), Resend{Now: noon}, nil, ""},
		{"another code before the first", requesting, Resend{Now: noon}, nil, events.RefusedNoCode},
		{"another code for no login", nil, Resend{Now: noon}, nil, events.RefusedNoCode},
		{"no other code after all", append(another[:3:3], &events.ResendRequested{Attempt: "a"}),
			Refuse{Of: "e4", Reason: events.NoOtherRoute, Next: events.StepCode, MaxTries: 3},
			&events.CodeRejected{Rejection: rejection(events.NoOtherRoute, events.StepCode)}, ""},
		{"another code gives no more tries", append(another[:3:3], codeGiven, &events.CodeRejected{Rejection: rejection(events.BadCode, events.StepCode)},
			&events.ResendRequested{Attempt: "a"}, codeSent, codeGiven), Refuse{Of: "e8", Reason: events.BadCode, Next: events.StepCode, MaxTries: 2},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedTooManyTries, Step: events.StepCheckingCode}, ""},

		{"two-factor", checking, NeedPassword{Of: "e4", HasHint: true}, &events.PasswordRequired{Attempt: "a", Factor: "code", HasHint: true}, ""},
		{"let in by code", checking, LetIn{Of: "e4", Login: "l", Account: "acc", Who: events.AccountFacts{Name: "Alice"}},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code"},
				Sealed: events.AccountFacts{Name: "Alice", Masked: phoneGiven.Sealed.Masked}}, ""},
		{"let in by password", proving, LetIn{Of: "e6", Login: "l", Account: "acc", Who: events.AccountFacts{Masked: "+1 ••• 99"}},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code", "password"},
				Sealed: events.AccountFacts{Masked: "+1 ••• 99"}}, ""},
		{"let in twice", loggedIn, LetIn{Of: "e4", Login: "m", Account: "acc"}, nil, ""},
		{"back to a known account", append(suspended[:6:6], started, phoneGiven, codeGiven), LetIn{Of: "e9", Login: "new", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code"},
				Revived: true, Sealed: events.AccountFacts{Masked: phoneGiven.Sealed.Masked}}, ""},
		{"somebody else held the account", checking, LetIn{Of: "e4", Login: "l", Account: "acc", Displaces: true},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code"},
				Displaces: true, Sealed: events.AccountFacts{Masked: phoneGiven.Sealed.Masked}}, ""},
		{"a suspended login is revived", suspended, Start{Attempt: "b", Login: "l", MaxLogins: 1},
			&events.LoginStarted{Attempt: "b", Login: "l", Method: events.MethodPhone, Channel: events.ChannelRoom}, ""},
		{"a login that works is not revived", loggedIn, Start{Attempt: "b", Login: "l", MaxLogins: 2}, nil, events.RefusedNotSuspended},
		{"nobody else's login is revived", suspended, Start{Attempt: "b", Login: "theirs", MaxLogins: 2}, nil, events.RefusedNoSuchLogin},
		{"revived", append(suspended[:6:6], revival, phoneGiven, codeGiven), LetIn{Of: "e9", Login: "new", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code"},
				Revived: true, Sealed: events.AccountFacts{Masked: phoneGiven.Sealed.Masked}}, ""},
		{"revived with another account", append(suspended[:6:6], revival, phoneGiven, codeGiven), LetIn{Of: "e9", Login: "new", Account: "other"},
			&events.LoginFailed{Attempt: "a", Login: "l", Reason: events.FailedOtherAccount, Step: events.StepCheckingCode}, ""},

		{"a wrong number", requesting, Refuse{Of: "e2", Reason: events.BadPhone, Error: "PHONE_NUMBER_INVALID", Next: events.StepPhone, MaxTries: 3},
			&events.PhoneRejected{Rejection: events.Rejection{Attempt: "a", Reason: events.BadPhone, Error: "PHONE_NUMBER_INVALID", Next: events.StepPhone}}, ""},
		{"a wrong code", checking, Refuse{Of: "e4", Reason: events.BadCode, Next: events.StepCode, MaxTries: 3},
			&events.CodeRejected{Rejection: rejection(events.BadCode, events.StepCode)}, ""},
		{"a wrong code too often", badCodes, Refuse{Of: "e6", Reason: events.BadCode, Error: "PHONE_CODE_INVALID", Next: events.StepCode, MaxTries: 2},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedTooManyTries, Step: events.StepCheckingCode, Error: "PHONE_CODE_INVALID"}, ""},
		{"a flood wait is no try", flooded, Refuse{Of: "e6", Reason: events.BadCode, Next: events.StepCode, MaxTries: 2},
			&events.CodeRejected{Rejection: rejection(events.BadCode, events.StepCode)}, ""},
		{"a flood wait after the last try but one", badCodes, Refuse{Of: "e6", Reason: events.FloodWait, RetryAt: noon, Next: events.StepCode, MaxTries: 2},
			&events.CodeRejected{Rejection: events.Rejection{Attempt: "a", Reason: events.FloodWait, RetryAt: noon, Next: events.StepCode}}, ""},
		{"an expired code goes back to the number", checking, Refuse{Of: "e4", Reason: events.CodeExpired, Next: events.StepPhone, MaxTries: 3},
			&events.CodeRejected{Rejection: rejection(events.CodeExpired, events.StepPhone)}, ""},
		{"a wrong password", proving, Refuse{Of: "e6", Reason: events.BadPassword, Next: events.StepPassword, MaxTries: 3},
			&events.PasswordRejected{Rejection: rejection(events.BadPassword, events.StepPassword)}, ""},
		{"refused for good", requesting, Refuse{Of: "e2", Reason: events.PhoneBanned, Error: "PHONE_NUMBER_BANNED", Final: true, MaxTries: 3},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedRefused, Refusal: events.PhoneBanned, Step: events.StepRequestingCode, Error: "PHONE_NUMBER_BANNED"}, ""},
		{"refused a second time", coding, Refuse{Of: "e2", Reason: events.BadPhone}, nil, ""},
		{"unreachable", checking, Delay{Of: "e4"}, &events.StepDelayed{Attempt: "a", Step: events.StepCheckingCode, Reason: "unreachable"}, ""},
		{"unreachable, told already", append(checking[:4:4], &events.StepDelayed{Attempt: "a"}), Delay{Of: "e4"}, nil, ""},

		{"log out", loggedIn, Logout{Login: "l"}, &events.LogoutRequested{Login: "l"}, ""},
		{"log out twice", append(loggedIn[:5:5], &events.LogoutRequested{Login: "l"}), Logout{Login: "l"}, nil, ""},
		{"suspend", loggedIn, Logout{Login: "l", Keep: true}, &events.LogoutRequested{Login: "l", Keep: true}, ""},
		{"suspend what is suspended", suspended, Logout{Login: "l", Keep: true}, nil, ""},
		{"log out of nothing", nil, Logout{Login: "l"}, nil, events.RefusedNotLoggedIn},
		{"the session ends", loggedIn, End{Login: "l", Cause: events.EndedByUser, Remote: true},
			&events.SessionEnded{Login: "l", Cause: events.EndedByUser, Remote: true}, ""},
		{"a suspended session is not revoked again", suspended, End{Login: "l", Cause: events.EndedByExpiry}, nil, ""},
		{"a suspended session is logged out", suspended, End{Login: "l", Cause: events.EndedByUser},
			&events.SessionEnded{Login: "l", Cause: events.EndedByUser}, ""},
		{"the end of no session", nil, End{Login: "l", Cause: events.EndedByUser}, nil, ""},

		{"chats", loggedIn, ListChats{Login: "l", Rooms: 48, Private: 9}, &events.ChatsListed{Login: "l", Rooms: 48, Private: 9}, ""},
		{"no chats", loggedIn, ListChats{Login: "l"}, &events.ChatsListed{Login: "l"}, ""},
		{"the same chats", append(loggedIn[:5:5], listed), ListChats{Login: "l", Rooms: 48}, nil, ""},
		{"chats of a suspended login", suspended, ListChats{Login: "l", Rooms: 48}, nil, ""},
		{"the first room", append(loggedIn[:5:5], listed), Progress{Login: "l", Made: 1}, &events.ProgressMade{Login: "l", Made: 1, Of: 48}, ""},
		{"between milestones", append(loggedIn[:5:5], listed, &events.ProgressMade{Login: "l", Made: 12, Of: 48}), Progress{Login: "l", Made: 20, Failed: 3}, nil, ""},
		{"half of the rooms", append(loggedIn[:5:5], listed, &events.ProgressMade{Login: "l", Made: 12, Of: 48}), Progress{Login: "l", Made: 21, Failed: 3},
			&events.ProgressMade{Login: "l", Made: 21, Failed: 3, Of: 48}, ""},
		{"a room more than listed", append(loggedIn[:5:5], listed, &events.ProgressMade{Login: "l", Made: 48, Of: 48}), Progress{Login: "l", Made: 49}, nil, ""},
		{"rooms before the list", loggedIn, Progress{Login: "l", Made: 5}, nil, ""},
		{"no rooms to make", append(loggedIn[:5:5], &events.ChatsListed{Login: "l"}), Progress{Login: "l"}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fact, err := Decide(given(c.given...), c.when)
			var refused Refused
			errors.As(err, &refused)
			if refused.Reason != c.err || err != nil && c.err == "" {
				t.Errorf("refused %v, want %q", err, c.err)
			}
			if !reflect.DeepEqual(fact, c.then) && (fact != nil || c.then != nil) {
				t.Errorf("decided %T %+v, want %T %+v", fact, fact, c.then, c.then)
			}
		})
	}
}

func TestDecideChangesNoState(t *testing.T) {
	u := given(started, phoneGiven, codeSent, codeGiven)
	u.Attempt.Factors = make([]string, 0, 4) // room for an append to write into
	if _, err := Decide(u, LetIn{Of: "e4", Account: "acc"}); err != nil {
		t.Fatal(err)
	}
	if got := u.Attempt.Factors[:1][0]; got != "" {
		t.Errorf("the decision wrote %q into the state", got)
	}
}

func TestMilestonesAreFew(t *testing.T) {
	for of := range 300 {
		told, times := 0, 0
		for done := range of + 1 {
			if m := milestone(done, of); m > told {
				told, times = done, times+1
			}
		}
		if told != of || times > 5 {
			t.Errorf("of %d rooms: told %d times, last at %d", of, times, told)
		}
	}
}

type unheard struct{ Command }

func TestUnknownCommandsAreErrors(t *testing.T) {
	if fact, err := Decide(given(), unheard{}); fact != nil || err == nil {
		t.Errorf("%v, %v", fact, err)
	}
}
