package matrix

import (
	"slices"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
)

// letter is a message as sent: its content, and the ID of the event because of
// which it is sent. By that it is found again after an outcome got lost.
type letter struct {
	event.MessageEventContent
	Cause events.EventID `json:"org.natsgram.event"`
}

// causeKey is the name of letter.Cause.
const causeKey = "org.natsgram.event"

// write makes the Matrix form of what was said on Telegram. Content that is not
// bridged yet becomes a notice that says what it is.
func write(cause events.EventID, content events.Content, facts events.MessageFacts, who func(events.Peer) id.UserID) letter {
	text := facts.Text
	kind := event.MsgText
	switch content {
	case events.ContentText:
	case events.ContentNotice:
		kind = event.MsgNotice
	case events.ContentEmote:
		kind = event.MsgEmote
	default:
		kind = event.MsgNotice
		text = above(events.Text{Body: headline(content, facts.Label)}, text)
	}
	if from := facts.ForwardedFrom; from != "" {
		const said = "Forwarded from "
		head := events.Text{Body: said + from}
		head.Spans = []events.Span{{Kind: events.SpanBold, Offset: len(said), Length: units(from)}}
		text = above(head, text)
	}
	l := letter{Cause: cause}
	l.MsgType, l.Body, l.Mentions = kind, text.Body, mentions(text, who)
	if html := render(text, who); html != "" {
		l.Format, l.FormattedBody = event.FormatHTML, html
	}
	return l
}

// replyTo makes the letter an answer.
func (l *letter) replyTo(message events.MatrixEventID) {
	if message != "" {
		l.RelatesTo = (&event.RelatesTo{}).SetReplyTo(id.EventID(message))
	}
}

// editOf makes the letter the new text of an earlier message, with the old form
// that clients show who do not know edits.
func (l *letter) editOf(message events.MatrixEventID) {
	l.RelatesTo = nil
	l.SetEdit(id.EventID(message))
}

// headline says what can't be shown, such as "📷 Photo (not bridged yet)".
func headline(content events.Content, label string) string {
	icon, name := "❔", "Message"
	switch content {
	case events.ContentPhoto:
		icon, name = "📷", "Photo"
	case events.ContentVideo:
		icon, name = "🎞", "Video"
	case events.ContentAudio:
		icon, name = "🎵", "Audio"
	case events.ContentVoice:
		icon, name = "🎤", "Voice message"
	case events.ContentFile:
		icon, name = "📎", "File"
	case events.ContentSticker:
		icon, name = "🏷", "Sticker"
	case events.ContentLocation:
		icon, name = "📍", "Location"
	case events.ContentContact:
		icon, name = "👤", "Contact"
	case events.ContentPoll:
		icon, name = "📊", "Poll"
	default:
	}
	if label != "" {
		first, size := utf8.DecodeRuneInString(label)
		name = string(unicode.ToUpper(first)) + label[size:]
	}
	return icon + " " + name + " (not bridged yet)"
}

// above puts a line above a text.
func above(head, text events.Text) events.Text {
	if text.Body == "" {
		return head
	}
	by := units(head.Body) + 1
	spans := slices.Clone(head.Spans)
	for _, s := range text.Spans {
		s.Offset += by
		spans = append(spans, s)
	}
	return events.Text{Body: head.Body + "\n" + text.Body, Spans: spans}
}

// units counts as Telegram and spans do.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

// mentions are the users that a text names. It is never nil: without the field
// clients would search the body for names.
func mentions(text events.Text, who func(events.Peer) id.UserID) *event.Mentions {
	m := &event.Mentions{}
	for _, s := range text.Spans {
		if user := who(s.Peer); s.Kind == events.SpanMention && user != "" {
			m.Add(user)
		}
	}
	return m
}
