package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"

	"github.com/nats-io/nats.go/jetstream"
)

// Snapshots is the object store SNAPSHOTS, in the layout of the `nats object`
// tool: folded projections, each under its name.
type Snapshots struct{ conn *Conn }

// Snapshots opens the object store. It does not block.
func (c *Conn) Snapshots() *Snapshots { return &Snapshots{c} }

// Save stores data under name in place of what was there. It blocks until
// stored. Dying within leaves the old one: the name is moved last.
func (s *Snapshots) Save(ctx context.Context, name string, data []byte) error {
	if s.conn.cfg.ReadOnly {
		return ErrReadOnly
	}
	store, err := s.conn.js.ObjectStore(ctx, "SNAPSHOTS")
	if err == nil {
		_, err = store.Put(ctx, jetstream.ObjectMeta{Name: name}, bytes.NewReader(data))
	}
	if err != nil {
		return fmt.Errorf("save snapshot %s: %w", name, s.conn.noteWrite(err))
	}
	return nil
}

// Load reads what was saved under name, ErrNoKey if nothing was, ErrDamaged if
// it is not whole. It blocks for the reading. An auditor may load.
//
// It reads by direct get, not through nats.go, whose reading makes a consumer.
func (s *Snapshots) Load(ctx context.Context, name string) ([]byte, error) {
	subject := "$O.SNAPSHOTS.M." + base64.URLEncoding.EncodeToString([]byte(name))
	r, found, err := s.conn.last(ctx, streamSnapshots, subject)
	if err != nil {
		return nil, err
	}
	var info jetstream.ObjectInfo
	if found {
		if err := json.Unmarshal(r.Body, &info); err != nil {
			return nil, fmt.Errorf("snapshot %s: %w", name, err)
		}
	}
	if !found || info.Deleted {
		return nil, fmt.Errorf("snapshot %s: %w", name, ErrNoKey)
	}
	data := make([]byte, 0, info.Size)
	chunks := span{stream: streamSnapshots, filter: "$O.SNAPSHOTS.C." + info.NUID, until: math.MaxUint64}
	err = s.conn.scan(ctx, chunks, func(records []Record) error {
		for _, r := range records {
			data = append(data, r.Body...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	if digest := "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:]); digest != info.Digest {
		return nil, fmt.Errorf("snapshot %s: %w: its digest does not match", name, ErrDamaged)
	}
	return data, nil
}
