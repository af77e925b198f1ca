package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bucket is a key-value bucket, in the layout of the `nats kv` tool. A key
// holds one value; there is no history.
type Bucket struct {
	conn   *Conn
	name   string
	stream string
	prefix string // of the subjects
}

// Bucket opens one of [Buckets]. It does not block.
func (c *Conn) Bucket(_ context.Context, name string) (*Bucket, error) {
	if !slices.Contains(Buckets(), name) {
		return nil, fmt.Errorf("there is no bucket %q", name)
	}
	return &Bucket{conn: c, name: name, stream: bucketPrefix + name, prefix: "$KV." + name + "."}, nil
}

// headerTTL holds a key's time to live, as the server writes it.
const headerTTL = "Nats-TTL"

// Get reads a value and its revision. ErrNoKey if there is none. It blocks for
// one request. An auditor may read DIRECTORY and VAULT.
func (b *Bucket) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	r, err := b.read(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return r.Body, r.Seq, nil
}

// read is the live message of key, or ErrNoKey.
func (b *Bucket) read(ctx context.Context, key string) (Record, error) {
	if err := b.check(key); err != nil {
		return Record{}, err
	}
	r, found, err := b.conn.last(ctx, b.stream, b.prefix+key)
	if err != nil {
		return Record{}, err
	}
	if !found || isMarker(r) {
		return r, fmt.Errorf("%s %s: %w", b.name, key, ErrNoKey)
	}
	return r, nil
}

// isMarker recognises the note of a deletion by the server or the `nats` tool.
func isMarker(r Record) bool {
	return r.Header.Get("KV-Operation") != "" || r.Header.Get("Nats-Marker-Reason") != ""
}

// Put stores a value whatever was there, for good (a time to live is dropped),
// and returns its revision. It blocks until stored; ErrUnwritable as Append.
func (b *Bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.write(ctx, key, value, "")
}

// Create stores a value if the key is not there, else ErrKeyExists. With a ttl
// (at least a second, in whole seconds) the server forgets it by itself; 0 keeps
// it. It blocks until stored.
func (b *Bucket) Create(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	life, err := formatTTL(ttl)
	if err != nil {
		return 0, err
	}
	rev, err := b.write(ctx, key, value, life, jetstream.WithExpectLastSequencePerSubject(0))
	if !errors.Is(err, ErrRevision) {
		return rev, err
	}
	r, readErr := b.read(ctx, key)
	if !errors.Is(readErr, ErrNoKey) {
		return 0, fmt.Errorf("%s %s: %w", b.name, key, ErrKeyExists)
	}
	// The note of a deletion is in the way: take its place.
	rev, err = b.write(ctx, key, value, life, jetstream.WithExpectLastSequencePerSubject(r.Seq))
	if errors.Is(err, ErrRevision) {
		err = fmt.Errorf("%s %s: %w", b.name, key, ErrKeyExists)
	}
	return rev, err
}

// Update replaces the value of revision rev, else ErrRevision. A time to live
// given by Create starts anew; the server itself would drop it. It blocks until
// stored, for two requests.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	r, err := b.read(ctx, key)
	if errors.Is(err, ErrNoKey) {
		return 0, fmt.Errorf("%s %s: %w", b.name, key, ErrRevision)
	}
	if err != nil {
		return 0, err
	}
	// If rev is not r's the server says so, and this header goes nowhere.
	return b.write(ctx, key, value, r.Header.Get(headerTTL), jetstream.WithExpectLastSequencePerSubject(rev))
}

func (b *Bucket) write(ctx context.Context, key string, value []byte, ttl string, opts ...jetstream.PublishOpt) (uint64, error) {
	if b.conn.cfg.ReadOnly {
		return 0, ErrReadOnly
	}
	if err := b.check(key); err != nil {
		return 0, err
	}
	msg := nats.NewMsg(b.prefix + key)
	msg.Data = value
	if ttl != "" {
		msg.Header.Set(headerTTL, ttl)
	}
	ctx, cancel := b.conn.writing(ctx)
	defer cancel()
	ack, err := b.conn.js.PublishMsg(ctx, msg, opts...)
	switch {
	case isConflict(err):
		return 0, fmt.Errorf("%s %s: %w", b.name, key, ErrRevision)
	case err != nil:
		return 0, fmt.Errorf("write %s %s: %w", b.name, key, b.conn.noteWrite(err))
	}
	if forgets(b.name) {
		// The value is stored. What stays of the one before, if this fails, goes
		// with the next write or the deletion.
		_ = b.sweep(ctx, key, ack.Sequence-1)
	}
	return ack.Sequence, b.conn.noteWrite(nil)
}

