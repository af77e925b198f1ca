package telegram

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
)

func anybody(id int64) (tg.InputUserClass, bool) { return &tg.InputUser{UserID: id}, id != 13 }

func TestFormattingThereAndBack(t *testing.T) {
	text := events.Text{Body: "𝔘nicode 🐘 and plain", Spans: []events.Span{
		{Kind: events.SpanBold, Offset: 0, Length: 8},
		{Kind: events.SpanItalic, Offset: 9, Length: 2},
		{Kind: events.SpanUnderline, Offset: 12, Length: 3},
		{Kind: events.SpanStrike, Offset: 12, Length: 3},
		{Kind: events.SpanCode, Offset: 16, Length: 5},
		{Kind: events.SpanPre, Offset: 16, Length: 5, Value: "go"},
		{Kind: events.SpanLink, Offset: 0, Length: 1, Value: "https://example.org"},
		{Kind: events.SpanQuote, Offset: 0, Length: 21},
		{Kind: events.SpanSpoiler, Offset: 3, Length: 4},
	}}
	if got := spansOf(entitiesOf(text, anybody)); !slices.Equal(got, text.Spans) {
		t.Errorf("%v\nis not\n%v", got, text.Spans)
	}
}

func TestFormattingThatTelegramWouldRefuse(t *testing.T) {
	text := events.Text{Body: "short", Spans: []events.Span{
		{Kind: events.SpanBold, Offset: 3, Length: 3}, {Kind: events.SpanBold, Offset: -1, Length: 2}, {Kind: events.SpanBold, Offset: 1},
		{Kind: events.SpanMention, Offset: 0, Length: 5, Peer: events.Peer{Kind: events.PeerUser, ID: 13}},
		{Kind: "blink", Offset: 0, Length: 5},
	}}
	if got := entitiesOf(text, anybody); len(got) != 0 {
		t.Errorf("%v", got)
	}
	text.Spans = []events.Span{{Kind: events.SpanMention, Offset: 0, Length: 5, Peer: events.Peer{Kind: events.PeerUser, ID: 7}}}
	if got := entitiesOf(text, anybody); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestLengthCountsAsTelegramDoes(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "äöü": 3, "🐘": 2, "𝔘x": 3, "\xff": 1} {
		if got := length(s); got != want {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestLoginCodesAreHidden(t *testing.T) {
	for in, want := range map[string]string{
		"Login code: 12345. Do not give it":     "Login code: •••••. Do not give it",
		"code 123-456 and 7":                    "code ••••••• and 7",
		"This is your code:\nQwErTyUiOpA\nbye.": "This is your code:\n•••••••••••\nbye.",
		"At 14:05 from 10.0.0.1 in May":         "At 14:05 from 10.0.0.1 in May",
	} {
		if got := withoutCodes(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestLoginErrors(t *testing.T) {
	for code, want := range map[string]verdict{
		"PHONE_NUMBER_INVALID":    {reason: events.BadPhone, next: events.StepPhone},
		"PHONE_NUMBER_BANNED":     {reason: events.PhoneBanned, next: events.StepPhone},
		"PHONE_NUMBER_UNOCCUPIED": {reason: events.PhoneUnknown, final: true},
		"PHONE_CODE_INVALID":      {reason: events.BadCode, next: events.StepCode},
		"PHONE_CODE_EXPIRED":      {reason: events.CodeExpired, next: events.StepPhone},
		"PASSWORD_HASH_INVALID":   {reason: events.BadPassword, next: events.StepPassword},
		"API_ID_INVALID":          {reason: events.ConfigError, final: true},
		"NEVER_HEARD_OF":          {reason: events.TelegramError},
	} {
		if got, known := loginVerdict(code); got != want || known != (want.reason != events.TelegramError) {
			t.Errorf("%s: %+v", code, got)
		}
	}
	if d, ok := floodWait(tgerr.New(420, "FLOOD_WAIT_33")); !ok || d != 33*time.Second {
		t.Errorf("flood wait %v %v", d, ok)
	}
	if answered(tgerr.New(500, "INTERNAL")) || answered(tgerr.New(-503, "Timeout")) || !answered(tgerr.New(400, "X")) || answered(errUnreachable) {
		t.Error("answered is wrong")
	}
	if notAuthorised(tgerr.New(401, "SESSION_PASSWORD_NEEDED")) || !notAuthorised(tgerr.New(406, "AUTH_KEY_DUPLICATED")) {
		t.Error("notAuthorised is wrong")
	}
}

func TestRandomIDIsTheSameForEveryTry(t *testing.T) {
	a := randomID("account", "event", 0)
	if a == 0 || a != randomID("account", "event", 0) || a == randomID("account", "event", 1) || a == randomID("other", "event", 0) {
		t.Error(a)
	}
}

func TestContentKinds(t *testing.T) {
	doc := func(attrs ...tg.DocumentAttributeClass) tg.MessageMediaClass {
		m := &tg.MessageMediaDocument{}
		m.SetDocument(&tg.Document{Attributes: attrs})
		return m
	}
	for want, m := range map[string]tg.MessageMediaClass{
		"photo photo":                         &tg.MessageMediaPhoto{},
		"file file: a.pdf":                    doc(&tg.DocumentAttributeFilename{FileName: "a.pdf"}),
		"video video":                         doc(&tg.DocumentAttributeVideo{}),
		"video GIF":                           doc(&tg.DocumentAttributeAnimated{}, &tg.DocumentAttributeVideo{}),
		"voice voice message, 3 s":            doc(&tg.DocumentAttributeAudio{Voice: true, Duration: 3}),
		"audio audio: Song":                   doc(&tg.DocumentAttributeAudio{Title: "Song"}),
		"sticker sticker 🐘":                   doc(&tg.DocumentAttributeSticker{Alt: "🐘"}),
		"poll poll: Lunch?":                   &tg.MessageMediaPoll{Poll: tg.Poll{Question: tg.TextWithEntities{Text: "Lunch?"}}},
		"contact contact: Bob B":              &tg.MessageMediaContact{FirstName: "Bob", LastName: "B"},
		"location location: geo:1.5,2.500000": &tg.MessageMediaGeo{Geo: &tg.GeoPoint{Lat: 1.5, Long: 2.5}},
		"text ":                               &tg.MessageMediaWebPage{},
	} {
		kind, label := contentOf(&tg.Message{Media: m})
		got := string(kind) + " " + label
		if strings.ReplaceAll(got, "1.500000", "1.5") != want {
			t.Errorf("%q is not %q", got, want)
		}
	}
}

// Whatever order gotd brings updates in, they are taken in their own.
func TestBoxPutsUpdatesInOrder(t *testing.T) {
	for range 50 {
		b := &box{pts: 10, busy: true, poke: make(chan struct{}, 1)}
		for _, i := range rand.Perm(20) {
			b.offer(item{pts: 11 + i, count: 1})
			b.offer(item{pts: 11 + i, count: 1}) // twice
		}
		for want := 11; want <= 30; want++ {
			it, do := b.next()
			if do != toTake || it.pts != want {
				t.Fatalf("got %v %v, want %d", it, do, want)
			}
			b.pts = it.pts
		}
		if _, do := b.next(); do != toRest {
			t.Fatal("something is left")
		}
	}
}

func TestBoxNoticesGaps(t *testing.T) {
	b := &box{pts: 10, busy: true, poke: make(chan struct{}, 1)}
	b.offer(item{pts: 14, count: 2})
	if _, do := b.next(); do != toAwait {
		t.Fatal("no gap noticed")
	}
	b.offer(item{pts: 12, count: 2})
	for _, want := range []int{12, 14} {
		it, do := b.next()
		if do != toTake || it.pts != want {
			t.Fatalf("got %v %v", it, do)
		}
		b.pts = it.pts
	}
	for i := range maxQueue + 1 {
		b.offer(item{pts: 100 + i, count: 1})
	}
	if _, do := b.next(); do != toFill {
		t.Error("a box that overflowed does not ask for what it dropped")
	}
}
