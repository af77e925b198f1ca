package telegram

import (
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
)

// maxText is how many UTF-16 units a message may have.
const maxText = 4096

// length counts as Telegram does (core.telegram.org/api/entities).
func length(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

// spansOf translates Telegram's formatting. What any client finds by itself
// (addresses, hashtags, @names) carries no span.
func spansOf(list []tg.MessageEntityClass) []events.Span {
	var spans []events.Span
	for _, e := range list {
		s := events.Span{Offset: e.GetOffset(), Length: e.GetLength()}
		switch e := e.(type) {
		case *tg.MessageEntityBold:
			s.Kind = events.SpanBold
		case *tg.MessageEntityItalic:
			s.Kind = events.SpanItalic
		case *tg.MessageEntityUnderline:
			s.Kind = events.SpanUnderline
		case *tg.MessageEntityStrike:
			s.Kind = events.SpanStrike
		case *tg.MessageEntityCode:
			s.Kind = events.SpanCode
		case *tg.MessageEntityPre:
			s.Kind, s.Value = events.SpanPre, e.Language
		case *tg.MessageEntityTextURL:
			s.Kind, s.Value = events.SpanLink, e.URL
		case *tg.MessageEntityBlockquote:
			s.Kind = events.SpanQuote
		case *tg.MessageEntitySpoiler:
			s.Kind = events.SpanSpoiler
		case *tg.MessageEntityMentionName:
			s.Kind, s.Peer = events.SpanMention, events.Peer{Kind: events.PeerUser, ID: e.UserID}
		default:
			continue
		}
		spans = append(spans, s)
	}
	return spans
}

// entitiesOf translates formatting to Telegram's. user names somebody who is
// mentioned; a mention of whom it can't name stays plain text, and so does a
// span outside of the text, which Telegram would refuse the message for.
func entitiesOf(t events.Text, user func(int64) (tg.InputUserClass, bool)) []tg.MessageEntityClass {
	total := length(t.Body)
	var list []tg.MessageEntityClass
	for _, s := range t.Spans {
		o, l := s.Offset, s.Length
		if o < 0 || l <= 0 || o+l > total {
			continue
		}
		switch s.Kind {
		case events.SpanBold:
			list = append(list, &tg.MessageEntityBold{Offset: o, Length: l})
		case events.SpanItalic:
			list = append(list, &tg.MessageEntityItalic{Offset: o, Length: l})
		case events.SpanUnderline:
			list = append(list, &tg.MessageEntityUnderline{Offset: o, Length: l})
		case events.SpanStrike:
			list = append(list, &tg.MessageEntityStrike{Offset: o, Length: l})
		case events.SpanCode:
			list = append(list, &tg.MessageEntityCode{Offset: o, Length: l})
		case events.SpanPre:
			list = append(list, &tg.MessageEntityPre{Offset: o, Length: l, Language: s.Value})
		case events.SpanLink:
			list = append(list, &tg.MessageEntityTextURL{Offset: o, Length: l, URL: s.Value})
		case events.SpanQuote:
			list = append(list, &tg.MessageEntityBlockquote{Offset: o, Length: l})
		case events.SpanSpoiler:
			list = append(list, &tg.MessageEntitySpoiler{Offset: o, Length: l})
		case events.SpanMention:
			if in, ok := user(s.Peer.ID); ok && s.Peer.Kind == events.PeerUser {
				list = append(list, &tg.InputMessageEntityMentionName{Offset: o, Length: l, UserID: in})
			}
		default:
			// A kind of a newer version.
		}
	}
	return list
}

// emote writes what somebody does as Telegram can show it: in italics. The words
// stay as they are, so that an echo is known by them.
func emote(t events.Text) events.Text {
	all := events.Span{Kind: events.SpanItalic, Length: length(t.Body)}
	return events.Text{Body: t.Body, Spans: append(slices.Clone(t.Spans), all)}
}

// serviceAccount is Telegram's own account, which brings login codes.
const serviceAccount = 777000

// withoutCodes hides login codes: Telegram sends them as messages, and no
// credential may enter the log. Numbers of four or more digits, hyphens within
// them or not, go; and so does a whole line that is one long word (the code for
// my.telegram.org).
func withoutCodes(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = hideNumbers(line)
		if word := strings.TrimSpace(line); len(word) >= 8 && !strings.ContainsAny(word, " ./:") {
			lines[i] = strings.Repeat("•", len(word))
		}
	}
	return strings.Join(lines, "\n")
}

func hideNumbers(line string) string {
	out := []rune(line)
	for i := 0; i < len(out); {
		j, digits := i, 0
		for j < len(out) && (isDigit(out[j]) || digits > 0 && out[j] == '-' && j+1 < len(out) && isDigit(out[j+1])) {
			if isDigit(out[j]) {
				digits++
			}
			j++
		}
		if digits >= 4 {
			for k := i; k < j; k++ {
				out[k] = '•'
			}
		}
		i = max(j, i+1)
	}
	return string(out)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }
