// Package journal is the log: the only code of the project that speaks NATS.
//
// It knows how events are stored in JetStream and come back: append by
// compare-and-set, replay, follow, reactors, timers, dead letters; and it lends
// its connection for what lies beside the log: key-value buckets, snapshots,
// leases and questions to a running bridge. It owns the streams (one table,
// streams.go) and the embedded server. It refuses to know what any event means.
//
// What a crash means, in one place:
//
//   - Append returned nil: the event is in the log, whatever dies next (see
//     sync_interval in nats.conf for power failures).
//   - Append did not return: the event is stored or it is not. The caller
//     appends the same event (same ID) again; compare-and-set and the ID
//     together make that one event.
//   - A reactor died: what it had in hand comes again, in order, as soon as it
//     is back. Its effects must be safe to repeat.
//   - A projection died: it is folded again from a snapshot and the log.
//
// Sealed fields are opened on the way out by the [events.Sealer] given to [New],
// from several goroutines at once.
package journal
