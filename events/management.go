package events

// RoomFacts carries who and where in facts about management rooms.
type RoomFacts struct {
	User MatrixID `json:"user,omitempty"`
	Room RoomID   `json:"room,omitempty"`
}

// BotInvited records that a Matrix user invited the bridge bot to a room.
// Written by management ingress; read by the management reactor, which joins
// and looks who is there.
type BotInvited struct {
	Sealed RoomFacts `json:"-"`
}

// RoomRefusal says why the bot takes no login in a room.
type RoomRefusal string

// Why a room is no management room.
const (
	RoomCrowded     RoomRefusal = "crowded"      // others than the user and the bot have joined
	RoomUserAbsent  RoomRefusal = "user_absent"  // the user is not in the room
	RoomUnreachable RoomRefusal = "unreachable"  // the homeserver refused to let the bot in
	RoomThirdPerson RoomRefusal = "third_person" // somebody was invited or joined later
	RoomUserLeft    RoomRefusal = "user_left"
	RoomBotRemoved  RoomRefusal = "bot_removed"
	RoomReplaced    RoomRefusal = "replaced"      // the user opened another management room
	RoomForbidden   RoomRefusal = "not_permitted" // whoever invited the bot may not use the bridge
	RoomEncrypted   RoomRefusal = "encrypted"     // the bot reads no encrypted messages
)

// ManagementRoomOpened records that the room's joined members are exactly the
// user and the bot. Written by the management reactor as outcome of BotInvited
// or of a membership change; commands need no prefix there.
type ManagementRoomOpened struct {
	Sealed RoomFacts `json:"-"`
}

// ManagementRoomRefused is the other outcome of BotInvited: the bot is in the
// room (unless unreachable), and takes no login there. Members is how many have
// joined, the bot included, if the room is crowded.
type ManagementRoomRefused struct {
	Reason  RoomRefusal `json:"reason"`
	Members int         `json:"members,omitempty"`
	Sealed  RoomFacts   `json:"-"`
}

// ManagementRoomClosed records that the room stopped being a management room.
type ManagementRoomClosed struct {
	Reason RoomRefusal `json:"reason"`
	Sealed RoomFacts   `json:"-"`
}

// BystanderLeft records that somebody other than the user left a room that was
// no management room because of others. Written by management ingress; read by
// the management reactor, which looks who is there now.
type BystanderLeft struct {
	Sealed RoomFacts `json:"-"`
}

// CommandName is a command word of the management room.
type CommandName string

// The commands.
const (
	CommandHelp    CommandName = "help"
	CommandLogin   CommandName = "login"
	CommandCancel  CommandName = "cancel"
	CommandPing    CommandName = "ping"
	CommandLogout  CommandName = "logout"
	CommandVersion CommandName = "version"
	CommandLogins  CommandName = "logins"
	CommandRelogin CommandName = "relogin"
	CommandResend  CommandName = "resend"

	CommandRegister CommandName = "register"

	CommandSessions CommandName = "sessions"
	CommandUnknown  CommandName = "unknown"
)

// CommandGiven records a command that changes no state (help, logins, sessions,
// version, ping) and is answered. Of what was typed besides the command word
// only its meaning is kept: About is the command that help was asked about,
// Login the account whose sessions are wanted.
type CommandGiven struct {
	Command CommandName `json:"command"`
	About   CommandName `json:"about,omitempty"`
	Login   LoginID     `json:"login,omitempty"`
	All     bool        `json:"all,omitempty"`    // of everybody, for an admin
	Secret  SecretKind  `json:"secret,omitempty"` // what else the message held, which is redacted
	Sealed  RoomFacts   `json:"-"`
}

// CommandRefusal says why a command was not carried out.
type CommandRefusal string

