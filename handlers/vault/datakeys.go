package vault

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// ErrNoDataKey says that something sealed was to be opened whose key is not in
// the vault, though nobody forgot it: log and vault are not of the same bridge,
// or the vault was restored from a backup older than the log. It must halt a
// replay: read as forgotten, everybody would be.
var ErrNoDataKey = errors.New("the vault has no key for this person or chat and no record of forgetting them: is it the vault of this log?")

const (
	dataKeyPrefix = "key."
	gonePrefix    = "gone." // written before a key is deleted
	dataKeySize   = 32
	// forgottenKey is written after each Forget. Its revision tells the other
	// processes to drop the keys that they hold in memory.
	forgottenKey = "forgotten"
	// lookEvery bounds how long another process can use a key after Forget.
	lookEvery = 10 * time.Second
	// bucketTimeout bounds what Seal and Open, which take no context, wait for the bucket.
	bucketTimeout = 5 * time.Second
)

// dataKey is the key of a user or portal in memory (about 1 kB); cipher is nil
// once they are forgotten, which is for ever.
type dataKey struct{ cipher *subtle.AESGCM }

// Seal encrypts under the data key of uid, making one if there is none. It
// returns events.ErrForgotten if the key was deleted.
func (v *Vault) Seal(uid events.UID, plaintext, aad []byte) ([]byte, error) {
	key, err := v.dataKey(uid, true)
	if err != nil {
		return nil, err
	}
	return key.cipher.Encrypt(plaintext, aad)
}

// Open decrypts what Seal encrypted. It returns events.ErrForgotten if the key
// of uid was deleted (by another process: at most ten seconds ago), ErrNoDataKey
// if the vault never had it, and ErrDamaged.
func (v *Vault) Open(uid events.UID, ciphertext, aad []byte) ([]byte, error) {
	key, err := v.dataKey(uid, false)
	if err != nil {
		return nil, err
	}
	plain, err := key.cipher.Decrypt(ciphertext, aad)
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// Preload reads every data key into memory, so that a replay waits for none.
func (v *Vault) Preload(ctx context.Context) error {
	if err := v.lookForForgotten(ctx); err != nil {
		return err
	}
	v.lookedAt.Store(v.elapsed())
	before := v.forgotten.Load()
	err := v.own.All(ctx, dataKeyPrefix, func(name string, material []byte) error {
		uid := events.UID(strings.TrimPrefix(name, dataKeyPrefix))
		_, err := v.remember(uid, material)
		return err
	})
	if v.forgotten.Load() != before { // see loadDataKey
		v.dataKeys.Clear()
	}
	return wrap("preload", "data keys", err)
}

// Forget deletes the data key of uid: nothing sealed under it opens ever after,
// and nothing is sealed under it again. It may be repeated, and must be if it
// failed: only when it has returned nil is the key gone for all processes.
func (v *Vault) Forget(ctx context.Context, uid events.UID) error {
	name := dataKeyPrefix + string(uid)
	steps := []func() error{
		func() error { return v.dropTokens(ctx, uid) },
		// Dying after this leaves a key that still opens, or none and this note
		// of why; without it the next Seal would make a new key.
		func() error { _, err := v.own.Put(ctx, gonePrefix+string(uid), nil); return err },
		// Delete, and not only Put: it overwrites the bytes of the key.
		func() error { return v.own.Delete(ctx, name) },
		// An empty key, so that whoever is about to create one fails.
		func() error { _, err := v.own.Put(ctx, name, nil); return err },
		func() error { v.dataKeys.Store(uid, &dataKey{}); return nil },
		func() error { _, err := v.own.Put(ctx, forgottenKey, nil); return err },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return wrap("forget", name, err)
		}
	}
	return nil
}

// dataKey finds the key of uid in memory, else in the bucket, else makes it if
// it may.
func (v *Vault) dataKey(uid events.UID, mayCreate bool) (*dataKey, error) {
	key, err := v.cached(uid)
	if key == nil && err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), bucketTimeout)
		defer cancel()
		key, err = v.loadDataKey(ctx, uid, mayCreate)
	}
	switch {
	case err != nil:
		return nil, err
	case key.cipher == nil:
		return nil, events.ErrForgotten
	}
	return key, nil
}

