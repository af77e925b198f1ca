package login_test

import (
	"errors"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// folded folds facts, a second apart, as the log would hold them.
func folded(facts ...events.Fact) projections.User {
	us := projections.NewUsers()
	for i, f := range facts {
		us.Apply(events.Event{
			ID: events.EventID(string(f.Type()) + string(rune('0'+i))), Seq: uint64(i + 1), Time: noon.Add(time.Duration(i) * time.Second),
			Aggregate: events.Aggregate{Stream: events.Auth, UID: "u"}, Fact: f,
		})
	}
	return us.Get("u")
}

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func begun() *events.LoginStarted {
	return &events.LoginStarted{Attempt: "a", Method: events.MethodPhone, Channel: events.ChannelRoom, Deadline: noon.Add(20 * time.Minute)}
}

func linked(id events.LinkID) *events.WebLinkMade {
	return &events.WebLinkMade{Attempt: "a", Link: id, Until: noon.Add(10 * time.Minute)}
}

func TestALinkIsGoodOnce(t *testing.T) {
	spent := &events.WebLinkRedeemed{Attempt: "a", Link: "1"}
	ended := &events.LoginFailed{Attempt: "a", Reason: events.FailedCancelled}
	reused := func() events.Fact { return &events.WebLinkReused{Link: "1", Reason: events.LinkSpent} }
	for _, c := range []struct {
		name  string
		given []events.Fact
		link  events.LinkID
		at    time.Duration
		want  events.LinkRefusal // "good" if it is redeemed, empty if nothing happens
	}{
		{"fresh", []events.Fact{begun(), linked("1")}, "1", time.Minute, "good"},
		{"in its last moment", []events.Fact{begun(), linked("1")}, "1", 10*time.Minute - 1, "good"},
		{"too late", []events.Fact{begun(), linked("1")}, "1", 10 * time.Minute, events.LinkExpired},
		{"spent", []events.Fact{begun(), linked("1"), spent}, "1", time.Minute, events.LinkSpent},
		{"revoked by a newer one", []events.Fact{begun(), linked("1"), linked("2")}, "1", time.Minute, events.LinkRevoked},
		{"the newer one", []events.Fact{begun(), linked("1"), linked("2")}, "2", time.Minute, "good"},
		{"after the login", []events.Fact{begun(), linked("1"), ended}, "1", time.Minute, events.LinkOver},
		{"of another's", []events.Fact{begun()}, "1", time.Minute, ""},
		{"tried again and again", []events.Fact{begun(), linked("1"), spent, reused(), reused(), reused()}, "1", time.Minute, ""},
		{"forgotten among newer ones", []events.Fact{begun(), linked("1"), linked("2"), linked("3"), linked("4"), linked("5"), linked("6"), linked("7"), linked("8"), linked("9")}, "1", time.Minute, ""},
	} {
		fact, err := login.Decide(folded(c.given...), login.Redeem{Link: c.link, Now: noon.Add(c.at), Pairing: true})
		var got events.LinkRefusal
		switch f := fact.(type) {
		case *events.WebLinkRedeemed:
			got = "good"
			if f.Attempt != "a" || !f.Pairing {
				t.Errorf("%s: %+v", c.name, f)
			}
		case *events.WebLinkReused:
			got = f.Reason
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestLinksHaveABound(t *testing.T) {
	u := folded(begun(), linked("1"), linked("2"), linked("3"), linked("4"), linked("5"), linked("6"))
	make := func(at time.Duration, attempt events.AttemptID) (events.Fact, error) {
		return login.Decide(u, login.MakeLink{Attempt: attempt, Link: "7", Now: noon.Add(at), Room: "!r"})
	}
	if _, err := make(15*time.Minute, "a"); err == nil {
		t.Error("a seventh link within a quarter of an hour")
	}
	fact, err := make(15*time.Minute+2*time.Second, "a")
	if f, ok := fact.(*events.WebLinkMade); !ok || err != nil || !f.Until.Equal(noon.Add(20*time.Minute)) {
		t.Errorf("%+v, %v: a link is good until its login's deadline at the latest", fact, err)
	}
	if _, err := make(time.Hour, "another"); err == nil {
		t.Error("a link to a login that is not running")
	}
}

// TestOneBrowserIsPaired: who could open another browser within a login that is
// to be paired would be shown there what only the first is shown.
func TestOneBrowserIsPaired(t *testing.T) {
	redeemed := &events.WebLinkRedeemed{Attempt: "a", Link: "1", Pairing: true}
	u := folded(begun(), linked("1"), redeemed)
	_, err := login.Decide(u, login.MakeLink{Attempt: "a", Link: "2", Now: noon.Add(time.Minute), Room: "!r"})
	var refused login.Refused
	if !errors.As(err, &refused) || refused.Reason != events.RefusedBrowserOpen {
		t.Errorf("a second link: %v", err)
	}
	u = folded(begun(), linked("1"), redeemed, linked("2"))
	fact, err := login.Decide(u, login.Redeem{Link: "2", Now: noon.Add(time.Minute), Pairing: true})
	if f, ok := fact.(*events.WebLinkReused); !ok || err != nil || f.Reason != events.LinkRevoked {
		t.Errorf("a second browser: %+v, %v", fact, err)
	}
}

func TestChoose(t *testing.T) {
	number := &events.PhoneSubmitted{Attempt: "a", Via: events.ChannelWeb}
	sent := &events.CodeSent{Attempt: "a", Route: events.RouteSMS}
	for _, c := range []struct {
		name   string
		given  []events.Fact
		at     events.Step
		method events.Method
		chosen bool
	}{
		{"a token instead", []events.Fact{begun()}, events.StepPhone, events.MethodBot, true},
		{"to register instead", []events.Fact{begun()}, events.StepPhone, events.MethodRegister, true},
		{"what is chosen already", []events.Fact{begun()}, events.StepPhone, events.MethodPhone, false},
		{"back from the code", []events.Fact{begun(), number, sent}, events.StepCode, events.MethodPhone, true},
		{"a code to scan again, after Telegram refused one", []events.Fact{
			&events.LoginStarted{Attempt: "a", Method: events.MethodQR},
			&events.QRRejected{Rejection: events.Rejection{Attempt: "a", Reason: events.TelegramError, Next: events.StepPhone}},
		}, events.StepPhone, events.MethodQR, true},
		{"while Telegram is asked", []events.Fact{begun(), number}, events.StepRequestingCode, events.MethodPhone, false},
		{"from an old page", []events.Fact{begun(), number, sent}, events.StepPhone, events.MethodQR, false},
		{"rubbish", []events.Fact{begun()}, events.StepPhone, "telepathy", false},
		{"to register for a login that is to be revived", []events.Fact{&events.LoginStarted{Attempt: "a", Login: "l", Method: events.MethodPhone}}, events.StepPhone, events.MethodRegister, false},
	} {
		fact, err := login.Decide(folded(c.given...), login.Choose{Attempt: "a", At: c.at, Method: c.method, Via: events.ChannelWeb})
		if err != nil || (fact != nil) != c.chosen {
			t.Errorf("%s: %+v, %v", c.name, fact, err)
		}
	}
	u := folded(begun(), &events.WebLinkRedeemed{Attempt: "a", Pairing: true}, number, sent, &events.MethodChosen{Attempt: "a", Method: events.MethodBot, From: events.StepCode, Via: events.ChannelWeb})
	if a := u.Attempt; a.Step != events.StepToken || a.Masked != "" || a.Browser == nil || !a.Pairing || a.Route != "" {
		t.Errorf("%+v", a)
	}
}

func TestPairing(t *testing.T) {
	redeemed := &events.WebLinkRedeemed{Attempt: "a", Link: "1", Pairing: true}
	checking := []events.Fact{begun(), linked("1"), redeemed, &events.PhoneSubmitted{Attempt: "a"}, &events.CodeSent{Attempt: "a"}, &events.CodeSubmitted{Attempt: "a"}}
	u := folded(checking...)
	letIn := login.LetIn{Of: u.Attempt.Awaiting, Login: "l", Account: "c", Who: events.AccountFacts{Name: "Alice"}}
	fact, err := login.Decide(u, letIn)
	pairs, ok := fact.(*events.PairingRequired)
	if !ok || err != nil || pairs.Factor != events.FactorCode || pairs.Sealed.Name != "Alice" {
		t.Fatalf("%+v, %v", fact, err)
	}
	waiting := append(checking, pairs)
	wrong := &events.PairingRejected{Rejection: events.Rejection{Attempt: "a", Reason: events.BadPairing, Next: events.StepPairing}}
	submit := func(u projections.User, matches bool) events.Fact {
		fact, err := login.Decide(u, login.Submit{Attempt: "a", Step: events.StepPairing, Readable: true, Matches: matches})
		if err != nil {
			t.Fatal(err)
		}
		return fact
	}
	if _, ok := submit(folded(waiting...), false).(*events.PairingRejected); !ok {
		t.Error("a wrong code is not rejected")
	}
	f, ok := submit(folded(append(waiting, wrong, wrong)...), false).(*events.LoginFailed)
	if !ok || f.Reason != events.FailedTooManyTries {
		t.Errorf("after three wrong codes: %+v", f)
	}
	confirmed := submit(folded(append(waiting, wrong)...), true)
	if _, ok := confirmed.(*events.PairingConfirmed); !ok {
		t.Fatalf("%+v", confirmed)
	}
	u = folded(append(waiting, confirmed)...)
	letIn.Of = u.Attempt.Awaiting
	fact, err = login.Decide(u, letIn)
	if in, ok := fact.(*events.LoginSucceeded); !ok || err != nil || len(in.Factors) != 1 || in.Method != events.MethodPhone {
		t.Errorf("%+v, %v", fact, err)
	}
}
