package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natsgram/natsgram/events"
)

// BenchmarkAppend is one writer that waits for each event, sealed.
func BenchmarkAppend(b *testing.B) {
	for _, sync := range []string{"2m", "100ms", "10ms", "always"} {
		b.Run("sync="+sync, func(b *testing.B) {
			cfg := testConfig(b)
			cfg.StoreKey = "key"
			cfg.ConfigFile = edited(b, cfg.ConfigFile, `sync_interval: "100ms"`, `sync_interval: "`+sync+`"`)
			j := New(connect(b, cfg), newTestSealer(b))
			ctx, agg, last := testContext(b), user(), uint64(0)
			b.ResetTimer()
			for b.Loop() {
				var err error
				if last, err = j.Append(ctx, submitted(agg, "+44 ••••• ••1234"), last); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkAppendBusy is 16 writers to as many aggregates.
func BenchmarkAppendBusy(b *testing.B) {
	cfg := testConfig(b)
	cfg.StoreKey = "key"
	j := New(connect(b, cfg), newTestSealer(b))
	ctx := testContext(b)
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		agg, last := user(), uint64(0)
		for pb.Next() {
			var err error
			if last, err = j.Append(ctx, submitted(agg, "+44 ••••• ••1234"), last); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkReplay reads a log of sealed events once per iteration: as it is
// (the limit), opened by the bridge over TCP and in-process, and by an auditor.
func BenchmarkReplay(b *testing.B) {
	const n = 200_000
	cfg := testConfig(b)
	cfg.StoreKey = "key"
	c := connect(b, cfg)
	sealer := newTestSealer(b)
	j := New(c, sealer)
	fillGuarded(b, j, n)
	reader := cfg
	reader.ReadOnly = true
	raw := measure(b, "raw", n, 0, func() (count int, err error) {
		err = c.scan(testContext(b), span{stream: "AUTH", until: n, bare: true}, func(rs []Record) error { count += len(rs); return nil })
		return count, err
	})
	replay := func(j *Journal) func() (int, error) {
		return func() (count int, err error) {
			err = j.Replay(testContext(b), events.Auth, 0, 0, func(events.Event) error { count++; return nil })
			return count, err
		}
	}
	measure(b, "opened", n, raw, replay(j))
	measure(b, "auditor", n, raw, replay(New(connect(b, reader), sealer)))
	measure(b, "records", n, raw, func() (count int, err error) {
		err = j.Records(testContext(b), events.Auth, 0, 0, func(Record) error { count++; return nil })
		return count, err
	})
	c.Close()
	cfg.Listen = "none"
	measure(b, "in-process", n, raw, replay(New(connect(b, cfg), sealer)))
}

// measure runs a read of n events and returns its rate, and reports how much of
// the raw rate that is.
func measure(b *testing.B, name string, n int, raw float64, read func() (int, error)) (rate float64) {
	b.Run(name, func(b *testing.B) {
		for b.Loop() {
			if count, err := read(); err != nil || count != n {
				b.Fatalf("%d of %d events, %v", count, n, err)
			}
		}
		rate = float64(n) * float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(rate, "events/s")
		if raw > 0 {
			b.ReportMetric(rate/raw, "of_raw")
		}
	})
	return rate
}

// fillGuarded fills the log as Append does, headers and all, without waiting
// for each event.
func fillGuarded(b *testing.B, j *Journal, n int) {
	b.Helper()
	people, last := make([]events.Aggregate, 1000), map[events.UID]uint64{}
	for i := range people {
		people[i] = user()
	}
	for i := 1; i <= n; i++ {
		e := submitted(people[i%len(people)], "+44 ••••• ••1234")
		m, filter, err := j.message(e)
		if err != nil {
			b.Fatal(err)
		}
		m.Header.Set("Nats-Msg-Id", string(e.ID))
		m.Header.Set("Nats-Expected-Stream", "AUTH")
		m.Header.Set("Nats-Expected-Last-Subject-Sequence", fmt.Sprint(last[e.Aggregate.UID]))
		m.Header.Set("Nats-Expected-Last-Subject-Sequence-Subject", filter)
		if _, err := j.conn.js.PublishMsgAsync(m); err != nil {
			b.Fatal(err)
		}
		last[e.Aggregate.UID] = uint64(i)
	}
	<-j.conn.js.PublishAsyncComplete()
	if last, err := j.LastSeq(testContext(b), events.Auth); err != nil || last != uint64(n) {
		b.Fatalf("%d events are stored, %v", last, err)
	}
}

// BenchmarkDecode is the part of a replay that is not reading, on one core.
func BenchmarkDecode(b *testing.B) {
	sealer := newTestSealer(b)
	body, err := events.Encode(submitted(user(), "+44 ••••• ••1234"), sealer)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := events.Decode(body, sealer); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReconnect is the start of a bridge on a log of 200,000 events.
func BenchmarkReconnect(b *testing.B) {
	cfg := testConfig(b)
	cfg.StoreKey = "key"
	c := connect(b, cfg)
	fillGuarded(b, New(c, newTestSealer(b)), 200_000)
	c.Close()
	for b.Loop() {
		b.StopTimer()
		c.Close()
		b.StartTimer()
		c = connect(b, cfg)
	}
	c.Close()
}

// edited is a copy of nats.conf with one text replaced by another.
func edited(t testing.TB, path, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), from) != 1 {
		t.Fatalf("nats.conf does not say %s once", from)
	}
	out := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(out, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}
