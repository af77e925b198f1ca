package journal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
)

func TestFullDisk(t *testing.T) {
	// Once the server foresees it, once it believes that there is more disk.
	for name, limit := range map[string]string{"foreseen": "", "by surprise": "jetstream { max_file_store: 1GB\n"} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.StoreDir = smallDisk(t)
			if limit != "" {
				cfg.ConfigFile = edited(t, cfg.ConfigFile, "jetstream {", limit)
			}
			fillDisk(t, cfg, limit == "")
		})
	}
}

func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("a small file system can't be mounted here:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func fillDisk(t *testing.T, cfg Config, foreseen bool) {
	t.Helper()
	c, ctx := connect(t, cfg), testContext(t)
	j, agg := New(c, newTestSealer(t)), user()
	last, stored := uint64(0), uint64(0)
	var err error
	for err == nil {
		stored = last
		noise := make([]byte, 30000)
		_, _ = rand.Read(noise)
		last, err = j.Append(ctx, submitted(agg, hex.EncodeToString(noise)), last)
	}
	if !errors.Is(err, ErrUnwritable) || stored < 5 {
		t.Fatalf("after %d events: %v", stored, err)
	}
	if err := c.Healthy(); !errors.Is(err, ErrUnwritable) {
		t.Errorf("health on a full disk: %v", err)
	}
	begin := time.Now()
	if _, err := j.Append(ctx, submitted(agg, "x"), stored); !errors.Is(err, ErrUnwritable) || time.Since(begin) > appendTimeout/2 {
		t.Errorf("append after %s: %v", time.Since(begin), err)
	}
	if foreseen {
		c.Close()
		refused(t, cfg, ErrUnwritable, "full")
	} else {
		receive(t, c.Broken(), "the break to be told")
		c.Close()
	}

	// With space again, everything acknowledged is there.
	if err := syscall.Mount("", cfg.StoreDir, "", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	j = New(connect(t, cfg), newTestSealer(t))
	count := uint64(0)
	if err := j.Replay(ctx, events.Auth, 0, 0, func(events.Event) error { count++; return nil }); err != nil || count < stored {
		t.Errorf("%d of %d events are left, %v", count, stored, err)
	}
	must(t, j, submitted(agg, "more"))
}
