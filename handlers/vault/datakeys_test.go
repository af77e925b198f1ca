package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/vault/vaulttest"
)

var _ events.Sealer = (*vault.Vault)(nil)

func TestWhatIsSealedOpensOnlyInItsPlace(t *testing.T) {
	v, _ := newVault(t)
	rapid.Check(t, func(rt *rapid.T) {
		uid := events.UID(rapid.SampledFrom([]string{"one", "two"}).Draw(rt, "uid"))
		plain, aad := rapid.SliceOf(rapid.Byte()).Draw(rt, "plain"), rapid.SliceOf(rapid.Byte()).Draw(rt, "aad")
		sealed := must(v.Seal(uid, plain, aad))(t)
		if got := must(v.Open(uid, sealed, aad))(t); !bytes.Equal(got, plain) {
			rt.Fatalf("%x came back as %x", plain, got)
		}
		_, err := v.Open(uid, sealed, append(bytes.Clone(aad), 0))
		wantError(t, err, vault.ErrDamaged)
		i := rapid.IntRange(0, len(sealed)-1).Draw(rt, "changed byte")
		sealed[i] ^= 1
		_, err = v.Open(uid, sealed, aad)
		wantError(t, err, vault.ErrDamaged)
	})
	sealed := must(v.Seal("one", []byte("x"), nil))(t)
	must(v.Seal("two", []byte("x"), nil))(t)
	_, err := v.Open("two", sealed, nil)
	wantError(t, err, vault.ErrDamaged)
}

