package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/vault"
)

const benchPassword = "benchmark"

// archive is a log made for a benchmark, through the real codec and vault.
type archive struct {
	conn    *journal.Conn
	journal *journal.Journal
	vault   *vault.Vault
	dir     string
}

func newArchive(tb testing.TB) *archive {
	tb.Helper()
	dir := tb.TempDir()
	path := filepath.Join(dir, "keyset.json")
	if err := vault.CreateKeyset(path); err != nil {
		tb.Fatal(err)
	}
	a := &archive{dir: dir}
	a.open(tb)
	tb.Cleanup(func() { a.conn.Close() })
	return a
}

func (a *archive) open(tb testing.TB) {
	tb.Helper()
	a.openWith(tb, func(*journal.Config) {})
}

func (a *archive) openWith(tb testing.TB, change func(*journal.Config)) {
	tb.Helper()
	cfg := journal.Config{
		ConfigFile: "../../nats.conf", StoreDir: filepath.Join(a.dir, "store"), StoreKey: "benchmark", Listen: "127.0.0.1:-1",
		BridgePassword: benchPassword, Log: zerolog.Nop(),
	}
	change(&cfg)
	conn, err := journal.Connect(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := vault.LoadKeyset(filepath.Join(a.dir, "keyset.json"))
	if err != nil {
		tb.Fatal(err)
	}
	bucket, err := conn.Bucket(tb.Context(), "VAULT")
	if err != nil {
		tb.Fatal(err)
	}
	a.conn, a.vault = conn, vault.Open(keys, bucket)
	a.journal = journal.New(conn, a.vault)
}

// write appends the facts of each aggregate in order, aggregates side by side.
func (a *archive) write(tb testing.TB, stream events.Stream, aggregates int, facts func(i int) []events.Fact) {
	tb.Helper()
	jobs := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := range jobs {
				uid, last := events.NewUID(), uint64(0)
				for _, f := range facts(i) {
					e := events.Event{ID: events.NewEventID(), Aggregate: events.Aggregate{Stream: stream, UID: uid},
						Time: time.Now(), Actor: events.ByTelegram, Correlation: "a", Fact: f}
					var err error
					if last, err = a.journal.Append(context.Background(), e, last); err != nil {
						tb.Error(err)
						return
					}
				}
			}
		})
	}
	for i := range aggregates {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
}

// loginStory is ten events of a user, as a login by phone makes them.
func loginStory(i int) []events.Fact {
	attempt := events.NewAttemptID()
	room := events.RoomFacts{User: events.MatrixID(fmt.Sprintf("@user%d:example.org", i)), Room: events.RoomID(fmt.Sprintf("!room%d:example.org", i))}
	rejection := events.Rejection{Attempt: attempt, Reason: events.BadCode, Error: "PHONE_CODE_INVALID", Next: events.StepCode}
	login := events.NewLoginID()
	return []events.Fact{
		&events.BotInvited{Sealed: room},
		&events.ManagementRoomOpened{Sealed: room},
		&events.LoginStarted{Attempt: attempt, Method: events.MethodPhone, Channel: events.ChannelRoom, Deadline: time.Now(), Sealed: room},
		&events.PhoneSubmitted{Attempt: attempt, Sealed: events.PhoneFacts{Masked: "+44 ••••• ••1234"}},
		&events.CodeSent{Attempt: attempt, Route: events.RouteApp, Length: 5},
		&events.CodeSubmitted{Attempt: attempt},
		&events.CodeRejected{Rejection: rejection},
		&events.CodeSubmitted{Attempt: attempt},
		&events.LoginSucceeded{Attempt: attempt, Login: login, Account: events.AccountID(events.NewUID()), Method: events.MethodPhone,
			Factors: []string{"code"}, Sealed: events.AccountFacts{TelegramID: int64(i), Name: "Some Body", Username: "somebody", Masked: "+44 ••••• ••1234"}},
		&events.ChatsListed{Login: login, Rooms: 12, Private: 3},
	}
}

// sizeOf is a benchmark's size, from the environment if that is set.
func sizeOf(tb testing.TB, variable string, size int) int {
	tb.Helper()
	if s := os.Getenv(variable); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			tb.Fatalf("%s: %v", variable, err)
		}
		return n
	}
	return size
}

