package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/natsgram/natsgram/events"
)

// The streams of machinery beside events.Streams().
const (
	streamTimers    = "TIMERS"
	streamDead      = "DEAD"
	streamSnapshots = "OBJ_SNAPSHOTS"
	bucketPrefix    = "KV_"
)

const (
	// partitionsKey is where a stream keeps its number of partitions: the
	// subjects in it were made with that number for ever.
	partitionsKey     = "natsgram.partitions"
	defaultPartitions = 8

	// dedupWindow is how long the server itself recognises an event ID. It
	// covers a homeserver's retries of one transaction.
	dedupWindow = 2 * time.Hour
	// deadAge is how long an operator has to look at a dead letter.
	deadAge = 90 * 24 * time.Hour
)

// Buckets lists the key-value buckets.
func Buckets() []string {
	return []string{"VAULT", "DIRECTORY", "CURSORS", "PEERS", "GHOSTS", "LEASES"}
}

// streamTable is the one definition of every stream and bucket.
func streamTable(cfg Config, partitions int) []jetstream.StreamConfig {
	auth := factStream(events.Auth)
	auth.Description = "users: logins, logouts, management rooms"
	portal := factStream(events.Portal)
	portal.Description = "portals: rooms and their life"

	chat := factStream(events.Chat)
	chat.Description = "messages, of bounded retention"
	chat.MaxAge = cfg.ChatAge
	chat.Duplicates = min(dedupWindow, cfg.ChatAge)

	timers := jetstream.StreamConfig{
		Name: streamTimers, Description: "deadlines: set, and due",
		Subjects:          []string{timerSet + ">", timerDue + ">"},
		MaxMsgsPerSubject: 1, // the last timer set under a key is the timer
		AllowMsgSchedules: true, AllowMsgTTL: true, AllowRollup: true,
	}
	dead := jetstream.StreamConfig{
		Name: streamDead, Description: "events that no reactor could handle",
		Subjects: []string{"dead.>"}, MaxAge: deadAge, Duplicates: dedupWindow,
	}
	snapshots := jetstream.StreamConfig{
		Name: streamSnapshots, Description: "folded projections",
		Subjects:    []string{"$O.SNAPSHOTS.C.>", "$O.SNAPSHOTS.M.>"},
		AllowRollup: true, Discard: jetstream.DiscardNew,
	}
	table := []jetstream.StreamConfig{auth, portal, chat, timers, dead, snapshots}
	for _, name := range Buckets() {
		table = append(table, bucketStream(name))
	}
	for i := range table {
		table[i].Storage = jetstream.FileStorage
		table[i].Replicas = cfg.Replicas
		table[i].AllowDirect = true // the auditor reads by direct get alone
		if table[i].Metadata == nil {
			table[i].Metadata = map[string]string{}
		}
		table[i].Metadata[partitionsKey] = strconv.Itoa(partitions)
	}
	return table
}

// factStream is a stream of events: nothing in it can be taken out one by one.
func factStream(s events.Stream) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: string(s), Subjects: []string{s.Filter()},
		DenyDelete: true, DenyPurge: true,
		Duplicates: dedupWindow, Compression: jetstream.S2Compression,
	}
}

// bucketStream is a bucket in the layout that the `nats kv` tool knows, of
// history 1. Unlike the tool's own it allows deletion of single messages, which
// is what leaves nothing of a value behind. Sealed values don't compress.
func bucketStream(name string) jetstream.StreamConfig {
	s := jetstream.StreamConfig{
		Name: bucketPrefix + name, Subjects: []string{"$KV." + name + ".>"},
		MaxMsgsPerSubject: 1, AllowRollup: true, AllowMsgTTL: true,
		Discard: jetstream.DiscardNew,
	}
	if forgets(name) {
		s.MaxMsgsPerSubject = 0 // see Bucket.sweep
	}
	return s
}

// forgets reports whether a bucket holds what must not come back once it is
// deleted: credentials, and the keys of people.
func forgets(bucket string) bool { return bucket == "VAULT" || bucket == "DIRECTORY" }

