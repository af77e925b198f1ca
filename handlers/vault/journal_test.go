package vault_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/vault"
)

// TestOnTheRealStore goes through the vault's life in the journal's own
// buckets, with a restart in the middle.
func TestOnTheRealStore(t *testing.T) {
	ctx := t.Context()
	keys, _ := newKeyset(t)
	store := t.TempDir()
	v, d, stop := openStore(t, keys, store)
	check(t, v.Claim(ctx))
	check(t, v.Claim(ctx))
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("canary of a first code"), time.Minute))
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("canary of a second code"), time.Minute))
	check(t, v.PutAttempt(ctx, "a", vault.Phone, []byte("canary of a phone"), time.Minute))
	check(t, v.DropAttempt(ctx, "a", vault.Phone))
	check(t, v.PutSession(ctx, "one", []byte("canary of a session")))
	kept := must(d.EnsureUser(ctx, "@canary.kept:example.org"))(t)
	gone := must(d.EnsureUser(ctx, "@canary.gone:example.org"))(t)
	sealed := must(v.Seal(kept, []byte("canary of one kept"), nil))(t)
	lost := must(v.Seal(gone, []byte("canary of one gone"), nil))(t)
	check(t, v.Forget(ctx, gone))
	check(t, d.DropUser(ctx, "@canary.gone:example.org"))
	stop()
	wantNowhere(t, store, "canary")

	v, d, stop = openStore(t, keys, store)
	defer stop()
	check(t, v.Check(ctx))
	check(t, v.Preload(ctx))
	if got := must(v.Attempt(ctx, "a", vault.Code))(t).Reveal(); got != "canary of a second code" {
		t.Errorf("the code came back as %q", got)
	}
	_, err := v.Attempt(ctx, "a", vault.Phone)
	wantError(t, err, vault.ErrMissing)
	if ids := must(v.Sessions(ctx))(t); len(ids) != 1 || ids[0] != "one" {
		t.Errorf("sessions of %v", ids)
	}
	if got := must(v.Open(kept, sealed, nil))(t); string(got) != "canary of one kept" {
		t.Errorf("the personal part came back as %q", got)
	}
	_, err = v.Open(gone, lost, nil)
	wantError(t, err, events.ErrForgotten)
	_, err = v.Seal(gone, nil, nil)
	wantError(t, err, events.ErrForgotten)
	if uid := must(d.EnsureUser(ctx, "@canary.kept:example.org"))(t); uid != kept {
		t.Errorf("the user %s became %s", kept, uid)
	}
	if uid := must(d.EnsureUser(ctx, "@canary.gone:example.org"))(t); uid == gone {
		t.Error("the forgotten user has their uid again")
	}
	check(t, v.Forget(ctx, gone))
	check(t, v.DropSession(ctx, "one"))
	_, err = v.Session(ctx, "one")
	wantError(t, err, vault.ErrMissing)
}

// wantNowhere looks for a text in every file of a folder.
func wantNowhere(t *testing.T, dir, text string) {
	t.Helper()
	files := 0
	check(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(text)) {
			t.Errorf("%s holds %q", path, text)
		}
		return err
	}))
	if files == 0 {
		t.Error("there are no files")
	}
}

// openStore opens vault and directory of a store, and returns how to stop it.
func openStore(t *testing.T, keys *vault.Keyset, store string) (*vault.Vault, *vault.Directory, func()) {
	t.Helper()
	conn := must(journal.Connect(t.Context(), journal.Config{
		SyncInterval: time.Minute,
		ConfigFile:   filepath.Join("..", "..", "nats.conf"), StoreDir: store, Listen: "none", Log: zerolog.Nop(),
	}))(t)
	v := vault.Open(keys, must(conn.Bucket(t.Context(), "VAULT"))(t))
	return v, v.DirectoryFor(must(conn.Bucket(t.Context(), "DIRECTORY"))(t)), conn.Close
}
