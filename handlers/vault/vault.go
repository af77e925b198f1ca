package vault

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/natsgram/natsgram/events/journal"
)

// ErrMissing says that the vault holds no such secret: it expired, was dropped,
// or never came.
var ErrMissing = errors.New("the vault no longer holds this secret")

// keysetProof is the key whose value opens with the bucket's own keyset alone.
const keysetProof = "keyset"

// Vault keeps the secrets of a bridge in one bucket, sealed by its keyset. It
// is an events.Sealer. It is safe for concurrent use, in one process or many.
type Vault struct {
	keys   *Keyset
	own    *SealedBucket
	now    func() time.Time // replaced in tests
	opened time.Time

	dataKeys  sync.Map      // events.UID → *dataKey
	lookedAt  atomic.Int64  // when the forgotten key was last read, as elapsed says
	forgotten atomic.Uint64 // its revision then
}

// Open returns the vault in a bucket. It reads nothing yet: call Claim, or
// Check if this process only reads, before anything else.
func Open(keys *Keyset, bucket Bucket) *Vault {
	return open(keys, bucket, time.Now)
}

func open(keys *Keyset, bucket Bucket, now func() time.Time) *Vault {
	v := &Vault{keys: keys, now: now, opened: now()}
	v.own = v.Sealed("vault", bucket)
	v.lookedAt.Store(-2 * int64(lookEvery)) // never yet
	return v
}

// Claim checks that the bucket belongs to the keyset, and marks a new bucket as
// its own. Without it, a bridge started with a wrong keyset would not find its
// users in the directory and take each for a new one.
func (v *Vault) Claim(ctx context.Context) error {
	_, err := v.own.Create(ctx, keysetProof, []byte(keysetFormat), 0)
	if err != nil && !errors.Is(err, journal.ErrKeyExists) {
		return fmt.Errorf("claim the vault: %w", err)
	}
	return v.Check(ctx)
}

// Check checks that the bucket belongs to the keyset; one that was never
// claimed belongs to any. It returns ErrWrongKeyset or ErrDamaged, and writes nothing.
func (v *Vault) Check(ctx context.Context) error {
	proof, _, err := v.own.Get(ctx, keysetProof)
	switch {
	case errors.Is(err, journal.ErrNoKey):
		return nil
	case err != nil:
		return fmt.Errorf("check the vault: %w", err)
	case string(proof) != keysetFormat:
		return fmt.Errorf("check the vault: it was made by another version of natsgram")
	}
	return nil
}
