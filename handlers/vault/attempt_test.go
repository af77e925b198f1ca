package vault_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/vault/vaulttest"
)

func TestACredentialLivesUntilItsDeadline(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("12345"), 10*time.Minute))
	if got := must(v.Attempt(ctx, "a", vault.Code))(t).Reveal(); got != "12345" {
		t.Errorf("got %q", got)
	}
	bucket.Advance(10*time.Minute - time.Millisecond)
	must(v.Attempt(ctx, "a", vault.Code))(t)
	bucket.Advance(time.Millisecond)
	_, err := v.Attempt(ctx, "a", vault.Code)
	wantError(t, err, vault.ErrMissing)
}

func TestACredentialPutAgainKeepsItsDeadline(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("11111"), 10*time.Minute))
	bucket.Advance(4 * time.Minute)
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("22222"), 10*time.Minute))
	if got := must(v.Attempt(ctx, "a", vault.Code))(t).Reveal(); got != "22222" {
		t.Errorf("got %q", got)
	}
	bucket.Advance(6*time.Minute - time.Millisecond)
	must(v.Attempt(ctx, "a", vault.Code))(t)
	bucket.Advance(time.Millisecond)
	_, err := v.Attempt(ctx, "a", vault.Code)
	wantError(t, err, vault.ErrMissing)
	bucket.Advance(4 * time.Minute)
	if _, left := bucket.Raw()["attempt.a.code"]; left {
		t.Error("it is in the bucket for ever")
	}
}

func TestACredentialPutAgainOutlivesTheDropOfTheFirst(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("12345"), time.Minute))
	_, first, err := v.AttemptAt(ctx, "a", vault.Code)
	check(t, err)
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("12345"), time.Minute)) // the same again
	check(t, v.DropAttemptAt(ctx, "a", vault.Code, first))
	_, second, err := v.AttemptAt(ctx, "a", vault.Code)
	check(t, err)
	for range 2 {
		check(t, v.DropAttemptAt(ctx, "a", vault.Code, second))
	}
	_, none, err := v.AttemptAt(ctx, "a", vault.Code)
	wantError(t, err, vault.ErrMissing)
	if none != 0 {
		t.Errorf("nothing is at revision %d", none)
	}
}

func TestAnExpiredCredentialIsNotRevivedByTheBucket(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("11111"), time.Minute))
	kept := bucket.Raw()["attempt.a.code"]
	bucket.Advance(time.Minute)
	must(bucket.Put(ctx, "attempt.a.code", kept))(t)
	_, err := v.Attempt(ctx, "a", vault.Code)
	wantError(t, err, vault.ErrMissing)
	check(t, v.PutAttempt(ctx, "a", vault.Code, []byte("22222"), time.Minute))
	bucket.Advance(time.Minute - time.Millisecond)
	must(v.Attempt(ctx, "a", vault.Code))(t)
}

func TestDroppedCredentialsAreGone(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	names := []string{vault.Phone, vault.Code, vault.Password, vault.CodeHash, vault.Session}
	for _, name := range names {
		check(t, v.PutAttempt(ctx, "a", name, []byte(name), time.Minute))
	}
	check(t, v.DropAttempt(ctx, "a", vault.Code, vault.Password))
	must(v.Attempt(ctx, "a", vault.Phone))(t)
	_, err := v.Attempt(ctx, "a", vault.Code)
	wantError(t, err, vault.ErrMissing)
	check(t, v.DropAttempt(ctx, "a"))
	for _, name := range names {
		_, err := v.Attempt(ctx, "a", name)
		wantError(t, err, vault.ErrMissing)
	}
	check(t, v.DropAttempt(ctx, "a"))
	down := errors.New("bucket down")
	bucket.Fail(down)
	wantError(t, v.DropAttempt(ctx, "a"), down)
	wantError(t, v.PutAttempt(ctx, "a", vault.Code, []byte("1"), time.Minute), down)
	_, err = v.Attempt(ctx, "a", vault.Code)
	wantError(t, err, down)
}

func TestSessions(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	_, err := v.Session(ctx, "one")
	wantError(t, err, vault.ErrMissing)
	check(t, v.PutSession(ctx, "one", []byte("1")))
	check(t, v.PutSession(ctx, "two", []byte("2")))
	check(t, v.PutSession(ctx, "two", []byte("two")))
	if got := must(v.Session(ctx, "two"))(t).Reveal(); got != "two" {
		t.Errorf("got %q", got)
	}
	ids := must(v.Sessions(ctx))(t)
	slices.Sort(ids)
	if !slices.Equal(ids, []events.LoginID{"one", "two"}) {
		t.Errorf("sessions of %v", ids)
	}
	check(t, v.DropSession(ctx, "one"))
	check(t, v.DropSession(ctx, "one"))
	_, err = v.Session(ctx, "one")
	wantError(t, err, vault.ErrMissing)
}

// TestCredentialsBehaveAsAMap checks any sequence of puts, drops and waits
// against a plain map with deadlines.
func TestCredentialsBehaveAsAMap(t *testing.T) {
	keys, _ := newKeyset(t)
	rapid.Check(t, func(rt *rapid.T) {
		type entry struct {
			value string
			until time.Time
		}
		bucket, model := vaulttest.NewBucket(), map[string]entry{}
		v := vault.OpenWithClock(keys, bucket, bucket.Now)
		name := rapid.SampledFrom([]string{vault.Phone, vault.Code})
		rt.Repeat(map[string]func(*rapid.T){
			"put": func(rt *rapid.T) {
				n, value := name.Draw(rt, "name"), rapid.String().Draw(rt, "value")
				until := bucket.Now().Add(time.Duration(rapid.IntRange(1, 9).Draw(rt, "ttl")) * time.Second)
				check(t, v.PutAttempt(t.Context(), "a", n, []byte(value), until.Sub(bucket.Now())))
				if old, ok := model[n]; ok && old.until.Before(until) {
					until = old.until
				}
				model[n] = entry{value, until}
			},
			"drop": func(rt *rapid.T) {
				n := name.Draw(rt, "name")
				check(t, v.DropAttempt(t.Context(), "a", n))
				delete(model, n)
			},
			"wait": func(rt *rapid.T) {
				bucket.Advance(time.Duration(rapid.IntRange(1, 5).Draw(rt, "seconds")) * time.Second)
				for n, e := range model {
					if !e.until.After(bucket.Now()) {
						delete(model, n)
					}
				}
			},
			"": func(rt *rapid.T) {
				for _, n := range []string{vault.Phone, vault.Code} {
					got, err := v.Attempt(t.Context(), "a", n)
					want, ok := model[n]
					if ok != (err == nil) || string(got) != want.value {
						rt.Fatalf("%s is %q, %v; want %q, %v", n, string(got), err, want.value, ok)
					}
				}
			},
		})
	})
}
