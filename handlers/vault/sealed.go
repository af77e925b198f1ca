package vault

import (
	"context"
	"fmt"
	"time"
)

// SealedBucket is a Bucket that seals each value on its way in and opens it on
// its way out. Keys stay plain: put nothing personal into them. A value opens
// only in the bucket and under the key where it was put.
type SealedBucket struct {
	name   string
	keys   *Keyset
	bucket Bucket
}

// Sealed seals the values of a bucket. The name is part of each seal, so it
// must never change; give every bucket its own.
func (v *Vault) Sealed(name string, bucket Bucket) *SealedBucket {
	return &SealedBucket{name: name, keys: v.keys, bucket: bucket}
}

// Get opens the value of a key. Besides the bucket's own errors it returns
// ErrWrongKeyset and ErrDamaged.
func (b *SealedBucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	sealed, revision, err := b.bucket.Get(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	plain, err := b.open(key, sealed)
	return plain, revision, err
}

// Put seals a value whatever was there before.
func (b *SealedBucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	sealed, err := b.seal(key, value)
	if err != nil {
		return 0, err
	}
	return b.bucket.Put(ctx, key, sealed)
}

// Create seals a value if the key has none.
func (b *SealedBucket) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	sealed, err := b.seal(key, value)
	if err != nil {
		return 0, err
	}
	return b.bucket.Create(ctx, key, sealed, ttl)
}

// Update seals a value if the key still is at that revision.
func (b *SealedBucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	sealed, err := b.seal(key, value)
	if err != nil {
		return 0, err
	}
	return b.bucket.Update(ctx, key, sealed, revision)
}

// Delete removes a key.
func (b *SealedBucket) Delete(ctx context.Context, key string) error {
	return b.bucket.Delete(ctx, key)
}

// DeleteAt removes what a key held at that revision.
func (b *SealedBucket) DeleteAt(ctx context.Context, key string, revision uint64) error {
	return b.bucket.DeleteAt(ctx, key, revision)
}

// All opens each value with the prefix. It stops at the first that does not open.
func (b *SealedBucket) All(ctx context.Context, prefix string, fn func(key string, value []byte) error) error {
	return b.bucket.All(ctx, prefix, func(key string, sealed []byte) error {
		plain, err := b.open(key, sealed)
		if err != nil {
			return err
		}
		return fn(key, plain)
	})
}

func (b *SealedBucket) seal(key string, plain []byte) ([]byte, error) {
	sealed, err := b.keys.seal(plain, place(b.name, key))
	if err != nil {
		return nil, fmt.Errorf("seal %s in %s: %w", key, b.name, err)
	}
	return sealed, nil
}

func (b *SealedBucket) open(key string, sealed []byte) ([]byte, error) {
	plain, err := b.keys.open(sealed, place(b.name, key))
	if err != nil {
		return nil, fmt.Errorf("open %s in %s: %w", key, b.name, err)
	}
	return plain, nil
}

// SealBlob seals what is kept outside of buckets, such as a snapshot. It opens
// only under the same name.
func (v *Vault) SealBlob(name string, blob []byte) ([]byte, error) {
	sealed, err := v.keys.seal(blob, place("blob", name))
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", name, err)
	}
	return sealed, nil
}

// OpenBlob opens what SealBlob sealed. It returns ErrWrongKeyset or ErrDamaged.
func (v *Vault) OpenBlob(name string, sealed []byte) ([]byte, error) {
	plain, err := v.keys.open(sealed, place("blob", name))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return plain, nil
}

// place is the associated data of a value: where it belongs.
func place(bucket, key string) []byte { return []byte("natsgram\n" + bucket + "\n" + key) }
