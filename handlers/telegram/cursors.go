package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/vault"
)

// cursorShards is over how many keys the cursors of a login's channels are
// spread: a message in one channel rewrites a sixteenth of them.
const cursorShards = 16

// state is how far the account's own sequence is in the log
// (core.telegram.org/constructor/updates.state).
type state struct {
	Pts  int `json:"pts"`
	Qts  int `json:"qts,omitempty"`
	Date int `json:"date"`
	Seq  int `json:"seq,omitempty"`
}

// cursors is how far each sequence of updates of a login is in the log: what
// stands here was stored before, never the other way round.
//
// Keys: "<login>.state", and "<login>.c<n>" for the channels whose ID leaves
// the rest n.
type cursors struct {
	bucket vault.Bucket
	login  events.LoginID

	mu       sync.Mutex
	common   state
	channels map[int64]int // pts
	dirty    map[string]bool
}

func newCursors(b vault.Bucket, id events.LoginID) *cursors {
	return &cursors{bucket: b, login: id, channels: map[int64]int{}, dirty: map[string]bool{}}
}

func (c *cursors) stateKey() string { return string(c.login) + ".state" }
func (c *cursors) shardKey(channel int64) string {
	return fmt.Sprintf("%s.c%d", c.login, channel%cursorShards)
}

// load reads the cursors.
func (c *cursors) load(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := readJSON(ctx, c.bucket, c.stateKey(), &c.common); err != nil {
		return err
	}
	for n := range int64(cursorShards) {
		shard := map[int64]int{}
		if err := readJSON(ctx, c.bucket, c.shardKey(n), &shard); err != nil {
			return err
		}
		maps.Copy(c.channels, shard)
	}
	return nil
}

// get is the account's own state; its Pts is 0 if there is none yet.
func (c *cursors) get() state {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.common
}

// change edits the account's own state.
func (c *cursors) change(edit func(*state)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.common
	edit(&c.common)
	if c.common != before {
		c.dirty[c.stateKey()] = true
	}
}

// channel is a channel's pts, 0 if unknown.
func (c *cursors) channel(id int64) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.channels[id]
}

// known lists the channels that have a cursor.
func (c *cursors) known() []int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := make([]int64, 0, len(c.channels))
	for id := range c.channels {
		ids = append(ids, id)
	}
	return ids
}

// setChannel moves a channel's cursor; 0 removes it.
func (c *cursors) setChannel(id int64, pts int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels[id] == pts {
		return
	}
	c.channels[id] = pts
	if pts == 0 {
		delete(c.channels, id)
	}
	c.dirty[c.shardKey(id)] = true
}

// store writes what changed. What fails stays to be written with the next.
func (c *cursors) store(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.dirty {
		var value any = c.common
		if key != c.stateKey() {
			shard := map[int64]int{}
			for id, pts := range c.channels {
				if c.shardKey(id) == key {
					shard[id] = pts
				}
			}
			value = shard
		}
		if err := writeJSON(ctx, c.bucket, key, value); err != nil {
			return err
		}
		delete(c.dirty, key)
	}
	return nil
}

// readJSON reads a value; one that is not there leaves v as it is.
func readJSON(ctx context.Context, b vault.Bucket, key string, v any) error {
	raw, _, err := b.Get(ctx, key)
	if errors.Is(err, journal.ErrNoKey) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

func writeJSON(ctx context.Context, b vault.Bucket, key string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = b.Put(ctx, key, raw)
	return err
}
