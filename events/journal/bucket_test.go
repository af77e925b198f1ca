package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func bucket(t *testing.T, c *Conn, name string) *Bucket {
	t.Helper()
	b, err := c.Bucket(testContext(t), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBucketRules(t *testing.T) {
	ctx, b := testContext(t), bucket(t, connect(t, testConfig(t)), "PEERS")
	if _, _, err := b.Get(ctx, "k"); !errors.Is(err, ErrNoKey) {
		t.Errorf("get of nothing: %v", err)
	}
	if _, err := b.Update(ctx, "k", nil, 1); !errors.Is(err, ErrRevision) {
		t.Errorf("update of nothing: %v", err)
	}
	rev, err := b.Create(ctx, "k", []byte("one"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Create(ctx, "k", []byte("two"), 0); !errors.Is(err, ErrKeyExists) {
		t.Errorf("second create: %v", err)
	}
	if _, err := b.Update(ctx, "k", []byte("two"), rev+5); !errors.Is(err, ErrRevision) {
		t.Errorf("update of another revision: %v", err)
	}
	if rev, err = b.Update(ctx, "k", []byte("two"), rev); err != nil {
		t.Error(err)
	}
	if value, got, err := b.Get(ctx, "k"); err != nil || string(value) != "two" || got != rev {
		t.Errorf("get: %q, revision %d, %v", value, got, err)
	}
	if _, err := b.Put(ctx, "k", []byte("three")); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := b.DeleteAt(ctx, "k", rev); err != nil {
			t.Error(err)
		}
	}
	value, rev, err := b.Get(ctx, "k")
	if err != nil || string(value) != "three" {
		t.Errorf("after the revision before was deleted: %q, %v", value, err)
	}
	if err := b.DeleteAt(ctx, "k", rev); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := b.Delete(ctx, "k"); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := b.Get(ctx, "k"); !errors.Is(err, ErrNoKey) {
		t.Errorf("get after delete: %v", err)
	}
	if _, err := b.Create(ctx, "k", []byte("four"), 0); err != nil {
		t.Errorf("create after delete: %v", err)
	}
	for _, key := range []string{"", ".", "a.", "a..b", "a b", "*", "a.>"} {
		if _, err := b.Put(ctx, key, nil); err == nil {
			t.Errorf("%q was taken for a key", key)
		}
	}
	if _, err := b.conn.Bucket(ctx, "OTHER"); err == nil {
		t.Error("a bucket that is not in the table was opened")
	}
}

// TestDeletedByMany: who comes second finds it done.
func TestDeletedByMany(t *testing.T) {
	ctx, b := testContext(t), bucket(t, connect(t, testConfig(t)), "VAULT")
	for range 20 {
		rev, err := b.Put(ctx, "k", []byte("one"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 4)
		for range cap(done) / 2 {
			go func() { done <- b.Delete(ctx, "k") }()
			go func() { done <- b.DeleteAt(ctx, "k", rev) }()
		}
		for range cap(done) {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
}

// TestDeletedForGood deletes keys that were written more than once, and kills
// the server: none of their values comes back.
func TestDeletedForGood(t *testing.T) {
	cfg := testConfig(t)
	c, ctx := connect(t, cfg), testContext(t)
	names := []string{"VAULT", "DIRECTORY"}
	for _, name := range names {
		b := bucket(t, c, name)
		rev, err := b.Create(ctx, "stays", []byte("one"), time.Minute)
		for _, key := range []string{"k.deleted", "k.deleted-at"} {
			if err == nil {
				rev, err = b.Create(ctx, key, []byte("one"), time.Minute)
			}
			if err == nil {
				rev, err = b.Update(ctx, key, []byte("two"), rev)
			}
			if err == nil {
				rev, err = b.Put(ctx, key, []byte("three"))
			}
		}
		if err = errors.Join(err, b.Delete(ctx, "k.deleted"), b.DeleteAt(ctx, "k.deleted-at", rev)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Put(ctx, "stays", []byte("two")); err != nil {
			t.Fatal(err)
		}
	}
	killed := t.TempDir() // the files as they are now, without a proper end
	if err := os.CopyFS(killed, os.DirFS(cfg.StoreDir)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	cfg.StoreDir = killed
	c = connect(t, cfg)
	for _, name := range names {
		var all []string
		err := bucket(t, c, name).All(ctx, "", func(key string, value []byte) error {
			all = append(all, key+"="+string(value))
			return nil
		})
		if err != nil || len(all) != 1 || all[0] != "stays=two" {
			t.Errorf("%s holds %v (%v)", name, all, err)
		}
	}
}

func TestBucketDeletedByTheTool(t *testing.T) {
	c, ctx := connect(t, testConfig(t)), testContext(t)
	b := bucket(t, c, "PEERS")
	if _, err := b.Put(ctx, "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	kv, err := c.js.KeyValue(ctx, "PEERS")
	if err == nil {
		err = kv.Delete(ctx, "k")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Get(ctx, "k"); !errors.Is(err, ErrNoKey) {
		t.Errorf("get: %v", err)
	}
	if _, err := b.Create(ctx, "k", []byte("new"), 0); err != nil {
		t.Errorf("create: %v", err)
	}
	if value, _, err := b.Get(ctx, "k"); err != nil || string(value) != "new" {
		t.Errorf("get: %q, %v", value, err)
	}
}

func TestBucketTimeToLive(t *testing.T) {
	ctx, b := testContext(t), bucket(t, connect(t, testConfig(t)), "VAULT")
	if _, err := b.Create(ctx, "k", nil, time.Millisecond); err == nil {
		t.Error("a time to live below a second was taken")
	}
	rev, err := b.Create(ctx, "k", []byte("one"), time.Second)
	if err == nil {
		_, err = b.Update(ctx, "k", []byte("two"), rev)
	}
	if err == nil {
		_, err = b.Put(ctx, "kept", []byte("v"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if value, _, err := b.Get(ctx, "k"); err != nil || string(value) != "two" {
		t.Errorf("get: %q, %v", value, err)
	}
	until(t, "the key to expire after its update", func() bool {
		_, _, err := b.Get(ctx, "k")
		return errors.Is(err, ErrNoKey)
	})
	if _, _, err := b.Get(ctx, "kept"); err != nil {
		t.Errorf("get of a key without time to live: %v", err)
	}
}

func TestBucketAll(t *testing.T) {
	ctx, b := testContext(t), bucket(t, connect(t, testConfig(t)), "GHOSTS")
	const n = 2500
	for i := range n {
		if _, err := b.conn.js.PublishAsync(b.prefix+fmt.Sprintf("user.%d", i), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	receive(t, b.conn.js.PublishAsyncComplete(), "the keys to be stored")
	if err := b.Delete(ctx, "user.7"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, "room.1", []byte("room")); err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string]int{"": n, "user.": n - 1, "user.1": 1111, "room.": 1, "r": 1, "x": 0, "user.24.": 0} {
		count := 0
		err := b.All(ctx, prefix, func(key string, value []byte) error {
			if !strings.HasPrefix(key, prefix) {
				t.Errorf("%q is not under %q", key, prefix)
			}
			if i, ok := strings.CutPrefix(key, "user."); ok && i != string(value) {
				t.Errorf("%s holds %s", key, value)
			}
			count++
			return nil
		})
		if err != nil || count != want {
			t.Errorf("under %q: %d keys of %d, %v", prefix, count, want, err)
		}
	}
}

func TestDeleteLeavesNothingOnDisk(t *testing.T) {
	cfg := testConfig(t)
	c, ctx := connect(t, cfg), testContext(t)
	b := bucket(t, c, "VAULT")
	secret := []byte("correct horse battery staple")
	if _, err := b.Create(ctx, "login.attempt", secret, time.Hour); err != nil {
		t.Fatal(err)
	}
	if !onDisk(t, cfg.StoreDir, secret) {
		t.Fatal("the test would not find it")
	}
	if err := b.Delete(ctx, "login.attempt"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if onDisk(t, cfg.StoreDir, secret) {
		t.Error("the value is still in the store")
	}
}

// onDisk looks for text in every file below dir.
func onDisk(t *testing.T, dir string, text []byte) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		found = found || bytes.Contains(body, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSnapshots(t *testing.T) {
	cfg := testConfig(t)
	c, ctx := connect(t, cfg), testContext(t)
	if _, err := c.Snapshots().Load(ctx, "users"); !errors.Is(err, ErrNoKey) {
		t.Errorf("load of nothing: %v", err)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for _, data := range [][]byte{[]byte("small"), big, {}} {
		if err := c.Snapshots().Save(ctx, "users", data); err != nil {
			t.Fatal(err)
		}
		got, err := c.Snapshots().Load(ctx, "users")
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes of %d, %v", len(got), len(data), err)
		}
	}
}

// A power cut may leave a snapshot that is not whole. It is told apart, for the
// log says the same again.
func TestDamagedSnapshotIsToldApart(t *testing.T) {
	c := connect(t, testConfig(t))
	ctx := testContext(t)
	if err := c.Snapshots().Save(ctx, "users", []byte("folded")); err != nil {
		t.Fatal(err)
	}
	r, found, err := c.last(ctx, streamSnapshots, "$O.SNAPSHOTS.C.>")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	if _, err := c.js.Publish(ctx, r.Subject, []byte("and more")); err != nil {
		t.Fatal(err)
	}
	if data, err := c.Snapshots().Load(ctx, "users"); !errors.Is(err, ErrDamaged) {
		t.Errorf("%q, %v", data, err)
	}
}
