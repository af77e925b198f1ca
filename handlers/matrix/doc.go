// Package matrix is the Matrix side of portals and messages: the appservice's
// HTTP server, the rooms, the ghosts and what is said in them.
//
// It knows the client-server and the application service API, and what the
// projections say of portals, messages and users. It owns the rooms of portals,
// the ghosts and the bucket GHOSTS (which name and picture each ghost has). It
// refuses to know Telegram's protocol, and management rooms: whoever else wants
// events of the homeserver is an Inbox before its own.
//
// # What a crash means
//
//   - Before a room's RoomCreated is stored: the next try meets the room's alias
//     (M_ROOM_IN_USE) and adopts the room.
//   - Before a message's CopyMade is stored: every copy carries the ID of the
//     event that it copies (key "org.natsgram.event"). What an earlier try may
//     have sent is looked for in the room before it is sent again; the
//     homeserver's own memory of transaction IDs may be gone.
//   - Before a transaction of the homeserver is answered: it comes again,
//     perhaps with more events. Each event's ID is in the log, so what was
//     recorded is not recorded twice.
//   - Before a ghost's profile is noted in GHOSTS: it is set again.
//
// # Files
//
//	bridge.go    configuration, what it needs of others, construction
//	server.go    the HTTP server; ingress.go: a user's event → command
//	effects.go   every call to the homeserver; errors.go: what their failures mean
//	reactor.go   PORTAL event → room; rooms.go: making and adopting rooms; dress.go: what a room looks like
//	gate.go      which room comes first; doubt.go: calls whose outcome is unknown
//	chat.go      CHAT event → message; deliver.go: exactly once; content.go, notices.go: its words
//	identity.go  who stands for whom; ghosts.go: their profiles
//	parse.go, render.go   HTML ↔ text
//	check.go     is the homeserver reachable and does it know the bridge
package matrix
