package events_test

import (
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
)

// openSealer seals nothing: it shows the codec's own cost and bytes.
type openSealer struct{}

func (openSealer) Seal(_ events.UID, plain, _ []byte) ([]byte, error)  { return plain, nil }
func (openSealer) Open(_ events.UID, sealed, _ []byte) ([]byte, error) { return sealed, nil }

// forgetful has lost every key.
type forgetful struct{ openSealer }

func (forgetful) Open(events.UID, []byte, []byte) ([]byte, error) { return nil, events.ErrForgotten }

func sample() events.Event {
	return events.Event{
		ID:        "0192f3c4-0000-7000-8000-000000000001",
		Aggregate: events.Aggregate{Stream: events.Auth, UID: "11111111-1111-4111-8111-111111111111"},
		Time:      time.Date(2026, 11, 1, 12, 0, 0, 5e6, time.UTC), Actor: events.ByUser,
		Correlation: "attempt", Causation: "0192f3c4-0000-7000-8000-000000000000", Origin: "$origin",
		Fact: &events.LoginStarted{
			Attempt: "attempt", Method: events.MethodPhone, Channel: events.ChannelRoom,
			Deadline: time.Date(2026, 11, 1, 12, 10, 0, 0, time.UTC),
			Sealed:   events.RoomFacts{User: "@alice:example.org", Room: "!room:example.org"},
		},
	}
}

func TestForgottenPersonLeavesTheFact(t *testing.T) {
	body, err := events.Encode(sample(), openSealer{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := events.Decode(body, forgetful{})
	if err != nil || !got.Forgotten {
		t.Fatalf("forgotten %v, %v", got.Forgotten, err)
	}
	f := got.Fact.(*events.LoginStarted)
	if f.Attempt != "attempt" || f.Sealed != (events.RoomFacts{}) {
		t.Fatalf("fact %+v", f)
	}
}

func TestDecodeRefusesRubbish(t *testing.T) {
	for _, body := range []string{
		"", "null", "{}", "[]", "42", `{"specversion":"1.0"}`,
		`{"specversion":"0.3","id":"x","type":"natsgram.auth.code_sent.v1","subject":"u","data":{}}`,
		`{"specversion":"1.0","id":"x","type":"natsgram.auth.code_sent.v1","subject":"u","data":{"length":"six"}}`,
		`{"specversion":"1.0","id":"x","type":"nonsense","subject":"u","data":{}}`,
	} {
		if e, err := events.Decode([]byte(body), nil); err == nil {
			t.Errorf("%q decoded to %+v", body, e)
		}
	}
}

func TestNewerVersionsAreKeptWhole(t *testing.T) {
	const body = `{"specversion":"1.0","id":"x","source":"natsgram","type":"natsgram.auth.code_sent.v9","subject":"u","time":"2026-11-01T12:00:00Z","actor":"telegram","data":{"news":true}}`
	e, err := events.Decode([]byte(body), nil)
	if err != nil {
		t.Fatal(err)
	}
	u, ok := e.Fact.(*events.Unknown)
	if !ok || u.Wire != "natsgram.auth.code_sent.v9" || string(u.Raw) != `{"news":true}` || e.Aggregate.Stream != events.Auth {
		t.Fatalf("got %+v", e)
	}
}

func TestEventIDForIsAStableUUIDv7(t *testing.T) {
	at := time.UnixMilli(1_700_000_000_000)
	a, b := events.EventIDFor(at, "$x"), events.EventIDFor(at, "$x")
	if a != b || a == events.EventIDFor(at, "$y") {
		t.Fatalf("%s, %s", a, b)
	}
	if a[14] != '7' || a[:13] != "018bcfe5-6800" {
		t.Fatalf("%s is no UUIDv7 of its time", a)
	}
}

func BenchmarkDecode(b *testing.B) {
	body, err := events.Encode(sample(), openSealer{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := events.Decode(body, openSealer{}); err != nil {
			b.Fatal(err)
		}
	}
}
