// Package telegramtest is a simulated Telegram: a real MTProto server over TCP
// that tests, benchmarks and the demo talk to. It knows nothing of the bridge;
// any MTProto client can use it, given [Server.Addr] and
// [Server.PublicKeyPEM] (or, with gotd, [Server.PublicKeys] and
// [Server.DCList]; any API ID above 0 and any API hash but "" will do).
// Abridged, intermediate, padded intermediate, full and obfuscated transports
// are understood.
//
//	s, err := telegramtest.Start(ctx, telegramtest.Options{})
//	defer s.Close()
//	alice := s.AddUser(telegramtest.UserSpec{Phone: "15550100", FirstName: "Alice", Password: "secret"})
//	bob := s.AddUser(telegramtest.UserSpec{Phone: "15550101", FirstName: "Bob"})
//	group := s.AddSupergroup("Plans", alice, bob)
//	// … the code under test logs in as Alice; then
//	code, err := s.WaitCode(ctx, "15550100")
//	id := s.Say(bob, group, "hello")                       // from Bob's telephone
//	err = s.Await(ctx, func() bool { return len(s.Texts(bob, group)) == 2 })
//
// # The world
//
// [Server.AddUser], [Server.AddChat] (or AddGroup, AddSupergroup, AddChannel),
// Join, Leave, Remove, Rename, SetPhoto, SetAbout, SetAdmin, DeleteChat,
// RenameUser, SetUserPhoto, SetPassword and AddContact change it; every client
// is told as Telegram tells it. [Server.Say], Edit, Delete, React, MarkRead
// and Type act as another client of a user. [Server.History] and Texts say
// what the server holds. What they are given must exist: a mistake in a test
// panics. Message numbers are those of the acting or viewing user;
// [Server.MessageIDFor] translates between users.
//
// # Logins
//
// Codes: [Server.WaitCode], LastCode, ExpireCodes, UserSpec.Code or SetCode for
// a fixed one, [Server.SetCodeRoutes] for how they travel. A phone that nobody has can
// sign up; [Server.SetTerms] is what it has to accept, TermsAccepted tells. [Server.ScanQR] accepts a login token, ExpireQR makes it too old.
// Bots log in with [Server.BotToken]. [Server.Session] is a finished login for
// tests of other things: it saves a key exchange. [Server.Sessions],
// RevokeSession, RevokeAll, ForgetKey, ForgetKeys, BanUser and DeleteAccount
// end them, each as Telegram would.
//
// # Trouble
//
// [Server.Inject] adds a [Fault]: any error, a delay, the connection cut before
// or after the effect, for a method, a user or a phone, a number of times. A
// delayed answer holds up no other. [Server.FloodWait] is a short form.
// [Server.DropConnections] cuts, [Server.Pause] makes Telegram unreachable,
// [Server.LosePushes] leaves a gap, [Server.PushTooLong] says that there is one.
//
// # Waiting
//
// [Server.Await] waits for any condition, WaitCall and WaitAnswer for requests;
// nothing needs a sleep. [Server.CallLog], Calls and Answered tell what was asked.
//
// # How strict it is
//
// Access hashes differ from account to account and are checked; a code works
// only with the phone, hash and authorization key it was made for, and so many
// times; a random_id works once, also after a restart; methods need
// authorisation; text has a length; only administrators write in channels.
// Accounts and channels have pts sequences of their own, and differences that
// are too long if they reach too far back (Options.KeepEvents). Methods that
// are not simulated answer METHOD_INVALID and are logged at debug level.
//
// Where Telegram's behaviour is not documented this is a guess: nothing here
// was compared with Telegram itself. Not simulated: perfect forward secrecy
// (auth.bindTempAuthKey is refused), server salts that expire, secret chats,
// forwards, scheduled messages, folders, pins, drafts, forums, file references
// that expire, CDNs.
//
// # State
//
// All of it is in memory, guarded by one lock. With Options.Dir it survives
// Close and Start: keys, logins, codes, messages, pts, ports. Authorization
// keys are written before the client has them, all else about once a second.
package telegramtest
