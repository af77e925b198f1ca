// Package vaulttest is a bucket in memory, for tests of what keeps secrets.
package vaulttest

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/natsgram/natsgram/events/journal"
)

// Bucket is a vault.Bucket in memory. Its clock stands still until Advance.
type Bucket struct {
	mu       sync.Mutex
	entries  map[string]entry
	revision uint64
	clock    time.Time
	fail     error
}

type entry struct {
	value    []byte
	revision uint64
	ttl      time.Duration // 0: for ever
	until    time.Time
}

// NewBucket returns an empty bucket.
func NewBucket() *Bucket {
	return &Bucket{entries: make(map[string]entry), clock: time.Unix(1_700_000_000, 0)}
}

// Now is the bucket's time.
func (b *Bucket) Now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

// Advance moves the bucket's time on; what has reached its TTL is gone.
func (b *Bucket) Advance(by time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock = b.clock.Add(by)
	for key, e := range b.entries {
		if e.ttl > 0 && !e.until.After(b.clock) {
			delete(b.entries, key)
		}
	}
}

// Fail makes every call return err, until it is nil again.
func (b *Bucket) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = err
}

// Raw is a copy of what is stored.
func (b *Bucket) Raw() map[string][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	raw := make(map[string][]byte, len(b.entries))
	for key, e := range b.entries {
		raw[key] = append([]byte(nil), e.value...)
	}
	return raw
}

// TTL is how long a key has left, 0 if it has no TTL or does not exist.
func (b *Bucket) TTL(key string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entries[key]; e.ttl > 0 {
		return e.until.Sub(b.clock)
	}
	return 0
}

// Get returns a value and its revision, or journal.ErrNoKey.
func (b *Bucket) Get(_ context.Context, key string) ([]byte, uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.entries[key]
	switch {
	case b.fail != nil:
		return nil, 0, b.fail
	case !ok:
		return nil, 0, journal.ErrNoKey
	}
	return append([]byte(nil), e.value...), e.revision, nil
}

// Put writes a value without TTL.
func (b *Bucket) Put(_ context.Context, key string, value []byte) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.write(key, value, 0)
}

// Create writes a value if there is none, or returns journal.ErrKeyExists.
func (b *Bucket) Create(_ context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.entries[key]; ok && b.fail == nil {
		return 0, journal.ErrKeyExists
	}
	return b.write(key, value, ttl)
}

// Update writes a value if the key is at the revision, or returns
// journal.ErrRevision. A TTL starts anew.
func (b *Bucket) Update(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[key]
	if e.revision != revision && b.fail == nil {
		return 0, journal.ErrRevision
	}
	return b.write(key, value, e.ttl)
}

// Delete removes a key.
func (b *Bucket) Delete(_ context.Context, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		delete(b.entries, key)
	}
	return b.fail
}

// DeleteAt removes what a key held at the revision.
func (b *Bucket) DeleteAt(_ context.Context, key string, revision uint64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil && b.entries[key].revision == revision {
		delete(b.entries, key)
	}
	return b.fail
}

// All calls fn for each key with the prefix, as they stood when it was called.
func (b *Bucket) All(_ context.Context, prefix string, fn func(key string, value []byte) error) error {
	b.mu.Lock()
	entries, err := maps.Clone(b.entries), b.fail
	b.mu.Unlock()
	for key, e := range entries {
		if err != nil {
			return err
		}
		if strings.HasPrefix(key, prefix) {
			err = fn(key, e.value)
		}
	}
	return err
}

func (b *Bucket) write(key string, value []byte, ttl time.Duration) (uint64, error) {
	if b.fail != nil {
		return 0, b.fail
	}
	b.revision++
	b.entries[key] = entry{append([]byte(nil), value...), b.revision, ttl, b.clock.Add(ttl)}
	return b.revision, nil
}
