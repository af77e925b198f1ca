// Package events is the vocabulary of the log: what happened, and nothing else.
// It owns no state and knows no network. A fact is named by noun and past
// participle, speaks neither Matrix nor Telegram, and holds no credential: a
// phone number, code, password or session lies in the vault. What is personal
// is sealed under the key of the person or chat it is about.
//
// # Subjects
//
// <stream>.<partition>.<uid>.<event>, for instance
// auth.3.0b9c…e1.login_failed. The uid is a random UUID of a Matrix user (AUTH)
// or of a portal (PORTAL, CHAT); the partition is a hash of it. An operator
// filters with the nats tool: nats sub 'auth.*.*.login_failed'.
//
// # The catalogue
//
// Each line: the event, its writer → its readers. Every event of a stream is
// also read by that stream's projection and by the operator's commands; they
// are not repeated. "room" is a Matrix room, "sealed" is what nobody reads
// without the keyset.
//
// AUTH, of one Matrix user: auth.<partition>.<user>.<event>
//
// Rooms in which the user meets the bot. Sealed: user and room.
//
//	bot_invited              management ingress → management reactor: joins, looks who is there
//	management_room_opened   management reactor → management reactor: looks again, greets
//	management_room_refused  management reactor → management reactor: says why; leaves if the user is not permitted
//	management_room_closed   management ingress and reactor → management reactor: says why, or leaves
//	bystander_left           management ingress → management reactor: looks whether the room is private now
//
// Commands. Sealed: user and room, never the words.
//
//	command_given    management ingress → management reactor: answers; telegram reactor: asks Telegram for a ping or the sessions
//	command_refused  management ingress → management reactor: says what to do instead; redacts what held a secret
//	login_ordered    management ingress → management reactor: begins the login of the user meant, tells the admin the link
//	logout_ordered   management ingress → management reactor: asks for the logouts of the user meant; tells the admin
//	ping_answered    telegram reactor → management reactor: tells
//	secret_redacted  management reactor → management reactor: tells if it failed
//
// A login attempt; the correlation ID is the attempt. What the management
// ingress writes of it, the login page and the provisioning API write too, and
// the latter also logout_requested: the channel, or via, is then "web" or "api".
//
//	login_started       management ingress → deadline reactor: sets the timer; management reactor: gives a link to the login page, asks for the number; telegram reactor: auth.exportLoginToken for a QR code
//	phone_submitted     management ingress → telegram reactor: auth.sendCode; management reactor: redacts. Sealed: masked number
//	phone_rejected      telegram reactor → management reactor: says why, asks again
//	token_submitted     management ingress → telegram reactor: auth.importBotAuthorization; management reactor: redacts
//	token_rejected      telegram reactor → management reactor: says why, asks again
//	code_sent           telegram reactor → management reactor: says where, asks for it. Sealed: what helps to find it
//	resend_requested    management ingress → telegram reactor: auth.resendCode
//	resend_offered      management timer → the user reads it
//	code_submitted      management ingress → telegram reactor: auth.signIn; management reactor: redacts
//	code_rejected       telegram reactor → management reactor: says why, asks again
//	password_required   telegram reactor → management reactor: asks for it
//	password_submitted  management ingress → telegram reactor: auth.checkPassword; management reactor: redacts
//	password_rejected   telegram reactor → management reactor: says why, asks again
//	qr_issued           telegram reactor → deadline reactor: sets the timer; management reactor: shows the code. The token lies in the vault
//	qr_shown            management reactor → projections: which messages are to be redacted. Sealed: the room
//	qr_lapsed           deadline reactor, telegram → telegram reactor: auth.exportLoginToken
//	qr_scanned          telegram → telegram reactor: auth.exportLoginToken, auth.importLoginToken
//	qr_rejected         telegram reactor → deadline reactor: sets the timer; management reactor: says why
//	input_refused       management ingress → management reactor: redacts, says what is wanted
//	step_delayed        telegram reactor → management reactor: says that Telegram can't be reached, once a step
//	login_succeeded     telegram reactor → telegram: connects, lists chats; management reactor: tells; deadline reactor: clears up. Sealed: the account
//	login_failed        management ingress, deadline, telegram reactor → management reactor: says why; deadline reactor: clears up
//
// Making an account, within such an attempt.
//
//	signup_required  telegram reactor → management reactor: shows the terms, asks for the name; telegram reactor: auth.signUp if nothing is to be asked
//	terms_accepted   management ingress → telegram reactor: auth.signUp; management reactor: asks for the name
//	name_submitted   management ingress → telegram reactor: auth.signUp; management reactor: asks for the number
//	signup_rejected  telegram reactor → management reactor: says why, asks again
//	number_taken     telegram reactor → management reactor: asks whether to log in. Sealed: the account
//	login_confirmed  management ingress → telegram reactor: lets the user in; management reactor: asks for the password
//
// The login page, within such an attempt. Sealed: user and room, or address and browser.
//
//	web_link_made      management ingress and reactor → management reactor: tells the link, whose token lies nowhere
//	web_link_redeemed  weblogin ingress → management reactor: tells
//	web_link_reused    weblogin ingress → management reactor: warns
//	method_chosen      weblogin and provisioning ingress → telegram reactor: auth.cancelCode, auth.exportLoginToken; management reactor: tells
//	pairing_required   telegram reactor → management reactor: asks for the code that the page shows. Sealed: the account
//	pairing_rejected   management ingress → management reactor: says so
//	pairing_confirmed  management ingress → telegram reactor: lets the user in
//
// A session, from its login to its end.
//
//	logout_requested  management ingress and reactor, operator → telegram reactor: auth.logOut; management reactor: tells
//	session_ended     telegram → telegram: disconnects; management reactor: says why and the way back
//	chats_listed      telegram reactor → progress reactor; management reactor: says how many
//	progress_made     progress reactor → management reactor: tells
//
// The places where an account is logged in to Telegram. Sealed: which they are.
//
//	devices_listed           telegram reactor → management reactor: tells
//	device_logout_requested  management ingress → telegram reactor: account.resetAuthorization
//	device_logged_out        telegram reactor → management reactor: tells
//
// PORTAL, of one chat: portal.<partition>.<portal>.<event>
//
//	portal_opened    telegram reactor and ingress → matrix reactor: makes the room. Sealed: the chat
//	login_joined     telegram reactor and ingress → matrix reactor: invites the user
//	login_left       telegram → matrix reactor
//	room_created     matrix reactor → telegram reactor: describes the chat; progress reactor. Sealed: the room
//	room_failed      matrix reactor → progress reactor
//	user_invited     matrix reactor → progress reactor
//	user_entered     matrix ingress
//	user_departed    matrix ingress
//	chat_described   telegram → matrix reactor: title, topic, picture, ghosts. Sealed: all of it
//	room_dressed     matrix reactor. Sealed: the ghosts
//	ghost_entered    matrix reactor. Sealed: the ghosts
//	ghost_departed   matrix reactor. Sealed: the ghosts
//	members_changed  telegram ingress → matrix reactor: lets ghosts join or leave. Sealed: the members
//
// CHAT, the messages of one chat: chat.<partition>.<portal>.<event>. Bounded
// retention.
//
//	message_posted   telegram and matrix ingress → the other side's reactor: copies it. Sealed: who said what
//	message_edited   telegram and matrix ingress → the other side's reactor: edits the copy. Sealed: the new text
//	message_deleted  telegram and matrix ingress → the other side's reactor: deletes the copy
//	copy_made        matrix and telegram reactor: the outcome of the three above
//	copy_delayed     telegram reactor → matrix reactor: tells who said it how long Telegram wants to wait
//	copy_failed      matrix and telegram reactor → matrix reactor: tells who said it
//
// # Versions
//
// A stored event is never rewritten. A fact that must change its meaning gets a
// new version of its wire name; the old one stays in the catalogue (New) and is
// lifted by an upcaster when it is read. testdata holds the stored form of every
// version there ever was.
package events
