package events

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/google/uuid"
)

// UID names an aggregate: a user or a portal. It is a random UUID in its text
// form, so that a subject in the log says nothing about the person behind it.
type UID string

// NewUID returns a fresh random aggregate identifier.
func NewUID() UID { return UID(uuid.NewString()) }

// Partition is the stable partition of the aggregate among count partitions.
// It must never change for a given uid: the subjects in the log hold it.
func (u UID) Partition(count int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(u))
	return int(h.Sum32() % uint32(count))
}

// EventID is the identity of one event: a UUIDv7 in text form, also the
// Nats-Msg-Id under which it is stored.
type EventID string

// NewEventID returns a fresh UUIDv7.
func NewEventID() EventID { return EventID(uuid.Must(uuid.NewV7()).String()) }

// EventIDFor derives the UUIDv7 of an event that must not be stored twice from
// what it records (for instance a Matrix event ID) and that thing's own time.
// The same input gives the same ID, so a repeated append is recognised by the
// server's deduplication as well as by the projection.
func EventIDFor(at time.Time, origin string) EventID {
	sum := sha256.Sum256([]byte(origin))
	var id uuid.UUID
	copy(id[:], sum[:16])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return EventID(id.String())
}

// AttemptID names one login attempt; it is the correlation ID of its events.
type AttemptID string

// NewAttemptID returns a fresh random attempt identifier.
func NewAttemptID() AttemptID { return AttemptID(uuid.NewString()) }

// LoginID names one Telegram session of one Matrix user. A relogin of the same
// account keeps it.
type LoginID string

// NewLoginID returns a fresh random login identifier.
func NewLoginID() LoginID { return LoginID(uuid.NewString()) }

// AccountID names a Telegram account without saying which: a random UUID that
// the directory maps from the account's Telegram ID.
type AccountID string

// MatrixID is a full Matrix user ID (@local:server). Personal data.
type MatrixID string

// RoomID is a Matrix room ID (!opaque:server). Personal data.
type RoomID string

// MatrixEventID is a Matrix event ID ($opaque). It is opaque and stays plain.
type MatrixEventID string

// PeerKind says what a Telegram peer is.
type PeerKind string

// The kinds of Telegram peers.
const (
	PeerUser    PeerKind = "user"
	PeerGroup   PeerKind = "group"   // basic group
	PeerChannel PeerKind = "channel" // channel or supergroup
)

// Peer is a Telegram user, basic group or channel by its bare (positive) ID.
// Personal data.
type Peer struct {
	Kind PeerKind `json:"kind"`
	ID   int64    `json:"id"`
}

// String gives "user:42"; the directory hashes it, never logs it.
func (p Peer) String() string { return fmt.Sprintf("%s:%d", p.Kind, p.ID) }

// IsZero reports whether the peer names nobody.
func (p Peer) IsZero() bool { return p == Peer{} }

// MessageNumber is Telegram's message ID. It is unique within a channel for
// everyone, but within a basic group or private chat only for one account.
type MessageNumber int
