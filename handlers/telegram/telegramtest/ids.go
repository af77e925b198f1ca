package telegramtest

import "strconv"

// UserID is a Telegram user, person or bot.
type UserID int64

// ChatID is a basic group, a supergroup or a broadcast channel. Unlike at
// Telegram the three share one space of numbers here, and no chat has the
// number of a user.
type ChatID int64

// MessageID is what Telegram shows one account as the number of a message.
// In channels and supergroups all members see the same number. In private
// chats and basic groups every account has its own: see [Server.MessageIDFor].
type MessageID int

// Peer is where a message goes: a [UserID] or a [ChatID].
type Peer interface{ key() peerKey }

func (u UserID) key() peerKey { return peerKey(u) }
func (c ChatID) key() peerKey { return peerKey(-c) }

// peerKey is a user as a positive, a chat as a negative number, so that one
// map can hold both and be written as JSON.
type peerKey int64

func (k peerKey) user() (UserID, bool) { return UserID(k), k > 0 }
func (k peerKey) chat() (ChatID, bool) { return ChatID(-k), k < 0 }

func (u UserID) String() string { return "user " + strconv.FormatInt(int64(u), 10) }
func (c ChatID) String() string { return "chat " + strconv.FormatInt(int64(c), 10) }

// Kind is what sort of chat a [ChatID] is.
type Kind int

// The kinds of chat.
const (
	Group      Kind = iota + 1 // basic group: every member has own message IDs
	Supergroup                 // a channel in which everyone may write
	Channel                    // a broadcast channel: only administrators write
)

// isChannel tells whether the chat is a "channel" in Telegram's API, where
// supergroups are channels too.
func (k Kind) isChannel() bool { return k != Group }