// sweep erases all revisions of a key up to one. The server could do so by
// itself (MaxMsgsPerSubject) but writes no note of it: if it is killed, it finds
// the old revision in its files, and the newer one erased, and the old value is
// back. What is erased by request stays away.
func (b *Bucket) sweep(ctx context.Context, key string, upTo uint64) error {
	for {
		r, found, err := b.conn.next(ctx, b.stream, b.prefix+key, 1)
		if err != nil || !found || r.Seq > upTo {
			return err
		}
		err = b.erase(ctx, r.Seq)
		if err == nil {
			continue
		}
		// If another was faster, the server has several ways to say so.
		again, found, readErr := b.conn.next(ctx, b.stream, b.prefix+key, 1)
		if readErr != nil || found && again.Seq == r.Seq {
			return err
		}
	}
}

// formatTTL writes a time to live in whole seconds, rounded up.
func formatTTL(ttl time.Duration) (string, error) {
	switch {
	case ttl == 0:
		return "", nil
	case ttl < time.Second:
		return "", fmt.Errorf("a time to live of %s is below one second", ttl)
	}
	return strconv.FormatInt(int64((ttl+time.Second-1)/time.Second), 10) + "s", nil
}

// Delete removes a key so that nothing is left: no note, no history, and the
// bytes in the store overwritten. No key is no error. It blocks until done.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if b.conn.cfg.ReadOnly {
		return ErrReadOnly
	}
	if err := b.check(key); err != nil {
		return err
	}
	r, found, err := b.conn.last(ctx, b.stream, b.prefix+key)
	if err != nil || !found {
		return err
	}
	// Once: what is written meanwhile is another value, and stays.
	if err := b.sweep(ctx, key, r.Seq); err != nil {
		return fmt.Errorf("delete %s %s: %w", b.name, key, err)
	}
	return nil
}

// DeleteAt removes what a key held at a revision, as Delete does; what was
// written since stays. The revision is one that Get or a write gave. It blocks
// until done.
func (b *Bucket) DeleteAt(ctx context.Context, key string, rev uint64) error {
	if b.conn.cfg.ReadOnly {
		return ErrReadOnly
	}
	if err := b.check(key); err != nil {
		return err
	}
	if err := b.sweep(ctx, key, rev); err != nil {
		return fmt.Errorf("delete %s %s: %w", b.name, key, err)
	}
	return nil
}

// erase overwrites one revision in the store. It is no error if it is gone.
func (b *Bucket) erase(ctx context.Context, rev uint64) error {
	ctx, cancel := b.conn.writing(ctx)
	defer cancel()
	stream, err := b.conn.js.Stream(ctx, b.stream)
	if err == nil {
		err = stream.SecureDeleteMsg(ctx, rev)
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) || hasCode(err, jetstream.JSErrCodeMessageNotFound) {
		return nil
	}
	return b.conn.noteWrite(err)
}

// All gives every key that begins with prefix, and its value, to fn, oldest
// first; a key that changes meanwhile may come twice, the newer value last. It
// blocks until all are delivered and returns fn's error as it is. It is a bulk
// read: for loading a bucket, not for looking something up.
func (b *Bucket) All(ctx context.Context, prefix string, fn func(key string, value []byte) error) error {
	info, err := b.conn.streamInfo(ctx, b.stream)
	if err != nil {
		return fmt.Errorf("read %s: %w", b.name, err)
	}
	filter := b.prefix + ">"
	if dot := strings.LastIndexByte(prefix, '.'); dot > 0 {
		filter = b.prefix + prefix[:dot] + ".>"
	}
	s := span{stream: b.stream, filter: filter, until: info.State.LastSeq}
	return b.conn.scan(ctx, s, func(records []Record) error {
		for _, r := range records {
			key := strings.TrimPrefix(r.Subject, b.prefix)
			if isMarker(r) || !strings.HasPrefix(key, prefix) {
				continue
			}
			if err := fn(key, r.Body); err != nil {
				return err
			}
		}
		return nil
	})
}

// check keeps to the keys that the `nats kv` tool takes too.
func (b *Bucket) check(key string) error {
	ok := key != "" && key[0] != '.' && key[len(key)-1] != '.' && !strings.Contains(key, "..")
	for i := 0; ok && i < len(key); i++ {
		ok = isNameByte(key[i]) || strings.IndexByte("-/=.", key[i]) >= 0
	}
	if !ok {
		return fmt.Errorf("%s: %q can't be a key", b.name, key)
	}
	return nil
}
