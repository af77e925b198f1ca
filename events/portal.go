package events

// ChatKind is what a Telegram chat is, as the user sees it.
type ChatKind string

// The kinds of chats.
const (
	KindPrivate    ChatKind = "private"
	KindGroup      ChatKind = "group" // basic group
	KindSupergroup ChatKind = "supergroup"
	KindChannel    ChatKind = "channel" // broadcast channel
)

// Shared reports whether logins share one portal for a chat of this kind.
// Message numbers of the other kinds differ between accounts.
func (k ChatKind) Shared() bool { return k == KindSupergroup || k == KindChannel }

// ChatFacts is who a chat is. In a private chat Title is the other's name.
type ChatFacts struct {
	Peer     Peer   `json:"peer"`
	Title    string `json:"title"`
	Username string `json:"username,omitempty"`
}

// PortalOpened is a portal's first event: a login can see a chat that had no
// portal. The room is made in answer. Written by the telegram reactor in the
// order newest chat first, or by telegram ingress when a message arrives.
type PortalOpened struct {
	Kind    ChatKind  `json:"kind"`
	User    UID       `json:"user"`
	Login   LoginID   `json:"login"`
	Account AccountID `json:"account"`
	CanPost bool      `json:"can_post"` // may this login write there
	Sealed  ChatFacts `json:"-"`
}

// LoginJoined records that a further login can see the portal's chat.
type LoginJoined struct {
	User    UID       `json:"user"`
	Login   LoginID   `json:"login"`
	Account AccountID `json:"account"`
	CanPost bool      `json:"can_post"`
}

// LoginLeft records that a login no longer sees the chat.
type LoginLeft struct {
	User   UID     `json:"user"`
	Login  LoginID `json:"login"`
	Reason string  `json:"reason"` // "left", "kicked", "logged_out"
}

// RoomSealed is the personal part of facts that name a portal's room.
type RoomSealed struct {
	Room RoomID `json:"room"`
}

// RoomCreated is the outcome of PortalOpened: the portal has its room, and
// Invited are in it or invited. Adopted says that the room had been made before
// the bridge could record it.
type RoomCreated struct {
	Invited []UID      `json:"invited"`
	Adopted bool       `json:"adopted,omitempty"`
	Sealed  RoomSealed `json:"-"`
}

// RoomFailed records that the homeserver refused the room for good.
type RoomFailed struct {
	Error string `json:"error"` // Matrix error code
}

// UserInvited is the outcome of LoginJoined: its user is invited to the room.
type UserInvited struct {
	User UID `json:"user"`
}

// UserEntered and UserDeparted record what the homeserver says of a user of
// ours in the portal's room.
type (
	UserEntered struct {
		User UID `json:"user"`
	}
	UserDeparted struct {
		User UID `json:"user"`
	}
)

// Member is a member of a chat, as the ghost is to show them.
type Member struct {
	Peer     Peer   `json:"peer"`
	Name     string `json:"name"`
	Username string `json:"username,omitempty"`
	Photo    int64  `json:"photo,omitempty"` // Telegram photo ID, 0 for none
	Admin    bool   `json:"admin,omitempty"`
}

// Description is what makes a room look like its chat.
type Description struct {
	Title   string   `json:"title"`
	About   string   `json:"about,omitempty"`
	Photo   int64    `json:"photo,omitempty"`   // Telegram photo ID, 0 for none
	Members []Member `json:"members,omitempty"` // up to the configured limit
}

// ChatDescribed records what Telegram says of a chat: after its room is made,
// and whenever title, topic or picture change. Members is nil if not asked.
type ChatDescribed struct {
	Login   LoginID     `json:"login"`
	Members int         `json:"members,omitempty"` // how many the chat has in all
	Sealed  Description `json:"-"`
}

// GhostsSealed names ghosts by the Telegram peer they stand for.
type GhostsSealed struct {
	Ghosts []Peer `json:"ghosts,omitempty"`
}

// RoomDressed is the outcome of ChatDescribed: title, topic and picture are
// set and the ghosts have joined. What could not be done is named.
type RoomDressed struct {
	Picture bool         `json:"picture"`
	Topic   bool         `json:"topic"`
	Missed  []string     `json:"missed,omitempty"`
	Sealed  GhostsSealed `json:"-"`
}

// GhostEntered records ghosts that joined a room later than RoomDressed, for
// instance because they spoke.
type GhostEntered struct {
	Sealed GhostsSealed `json:"-"`
}

// GhostDeparted records ghosts that left a room because their people left the chat.
type GhostDeparted struct {
	Sealed GhostsSealed `json:"-"`
}

// MembersChanged records members who came to or went from a chat on Telegram.
type MembersChanged struct {
	Login  LoginID       `json:"login"`
	Sealed MembersSealed `json:"-"`
}

// MembersSealed is the personal part of MembersChanged.
type MembersSealed struct {
	Joined []Member `json:"joined,omitempty"`
	Left   []Peer   `json:"left,omitempty"`
}

// Type and Personal of each fact about portals.

func (*PortalOpened) Type() Type        { return "natsgram.portal.portal_opened.v1" }
func (f *PortalOpened) Personal() any   { return &f.Sealed }
func (*LoginJoined) Type() Type         { return "natsgram.portal.login_joined.v1" }
func (*LoginJoined) Personal() any      { return nil }
func (*LoginLeft) Type() Type           { return "natsgram.portal.login_left.v1" }
func (*LoginLeft) Personal() any        { return nil }
func (*RoomCreated) Type() Type         { return "natsgram.portal.room_created.v1" }
func (f *RoomCreated) Personal() any    { return &f.Sealed }
func (*RoomFailed) Type() Type          { return "natsgram.portal.room_failed.v1" }
func (*RoomFailed) Personal() any       { return nil }
func (*UserInvited) Type() Type         { return "natsgram.portal.user_invited.v1" }
func (*UserInvited) Personal() any      { return nil }
func (*UserEntered) Type() Type         { return "natsgram.portal.user_entered.v1" }
func (*UserEntered) Personal() any      { return nil }
func (*UserDeparted) Type() Type        { return "natsgram.portal.user_departed.v1" }
func (*UserDeparted) Personal() any     { return nil }
func (*ChatDescribed) Type() Type       { return "natsgram.portal.chat_described.v1" }
func (f *ChatDescribed) Personal() any  { return &f.Sealed }
func (*RoomDressed) Type() Type         { return "natsgram.portal.room_dressed.v1" }
func (f *RoomDressed) Personal() any    { return &f.Sealed }
func (*GhostEntered) Type() Type        { return "natsgram.portal.ghost_entered.v1" }
func (f *GhostEntered) Personal() any   { return &f.Sealed }
func (*GhostDeparted) Type() Type       { return "natsgram.portal.ghost_departed.v1" }
func (f *GhostDeparted) Personal() any  { return &f.Sealed }
func (*MembersChanged) Type() Type      { return "natsgram.portal.members_changed.v1" }
func (f *MembersChanged) Personal() any { return &f.Sealed }
