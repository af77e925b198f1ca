package vault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// directoryFresh bounds how long one process goes on using a row that another
// has dropped.
const directoryFresh = 30 * time.Second

// Directory maps Matrix users, Telegram accounts and chats to the random
// identifiers that the log knows them by. A row's key is an HMAC under the
// keyset, its value is sealed: the bucket says nothing about anybody to who
// lacks the keyset. It is safe for concurrent use, in one process or many.
type Directory struct {
	keys  *Keyset
	rows  *SealedBucket
	now   func() time.Time
	cache sync.Map // string → row
}

// row is a row in memory.
type row struct {
	uid    string
	readAt time.Time
}

// The domains of the directory: the first part of a row's key.
const (
	userDomain    = "user"
	accountDomain = "account"
	portalDomain  = "portal"
)

// DirectoryFor returns the directory in a bucket. The vault must be claimed or
// checked: under another keyset no row would be found, and each made anew.
func (v *Vault) DirectoryFor(bucket Bucket) *Directory {
	return &Directory{keys: v.keys, rows: v.Sealed("directory", bucket), now: v.now}
}

// User returns the uid of a Matrix user, and whether there is one.
func (d *Directory) User(ctx context.Context, id events.MatrixID) (events.UID, bool, error) {
	uid, found, err := d.find(ctx, userDomain, string(id))
	return events.UID(uid), found, err
}

// EnsureUser returns the uid of a Matrix user, making one if there is none.
// Processes that do so at once agree.
func (d *Directory) EnsureUser(ctx context.Context, id events.MatrixID) (events.UID, error) {
	uid, _, err := d.ensure(ctx, userDomain, string(id))
	return events.UID(uid), err
}

// DropUser removes the row of a Matrix user; as newcomer, they get another uid.
// With Vault.Forget it is what forgetting a person means.
func (d *Directory) DropUser(ctx context.Context, id events.MatrixID) error {
	return d.drop(ctx, userDomain, string(id))
}

// Account returns the identifier of a Telegram account, and whether there is one.
func (d *Directory) Account(ctx context.Context, telegramID int64) (events.AccountID, bool, error) {
	id, found, err := d.find(ctx, accountDomain, strconv.FormatInt(telegramID, 10))
	return events.AccountID(id), found, err
}

// EnsureAccount returns the identifier of a Telegram account, making one if
// there is none.
func (d *Directory) EnsureAccount(ctx context.Context, telegramID int64) (events.AccountID, error) {
	id, _, err := d.ensure(ctx, accountDomain, strconv.FormatInt(telegramID, 10))
	return events.AccountID(id), err
}

// DropAccount removes the row of a Telegram account.
func (d *Directory) DropAccount(ctx context.Context, telegramID int64) error {
	return d.drop(ctx, accountDomain, strconv.FormatInt(telegramID, 10))
}

// Portal returns the uid of the portal of a chat, and whether there is one. The
// key is the caller's name for the chat: a peer, with the account before it if
// logins do not share the portal.
func (d *Directory) Portal(ctx context.Context, key string) (events.UID, bool, error) {
	uid, found, err := d.find(ctx, portalDomain, key)
	return events.UID(uid), found, err
}

// EnsurePortal returns the uid of the portal of a chat, making one if there is
// none. Created says that this call made it.
func (d *Directory) EnsurePortal(ctx context.Context, key string) (uid events.UID, created bool, err error) {
	id, created, err := d.ensure(ctx, portalDomain, key)
	return events.UID(id), created, err
}

// DropPortal removes the row of a chat.
func (d *Directory) DropPortal(ctx context.Context, key string) error {
	return d.drop(ctx, portalDomain, key)
}

func (d *Directory) find(ctx context.Context, domain, value string) (uid string, found bool, err error) {
	cached, ok := d.cache.Load(domain + "\n" + value)
	if ok && d.now().Sub(cached.(row).readAt) < directoryFresh {
		return cached.(row).uid, true, nil
	}
	readAt := d.now()
	key, err := d.rowKey(domain, value)
	if err != nil {
		return "", false, err
	}
	data, _, err := d.rows.Get(ctx, key)
	switch {
	case errors.Is(err, journal.ErrNoKey):
		d.cache.Delete(domain + "\n" + value)
		return "", false, nil
	case err != nil:
		return "", false, fmt.Errorf("find a %s: %w", domain, err)
	}
	d.cache.Store(domain+"\n"+value, row{string(data), readAt})
	return string(data), true, nil
}

func (d *Directory) ensure(ctx context.Context, domain, value string) (uid string, created bool, err error) {
	key, err := d.rowKey(domain, value)
	if err != nil {
		return "", false, err
	}
	for range maxRaces {
		uid, found, err := d.find(ctx, domain, value)
		if found || err != nil {
			return uid, false, err
		}
		fresh, readAt := uuid.NewString(), d.now()
		_, err = d.rows.Create(ctx, key, []byte(fresh), 0)
		if err == nil {
			d.cache.Store(domain+"\n"+value, row{fresh, readAt})
			return fresh, true, nil
		}
		// Who loses the race finds the winner's row.
		if !errors.Is(err, journal.ErrKeyExists) {
			return "", false, fmt.Errorf("enter a %s: %w", domain, err)
		}
	}
	return "", false, fmt.Errorf("enter a %s: other writers kept coming first", domain)
}

func (d *Directory) drop(ctx context.Context, domain, value string) error {
	key, err := d.rowKey(domain, value)
	if err != nil {
		return err
	}
	if err := d.rows.Delete(ctx, key); err != nil {
		return fmt.Errorf("drop a %s: %w", domain, err)
	}
	d.cache.Delete(domain + "\n" + value)
	return nil
}

// rowKey is <domain>.<HMAC>: what a row is found by says nothing of whom it is about.
func (d *Directory) rowKey(domain, value string) (string, error) {
	name, err := d.keys.name(domain, value)
	return domain + "." + name, err
}