// BenchmarkReplayAuth folds a million events of logins, personal data sealed,
// against reading the same stream raw.
func BenchmarkReplayAuth(b *testing.B) {
	n := sizeOf(b, "NATSGRAM_BENCH_EVENTS", 1_000_000)
	a := newArchive(b)
	a.write(b, events.Auth, n/10, loginStory)
	ctx := b.Context()
	var raw, folded time.Duration
	for b.Loop() {
		start := time.Now()
		a.readRaw(b, n)
		raw += time.Since(start)

		start = time.Now()
		back := collectLess()
		if err := a.vault.Preload(ctx); err != nil {
			b.Fatal(err)
		}
		users := newFolds().users
		err := a.journal.Replay(ctx, events.Auth, 0, 0, func(e events.Event) error {
			users.Apply(e)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		folded += time.Since(start)
		back()
		if got, _ := users.Count(); got != n/10 {
			b.Fatalf("%d users, want %d", got, n/10)
		}
	}
	total := float64(n) * float64(b.N)
	b.ReportMetric(total/folded.Seconds(), "events/s")
	b.ReportMetric(total/raw.Seconds(), "raw-events/s")
	b.ReportMetric(raw.Seconds()/folded.Seconds(), "of-raw")
}

// readRaw is the floor: the stream's messages as any client of NATS reads them
// fastest, an ordered consumer over TCP with large pulls.
func (a *archive) readRaw(b *testing.B, n int) {
	b.Helper()
	nc, err := nats.Connect(a.conn.ClientURL(), nats.UserInfo("bridge", benchPassword))
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	c, err := js.OrderedConsumer(b.Context(), string(events.Auth), jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	all, got := make(chan struct{}), 0
	consuming, err := c.Consume(func(jetstream.Msg) {
		if got++; got == n {
			close(all)
		}
	}, jetstream.PullMaxMessages(5000))
	if err != nil {
		b.Fatal(err)
	}
	<-all
	consuming.Stop()
}

// BenchmarkStart brings the projections of 10,000 users and 100,000 portals to
// the end of the log: from snapshots, and without.
func BenchmarkStart(b *testing.B) {
	users, portals := sizeOf(b, "NATSGRAM_BENCH_USERS", 10_000), sizeOf(b, "NATSGRAM_BENCH_PORTALS", 100_000)
	a := newArchive(b)
	a.write(b, events.Auth, users, loginStory)
	a.write(b, events.Portal, portals, portalStory)
	ctx := b.Context()

	start := func(b *testing.B) *folds {
		a.conn.Close()
		a.open(b)
		f := newFolds()
		if err := f.restore(ctx, shelf{conn: a.conn, vault: a.vault, log: zerolog.Nop()}, a.journal); err != nil {
			b.Fatal(err)
		}
		if n, _ := f.portals.Count(); n != portals {
			b.Fatalf("%d portals, want %d", n, portals)
		}
		return f
	}
	var f *folds
	b.Run("without-snapshot", func(b *testing.B) {
		for b.Loop() {
			f = start(b)
		}
	})
	s := shelf{conn: a.conn, vault: a.vault, log: zerolog.Nop()}
	for _, p := range f.all() {
		if err := s.save(ctx, p); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			f = start(b)
		}
	})
	var size bytes.Buffer
	if _, err := f.portals.Snapshot(&size); err != nil {
		b.Fatal(err)
	}
	b.Logf("snapshot of portals: %d bytes", size.Len())
}

// portalStory is a portal's first events.
func portalStory(i int) []events.Fact {
	login, user := events.LoginID(fmt.Sprintf("login-%d", i%10_000)), events.UID(fmt.Sprintf("user-%d", i%10_000))
	peer := events.Peer{Kind: events.PeerChannel, ID: int64(i + 1)}
	return []events.Fact{
		&events.PortalOpened{Kind: events.KindSupergroup, User: user, Login: login, Account: "account", CanPost: true,
			Sealed: events.ChatFacts{Peer: peer, Title: fmt.Sprintf("Chat %d", i)}},
		&events.RoomCreated{Invited: []events.UID{user}, Sealed: events.RoomSealed{Room: events.RoomID(fmt.Sprintf("!portal%d:example.org", i))}},
		&events.UserEntered{User: user},
	}
}
