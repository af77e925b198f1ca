package journal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
)

// confFile is the real nats.conf: every test runs what people run.
func confFile(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func testConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		ConfigFile: confFile(t), StoreDir: t.TempDir(), Listen: "127.0.0.1:-1",
		BridgePassword: `br"id\ge 1e5`, AuditorPassword: "{audi$tor}", Log: zerolog.Nop(),
	}
}

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func connect(t testing.TB, cfg Config) *Conn {
	t.Helper()
	c, err := Connect(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// open is a new log of its own.
func open(t testing.TB) *Journal {
	t.Helper()
	return hurried(New(connect(t, testConfig(t)), newTestSealer(t)))
}

// hurried retries fast, so that tests of failures don't wait.
func hurried(j *Journal) *Journal {
	j.backoff = func(int) time.Duration { return time.Millisecond }
	return j
}

// testSealer seals as the vault does, by AES-GCM, under one key.
type testSealer struct {
	aead  cipher.AEAD
	nonce atomic.Uint64
}

func newTestSealer(t testing.TB) *testSealer {
	t.Helper()
	key := sha256.Sum256([]byte("test"))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return &testSealer{aead: aead}
}

func (s *testSealer) Seal(_ events.UID, plaintext, aad []byte) ([]byte, error) {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plaintext)+s.aead.Overhead())
	binary.BigEndian.PutUint64(nonce, s.nonce.Add(1))
	return s.aead.Seal(nonce, nonce, plaintext, aad), nil
}

func (s *testSealer) Open(_ events.UID, ciphertext, aad []byte) ([]byte, error) {
	if len(ciphertext) < s.aead.NonceSize() {
		return nil, errors.New("too short")
	}
	n := s.aead.NonceSize()
	return s.aead.Open(nil, ciphertext[:n], ciphertext[n:], aad)
}

func user() events.Aggregate {
	return events.Aggregate{Stream: events.Auth, UID: events.NewUID()}
}

// submitted is an event with a personal part; its phone tells events apart.
func submitted(agg events.Aggregate, phone string) events.Event {
	return events.Event{
		ID: events.NewEventID(), Aggregate: agg, Time: time.Now().UTC().Truncate(time.Millisecond), Actor: events.ByUser,
		Fact: &events.PhoneSubmitted{Attempt: "attempt", Sealed: events.PhoneFacts{Masked: phone}},
	}
}

func phone(t testing.TB, e events.Event) string {
	t.Helper()
	f, ok := e.Fact.(*events.PhoneSubmitted)
	if !ok {
		t.Errorf("event %d is a %T", e.Seq, e.Fact)
		return ""
	}
	return f.Sealed.Masked
}

// must appends e behind whatever its aggregate has.
func must(t testing.TB, j *Journal, e events.Event) uint64 {
	t.Helper()
	ctx := testContext(t)
	for {
		last, err := j.LastOf(ctx, e.Aggregate)
		if err != nil {
			t.Fatal(err)
		}
		seq, err := j.Append(ctx, e, last)
		if errors.Is(err, ErrConflict) && ctx.Err() == nil {
			continue // a replica that lags said what was last
		}
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
}

// receive waits for the next value of ch.
func receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waited too long for %s", what)
		panic("unreachable")
	}
}

// until waits until a condition that nothing announces holds.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		_ = pause(testContext(t), 5*time.Millisecond)
	}
}

// background runs a blocking call until the test, or stop, ends it; then it
// fails the test if the call returned an error.
func background(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	ended := false
	stop = func() {
		cancel()
		if !ended {
			ended = true
			if err := receive(t, done, "a background call to return"); err != nil {
				t.Errorf("background call: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return stop
}

// freePort is an address that nobody listens on.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
