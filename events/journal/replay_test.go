package journal

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
)

func TestReplayIsWhatWasAppended(t *testing.T) {
	j, ctx := open(t), testContext(t)
	var stored []events.Event
	people := []events.Aggregate{user(), user(), user()}
	rapid.Check(t, func(rt *rapid.T) {
		agg := rapid.SampledFrom(people).Draw(rt, "person")
		e := submitted(agg, rapid.String().Draw(rt, "phone"))
		e.Seq = must(t, j, e)
		stored = append(stored, e)
		after := rapid.Uint64Range(0, uint64(len(stored))).Draw(rt, "after")
		until := rapid.Uint64Range(after, uint64(len(stored))+3).Draw(rt, "until")
		want := stored[after:min(until, uint64(len(stored)))]
		if until == 0 {
			want = stored[after:]
		}
		var got []events.Event
		err := j.Replay(ctx, events.Auth, after, until, func(e events.Event) error { got = append(got, e); return nil })
		if err != nil || len(got) != len(want) {
			rt.Fatalf("replay (%d, %d]: %d events of %d, %v", after, until, len(got), len(want), err)
		}
		for i := range want {
			if got[i].ID != want[i].ID || got[i].Seq != want[i].Seq || phone(t, got[i]) != phone(t, want[i]) || !got[i].Time.Equal(want[i].Time) {
				rt.Fatalf("event %d came back as %+v", want[i].Seq, got[i])
			}
		}
	})
}

func TestReplayOfManyBatchesIsInOrder(t *testing.T) {
	j, ctx := open(t), testContext(t)
	const n = 2*batchMessages + 17
	fill(t, j, n)
	next := uint64(1)
	err := j.Replay(ctx, events.Auth, 0, 0, func(e events.Event) error {
		if e.Seq != next || phone(t, e) != fmt.Sprint(next) {
			return fmt.Errorf("event %d (%s) where %d is due", e.Seq, phone(t, e), next)
		}
		next++
		return nil
	})
	if err != nil || next != n+1 {
		t.Errorf("%d events, %v", next-1, err)
	}
	records := 0
	err = j.Records(ctx, events.Auth, 0, 0, func(r Record) error {
		records++
		if r.Seq != uint64(records) || r.Subject == "" || r.Time.IsZero() || len(r.Body) == 0 {
			return fmt.Errorf("record %d: %+v", records, r)
		}
		return nil
	})
	if err != nil || records != n {
		t.Errorf("%d records, %v", records, err)
	}
}

func TestReplayStopsAtTheCallersError(t *testing.T) {
	j, ctx := open(t), testContext(t)
	fill(t, j, 1000)
	enough := errors.New("enough")
	count := 0
	err := j.Replay(ctx, events.Auth, 0, 0, func(events.Event) error {
		if count++; count == 10 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || count != 10 {
		t.Errorf("%d events, %v", count, err)
	}
}

func TestReplayNamesACorruptEvent(t *testing.T) {
	j, ctx := open(t), testContext(t)
	must(t, j, submitted(user(), "good"))
	if _, err := j.conn.js.Publish(ctx, "auth.0.someone.phone_submitted", []byte("{")); err != nil {
		t.Fatal(err)
	}
	count := 0
	err := j.Replay(ctx, events.Auth, 0, 0, func(events.Event) error { count++; return nil })
	if err == nil || count != 1 {
		t.Errorf("%d events, %v", count, err)
	}
}

func TestReplayOfAnEmptyLog(t *testing.T) {
	j, ctx := open(t), testContext(t)
	for _, s := range events.Streams() {
		err := j.Replay(ctx, s, 0, 0, func(e events.Event) error { return fmt.Errorf("an event %d", e.Seq) })
		if err != nil {
			t.Error(err)
		}
	}
}

func TestReplayPassesOverGaps(t *testing.T) {
	j, ctx := open(t), testContext(t)
	agg := events.Aggregate{Stream: events.Chat, UID: events.NewUID()}
	for n := range 10 {
		e := events.Event{ID: events.NewEventID(), Aggregate: agg, Fact: &events.MessageDeleted{}}
		if _, err := j.Append(ctx, e, uint64(n)); err != nil {
			t.Fatal(err)
		}
	}
	// CHAT loses its beginning by age; here by hand, as nothing in it can be deleted.
	stream, err := j.conn.js.Stream(ctx, "KV_PEERS")
	if err != nil {
		t.Fatal(err)
	}
	bucket, _ := j.conn.Bucket(ctx, "PEERS")
	for n := range 10 {
		if _, err := bucket.Put(ctx, fmt.Sprint("k", n), []byte{byte(n)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, seq := range []uint64{1, 2, 5, 10} {
		if err := stream.DeleteMsg(ctx, seq); err != nil {
			t.Fatal(err)
		}
	}
	var got []uint64
	err = j.conn.scan(ctx, span{stream: "KV_PEERS", until: 10, bare: true}, func(rs []Record) error {
		for _, r := range rs {
			got = append(got, r.Seq)
			if r.Body[0] != byte(r.Seq-1) {
				t.Errorf("record %d holds %d", r.Seq, r.Body)
			}
		}
		return nil
	})
	if err != nil || fmt.Sprint(got) != "[3 4 6 7 8 9]" {
		t.Errorf("%v, %v", got, err)
	}
}

// fill appends n events of 50 people, their phones their sequences. It appends
// without waiting for each, which only tests of reading may.
func fill(t testing.TB, j *Journal, n int) {
	t.Helper()
	people := make([]events.Aggregate, 50)
	for i := range people {
		people[i] = user()
	}
	for i := 1; i <= n; i++ {
		m, _, err := j.message(submitted(people[i%len(people)], fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.conn.js.PublishMsgAsync(m); err != nil {
			t.Fatal(err)
		}
	}
	receive(t, j.conn.js.PublishAsyncComplete(), "the events to be stored")
}
