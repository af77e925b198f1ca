package vault

import (
	"context"
	"time"
)

// Bucket stores values by key. journal.Bucket is one, SealedBucket another.
type Bucket interface {
	// Get returns journal.ErrNoKey if there is no such key.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Put writes whatever was there before; the value has no TTL.
	Put(ctx context.Context, key string, value []byte) (revision uint64, err error)
	// Create returns journal.ErrKeyExists if the key has a value. A ttl of 0 is for ever.
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) (revision uint64, err error)
	// Update writes if the key is at that revision, else returns
	// journal.ErrRevision. A TTL that Create gave starts anew.
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	// Delete removes the key; to delete what is not there is no error.
	Delete(ctx context.Context, key string) error
	// DeleteAt removes what the key held at that revision; what was written since
	// stays. That it is gone already is no error.
	DeleteAt(ctx context.Context, key string, revision uint64) error
	// All calls fn for each key with the prefix, in no order, until fn fails.
	All(ctx context.Context, prefix string, fn func(key string, value []byte) error) error
}
