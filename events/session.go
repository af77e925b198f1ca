package events

// LogoutRequested records that somebody asked to end a login. Keep says that
// only its session is to end: it is suspended, not removed. Secret is what else
// the message held, which is redacted.
type LogoutRequested struct {
	Login LoginID `json:"login"`
	Keep  bool    `json:"keep,omitempty"`

	Secret SecretKind `json:"secret,omitempty"`
}

// EndCause says why a Telegram session ended. Every end has exactly one.
type EndCause string

// The causes of a session's end.
const (
	EndedByUser       EndCause = "user"
	EndedByOperator   EndCause = "operator"
	EndedByDisplacing EndCause = "displaced"   // another Matrix user logged in to the account
	EndedByRevocation EndCause = "revoked"     // ended from another Telegram client
	EndedByExpiry     EndCause = "expired"     // Telegram forgot or expired the session
	EndedByBan        EndCause = "deactivated" // the account is banned or deleted
	EndedByDuplicate  EndCause = "duplicated"  // the session key was used twice at once
	EndedByLeaving    EndCause = "left"        // the user left the management room, and the bridge is not to go on without them
)

// SessionEnded is the one record of a session's end. Cause user, operator and
// displaced remove the login; the others suspend it: rooms and cursors stay,
// and a new login to the same account takes it up again.
type SessionEnded struct {
	Login    LoginID  `json:"login"`
	Cause    EndCause `json:"cause"`
	Evidence string   `json:"evidence,omitempty"` // Telegram's error type, or the event that displaced it
	// Remote says whether Telegram confirmed that the session is ended there.
	Remote bool `json:"remote"`
}

// ChatsListed records how many chats a login has: what its portals will be.
// Rooms is the number of groups, supergroups and channels.
type ChatsListed struct {
	Login   LoginID `json:"login"`
	Rooms   int     `json:"rooms"`
	Private int     `json:"private"`
}

// ProgressMade records that the portals of a login have come to a milestone:
// of the Of rooms it is to have, Made are there and Failed were refused for
// good. Written by the progress reactor, at most six times for a login's rooms;
// read by the management reactor, which tells the user.
type ProgressMade struct {
	Login  LoginID `json:"login"`
	Made   int     `json:"made"`
	Failed int     `json:"failed,omitempty"`
	Of     int     `json:"of"`
}

// Type and Personal of each fact about sessions.

func (*LogoutRequested) Type() Type    { return "natsgram.auth.logout_requested.v1" }
func (*LogoutRequested) Personal() any { return nil }
func (*SessionEnded) Type() Type       { return "natsgram.auth.session_ended.v1" }
func (*SessionEnded) Personal() any    { return nil }
func (*ChatsListed) Type() Type        { return "natsgram.auth.chats_listed.v1" }
func (*ChatsListed) Personal() any     { return nil }
func (*ProgressMade) Type() Type       { return "natsgram.auth.progress_made.v1" }
func (*ProgressMade) Personal() any    { return nil }
