package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
)

// standAlone is a server as `nats-server -c nats.conf` starts it, its variables
// in the environment.
func standAlone(t *testing.T, cfg Config) *server.Server {
	t.Helper()
	t.Setenv("NATSGRAM_BRIDGE_PASSWORD", quote(cfg.BridgePassword))
	t.Setenv("NATSGRAM_AUDITOR_PASSWORD", quote(cfg.AuditorPassword))
	t.Setenv("NATSGRAM_STORE", quote(cfg.StoreDir))
	t.Setenv("NATSGRAM_STORE_KEY", quote("a key"))
	opts, err := server.ProcessConfigFile(cfg.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	opts.Port, opts.NoSigs = -1, true
	s, err := startServer(testContext(t), opts, zerolog.Nop(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func TestStandAloneServerFromTheSameFile(t *testing.T) {
	cfg := testConfig(t)
	s := standAlone(t, cfg)
	cfg = Config{URL: s.ClientURL(), User: bridgeUser, Password: cfg.BridgePassword, Log: zerolog.Nop()}
	j := hurried(New(connect(t, cfg), newTestSealer(t)))
	fill(t, j, 100)
	orderedRedelivery(t, j, 100)
	again := connect(t, cfg) // a second bridge may connect: leases keep them apart
	if again.Partitions() != j.conn.Partitions() {
		t.Errorf("%d partitions", again.Partitions())
	}
}

// reads does what operator commands do, over any read-only connection.
func reads(t *testing.T, c *Conn, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(testContext(t), 20*time.Second)
	defer cancel()
	j, count := New(c, newTestSealer(t)), 0
	if err := j.Replay(ctx, events.Auth, 0, 0, func(e events.Event) error { phone(t, e); count++; return nil }); err != nil || count != want {
		t.Errorf("replay: %d events, %v", count, err)
	}
	count = 0
	if err := j.Records(ctx, events.Auth, 0, 0, func(Record) error { count++; return nil }); err != nil || count != want {
		t.Errorf("records: %d, %v", count, err)
	}
	bucket, err := c.Bucket(ctx, "DIRECTORY")
	if err != nil {
		t.Fatal(err)
	}
	if value, _, err := bucket.Get(ctx, "who"); err != nil || string(value) != "uid" {
		t.Errorf("directory: %q, %v", value, err)
	}
	keys := 0
	if err := bucket.All(ctx, "", func(string, []byte) error { keys++; return nil }); err != nil || keys != 1 {
		t.Errorf("directory: %d keys, %v", keys, err)
	}
	if data, err := c.Snapshots().Load(ctx, "users"); err != nil || string(data) != "folded" {
		t.Errorf("snapshot: %q, %v", data, err)
	}
	if _, err := j.DeadLetters(ctx); err != nil {
		t.Errorf("dead letters: %v", err)
	}
	if _, err := j.Lag(ctx); err != nil {
		t.Errorf("lag: %v", err)
	}
	if _, err := j.Append(ctx, submitted(user(), "x"), 0); !errors.Is(err, ErrReadOnly) {
		t.Errorf("append: %v", err)
	}
}

// furnish puts in what reads looks for.
func furnish(t *testing.T, j *Journal, n int) {
	t.Helper()
	ctx := testContext(t)
	fill(t, j, n)
	bucket, err := j.conn.Bucket(ctx, "DIRECTORY")
	if err == nil {
		_, err = bucket.Put(ctx, "who", []byte("uid"))
	}
	if err == nil {
		err = j.conn.Snapshots().Save(ctx, "users", []byte("folded"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOperatorReadsWhileTheBridgeRunsAndWhileItIsStopped(t *testing.T) {
	cfg := testConfig(t)
	reader := cfg
	reader.ReadOnly = true
	refused(t, reader, ErrNoLog)

	c := connect(t, cfg)
	furnish(t, New(c, newTestSealer(t)), 100)
	live := connect(t, reader)
	reads(t, live, 100)
	if err := c.Answer(testContext(t), "digest", func(_ context.Context, req []byte) ([]byte, error) {
		if len(req) == 0 {
			return nil, errors.New("digest of what?")
		}
		return append([]byte("digest of "), req...), nil
	}); err != nil {
		t.Fatal(err)
	}
	if answer, err := live.Ask(testContext(t), "digest", []byte("users")); err != nil || string(answer) != "digest of users" {
		t.Errorf("answer %q, %v", answer, err)
	}
	if _, err := live.Ask(testContext(t), "digest", nil); err == nil || err.Error() != "digest of what?" {
		t.Errorf("answer %v", err)
	}
	if _, err := live.Ask(testContext(t), "other", nil); !errors.Is(err, ErrNobodyAnswers) {
		t.Errorf("answer %v", err)
	}
	live.Close()
	c.Close()

	stopped := connect(t, reader)
	reads(t, stopped, 100)
	if _, err := stopped.Ask(testContext(t), "digest", nil); !errors.Is(err, ErrNobodyAnswers) {
		t.Errorf("answer %v", err)
	}
	stopped.Close()
	connect(t, cfg) // and the bridge starts again
}

// A server of others' has no store that shows whether there is a log.
func TestOperatorFindsNoLogOnAnOutsideServer(t *testing.T) {
	cfg := testConfig(t)
	s := standAlone(t, cfg)
	refused(t, Config{URL: s.ClientURL(), Password: cfg.AuditorPassword, Partitions: 8, ReadOnly: true, Log: zerolog.Nop()}, ErrNoLog)
}

func TestAuditorFollows(t *testing.T) {
	cfg := testConfig(t)
	j := New(connect(t, cfg), newTestSealer(t))
	must(t, j, submitted(user(), "before"))
	reader := cfg
	reader.ReadOnly = true
	audit := New(connect(t, reader), nil)
	seen := make(chan uint64, 10)
	background(t, func(ctx context.Context) error {
		return audit.Follow(ctx, events.Auth, 0, func(e events.Event) error {
			if phone(t, e) != "" {
				t.Error("read without the keyset")
			}
			seen <- e.Seq
			return nil
		})
	})
	if got := receive(t, seen, "the first event"); got != 1 {
		t.Errorf("event %d", got)
	}
	must(t, j, submitted(user(), "after"))
	if got := receive(t, seen, "the new event"); got != 2 {
		t.Errorf("event %d", got)
	}
}

// TestAuditorWatches: `nats sub 'auth.*.*.phone_submitted'` as the auditor.
func TestAuditorWatches(t *testing.T) {
	cfg := testConfig(t)
	c := connect(t, cfg)
	nc, err := nats.Connect(c.ClientURL(), nats.UserInfo(auditorUser, cfg.AuditorPassword), nats.CustomInboxPrefix("_INBOX_auditor"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync("auth.*.*.phone_submitted")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushWithContext(testContext(t)); err != nil {
		t.Fatal(err)
	}
	must(t, New(c, newTestSealer(t)), submitted(user(), "watched"))
	m, err := sub.NextMsgWithContext(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.Decode(m.Data, nil)
	if err != nil || phone(t, e) != "" {
		t.Errorf("the auditor read %+v, %v", e, err)
	}
}

// TestAuditorMayNotChangeAnything tries every way to write on a plain
// connection: what counts is what the server lets through.
func TestAuditorMayNotChangeAnything(t *testing.T) {
	cfg := testConfig(t)
	c, ctx := connect(t, cfg), testContext(t)
	j := New(c, newTestSealer(t))
	furnish(t, j, 10)
	if err := j.Schedule(ctx, Timer{Key: "far", At: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	before := states(t, c)

	violations := make(chan error, 100)
	nc, err := nats.Connect(c.ClientURL(), nats.UserInfo(auditorUser, cfg.AuditorPassword), nats.CustomInboxPrefix("_INBOX_auditor"),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	tries := []string{
		"auth.0.x.login_started", "portal.0.x.room_created", "chat.0.x.message_posted", "timers.set.x", "timers.due.x", "dead.AUTH.x.y",
		"$KV.VAULT.x", "$KV.DIRECTORY.x", "$O.SNAPSHOTS.M.x", "natsgram.other",
		"$JS.API.STREAM.CREATE.X", "$JS.API.CONSUMER.CREATE.AUTH", "$JS.API.CONSUMER.CREATE.AUTH.x", "$JS.API.CONSUMER.CREATE.AUTH.x.auth.>",
		"$JS.API.CONSUMER.DURABLE.CREATE.AUTH.x", "$JS.API.CONSUMER.RESET.AUTH.x", "$JS.API.CONSUMER.MSG.NEXT.AUTH.x",
		"$JS.API.DIRECT.GET.KV_LEASES", "$JS.API.STREAM.MSG.GET.KV_PEERS", "$JS.ACK.AUTH.x.1.1.1.1.1",
	}
	for _, s := range []string{"AUTH", "PORTAL", "CHAT", "TIMERS", "DEAD", "KV_VAULT", "KV_DIRECTORY", "OBJ_SNAPSHOTS"} {
		for _, op := range []string{"STREAM.PURGE.", "STREAM.DELETE.", "STREAM.UPDATE.", "STREAM.MSG.DELETE.", "STREAM.SNAPSHOT.", "STREAM.RESTORE."} {
			tries = append(tries, "$JS.API."+op+s)
		}
	}
	for _, subject := range tries {
		if err := nc.Publish(subject, []byte(`{"seq":1}`)); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, violations, "the refusal of "+subject); !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), subject) {
			t.Errorf("%s: %v", subject, err)
		}
	}
	for _, subject := range []string{"timers.>", "$KV.>", ">", "natsgram.ask.>", "_INBOX_bridge.>"} {
		if _, err := nc.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, violations, "the refusal of "+subject); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("subscribe %s: %v", subject, err)
		}
	}
	if after := states(t, c); after != before {
		t.Errorf("the streams were\n%s\nand are\n%s", before, after)
	}
}

// states is what every stream holds.
func states(t *testing.T, c *Conn) string {
	t.Helper()
	var out strings.Builder
	for info := range c.js.ListStreams(testContext(t)).Info() {
		fmt.Fprintln(&out, info.Config.Name, info.State.Msgs, info.State.LastSeq, info.State.Consumers)
	}
	return out.String()
}
