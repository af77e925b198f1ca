package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/vault/vaulttest"
)

// newKeyset returns a keyset of its own and the file that holds it.
func newKeyset(t testing.TB) (*vault.Keyset, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	check(t, vault.CreateKeyset(path))
	return must(vault.LoadKeyset(path))(t), path
}

// newVault returns a claimed vault in a bucket whose clock it shares.
func newVault(t testing.TB) (*vault.Vault, *vaulttest.Bucket) {
	t.Helper()
	keys, _ := newKeyset(t)
	bucket := vaulttest.NewBucket()
	v := vault.OpenWithClock(keys, bucket, bucket.Now)
	check(t, v.Claim(t.Context()))
	return v, bucket
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestAnotherKeysetIsRefused(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	check(t, v.PutSession(ctx, "one", []byte("session")))
	keys, _ := newKeyset(t)
	other := vault.Open(keys, bucket)

	wantError(t, other.Claim(ctx), vault.ErrWrongKeyset)
	wantError(t, other.Check(ctx), vault.ErrWrongKeyset)
	_, err := other.Session(ctx, "one")
	wantError(t, err, vault.ErrWrongKeyset)
	check(t, v.Claim(ctx))
}

func TestCheckOfAnUnclaimedBucketWritesNothing(t *testing.T) {
	keys, _ := newKeyset(t)
	bucket := vaulttest.NewBucket()
	check(t, vault.Open(keys, bucket).Check(t.Context()))
	if n := len(bucket.Raw()); n != 0 {
		t.Errorf("%d keys in the bucket", n)
	}
}

func TestAChangedOrMovedValueIsRefused(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	check(t, v.PutSession(ctx, "one", []byte("session")))
	sealed := bucket.Raw()["session.one"]

	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		must(bucket.Put(ctx, "session.one", changed))(t)
		if _, err := v.Session(ctx, "one"); !errors.Is(err, vault.ErrDamaged) && !errors.Is(err, vault.ErrWrongKeyset) {
			t.Fatalf("byte %d changed: error %v", i, err)
		}
	}
	for n := range sealed {
		must(bucket.Put(ctx, "session.one", sealed[:n]))(t)
		if _, err := v.Session(ctx, "one"); !errors.Is(err, vault.ErrDamaged) {
			t.Fatalf("cut to %d bytes: error %v", n, err)
		}
	}
	must(bucket.Put(ctx, "session.two", sealed))(t)
	_, err := v.Session(ctx, "two")
	wantError(t, err, vault.ErrDamaged)
	_, _, err = v.Sealed("CURSORS", bucket).Get(ctx, "session.two")
	wantError(t, err, vault.ErrDamaged)
}

func TestSealedBucketsAndBlobs(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	peers, ghosts := v.Sealed("PEERS", vaulttest.NewBucket()), v.Sealed("GHOSTS", bucket)

	revision := must(peers.Put(ctx, "a.1", []byte("one")))(t)
	must(peers.Create(ctx, "a.2", []byte("two"), time.Minute))(t)
	must(peers.Put(ctx, "b.1", []byte("other")))(t)
	must(peers.Update(ctx, "a.1", []byte("uno"), revision))(t)
	got := map[string]string{}
	check(t, peers.All(ctx, "a.", func(key string, value []byte) error {
		got[key] = string(value)
		return nil
	}))
	if fmt.Sprint(got) != "map[a.1:uno a.2:two]" {
		t.Errorf("All gives %v", got)
	}
	check(t, peers.Delete(ctx, "a.1"))
	_, _, err := peers.Get(ctx, "a.1")
	wantError(t, err, journal.ErrNoKey)
	_, err = peers.Create(ctx, "a.2", nil, 0)
	wantError(t, err, journal.ErrKeyExists)
	must(ghosts.Put(ctx, "empty", nil))(t)
	if value, _, err := ghosts.Get(ctx, "empty"); len(value) != 0 || err != nil {
		t.Errorf("the empty value came back as %q, %v", value, err)
	}

	blob := must(v.SealBlob("users", []byte("snapshot")))(t)
	if plain := must(v.OpenBlob("users", blob))(t); string(plain) != "snapshot" {
		t.Errorf("the blob came back as %q", plain)
	}
	_, err = v.OpenBlob("portals", blob)
	wantError(t, err, vault.ErrDamaged)
}

