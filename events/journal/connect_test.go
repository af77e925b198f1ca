package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/natsgram/natsgram/events"
)

// refused opens a log that can't be opened, and checks the sentence it says.
func refused(t *testing.T, cfg Config, kind error, says ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(testContext(t), 15*time.Second)
	defer cancel()
	c, err := Connect(ctx, cfg)
	if err == nil {
		c.Close()
		t.Fatal("the log was opened")
	}
	if kind != nil && !errors.Is(err, kind) {
		t.Errorf("another error: %v", err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("not one sentence: %q", err)
	}
}

// used is the configuration of a log with one event in it.
func used(t *testing.T, change func(*Config)) Config {
	t.Helper()
	cfg := testConfig(t)
	change(&cfg)
	c := connect(t, cfg)
	must(t, New(c, newTestSealer(t)), submitted(user(), "a"))
	c.Close()
	return cfg
}

func TestStoreKeyWrongOrMissing(t *testing.T) {
	cfg := used(t, func(cfg *Config) { cfg.StoreKey = "right" })
	for _, key := range []string{"wrong", ""} {
		bad := cfg
		bad.StoreKey = key
		refused(t, bad, ErrStoreKey, "encryption key is missing or wrong", cfg.StoreDir)
	}
	// The failed starts have not hurt it.
	j := New(connect(t, cfg), newTestSealer(t))
	if last, err := j.LastSeq(testContext(t), events.Auth); err != nil || last != 1 {
		t.Errorf("%d events are left, %v", last, err)
	}
}

func TestOtherPartitionCount(t *testing.T) {
	cfg := used(t, func(cfg *Config) { cfg.Partitions = 4 })
	bad := cfg
	bad.Partitions = 16
	refused(t, bad, ErrPartitions, "was made with 4", "says 16")
	cfg.Partitions = 0
	if c := connect(t, cfg); c.Partitions() != 4 {
		t.Errorf("%d partitions", c.Partitions())
	}
}

func TestStoreLocked(t *testing.T) {
	cfg := testConfig(t)
	connect(t, cfg)
	refused(t, cfg, ErrLocked, cfg.StoreDir, "process")
}

func TestStoreUnusable(t *testing.T) {
	cfg := testConfig(t)
	file := filepath.Join(cfg.StoreDir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.StoreDir = filepath.Join(file, "below")
	refused(t, cfg, ErrStore, "not a directory")

	taken := connect(t, testConfig(t))
	cfg = testConfig(t)
	cfg.Listen = strings.TrimPrefix(taken.ClientURL(), "nats://")
	refused(t, cfg, ErrStore, "address already in use")
}

func TestNatsConfMissingOrBroken(t *testing.T) {
	cfg := testConfig(t)
	cfg.ConfigFile = filepath.Join(t.TempDir(), "nats.conf")
	refused(t, cfg, nil, "no such file")
	if err := os.WriteFile(cfg.ConfigFile, []byte("jetstream {"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, cfg, nil, cfg.ConfigFile)
	cfg.ConfigFile = ""
	refused(t, cfg, nil, "nats.conf")
}

func TestWrongPasswordAndNoServer(t *testing.T) {
	cfg := testConfig(t)
	c := connect(t, cfg)
	cfg.URL, cfg.User, cfg.Password = c.ClientURL(), bridgeUser, "guess"
	refused(t, cfg, nil, "password of user bridge")
	cfg.URL = "nats://" + freePort(t)
	refused(t, cfg, nil, cfg.URL)
}

func TestStreamThatCannotBeChanged(t *testing.T) {
	cfg := testConfig(t)
	c := connect(t, cfg)
	ctx := testContext(t)
	info, err := c.streamInfo(ctx, "CHAT")
	if err != nil {
		t.Fatal(err)
	}
	// What the definition changes and the server lets it.
	edited := info.Config
	edited.MaxAge, edited.Description = 3*time.Hour, "by hand"
	if _, err := c.js.UpdateStream(ctx, edited); err != nil {
		t.Fatal(err)
	}
	c.Close()
	cfg.ChatAge = 48 * time.Hour
	c = connect(t, cfg)
	if info, err = c.streamInfo(ctx, "CHAT"); err != nil || info.Config.MaxAge != cfg.ChatAge || info.Config.Description == "by hand" {
		t.Errorf("CHAT was not brought to its definition: %+v, %v", info, err)
	}
	// What the server does not let it.
	if err := c.js.DeleteStream(ctx, "TIMERS"); err != nil {
		t.Fatal(err)
	}
	other := jetstream.StreamConfig{Name: "TIMERS", Subjects: []string{"timers.>"}, DenyPurge: true}
	if _, err := c.js.CreateStream(ctx, other); err != nil {
		t.Fatal(err)
	}
	c.Close()
	refused(t, cfg, nil, "stream TIMERS", "can't be changed")
}

func TestHealthy(t *testing.T) {
	cfg := testConfig(t)
	cfg.Listen = freePort(t)
	c := connect(t, cfg)
	outside := cfg
	outside.URL, outside.Password = c.ClientURL(), cfg.BridgePassword
	far := connect(t, outside)
	if err := far.Healthy(); err != nil {
		t.Errorf("health of a good log: %v", err)
	}
	c.Close()
	until(t, "the loss to be seen", func() bool { return errors.Is(far.Healthy(), ErrUnwritable) })
	if _, err := New(far, newTestSealer(t)).Append(testContext(t), submitted(user(), "x"), 0); !errors.Is(err, ErrUnwritable) {
		t.Errorf("append without a server: %v", err)
	}
	connect(t, cfg)
	until(t, "the server to be seen again", func() bool { return far.Healthy() == nil })
}

func TestCloseTwice(t *testing.T) {
	cfg := testConfig(t)
	c := connect(t, cfg)
	c.Close()
	c.Close()
	connect(t, cfg)
}

func TestNoTCP(t *testing.T) {
	cfg := testConfig(t)
	cfg.Listen = "none"
	c := connect(t, cfg)
	if c.ClientURL() != "" {
		t.Errorf("it listens on %s", c.ClientURL())
	}
	must(t, New(c, newTestSealer(t)), submitted(user(), "a"))
}

func TestPasswordsReachTheServer(t *testing.T) {
	for _, password := range []string{`a"b\c`, "1e5", "$HOME", "}", "tab\there", "ünï", "# no comment"} {
		cfg := testConfig(t)
		cfg.BridgePassword = password
		c := connect(t, cfg)
		nc, err := nats.Connect(c.ClientURL(), nats.UserInfo(bridgeUser, password))
		if err != nil {
			t.Errorf("password %q: %v", password, err)
			continue
		}
		nc.Close()
		c.Close()
	}
}