func TestAForgottenKeyStaysForgotten(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	sealed := must(v.Seal("one", []byte("personal"), nil))(t)
	before := len(bucket.Raw()["key.one"])
	check(t, v.Forget(ctx, "one"))
	check(t, v.Forget(ctx, "one"))
	check(t, v.Forget(ctx, "never seen"))
	if after := len(bucket.Raw()["key.one"]); after != before-32 {
		t.Errorf("the row shrank from %d to %d bytes: is the key still in it?", before, after)
	}
	preloaded := again(t, v, bucket)
	check(t, preloaded.Preload(ctx))
	for name, v := range map[string]*vault.Vault{"same process": v, "restarted": again(t, v, bucket), "preloaded": preloaded} {
		for _, uid := range []events.UID{"one", "never seen"} {
			_, err := v.Open(uid, sealed, nil)
			wantError(t, err, events.ErrForgotten)
			_, err = v.Seal(uid, []byte("more"), nil)
			wantError(t, err, events.ErrForgotten)
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// again opens the vault's bucket as another process does.
func again(t testing.TB, v *vault.Vault, bucket *vaulttest.Bucket) *vault.Vault {
	t.Helper()
	return vault.OpenWithClock(vault.KeysOf(v), bucket, bucket.Now)
}

func TestAnotherProcessNoticesInTime(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	other := again(t, v, bucket)
	sealed := must(v.Seal("one", []byte("personal"), nil))(t)
	must(other.Open("one", sealed, nil))(t)
	stays := must(other.Seal("two", []byte("stays"), nil))(t)

	check(t, v.Forget(ctx, "one"))
	_, err := v.Open("one", sealed, nil)
	wantError(t, err, events.ErrForgotten)
	must(other.Open("one", sealed, nil))(t) // not looked yet
	bucket.Advance(vault.LookEvery + 1)
	_, err = other.Open("one", sealed, nil)
	wantError(t, err, events.ErrForgotten)
	must(other.Open("two", stays, nil))(t)
}

func TestALookThatFailsIsRepeated(t *testing.T) {
	v, bucket := newVault(t)
	sealed := must(v.Seal("one", []byte("personal"), nil))(t)
	down := errors.New("bucket down")
	bucket.Fail(down)
	must(v.Open("one", sealed, nil))(t)
	bucket.Advance(vault.LookEvery + 1)
	for range 2 {
		_, err := v.Open("one", sealed, nil)
		wantError(t, err, down)
	}
	bucket.Fail(nil)
	must(v.Open("one", sealed, nil))(t)
}

func TestAKeyThatWasLostIsNotTakenForForgotten(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	sealed := must(v.Seal("one", []byte("personal"), nil))(t)
	check(t, bucket.Delete(ctx, "key.one"))
	_, err := again(t, v, bucket).Open("one", sealed, nil)
	wantError(t, err, vault.ErrNoDataKey)
	if errors.Is(err, events.ErrForgotten) {
		t.Error("it was")
	}
}

func TestRacingProcessesAgreeOnAKey(t *testing.T) {
	v, bucket := newVault(t)
	const processes, uids = 8, 20
	sealed := make([][][]byte, processes)
	var wg sync.WaitGroup
	for p := range processes {
		wg.Go(func() {
			mine := again(t, v, bucket)
			for u := range uids {
				s, err := mine.Seal(events.UID(fmt.Sprint(u)), []byte("x"), nil)
				if err != nil {
					t.Error(err)
				}
				sealed[p] = append(sealed[p], s)
			}
		})
	}
	wg.Wait()
	check(t, v.Preload(t.Context()))
	for p := range processes {
		for u := range uids {
			must(v.Open(events.UID(fmt.Sprint(u)), sealed[p][u], nil))(t)
		}
	}
}

// dying is a bucket whose process dies after some writes.
type dying struct {
	*vaulttest.Bucket
	left int
}

var errDead = errors.New("the process died")

func (d *dying) die() error {
	d.left--
	if d.left < 0 {
		return errDead
	}
	return nil
}

func (d *dying) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	if err := d.die(); err != nil {
		return 0, err
	}
	return d.Bucket.Put(ctx, key, value)
}

func (d *dying) Delete(ctx context.Context, key string) error {
	if err := d.die(); err != nil {
		return err
	}
	return d.Bucket.Delete(ctx, key)
}

// TestDyingInForget dies before each of its writes: until it is done the key
// opens or is forgotten, and never is a new one made.
func TestDyingInForget(t *testing.T) {
	ctx := t.Context()
	done := false
	for writes := 0; !done; writes++ {
		v, bucket := newVault(t)
		sealed := must(v.Seal("one", []byte("personal"), nil))(t)
		doomed := vault.OpenWithClock(vault.KeysOf(v), &dying{bucket, writes}, bucket.Now)
		err := doomed.Forget(ctx, "one")
		if done = err == nil; !done {
			wantError(t, err, errDead)
		}
		restarted := again(t, v, bucket)
		_, sealErr := restarted.Seal("one", []byte("more"), nil)
		_, openErr := restarted.Open("one", sealed, nil)
		if (sealErr == nil) != (openErr == nil) || openErr != nil && !errors.Is(openErr, events.ErrForgotten) || done && openErr == nil {
			t.Errorf("after %d writes: seal %v, open %v", writes, sealErr, openErr)
		}
		check(t, restarted.Forget(ctx, "one"))
		_, err = again(t, v, bucket).Open("one", sealed, nil)
		wantError(t, err, events.ErrForgotten)
	}
}

func TestForgettingWhileOthersSeal(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	other := again(t, v, bucket)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !forgotten(t, v) {
			}
		})
		wg.Go(func() {
			for !forgotten(t, other) {
				bucket.Advance(vault.LookEvery / 4)
			}
		})
	}
	must(v.Seal("one", nil, nil))(t)
	check(t, v.Forget(ctx, "one"))
	wg.Wait()
	if _, err := v.Seal("one", nil, nil); !errors.Is(err, events.ErrForgotten) {
		t.Errorf("sealed again: %v", err)
	}
}

// forgotten seals for "one" and says whether that was refused.
func forgotten(t *testing.T, v *vault.Vault) bool {
	_, err := v.Seal("one", []byte("x"), nil)
	if err != nil && !errors.Is(err, events.ErrForgotten) {
		t.Error(err)
	}
	return err != nil
}
