package vault_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/vault/vaulttest"
)

func TestAKeysetIsItsOwnersAlone(t *testing.T) {
	_, path := newKeyset(t)
	info := must(os.Stat(path))(t)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o666} {
		check(t, os.Chmod(path, mode))
		_, err := vault.LoadKeyset(path)
		wantSentence(t, err, "chmod 600 "+path)
	}
}

func TestAKeysetIsNeverOverwritten(t *testing.T) {
	_, path := newKeyset(t)
	before := must(os.ReadFile(path))(t)
	wantError(t, vault.CreateKeyset(path), fs.ErrExist)
	if after := must(os.ReadFile(path))(t); string(after) != string(before) {
		t.Error("it was")
	}
}

func TestWhatIsNoKeysetIsNamedInOneSentence(t *testing.T) {
	_, path := newKeyset(t)
	good := string(must(os.ReadFile(path))(t))
	parts := strings.SplitN(good, `"directory": `, 2)
	swapped := strings.NewReplacer(`"seal"`, `"directory"`, `"directory"`, `"seal"`).Replace(good)
	for name, c := range map[string]struct{ content, want string }{
		"empty":            {"", "not valid JSON"},
		"cut":              {good[:len(good)/2], "not valid JSON"},
		"something else":   {`{"type": "service_account"}`, "format"},
		"another version":  {strings.Replace(good, "keyset 1", "keyset 9", 1), "format"},
		"half of it":       {strings.TrimRight(parts[0], ", \n") + "}", `"directory" is damaged or missing`},
		"parts swapped":    {swapped, "key of another kind"},
		"no base64":        {strings.Replace(good, `"value": "`, `"value": "!`, 1), `"seal" is damaged or missing`},
		"key cut short":    {strings.Replace(good, `"value": "G`, `"value": "`, 1), `"seal"`},
		"unknown key type": {strings.Replace(good, "AesGcmKey", "AesEaxKey", 1), `"seal"`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "keyset.json")
			check(t, os.WriteFile(file, []byte(c.content), 0o600))
			_, err := vault.LoadKeyset(file)
			wantSentence(t, err, c.want)
			wantSentence(t, err, file)
		})
	}
	_, err := vault.LoadKeyset(filepath.Join(t.TempDir(), "keyset.json"))
	wantSentence(t, err, "does not exist")
	wantError(t, err, fs.ErrNotExist)
	_, err = vault.LoadKeyset(t.TempDir())
	wantSentence(t, err, "not a file")
}

func wantSentence(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line with %q", err, part)
	}
}

func TestRotation(t *testing.T) {
	ctx := t.Context()
	keys, path := newKeyset(t)
	bucket, rows := vaulttest.NewBucket(), vaulttest.NewBucket()
	old := vault.Open(keys, bucket)
	check(t, old.Claim(ctx))
	check(t, old.PutSession(ctx, "before", []byte("session before")))
	user := must(old.DirectoryFor(rows).EnsureUser(ctx, "@a:example.org"))(t)
	sealed := must(old.Seal(user, []byte("personal"), nil))(t)
	stale := filepath.Join(filepath.Dir(path), "keyset.json.new")
	check(t, os.WriteFile(stale, []byte("left by a crash"), 0o600))

	check(t, vault.Rotate(path))
	now := vault.Open(must(vault.LoadKeyset(path))(t), bucket)
	check(t, now.Check(ctx))
	check(t, now.PutSession(ctx, "after", []byte("session after")))

	if got := must(now.Session(ctx, "before"))(t).Reveal(); got != "session before" {
		t.Errorf("what the old key sealed came back as %q", got)
	}
	if got := must(now.Open(user, sealed, nil))(t); string(got) != "personal" {
		t.Errorf("an event's personal part came back as %q", got)
	}
	if again := must(now.DirectoryFor(rows).EnsureUser(ctx, "@a:example.org"))(t); again != user {
		t.Errorf("the user %s became %s", user, again)
	}
	_, err := old.Session(ctx, "after")
	wantError(t, err, vault.ErrWrongKeyset)
	if _, err := os.Stat(stale); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the new file is still beside the old: %v", err)
	}
	if mode := must(os.Stat(path))(t).Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %v", mode)
	}
}
