// Package telegram is the Telegram side of the bridge: it carries out the login
// steps that the log records, keeps one MTProto client for every login, turns
// Telegram's updates into facts and the messages of Matrix users into calls. It
// is the only package, beside its simulated server, that knows
// github.com/gotd/td.
//
// # What it owns
//
// Two buckets, both sealed and keyed by login ID and a number, never by a
// Telegram ID: CURSORS (how far each sequence of updates is in the log) and
// PEERS (names and access hashes of the users and chats that a login has seen).
// In memory: the clients, and for a moment the updates not yet in the log. All
// of it can be lost at any time: what Telegram said after a cursor is asked for
// again, and the deciders drop what the log has already.
//
// # No update is lost
//
// A sequence of updates (one for the account, one for each channel) is a box
// (box.go). Its cursor is stored only after the log holds what came before it.
// A gap is filled by getDifference at once, for each box by itself, and so is
// everything that was missed while the connection was away (difference.go).
// While the log can't be written, the boxes wait.
//
// # What a crash means
//
// Each step of a login looks into the log whether it still waits, then asks
// Telegram whether the step was taken already. A message is sent under a
// random_id derived from its event: the second try is refused by Telegram, and
// the number of the first is taken from the account's own updates (send.go).
//
// It refuses to know Matrix and NATS.
package telegram
