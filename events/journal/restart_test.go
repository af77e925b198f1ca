package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
)

// TestMain turns the test binary into a bridge to be killed when asked to.
func TestMain(m *testing.M) {
	if dir := os.Getenv("JOURNAL_TEST_VICTIM"); dir != "" {
		beVictim(dir)
	}
	os.Exit(m.Run())
}

// beVictim appends and takes events in hand for ever. It says what was
// acknowledged to it, and which events its reactor holds.
func beVictim(dir string) {
	t := &testing.T{}
	ctx := context.Background()
	cfg := Config{ConfigFile: os.Getenv("JOURNAL_TEST_CONF"), StoreDir: dir, Listen: "none"}
	c, err := Connect(ctx, cfg)
	if err != nil {
		fmt.Println("failed", err)
		os.Exit(1)
	}
	j := New(c, newTestSealer(t))
	go func() {
		_ = j.React(ctx, Reactor{Name: "test", Stream: events.Auth, Handle: func(ctx context.Context, e events.Event) error {
			fmt.Println("held", e.Seq)
			<-ctx.Done()
			return ctx.Err()
		}})
	}()
	people := []events.Aggregate{user(), user(), user(), user()}
	last := make([]uint64, len(people))
	for n := 0; ; n++ {
		who := n % len(people)
		last[who], err = j.Append(ctx, submitted(people[who], fmt.Sprint(n)), last[who])
		if err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		fmt.Println("stored", last[who])
	}
}

func TestKilledProcess(t *testing.T) {
	cfg := testConfig(t)
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), "JOURNAL_TEST_VICTIM="+cfg.StoreDir, "JOURNAL_TEST_CONF="+cfg.ConfigFile)
	victim.Stderr = os.Stderr
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	stored, held, killed := uint64(0), 0, false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var seq uint64
		switch _, err := fmt.Sscanf(lines.Text(), "stored %d", &seq); {
		case err == nil:
			stored = max(stored, seq)
		case strings.HasPrefix(lines.Text(), "held"):
			held++
		default:
			t.Fatal(lines.Text())
		}
		if stored >= 2000 && held >= 4 && !killed {
			killed = true
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = victim.Wait()

	j := hurried(New(connect(t, cfg), newTestSealer(t)))
	ctx := testContext(t)
	last, err := j.LastSeq(ctx, events.Auth)
	if err != nil || last < stored {
		t.Fatalf("%d events were acknowledged, %d survived, %v", stored, last, err)
	}
	count := uint64(0)
	if err := j.Replay(ctx, events.Auth, 0, 0, func(events.Event) error { count++; return nil }); err != nil || count != last {
		t.Fatalf("%d of %d events replayed, %v", count, last, err)
	}
	begin := time.Now()
	orderedRedelivery(t, j, int(last))
	if took := time.Since(begin); took > j.ackWait/2 {
		t.Errorf("what the dead held came after %s", took)
	}
}

// orderedRedelivery handles everything, and checks that each person's events
// come in order.
func orderedRedelivery(t *testing.T, j *Journal, want int) {
	t.Helper()
	seen := make(chan events.Event, want)
	stop := react(t, j, func(_ context.Context, e events.Event) error { seen <- e; return nil })
	highest := map[events.UID]uint64{}
	for range want {
		e := receive(t, seen, "an event to be delivered again")
		if uid := e.Aggregate.UID; e.Seq <= highest[uid] {
			t.Fatalf("event %d came after %d", e.Seq, highest[uid])
		} else {
			highest[uid] = e.Seq
		}
	}
	stop()
}

func TestReactorTakesUpWhereAClosedOneStopped(t *testing.T) {
	cfg := testConfig(t)
	c := connect(t, cfg)
	j := hurried(New(c, newTestSealer(t)))
	const n = 300
	fill(t, j, n)
	held := make(chan struct{}, n)
	stop := react(t, j, func(ctx context.Context, e events.Event) error {
		held <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})
	for range 50 { // one for each person
		receive(t, held, "the events to be held")
	}
	stop()
	c.Close()

	j = hurried(New(connect(t, cfg), newTestSealer(t)))
	begin := time.Now()
	orderedRedelivery(t, j, n)
	if took := time.Since(begin); took > j.ackWait/2 {
		t.Errorf("it took %s", took)
	}
}

func TestNothingComesTwiceAfterACleanEnd(t *testing.T) {
	cfg := testConfig(t)
	c := connect(t, cfg)
	j := hurried(New(c, newTestSealer(t)))
	fill(t, j, 200)
	orderedRedelivery(t, j, 200)
	c.Close()

	j = hurried(New(connect(t, cfg), newTestSealer(t)))
	after := must(t, j, submitted(user(), "after"))
	seen := make(chan uint64, 300)
	react(t, j, func(_ context.Context, e events.Event) error { seen <- e.Seq; return nil })
	if got := receive(t, seen, "the one new event"); got != after {
		t.Errorf("event %d came again", got)
	}
}

func TestFollowGoesOnAcrossARestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.Listen = freePort(t)
	c := connect(t, cfg)
	j := hurried(New(c, newTestSealer(t)))
	fill(t, j, 100)

	outside := cfg
	outside.URL, outside.User, outside.Password = c.ClientURL(), bridgeUser, cfg.BridgePassword
	follower := hurried(New(connect(t, outside), newTestSealer(t)))
	seen := make(chan uint64, 1000)
	background(t, func(ctx context.Context) error {
		return follower.Follow(ctx, events.Auth, 10, func(e events.Event) error { seen <- e.Seq; return nil })
	})
	next := uint64(11)
	expect := func(last uint64) {
		t.Helper()
		for ; next <= last; next++ {
			if got := receive(t, seen, "the next event"); got != next {
				t.Fatalf("event %d came where %d was due", got, next)
			}
		}
	}
	expect(100)
	expect(must(t, j, submitted(user(), "live")))
	c.Close()
	j = hurried(New(connect(t, cfg), newTestSealer(t)))
	expect(must(t, j, submitted(user(), "after the restart")))
	expect(must(t, j, submitted(user(), "and another")))
}

func TestFollowReturnsTheCallersError(t *testing.T) {
	j := open(t)
	must(t, j, submitted(user(), "a"))
	err := j.Follow(testContext(t), events.Auth, 0, func(e events.Event) error { return fmt.Errorf("refused %d", e.Seq) })
	if err == nil || err.Error() != "refused 1" {
		t.Errorf("%v", err)
	}
}