// cached is the key of uid in memory, or nil. Every lookEvery one caller first
// looks whether another process has forgotten somebody; it alone waits.
func (v *Vault) cached(uid events.UID) (*dataKey, error) {
	now, last := v.elapsed(), v.lookedAt.Load()
	if now-last > int64(lookEvery) && v.lookedAt.CompareAndSwap(last, now) {
		ctx, cancel := context.WithTimeout(context.Background(), bucketTimeout)
		defer cancel()
		if err := v.lookForForgotten(ctx); err != nil {
			v.lookedAt.Store(last)
			return nil, err
		}
	}
	key, ok := v.dataKeys.Load(uid)
	if !ok {
		return nil, nil
	}
	return key.(*dataKey), nil
}

// lookForForgotten drops every key in memory if somebody was forgotten since
// the last look. An unreachable bucket is an error: the promise of Forget is
// worth more than to read on.
func (v *Vault) lookForForgotten(ctx context.Context) error {
	_, revision, err := v.own.Get(ctx, forgottenKey)
	if err != nil && !errors.Is(err, journal.ErrNoKey) {
		return fmt.Errorf("look for forgotten keys: %w", err)
	}
	if v.forgotten.Swap(revision) != revision {
		v.dataKeys.Clear()
	}
	return nil
}

func (v *Vault) loadDataKey(ctx context.Context, uid events.UID, mayCreate bool) (*dataKey, error) {
	name := dataKeyPrefix + string(uid)
	before := v.forgotten.Load()
	for range maxRaces {
		material, _, err := v.own.Get(ctx, name)
		if errors.Is(err, journal.ErrNoKey) {
			material, err = v.missing(ctx, uid, mayCreate)
		}
		if errors.Is(err, journal.ErrKeyExists) {
			continue // who loses the race takes the winner's key
		}
		if err != nil {
			return nil, wrap("get", name, err)
		}
		key, err := v.remember(uid, material)
		// What was read before keys were dropped must not outlive the dropping.
		if v.forgotten.Load() != before {
			v.dataKeys.Delete(uid)
		}
		return key, err
	}
	return nil, fmt.Errorf("get %s: other writers kept coming first", name)
}

// missing gives the material of a key that is not there: none if it was
// forgotten, else a new one if it may be made.
func (v *Vault) missing(ctx context.Context, uid events.UID, mayCreate bool) ([]byte, error) {
	_, _, err := v.own.Get(ctx, gonePrefix+string(uid))
	switch {
	case err == nil:
		return nil, nil
	case !errors.Is(err, journal.ErrNoKey):
		return nil, err
	case !mayCreate:
		return nil, ErrNoDataKey
	}
	material := make([]byte, dataKeySize)
	_, _ = rand.Read(material) // never fails: crypto/rand ends the program instead
	_, err = v.own.Create(ctx, dataKeyPrefix+string(uid), material, 0)
	return material, err
}

// remember takes a key into memory and returns what is there then: a key that
// was forgotten in the meantime stays forgotten.
func (v *Vault) remember(uid events.UID, material []byte) (*dataKey, error) {
	if len(material) == 0 {
		gone := &dataKey{}
		v.dataKeys.Store(uid, gone)
		return gone, nil
	}
	if len(material) != dataKeySize {
		return nil, wrap("read", dataKeyPrefix+string(uid), ErrDamaged)
	}
	cipher, err := subtle.NewAESGCM(material)
	if err != nil {
		return nil, wrap("read", dataKeyPrefix+string(uid), err)
	}
	key, _ := v.dataKeys.LoadOrStore(uid, &dataKey{cipher: cipher})
	return key.(*dataKey), nil
}

// elapsed is the time since Open; a changed wall clock does not move it.
func (v *Vault) elapsed() int64 { return int64(v.now().Sub(v.opened)) }