// TestNoPlaintextIsStored is the canary: everything that is secret or personal
// goes in, and the raw buckets hold none of it in any common form.
func TestNoPlaintextIsStored(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	rows, cursors := vaulttest.NewBucket(), vaulttest.NewBucket()
	directory, sealed := v.DirectoryFor(rows), v.Sealed("CURSORS", cursors)
	var canaries []string
	canary := func(format string, args ...any) string {
		c := fmt.Sprintf(format, args...)
		canaries = append(canaries, c)
		return c
	}
	var blobs []byte
	for i := range 20 {
		attempt, login, uid := events.NewAttemptID(), events.NewLoginID(), events.NewUID()
		for _, name := range []string{vault.Phone, vault.Code, vault.Password, vault.CodeHash, vault.Session} {
			check(t, v.PutAttempt(ctx, attempt, name, []byte(canary("first %s %d canary", name, i)), time.Minute))
			check(t, v.PutAttempt(ctx, attempt, name, []byte(canary("second %s %d canary", name, i)), time.Minute))
		}
		check(t, v.PutSession(ctx, login, []byte(canary("session canary %d", i))))
		id := events.MatrixID(canary("@canary%d:example.org", i))
		must(directory.EnsureUser(ctx, id))(t)
		must(directory.EnsureAccount(ctx, 777_000_000_000+int64(i)))(t)
		canary("%d", 777_000_000_000+int64(i))
		_, _, err := directory.EnsurePortal(ctx, canary("channel:888000%d", i))
		check(t, err)
		must(sealed.Put(ctx, string(login), []byte(canary("cursor canary %d", i))))(t)
		personal := must(v.Seal(uid, []byte(canary("personal canary %d", i)), []byte("aad")))(t)
		blob := must(v.SealBlob("users", []byte(canary("snapshot canary %d", i))))(t)
		blobs = append(append(blobs, personal...), blob...)
		if i%2 == 0 {
			check(t, v.Forget(ctx, uid))
		}
	}
	stored := blobs
	for _, b := range []*vaulttest.Bucket{bucket, rows, cursors} {
		for key, value := range b.Raw() {
			stored = append(append(append(stored, key...), value...), '\n')
		}
	}
	stored = bytes.ToLower(stored)
	for _, c := range canaries {
		for _, form := range forms(c) {
			if bytes.Contains(stored, bytes.ToLower([]byte(form))) {
				t.Errorf("stored: %q", form)
			}
		}
	}
}

// forms are the ways in which a value may lie around. The ends of the base64
// forms depend on what follows and are cut.
func forms(c string) []string {
	all := []string{c, hex.EncodeToString([]byte(c))}
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), c...))
		all = append(all, encoded[4:len(encoded)-4])
	}
	return all
}

func TestSecretsAndKeysetsDoNotPrint(t *testing.T) {
	keys, _ := newKeyset(t)
	value := vault.Secret("hunter2")
	type holder struct {
		Value vault.Secret `json:"value"`
		Keys  *vault.Keyset
	}
	h := holder{value, keys}
	encoded := must(json.Marshal(h))(t)
	text := string(encoded)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		text += fmt.Sprintf(verb, value) + fmt.Sprintf(verb, h) + fmt.Sprintf(verb, &h) + fmt.Sprintf(verb, keys) + fmt.Sprintf(verb, []any{value})
	}
	for _, form := range append(forms("hunter2"), "104 117 110", "0x68", "AesGcm") {
		if bytes.Contains([]byte(text), []byte(form)) {
			t.Errorf("printed: %q in %s", form, text)
		}
	}
	if value.Reveal() != "hunter2" {
		t.Error("the value is lost")
	}
}
