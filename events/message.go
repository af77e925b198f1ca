package events

import "time"

// Side is one of the two networks.
type Side string

// The sides.
const (
	OnTelegram Side = "telegram"
	OnMatrix   Side = "matrix"
)

// Other is the network on the other side of the bridge.
func (s Side) Other() Side {
	if s == OnTelegram {
		return OnMatrix
	}
	return OnTelegram
}

// SpanKind is a kind of formatting.
type SpanKind string

// The kinds of formatting that the bridge carries.
const (
	SpanBold      SpanKind = "bold"
	SpanItalic    SpanKind = "italic"
	SpanUnderline SpanKind = "underline"
	SpanStrike    SpanKind = "strike"
	SpanCode      SpanKind = "code"
	SpanPre       SpanKind = "pre"  // Value is the language, if any
	SpanLink      SpanKind = "link" // Value is the URL
	SpanQuote     SpanKind = "quote"
	SpanSpoiler   SpanKind = "spoiler"
	SpanMention   SpanKind = "mention" // Peer is who is meant
)

// Span formats a stretch of text. Offset and Length count UTF-16 code units,
// as Telegram does (core.telegram.org/api/entities).
type Span struct {
	Kind   SpanKind `json:"kind"`
	Offset int      `json:"offset"`
	Length int      `json:"length"`
	Value  string   `json:"value,omitempty"`
	Peer   Peer     `json:"peer,omitzero"`
}

// Text is a message's text in neither network's markup.
type Text struct {
	Body  string `json:"body,omitempty"`
	Spans []Span `json:"spans,omitempty"`
}

// Content is what kind of message this is. All but ContentText are told as a
// notice until they are bridged.
type Content string

// The kinds of content.
const (
	ContentText     Content = "text"
	ContentNotice   Content = "notice" // m.notice, or a Telegram service message
	ContentEmote    Content = "emote"
	ContentPhoto    Content = "photo"
	ContentVideo    Content = "video"
	ContentAudio    Content = "audio"
	ContentVoice    Content = "voice"
	ContentFile     Content = "file"
	ContentSticker  Content = "sticker"
	ContentLocation Content = "location"
	ContentContact  Content = "contact"
	ContentPoll     Content = "poll"
	ContentOther    Content = "other"
	// ContentEncrypted is a message that the bridge could not read.
	ContentEncrypted Content = "encrypted"
)

// MessageFacts is the personal part of a message: who said what.
type MessageFacts struct {
	Sender Member `json:"sender,omitzero"` // on Telegram; empty if from Matrix
	Text   Text   `json:"text"`            // text or caption
	Label  string `json:"label,omitempty"` // for content not bridged: what it is ("photo", "poll: Lunch?")
	// ForwardedFrom names the first author of a forwarded message.
	ForwardedFrom string `json:"forwarded_from,omitempty"`
}

// MessagePosted records a message said on one side; it is to be copied to the
// other. Its event ID is the message's identity in the bridge.
type MessagePosted struct {
	Side    Side    `json:"side"` // where it was said
	Content Content `json:"content"`
	// Login is whose session saw it (from Telegram) or is to send it (from Matrix).
	Login LoginID `json:"login"`
	User  UID     `json:"user,omitempty"` // who said it, if a Matrix user of ours did
	// Number is the Telegram message ID (from Telegram).
	Number MessageNumber `json:"number,omitempty"`
	// ReplyTo is the message that this one answers, if the bridge knows it.
	ReplyTo EventID      `json:"reply_to,omitempty"`
	SaidAt  time.Time    `json:"said_at"`
	Sealed  MessageFacts `json:"-"`
}

// MessageEdited records a new text for an earlier message.
type MessageEdited struct {
	Side    Side         `json:"side"`
	Message EventID      `json:"message"` // the MessagePosted that is edited
	Login   LoginID      `json:"login"`
	User    UID          `json:"user,omitempty"`
	Content Content      `json:"content"`
	SaidAt  time.Time    `json:"said_at"`
	Sealed  MessageFacts `json:"-"`
}

// MessageDeleted records that an earlier message was deleted on one side.
type MessageDeleted struct {
	Side    Side    `json:"side"`
	Message EventID `json:"message"`
	Login   LoginID `json:"login,omitempty"`
	User    UID     `json:"user,omitempty"`
}

// CopyMade is the outcome of a message, an edit or a deletion: it stands on the
// side To as well. Causation names what was copied; for a message the copy's
// own identity is given.
type CopyMade struct {
	To          Side          `json:"to"`
	Message     EventID       `json:"message"` // the MessagePosted concerned
	Number      MessageNumber `json:"number,omitempty"`
	MatrixEvent MatrixEventID `json:"matrix_event,omitempty"`
}

// CopyFailure says why a message was not copied.
type CopyFailure string

// Why a copy failed for good.
const (
	CopyForbidden   CopyFailure = "forbidden" // the account may not write there
	CopyTooLong     CopyFailure = "too_long"
	CopyEmpty       CopyFailure = "empty"
	CopyUnsupported CopyFailure = "not_bridged" // this kind of content is not bridged yet
	CopyNoLogin     CopyFailure = "no_login"    // its sender has no live login that sees the chat
	CopyGone        CopyFailure = "target_gone" // what is edited or deleted is not there
	CopyTooLate     CopyFailure = "too_late"    // Telegram no longer lets it be edited
	CopyRefused     CopyFailure = "refused"     // refused with an error of its own; Error has it
)

// CopyFailed is the other outcome: the message stands only where it was said.
// The person who said it is told.
type CopyFailed struct {
	To      Side        `json:"to"`
	Message EventID     `json:"message"`
	Reason  CopyFailure `json:"reason"`
	Error   string      `json:"error,omitempty"`
}

// CopyDelayed records that a network asked for patience (FLOOD_WAIT,
// SLOWMODE_WAIT) before it takes what Causation names; the bridge sends it at
// RetryAt. The person who said it is told, once.
type CopyDelayed struct {
	To      Side      `json:"to"`
	Message EventID   `json:"message"`
	RetryAt time.Time `json:"retry_at"`
}

// Type and Personal of each fact about messages.

func (*MessagePosted) Type() Type      { return "natsgram.chat.message_posted.v1" }
func (f *MessagePosted) Personal() any { return &f.Sealed }
func (*MessageEdited) Type() Type      { return "natsgram.chat.message_edited.v1" }
func (f *MessageEdited) Personal() any { return &f.Sealed }
func (*MessageDeleted) Type() Type     { return "natsgram.chat.message_deleted.v1" }
func (*MessageDeleted) Personal() any  { return nil }
func (*CopyMade) Type() Type           { return "natsgram.chat.copy_made.v1" }
func (*CopyMade) Personal() any        { return nil }
func (*CopyDelayed) Type() Type        { return "natsgram.chat.copy_delayed.v1" }
func (*CopyDelayed) Personal() any     { return nil }
func (*CopyFailed) Type() Type         { return "natsgram.chat.copy_failed.v1" }
func (*CopyFailed) Personal() any      { return nil }
