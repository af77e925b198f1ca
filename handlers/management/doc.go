// Package management is the bridge bot: the rooms in which a Matrix user talks
// to it, the commands given there, and what it answers.
//
// It knows the homeserver (as the bot, through the appservice's token), the
// user's state and the vault's door for what a user types. It owns no state:
// what it must remember is in the log. It refuses to know Telegram, portals'
// rooms and messages, and how the homeserver's transactions arrive.
//
// Three ways lead through it:
//
//	Take (ingress.go)   a Matrix event → a decision → one event in the log
//	react (reactor.go)  an event of the log → one call to the homeserver (effects.go)
//	OnDeadline          a timer → the end of a login attempt, or of a QR code's time
//
// A room is a management room while its members are the user and the bot alone
// and it is not encrypted; there commands need no prefix, and only there are
// secrets taken. Before each question for a secret the bot looks at the room
// again (safety.go): one that others are invited to, can join or can read ends
// the attempt, by name. A secret goes to the vault before its event is appended:
// dying in between leaves an orphan that expires. The message that held it is
// redacted by the reactor, so also after a crash. So are the pictures of QR codes
// (qr.go), which the log knows by their messages, once they have done their work.
//
// Whoever may not use the bridge is answered once and left alone: the bot joins
// the room it was invited to, says so, and leaves. Declining the invite would
// leave them without a word, since clients show no reason for it.
package management
