package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/vault"
)

const (
	// bookShards is over how many keys a login's peers are spread.
	bookShards = 32
	// bookMemory is how many peers a login keeps in memory. Beyond it all go;
	// the next question reads its shard again, in a fraction of a millisecond.
	bookMemory = 200
)

// entry is what a login knows of a user or chat. Access hashes are valid for
// this account only (core.telegram.org/api/peers).
type entry struct {
	Peer     events.Peer     `json:"p"`
	Hash     int64           `json:"h,omitempty"`
	Name     string          `json:"n,omitempty"`
	Username string          `json:"u,omitempty"`
	Photo    int64           `json:"i,omitempty"`
	Kind     events.ChatKind `json:"k,omitempty"` // of chats
	CanPost  bool            `json:"w,omitempty"`
	Out      bool            `json:"o,omitempty"` // of chats: the login is no member
	// SeenIn and SeenAt name a message of a user who is known only by it: that
	// is how such a user is named to Telegram ("min" constructors).
	SeenIn int64 `json:"c,omitempty"`
	SeenAt int   `json:"m,omitempty"`
}

// member is the entry as the log tells of it.
func (e entry) member() events.Member {
	return events.Member{Peer: e.Peer, Name: e.Name, Username: e.Username, Photo: e.Photo}
}

// book is what a login knows of users and chats, in the bucket PEERS under
// "<login>.<n>"; n says which shard.
type book struct {
	bucket vault.Bucket
	login  events.LoginID

	mu     sync.Mutex
	shards map[int64]map[events.Peer]entry
	size   int
}

func newBook(b vault.Bucket, id events.LoginID) *book {
	return &book{bucket: b, login: id}
}

// get returns what is known of a peer.
func (b *book) get(ctx context.Context, p events.Peer) (entry, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	shard, err := b.shard(ctx, p.ID%bookShards)
	if err != nil {
		return entry{}, false, err
	}
	e, ok := shard[p]
	return e, ok, nil
}

// learn adds entries, and stores what is new before it returns.
func (b *book) learn(ctx context.Context, entries []entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	dirty := map[int64]bool{}
	for _, e := range entries {
		n := e.Peer.ID % bookShards
		shard, err := b.shard(ctx, n)
		if err != nil {
			return err
		}
		known, ok := shard[e.Peer]
		if e = e.over(known); ok && e == known {
			continue
		}
		if !ok {
			b.size++
		}
		shard[e.Peer] = e
		dirty[n] = true
	}
	for n := range dirty {
		if err := b.write(ctx, n); err != nil {
			b.shards, b.size = nil, 0 // memory must not be ahead of the bucket
			return err
		}
	}
	if b.size > bookMemory {
		b.shards, b.size = nil, 0
	}
	return nil
}

// over keeps of the former entry what the new one does not say.
func (e entry) over(known entry) entry {
	if e.Hash == 0 {
		e.Hash = known.Hash
		if known.Hash != 0 || e.SeenIn == 0 {
			e.SeenIn, e.SeenAt = known.SeenIn, known.SeenAt
		}
	}
	if e.Name == "" {
		e.Name = known.Name
	}
	if e.Hash != 0 {
		e.SeenIn, e.SeenAt = 0, 0
	}
	return e
}

func (b *book) key(n int64) string { return fmt.Sprintf("%s.%d", b.login, n) }

// shard reads a shard unless it is in memory; b.mu is held.
func (b *book) shard(ctx context.Context, n int64) (map[events.Peer]entry, error) {
	if shard, ok := b.shards[n]; ok {
		return shard, nil
	}
	raw, _, err := b.bucket.Get(ctx, b.key(n))
	if err != nil && !errors.Is(err, journal.ErrNoKey) {
		return nil, err
	}
	var list []entry
	if err == nil {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("read %s: %w", b.key(n), err)
		}
	}
	shard := make(map[events.Peer]entry, len(list))
	for _, e := range list {
		shard[e.Peer] = e
	}
	if b.shards == nil {
		b.shards = map[int64]map[events.Peer]entry{}
	}
	b.shards[n] = shard
	b.size += len(shard)
	return shard, nil
}

func (b *book) write(ctx context.Context, n int64) error {
	list := make([]entry, 0, len(b.shards[n]))
	for _, e := range b.shards[n] {
		list = append(list, e)
	}
	return writeJSON(ctx, b.bucket, b.key(n), list)
}

// channel names a channel to Telegram; false if its access hash is not known.
func (b *book) channel(ctx context.Context, id int64) (*tg.InputChannel, bool, error) {
	e, ok, err := b.get(ctx, events.Peer{Kind: events.PeerChannel, ID: id})
	return &tg.InputChannel{ChannelID: id, AccessHash: e.Hash}, ok && e.Hash != 0, err
}

// inputPeer names a peer to Telegram.
func (b *book) inputPeer(ctx context.Context, p events.Peer) (tg.InputPeerClass, bool, error) {
	if p.Kind == events.PeerGroup {
		return &tg.InputPeerChat{ChatID: p.ID}, true, nil
	}
	e, ok, err := b.get(ctx, p)
	switch {
	case err != nil || !ok:
		return nil, false, err
	case p.Kind == events.PeerChannel:
		return &tg.InputPeerChannel{ChannelID: p.ID, AccessHash: e.Hash}, e.Hash != 0, nil
	case e.Hash != 0:
		return &tg.InputPeerUser{UserID: p.ID, AccessHash: e.Hash}, true, nil
	case e.SeenIn != 0:
		in, ok, err := b.channel(ctx, e.SeenIn)
		if err != nil || !ok {
			return nil, false, err
		}
		via := &tg.InputPeerChannel{ChannelID: in.ChannelID, AccessHash: in.AccessHash}
		return &tg.InputPeerUserFromMessage{Peer: via, MsgID: e.SeenAt, UserID: p.ID}, true, nil
	default:
		return nil, false, nil
	}
}

// inputUser names a user to Telegram.
func (b *book) inputUser(ctx context.Context, id int64) (tg.InputUserClass, bool, error) {
	in, ok, err := b.inputPeer(ctx, events.Peer{Kind: events.PeerUser, ID: id})
	if !ok || err != nil {
		return nil, false, err
	}
	switch in := in.(type) {
	case *tg.InputPeerUser:
		return &tg.InputUser{UserID: in.UserID, AccessHash: in.AccessHash}, true, nil
	case *tg.InputPeerUserFromMessage:
		return &tg.InputUserFromMessage{Peer: in.Peer, MsgID: in.MsgID, UserID: in.UserID}, true, nil
	default:
		return nil, false, nil
	}
}
