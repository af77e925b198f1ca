package login

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

func TestDecideQR(t *testing.T) {
	until := noon.Add(30 * time.Second)
	byQR := &events.LoginStarted{Attempt: "a", Method: events.MethodQR, Deadline: started.Deadline, Sealed: started.Sealed}
	issued := &events.QRIssued{Attempt: "a", N: 1, Until: until}
	scanned := &events.QRScanned{Attempt: "a", N: 1}
	waiting := []events.Fact{byQR}
	shown := []events.Fact{byQR, issued}
	scan := []events.Fact{byQR, issued, scanned}
	secret := []events.Fact{byQR, issued, scanned, &events.PasswordRequired{Attempt: "a", Factor: events.FactorQR}, passGiven}
	rejected := func(reason events.Refusal, next events.Step) *events.QRRejected {
		return &events.QRRejected{Rejection: rejection(reason, next)}
	}
	for _, c := range []struct {
		name  string
		given []events.Fact
		when  Command
		then  events.Fact
	}{
		{"a login by QR code", nil, Start{Attempt: "a", User: "@alice:example.org", Room: room, Deadline: noon, MaxLogins: 1, Method: events.MethodQR},
			&events.LoginStarted{Attempt: "a", Method: events.MethodQR, Channel: events.ChannelRoom, Deadline: noon, Sealed: started.Sealed}},
		{"the first code", waiting, ShowQR{Of: "e1", Until: until}, issued},
		{"a code that nobody asked for", shown, ShowQR{Of: "e1", Until: until}, nil},
		{"a code for another login", asked(), ShowQR{Until: until}, nil},
		{"it is too old", shown, Lapse{Attempt: "a", Now: until}, &events.QRLapsed{Attempt: "a", N: 1, Reason: events.LapseExpired}},
		{"it is not yet", shown, Lapse{Attempt: "a", Now: until.Add(-1)}, nil},
		{"the line was lost", shown, Lapse{Attempt: "a", Unheard: true}, &events.QRLapsed{Attempt: "a", N: 1, Reason: events.LapseUnheard}},
		{"the line was lost while Telegram is asked", scan, Lapse{Attempt: "a", Unheard: true}, nil},
		{"the code of another attempt", shown, Lapse{Attempt: "z", Now: until}, nil},
		{"the code of no attempt", nil, Lapse{Attempt: "a", Now: until}, nil},
		{"the next code", append(shown[:2:2], &events.QRLapsed{Attempt: "a", N: 1}), ShowQR{Of: "e3", Until: until}, &events.QRIssued{Attempt: "a", N: 2, Until: until}},
		{"scanned", shown, Scanned{Attempt: "a"}, scanned},
		{"scanned twice", scan, Scanned{Attempt: "a"}, nil},
		{"scanned after a number was given", append(shown[:2:2], phoneGiven), Scanned{Attempt: "a"}, nil},
		{"let in", scan, LetIn{Of: "e3", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodQR, Factors: []string{"qr"}}},
		{"a password", scan, NeedPassword{Of: "e3"}, &events.PasswordRequired{Attempt: "a", Factor: "qr"}},
		{"let in by password", secret, LetIn{Of: "e5", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodQR, Factors: []string{"qr", "password"}}},
		{"refused", scan, Refuse{Of: "e3", Reason: events.BadQR, Next: events.StepQR, MaxTries: 3}, rejected(events.BadQR, events.StepQR)},
		{"refused too often", append(scan[:3:3], rejected(events.BadQR, events.StepQR), scanned), Refuse{Of: "e5", Reason: events.BadQR, Next: events.StepQR, MaxTries: 2},
			&events.LoginFailed{Attempt: "a", Reason: events.FailedTooManyTries, Step: events.StepRequestingQR}},
		{"unreachable", scan, Delay{Of: "e3"}, &events.StepDelayed{Attempt: "a", Step: events.StepRequestingQR, Reason: "unreachable"}},
		{"a number in place of the scan", shown, Submit{Attempt: "a", Step: events.StepQR, Readable: true, Masked: phoneGiven.Sealed.Masked}, phoneGiven},
		{"let in by number", append(shown[:2:2], phoneGiven, codeSent, codeGiven), LetIn{Of: "e5", Login: "l", Account: "acc"},
			&events.LoginSucceeded{Attempt: "a", Login: "l", Account: "acc", Method: events.MethodPhone, Factors: []string{"code"},
				Sealed: events.AccountFacts{Masked: phoneGiven.Sealed.Masked}}},
		{"rubbish in place of the scan", shown, Submit{Attempt: "a", Step: events.StepQR}, &events.InputRefused{Attempt: "a", Step: events.StepQR, Reason: events.NotUnderstood}},
		{"cancel", shown, Cancel{}, &events.LoginFailed{Attempt: "a", Reason: events.FailedCancelled, Step: events.StepQR}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fact, err := Decide(given(c.given...), c.when)
			if err != nil || !reflect.DeepEqual(fact, c.then) && (fact != nil || c.then != nil) {
				t.Errorf("decided %T %+v, %v, want %T %+v", fact, fact, err, c.then, c.then)
			}
		})
	}
}

