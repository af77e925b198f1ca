package vault_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/vault/vaulttest"
)

func TestTheDirectoryRemembers(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	rows := vaulttest.NewBucket()
	d := v.DirectoryFor(rows)

	if _, found, err := d.User(ctx, "@a:example.org"); found || err != nil {
		t.Errorf("found %v, %v before it was entered", found, err)
	}
	user := must(d.EnsureUser(ctx, "@a:example.org"))(t)
	account := must(d.EnsureAccount(ctx, 42))(t)
	portal, created, err := d.EnsurePortal(ctx, "channel:42")
	if !created || err != nil {
		t.Errorf("created %v, %v", created, err)
	}
	if string(user) == string(account) || user == portal {
		t.Error("two rows have one uid")
	}
	for name, d := range map[string]*vault.Directory{"cached": d, "restarted": v.DirectoryFor(rows)} {
		if got, found, err := d.User(ctx, "@a:example.org"); got != user || !found || err != nil {
			t.Errorf("%s: user %s, %v, %v", name, got, found, err)
		}
		if got := must(d.EnsureAccount(ctx, 42))(t); got != account {
			t.Errorf("%s: account %s", name, got)
		}
		if got, found, err := d.Account(ctx, 42); got != account || !found || err != nil {
			t.Errorf("%s: account %s, %v, %v", name, got, found, err)
		}
		if got, found, err := d.Portal(ctx, "channel:42"); got != portal || !found || err != nil {
			t.Errorf("%s: portal %s, %v, %v", name, got, found, err)
		}
		if got, created, err := d.EnsurePortal(ctx, "channel:42"); got != portal || created || err != nil {
			t.Errorf("%s: portal %s, created %v, %v", name, got, created, err)
		}
	}
}

func TestADroppedRowIsGoneEverywhere(t *testing.T) {
	ctx := t.Context()
	v, bucket := newVault(t)
	rows := vaulttest.NewBucket()
	d, other := v.DirectoryFor(rows), v.DirectoryFor(rows)
	user := must(d.EnsureUser(ctx, "@a:example.org"))(t)
	must(other.EnsureUser(ctx, "@a:example.org"))(t)
	must(d.EnsureAccount(ctx, 1))(t)
	must(d.EnsureUser(ctx, "@b:example.org"))(t)
	check(t, d.DropUser(ctx, "@a:example.org"))
	check(t, d.DropAccount(ctx, 1))
	check(t, d.DropPortal(ctx, "never there"))
	if n := len(rows.Raw()); n != 1 {
		t.Errorf("%d rows left", n)
	}
	bucket.Advance(vault.DirectoryFresh)
	for name, d := range map[string]*vault.Directory{"dropper": d, "other": other} {
		if _, found, err := d.User(ctx, "@a:example.org"); found || err != nil {
			t.Errorf("%s: found %v, %v", name, found, err)
		}
	}
	if again := must(other.EnsureUser(ctx, "@a:example.org"))(t); again == user {
		t.Error("the newcomer has the uid of the forgotten")
	}
}

func TestRacingCreatorsAgree(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	rows := vaulttest.NewBucket()
	const processes, chats = 8, 20
	var mu sync.Mutex
	uids, creators := map[string]map[events.UID]bool{}, map[string]int{}
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			d := v.DirectoryFor(rows)
			for c := range chats {
				chat := fmt.Sprint("channel:", c)
				uid, created, err := d.EnsurePortal(ctx, chat)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if uids[chat] == nil {
					uids[chat] = map[events.UID]bool{}
				}
				uids[chat][uid] = true
				if created {
					creators[chat]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for chat := range uids {
		if len(uids[chat]) != 1 || creators[chat] != 1 {
			t.Errorf("%s has %d uids by %d creators", chat, len(uids[chat]), creators[chat])
		}
	}
}

func TestASwappedRowIsRefused(t *testing.T) {
	ctx := t.Context()
	v, _ := newVault(t)
	rows := vaulttest.NewBucket()
	must(v.DirectoryFor(rows).EnsureUser(ctx, "@a:example.org"))(t)
	must(v.DirectoryFor(rows).EnsureUser(ctx, "@b:example.org"))(t)
	var keys []string
	for key := range rows.Raw() {
		keys = append(keys, key)
	}
	must(rows.Put(ctx, keys[0], rows.Raw()[keys[1]]))(t)
	_, errA := v.DirectoryFor(rows).EnsureUser(ctx, "@a:example.org")
	_, errB := v.DirectoryFor(rows).EnsureUser(ctx, "@b:example.org")
	wantError(t, errors.Join(errA, errB), vault.ErrDamaged)
}