// reconcile brings the server's streams to the table. It is safe to repeat and
// to die in: the next start does the rest. It returns the partition count.
func (c *Conn) reconcile(ctx context.Context) error {
	if err := c.readPartitions(ctx); err != nil {
		return err
	}
	for _, want := range streamTable(c.cfg, c.partitions) {
		if err := c.reconcileStream(ctx, want); err != nil {
			return err
		}
	}
	return nil
}

// readPartitions settles the number of partitions: the log's, if there is one.
func (c *Conn) readPartitions(ctx context.Context) error {
	c.partitions = c.cfg.Partitions
	exists := false
	for _, s := range events.Streams() {
		info, err := c.streamInfo(ctx, string(s))
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read stream %s: %w", s, err)
		}
		stored, err := strconv.Atoi(info.Config.Metadata[partitionsKey])
		if err != nil || stored < 1 {
			return fmt.Errorf("stream %s was not made by natsgram: its metadata has no %s", s, partitionsKey)
		}
		if c.partitions != 0 && c.partitions != stored {
			return fmt.Errorf("%w: stream %s was made with %d, the configuration says %d, and it can't be changed",
				ErrPartitions, s, stored, c.partitions)
		}
		c.partitions, exists = stored, true
	}
	if !exists && c.cfg.ReadOnly {
		return ErrNoLog
	}
	if c.partitions == 0 {
		c.partitions = defaultPartitions
	}
	return nil
}

func (c *Conn) reconcileStream(ctx context.Context, want jetstream.StreamConfig) error {
	info, err := c.streamInfo(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = retryShort(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.CreateStream(ctx, want) })
		if err != nil {
			return fmt.Errorf("%w: make stream %s: %w", ErrStore, want.Name, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("read stream %s: %w", want.Name, err)
	}
	if sameStream(info.Config, want) {
		return nil
	}
	_, err = retryShort(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.UpdateStream(ctx, want) })
	if err != nil {
		return fmt.Errorf("stream %s differs from what this version needs and can't be changed to it: %w", want.Name, err)
	}
	return nil
}

// sameStream compares what the table sets; the server fills in the rest.
func sameStream(have, want jetstream.StreamConfig) bool {
	return slices.Equal(have.Subjects, want.Subjects) &&
		have.Description == want.Description &&
		have.MaxAge == want.MaxAge &&
		max(have.MaxMsgsPerSubject, 0) == want.MaxMsgsPerSubject &&
		have.Discard == want.Discard &&
		have.Storage == want.Storage &&
		have.Replicas == want.Replicas &&
		(want.Duplicates == 0 || have.Duplicates == want.Duplicates) &&
		have.DenyDelete == want.DenyDelete && have.DenyPurge == want.DenyPurge &&
		have.AllowRollup == want.AllowRollup && have.AllowDirect == want.AllowDirect &&
		have.AllowMsgTTL == want.AllowMsgTTL && have.AllowMsgSchedules == want.AllowMsgSchedules &&
		have.Compression == want.Compression &&
		have.Metadata[partitionsKey] == want.Metadata[partitionsKey]
}

// streamInfo asks for a stream's state and configuration. It may be an
// auditor's question.
func (c *Conn) streamInfo(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	stream, err := retryShort(ctx, func(ctx context.Context) (jetstream.Stream, error) { return c.js.Stream(ctx, name) })
	if err != nil {
		return nil, err
	}
	return stream.CachedInfo(), nil
}

// retryShort asks with a short deadline, and again while nobody answers: a
// cluster that is choosing a leader drops requests, and a long wait would hang
// on one. A refusal is final: the server takes some that it has refused once
// when asked again, without having done anything.
func retryShort[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	const tries = 5
	for n := 1; ; n++ {
		short, cancel := context.WithTimeout(ctx, 4*time.Second)
		v, err := ask(short)
		cancel()
		if err == nil || n == tries || ctx.Err() != nil || !isSilence(err) {
			return v, err
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			return v, err
		}
	}
}