func asked() []events.Fact { return []events.Fact{started} }

// Whatever comes in whatever order, an attempt by QR code waits for Telegram or
// for the user, never for both; codes are counted; each question has one answer.
func TestQRInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us, seq, answered := projections.NewUsers(), 0, map[events.EventID]bool{}
		ids, codes := []events.EventID{""}, 0
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			of := rapid.SampledFrom(ids).Draw(t, "of")
			now := noon.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "second")) * time.Second)
			c := rapid.SampledFrom([]Command{
				Start{Attempt: "a", MaxLogins: 9, Method: events.MethodQR, Deadline: noon.Add(time.Minute)}, ShowQR{Of: of, Until: now}, Scanned{Attempt: "a"},
				Lapse{Attempt: "a", Now: now}, Lapse{Attempt: "a", Unheard: true}, NeedPassword{Of: of}, LetIn{Of: of, Login: "l", Account: "acc"},
				Refuse{Of: of, Reason: events.BadQR, Next: events.StepQR, MaxTries: 3}, Refuse{Of: of, Reason: events.FloodWait, Next: events.StepQR, RetryAt: now},
				Refuse{Of: of, Reason: events.TelegramError, Next: events.StepPhone, MaxTries: 3}, Delay{Of: of}, Cancel{}, Expire{Attempt: "a", Now: now},
				Submit{Attempt: "a", Step: events.StepQR, Readable: true}, Submit{Attempt: "a", Step: events.StepPassword, Readable: true},
			}).Draw(t, "command")
			before := us.Get(user)
			fact, _ := Decide(before, c)
			if fact == nil {
				continue
			}
			seq++
			e := events.Event{ID: events.NewEventID(), Aggregate: events.Aggregate{Stream: events.Auth, UID: user}, Time: noon, Seq: uint64(seq), Fact: fact}
			us.Apply(e)
			ids = append(ids, e.ID)
			if before.Attempt != nil && before.Attempt.Awaiting != "" {
				if _, delayed := fact.(*events.StepDelayed); !delayed {
					if answered[before.Attempt.Awaiting] {
						t.Fatalf("%T is a second answer", fact)
					}
					answered[before.Attempt.Awaiting] = true
				}
			}
			a := us.Get(user).Attempt
			if a == nil {
				codes = 0
				continue
			}
			if (a.Step == events.StepRequestingQR) != (a.ByQR() && a.Awaiting != "") || a.Step == events.StepQR && a.Awaiting != "" {
				t.Fatalf("after %T: %+v", fact, a)
			}
			if f, ok := fact.(*events.QRIssued); ok {
				if codes++; f.N != codes {
					t.Fatalf("code %d is number %d", codes, f.N)
				}
			}
		}
	})
}
