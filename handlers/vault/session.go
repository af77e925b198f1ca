package vault

import (
	"context"
	"errors"
	"strings"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

const sessionPrefix = "session."

// PutSession keeps the Telegram session of a login, over the one before it.
func (v *Vault) PutSession(ctx context.Context, id events.LoginID, session Secret) error {
	key := sessionPrefix + string(id)
	_, err := v.own.Put(ctx, key, session)
	return wrap("put", key, err)
}

// Session returns the Telegram session of a login, or ErrMissing.
func (v *Vault) Session(ctx context.Context, id events.LoginID) (Secret, error) {
	key := sessionPrefix + string(id)
	session, _, err := v.own.Get(ctx, key)
	if errors.Is(err, journal.ErrNoKey) {
		err = ErrMissing
	}
	return session, wrap("get", key, err)
}

// DropSession removes the Telegram session of a login, if there is one.
func (v *Vault) DropSession(ctx context.Context, id events.LoginID) error {
	key := sessionPrefix + string(id)
	return wrap("drop", key, v.own.Delete(ctx, key))
}

// Sessions lists the logins that have a session, in no order.
func (v *Vault) Sessions(ctx context.Context) ([]events.LoginID, error) {
	var ids []events.LoginID
	// The bucket below the seal: the names are asked for, no session is opened.
	err := v.own.bucket.All(ctx, sessionPrefix, func(key string, _ []byte) error {
		ids = append(ids, events.LoginID(strings.TrimPrefix(key, sessionPrefix)))
		return nil
	})
	return ids, wrap("list", sessionPrefix, err)
}
