package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// The credentials of a running login attempt.
const (
	Phone    = "phone"
	Code     = "code"
	Password = "password"
	BotToken = "bot_token"
	CodeHash = "phone_code_hash"
	Session  = "session"  // of the attempt, not yet authorised
	Hint     = "hint"     // what Telegram says of the password, or how a code begins
	Name     = "name"     // of an account to make: the first name, and the last on a line of its own
	Terms    = "terms"    // which of Telegram's terms of service the user was shown
	QRToken  = "qr"       // what the QR code shows
	QRMoved  = "qr_moved" // a token that was scanned, and where it is to be taken to
	Pairing  = "pairing"  // what the login page shows, to be sent to the bot
	Given    = "given"    // a mark of what a program gave last: it may come again
)

// minTTL is the shortest TTL that a bucket takes.
const minTTL = time.Second

// maxRaces bounds how often a write is tried against other writers. Each lost
// race means that another writer got through.
const maxRaces = 8

// PutAttempt keeps a credential of a running attempt for ttl. A credential put
// again is replaced, and keeps its first deadline.
func (v *Vault) PutAttempt(ctx context.Context, id events.AttemptID, name string, value Secret, ttl time.Duration) error {
	key := attemptKey(id, name)
	ttl = max(ttl, minTTL)
	for range maxRaces {
		deadline := v.now().Add(ttl)
		_, err := v.own.Create(ctx, key, timed(deadline, value), ttl)
		if !errors.Is(err, journal.ErrKeyExists) {
			return wrap("put", key, err)
		}
		old, revision, err := v.own.Get(ctx, key)
		if errors.Is(err, journal.ErrNoKey) {
			continue // it expired or was dropped just now
		}
		if err != nil {
			return wrap("put", key, err)
		}
		if until, _, err := untimed(old); err == nil {
			if !until.After(v.now()) {
				// Its deadline has passed and the bucket has yet to notice. Made
				// anew, for an update would keep the old one's TTL.
				if err := v.own.Delete(ctx, key); err != nil {
					return wrap("put", key, err)
				}
				continue
			}
			if until.Before(deadline) {
				deadline = until
			}
		}
		// The bucket's TTL starts anew; the deadline inside is the one that counts.
		_, err = v.own.Update(ctx, key, timed(deadline, value), revision)
		if !errors.Is(err, journal.ErrRevision) {
			return wrap("put", key, err)
		}
	}
	return fmt.Errorf("put %s: other writers kept coming first", key)
}

// Attempt returns a credential of a running attempt, or ErrMissing.
func (v *Vault) Attempt(ctx context.Context, id events.AttemptID, name string) (Secret, error) {
	value, _, err := v.AttemptAt(ctx, id, name)
	return value, err
}

// AttemptAt is Attempt with the revision at which the credential was read, for
// DropAttemptAt. The revision is 0 if there is none.
func (v *Vault) AttemptAt(ctx context.Context, id events.AttemptID, name string) (value Secret, revision uint64, err error) {
	key := attemptKey(id, name)
	data, revision, err := v.own.Get(ctx, key)
	if errors.Is(err, journal.ErrNoKey) {
		return nil, 0, wrap("get", key, ErrMissing)
	}
	if err != nil {
		return nil, 0, wrap("get", key, err)
	}
	deadline, value, err := untimed(data)
	if err != nil {
		return nil, 0, wrap("get", key, err)
	}
	// The bucket removes it later; nor may a restored one revive it.
	if !deadline.After(v.now()) {
		return nil, 0, wrap("get", key, ErrMissing)
	}
	return value, revision, nil
}

// DropAttemptAt removes a credential as it was at a revision. One put in its
// place since, the same again or another, stays.
func (v *Vault) DropAttemptAt(ctx context.Context, id events.AttemptID, name string, revision uint64) error {
	key := attemptKey(id, name)
	return wrap("drop", key, v.own.DeleteAt(ctx, key, revision))
}

// DropAttempt removes credentials of an attempt, all of them if none is named.
// Those that are not there are no error.
func (v *Vault) DropAttempt(ctx context.Context, id events.AttemptID, names ...string) error {
	if len(names) == 0 {
		names = []string{Phone, Code, Password, CodeHash, Session, Hint, BotToken, Name, Terms, QRToken, QRMoved, Pairing, Given}
	}
	var failed []error
	for _, name := range names {
		key := attemptKey(id, name)
		failed = append(failed, wrap("drop", key, v.own.Delete(ctx, key)))
	}
	return errors.Join(failed...)
}

func attemptKey(id events.AttemptID, name string) string {
	return "attempt." + string(id) + "." + name
}

// timed puts the deadline before the value.
func timed(deadline time.Time, value []byte) []byte {
	data := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(value)), uint64(deadline.UnixMilli()))
	return append(data, value...)
}

func untimed(data []byte) (deadline time.Time, value Secret, err error) {
	if len(data) < 8 {
		return time.Time{}, nil, ErrDamaged
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(data))), data[8:], nil
}

// wrap names what was done to which key; nil stays nil.
func wrap(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, key, err)
}