// Why a command is refused.
const (
	RefusedUnknown        CommandRefusal = "unknown_command"
	RefusedNotPermitted   CommandRefusal = "not_permitted"
	RefusedNotHere        CommandRefusal = "not_a_management_room"
	RefusedLoggedIn       CommandRefusal = "already_logged_in" // to as many accounts as may be
	RefusedLoginRunning   CommandRefusal = "login_running"
	RefusedNothingRunning CommandRefusal = "nothing_to_cancel"
	RefusedNotLoggedIn    CommandRefusal = "not_logged_in"
	RefusedEncrypted      CommandRefusal = "room_encrypted"
	RefusedWhich          CommandRefusal = "which_login"   // there are several, and none was named
	RefusedNoSuchLogin    CommandRefusal = "no_such_login" // none of the user's fits what was named
	RefusedNotSuspended   CommandRefusal = "not_suspended" // a login that works needs no reviving
	RefusedSuspended      CommandRefusal = "suspended"     // its session has ended: Telegram can't be asked
	RefusedNotAdmin       CommandRefusal = "not_admin"
	RefusedNoWebPage      CommandRefusal = "no_web_page"        // nobody can be logged in for somebody else without one
	RefusedNotAllowed     CommandRefusal = "user_not_permitted" // to use the bridge: the user whom an admin means
	RefusedTheyLogIn      CommandRefusal = "user_login_running"
	RefusedTheyAreFull    CommandRefusal = "user_logged_in"     // to as many accounts as may be
	RefusedTheyAreOut     CommandRefusal = "user_not_logged_in" // the user whom an admin means
	RefusedNoDevice       CommandRefusal = "no_such_session"
	RefusedOwnDevice      CommandRefusal = "own_session"    // the bridge's own, and not confirmed
	RefusedNoCode         CommandRefusal = "no_code_wanted" // no login waits for a code
	RefusedNoOtherRoute   CommandRefusal = "no_other_route" // Telegram has no other way to send a code
	RefusedTooSoon        CommandRefusal = "too_soon"       // not yet, Telegram says
	RefusedNoDoor         CommandRefusal = "login_off"      // the configuration allows no login
	RefusedRoomBarred     CommandRefusal = "room_barred"    // the bridge takes no bot tokens in rooms
	RefusedBrowserOpen    CommandRefusal = "browser_open"   // the login page, in the one browser that it may be open in
	RefusedManyLinks      CommandRefusal = "too_many_links" // to the login page, within a short time
	RefusedTooLate        CommandRefusal = "login_over"     // an answer, probably, to a login that has just ended
)

// CommandRefused records a command that was not carried out, and why; the bot
// answers with what to do instead.
type CommandRefused struct {
	Command    CommandName    `json:"command"`
	Reason     CommandRefusal `json:"reason"`
	Suggestion CommandName    `json:"suggestion,omitempty"` // the command probably meant
	Secret     SecretKind     `json:"secret,omitempty"`     // what the message held, which is redacted
	Sealed     RoomFacts      `json:"-"`
}

// PingAnswered is the outcome of a ping, one for each login asked.
type PingAnswered struct {
	Login  LoginID `json:"login,omitempty"`
	OK     bool    `json:"ok"`
	Millis int64   `json:"millis,omitempty"` // round trip to Telegram
	Error  string  `json:"error,omitempty"`  // Telegram's error code, or "unreachable"
}

// SecretKind names what a message held that had to be redacted.
type SecretKind string

// The kinds of secrets a user types.
const (
	SecretPhone    SecretKind = "phone"
	SecretCode     SecretKind = "code"
	SecretPassword SecretKind = "password"
	SecretToken    SecretKind = "bot_token"
)

// SecretRedacted is the outcome of redacting a message that held a secret: the
// user's, which Origin of its cause names, or the bot's own, a QR code: Message.
// A failure is told to the user.
type SecretRedacted struct {
	What    SecretKind    `json:"what"`
	OK      bool          `json:"ok"`
	Error   string        `json:"error,omitempty"` // Matrix error code
	Message MatrixEventID `json:"message,omitempty"`
}

// Type and Personal of each fact about management rooms.

func (*BotInvited) Type() Type                 { return "natsgram.auth.bot_invited.v1" }
func (f *BotInvited) Personal() any            { return &f.Sealed }
func (*ManagementRoomOpened) Type() Type       { return "natsgram.auth.management_room_opened.v1" }
func (f *ManagementRoomOpened) Personal() any  { return &f.Sealed }
func (*ManagementRoomRefused) Type() Type      { return "natsgram.auth.management_room_refused.v1" }
func (f *ManagementRoomRefused) Personal() any { return &f.Sealed }
func (*ManagementRoomClosed) Type() Type       { return "natsgram.auth.management_room_closed.v1" }
func (f *ManagementRoomClosed) Personal() any  { return &f.Sealed }
func (*BystanderLeft) Type() Type              { return "natsgram.auth.bystander_left.v1" }
func (f *BystanderLeft) Personal() any         { return &f.Sealed }
func (*CommandGiven) Type() Type               { return "natsgram.auth.command_given.v1" }
func (f *CommandGiven) Personal() any          { return &f.Sealed }
func (*CommandRefused) Type() Type             { return "natsgram.auth.command_refused.v1" }
func (f *CommandRefused) Personal() any        { return &f.Sealed }
func (*PingAnswered) Type() Type               { return "natsgram.auth.ping_answered.v1" }
func (*PingAnswered) Personal() any            { return nil }
func (*SecretRedacted) Type() Type             { return "natsgram.auth.secret_redacted.v1" }
func (*SecretRedacted) Personal() any          { return nil }
