// Package projections says what is: pure folds of the log's events into users,
// portals and messages. It owns the only state of the bridge, knows no network,
// and refuses to know how an event came about. The same Apply serves the live
// bridge, a replay and an operator's question about the past.
//
// Each projection folds one stream (Users: AUTH, Portals: PORTAL, Messages:
// CHAT), is safe for concurrent use, and answers with copies. Applying an event
// that is already folded changes nothing, so a snapshot plus the rest of the
// log equals the whole log wherever it is cut.
package projections
