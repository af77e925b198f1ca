// Package provisioning is the door for programs: the provisioning API by which
// clients and admin panels log Matrix users in and out, with the shapes that
// mautrix bridges (bridgev2) document, under /_matrix/provision/v3.
//
// It knows the running attempt of a user as the log tells it, and keeps no login
// of its own: the process that a program sees is the attempt, its ID the
// attempt's. So a login begun here goes on in the management room or on the
// login page, one begun there goes on here, and a restart changes nothing. A
// step is derived from the state each time it is asked for; a call that comes
// twice is answered twice and taken once.
//
// It owns, in memory only, which tokens the homeserver has vouched for of late,
// how often an address has failed, and what a program was answered last. It knows neither Telegram nor the other
// doors: what it wants done it writes into the log, and waits for what comes.
package provisioning
