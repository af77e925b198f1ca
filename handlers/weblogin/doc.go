// Package weblogin is the login page: a Matrix user who gets a link from the bot
// logs in to Telegram in a browser, and nothing secret passes through a room.
//
// It knows browsers, the user's state, and the vault's door for what is typed.
// It owns no state but how often an address has come of late. It refuses to know
// Matrix and Telegram: what the page asks for, the log says, and the answers are
// decided on by the same decider as in the room (handlers/login), so that an
// attempt goes on through either door.
//
//	link.go     a link is taken up: its token is traded for a session
//	session.go  a browser's session: a cookie, and what ends it
//	ingress.go  a form → a decision → one event in the log → the page as it is then
//	stream.go   the page follows the log (server-sent events)
//	page.go     where the attempt stands → the page
//	guard.go    headers, cross-origin requests, sizes, whose address it is
//	limit.go    who comes too often
//	view.go     the user's state → what the page shows; texts/ has all its words
//	face.go     what it shows → HTML, from templates/ and static/
//
// # Who is let in
//
// A link is the configured public URL with 32 random bytes in its fragment, which
// no server sees before the page's form posts them. To fetch the page consumes
// nothing, so a preview or a scanner spends no link. The vault knows the HMAC of
// the token; the log knows whether the link is good: it is the newest of its user,
// unspent, younger than ten minutes, and its attempt is running. Whoever redeems
// it gets a cookie of 128 random bits for that attempt alone. Both survive a
// restart of the bridge.
package weblogin
