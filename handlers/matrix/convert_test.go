package matrix

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"maunium.net/go/mautrix/id"
	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

func testIdentities() identities {
	return identities{prefix: "telegram_", server: serverName, bot: "@bot:example.test", users: projections.NewUsers()}
}

func toText(html string) events.Text { return parse(html, testIdentities().peer) }

func toHTML(t events.Text) string {
	return render(t, func(p events.Peer) id.UserID { return testIdentities().ghost(p) })
}

func span(kind events.SpanKind, offset, length int) events.Span {
	return events.Span{Kind: kind, Offset: offset, Length: length}
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		html string
		want events.Text
	}{
		"nested": {"a <b>b<i>c</i></b>", events.Text{Body: "a bc", Spans: []events.Span{
			span(events.SpanBold, 2, 2), span(events.SpanItalic, 3, 1)}}},
		"UTF-16":     {"😀<u>é</u>", events.Text{Body: "😀é", Spans: []events.Span{span(events.SpanUnderline, 2, 1)}}},
		"paragraphs": {"<p>one</p>\n<p>two<br>three</p>\n", events.Text{Body: "one\n\ntwo\nthree"}},
		"layout":     {"one\n   two", events.Text{Body: "one two"}},
		"list": {"<ul>\n<li>a</li>\n<li>b<ol start=\"3\"><li>c</li><li>d</li></ol></li>\n</ul>after",
			events.Text{Body: "• a\n• b\n  3. c\n  4. d\nafter"}},
		"heading": {"<h1>Title</h1><p>x</p>", events.Text{Body: "Title\n\nx", Spans: []events.Span{span(events.SpanBold, 0, 5)}}},
		"pre": {"x<pre><code class=\"hl language-go\">a\n  b\n</code></pre>y", events.Text{Body: "x\na\n  b\ny",
			Spans: []events.Span{{Kind: events.SpanPre, Offset: 2, Length: 5, Value: "go"}}}},
		"quote":   {"<blockquote><p>q</p></blockquote>r", events.Text{Body: "q\n\nr", Spans: []events.Span{span(events.SpanQuote, 0, 1)}}},
		"spoiler": {`<span data-mx-spoiler="end">x</span>`, events.Text{Body: "(end) x", Spans: []events.Span{span(events.SpanSpoiler, 6, 1)}}},
		"link": {`<a href="https://e.org/?a=1&amp;b">e</a> <a href="javascript:x">f</a>`, events.Text{Body: "e f",
			Spans: []events.Span{{Kind: events.SpanLink, Offset: 0, Length: 1, Value: "https://e.org/?a=1&b"}}}},
		"pill": {`<a href="https://matrix.to/#/@telegram_77:example.test">Ann</a>: hi`, events.Text{Body: "Ann: hi",
			Spans: []events.Span{{Kind: events.SpanMention, Offset: 0, Length: 3, Peer: events.Peer{Kind: events.PeerUser, ID: 77}}}}},
		"stranger": {`<a href="https://matrix.to/#/@x:other">X</a>`, events.Text{Body: "X"}},
		"reply":    {"<mx-reply><blockquote>old</blockquote></mx-reply>new", events.Text{Body: "new"}},
		"table":    {"<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", events.Text{Body: "a | b\n1 | 2"}},
		"image":    {`a <img src="mxc://x/y" alt=":cat:">`, events.Text{Body: "a :cat:"}},
		"empty":    {"<p> </p>", events.Text{}},
	} {
		if got := toText(c.html); got.Body != c.want.Body || !slices.Equal(got.Spans, c.want.Spans) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestParseDeep(t *testing.T) {
	if got := toText(strings.Repeat("<b>", 5000) + "x"); len(got.Body) > 1 {
		t.Errorf("got %d bytes", len(got.Body))
	}
}

func TestRender(t *testing.T) {
	for _, c := range []struct {
		text events.Text
		want string
	}{
		{events.Text{Body: "plain <b>"}, ""},
		{events.Text{Body: "a<b", Spans: []events.Span{span(events.SpanBold, 1, 2)}}, "a<strong>&lt;b</strong>"},
		{events.Text{Body: "abcd", Spans: []events.Span{span(events.SpanBold, 0, 3), span(events.SpanItalic, 2, 2)}},
			"<strong>ab<em>c</em></strong><em>d</em>"},
		{events.Text{Body: "a\nq\nb", Spans: []events.Span{span(events.SpanQuote, 2, 1)}}, "a<br><blockquote>q</blockquote>b"},
		{events.Text{Body: "x", Spans: []events.Span{{Kind: events.SpanLink, Length: 1, Value: "javascript:alert(1)"}}}, "x"},
		{events.Text{Body: "x", Spans: []events.Span{{Kind: events.SpanLink, Length: 1, Value: `https://e/"><script>`}}},
			`<a href="https://e/&#34;&gt;&lt;script&gt;">x</a>`},
		{events.Text{Body: "Ann", Spans: []events.Span{{Kind: events.SpanMention, Length: 3, Peer: events.Peer{Kind: events.PeerChannel, ID: 9}}}},
			`<a href="https://matrix.to/#/@telegram_channel_9:example.test">Ann</a>`},
		{events.Text{Body: "😀", Spans: []events.Span{span(events.SpanBold, 1, 9)}}, "<strong>😀</strong>"},
	} {
		if got := toHTML(c.text); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.text, got, c.want)
		}
	}
}

// aText draws a text as Telegram would have it: trimmed, with spans around
// whole words, none of formatting in code, one kind never touching itself.
func aText(t *rapid.T) events.Text {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("ab<&>\"'é€😀")), 1, 4, -1)
	var out events.Text
	var inline = []events.SpanKind{events.SpanBold, events.SpanItalic, events.SpanUnderline, events.SpanStrike, events.SpanSpoiler}
	at := 0
	put := func(s string) { out.Body += s; at += len(utf16.Encode([]rune(s))) }
	lines := rapid.IntRange(1, 4).Draw(t, "lines")
	for l := range lines {
		if l > 0 {
			put(strings.Repeat("\n", rapid.IntRange(1, 2).Draw(t, "breaks")))
		}
		begin := at
		block := rapid.SampledFrom([]events.SpanKind{"", "", events.SpanQuote, events.SpanPre}).Draw(t, "block")
		for w := range rapid.IntRange(1, 4).Draw(t, "words") {
			if w > 0 {
				put(" ")
			}
			from := at
			put(word.Draw(t, "word"))
			s := events.Span{Offset: from, Length: at - from}
			if block == events.SpanPre {
				continue
			}
			switch rapid.IntRange(0, 4).Draw(t, "style") {
			case 0:
				first := rapid.IntRange(0, len(inline)-1).Draw(t, "kind")
				for i := range rapid.IntRange(1, 2).Draw(t, "kinds") {
					s.Kind = inline[(first+i)%len(inline)]
					out.Spans = append(out.Spans, s)
				}
			case 1:
				s.Kind = events.SpanCode
				out.Spans = append(out.Spans, s)
			case 2:
				s.Kind, s.Value = events.SpanLink, "https://example.org/"+rapid.StringMatching(`[a-z?&="]{0,5}`).Draw(t, "url")
				out.Spans = append(out.Spans, s)
			case 3:
				s.Kind, s.Peer = events.SpanMention, events.Peer{Kind: events.PeerUser, ID: rapid.Int64Range(1, 99).Draw(t, "peer")}
				out.Spans = append(out.Spans, s)
			default:
			}
		}
		if block != "" {
			s := events.Span{Kind: block, Offset: begin, Length: at - begin}
			if block == events.SpanPre {
				s.Value = rapid.SampledFrom([]string{"", "go", "c++"}).Draw(t, "language")
			}
			out.Spans = append(out.Spans, s)
		}
	}
	out.Spans = merge(out.Spans)
	return out
}

// TestRoundTrip: what is rendered reads back as the same text.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := aText(t)
		html := toHTML(text)
		if html == "" {
			if len(text.Spans) > 0 {
				t.Fatalf("%+v is rendered as nothing", text)
			}
			return
		}
		if got := toText(html); got.Body != text.Body || !slices.Equal(got.Spans, text.Spans) {
			t.Fatalf("%+v\nis rendered as %s\nand reads as %+v", text, html, got)
		}
	})
}

// TestParseAnything: no input breaks it, and spans lie inside the text.
func TestParseAnything(t *testing.T) {
	tags := []string{"<b>", "</b>", "<i>", "</i>", "<p>", "</p>", "<br>", "<ul>", "<li>", "</ul>", "<pre>", "</pre>", "<code>", "<blockquote>",
		"</blockquote>", "<a href=\"https://x\">", "</a>", "<table>", "<td>", "<", "&amp;", "\n", " ", "x", "😀", "<mx-reply>", "<h1>", "<span data-mx-spoiler>"}
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOf(rapid.SampledFrom(tags)).Draw(t, "tags"), "")
		text := toText(source)
		length := len(utf16.Encode([]rune(text.Body)))
		for _, s := range text.Spans {
			if s.Offset < 0 || s.Length <= 0 || end(s) > length {
				t.Fatalf("%q gives %+v", source, text)
			}
		}
		if again := toText(toHTML(text)); toHTML(text) != "" && again.Body != text.Body {
			t.Fatalf("%q gives %q, and again %q", source, text.Body, again.Body)
		}
	})
}

// TestRenderAnything: spans of any shape give tags that nest, and keep the words.
func TestRenderAnything(t *testing.T) {
	kinds := []events.SpanKind{events.SpanBold, events.SpanItalic, events.SpanCode, events.SpanPre, events.SpanQuote, events.SpanLink, events.SpanSpoiler, "new"}
	rapid.Check(t, func(t *rapid.T) {
		text := events.Text{Body: rapid.StringOfN(rapid.RuneFrom([]rune("ab 😀<&")), 0, 12, -1).Draw(t, "body")}
		for range rapid.IntRange(0, 5).Draw(t, "spans") {
			text.Spans = append(text.Spans, events.Span{
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Offset: rapid.IntRange(-2, 14).Draw(t, "offset"),
				Length: rapid.IntRange(-1, 14).Draw(t, "length"), Value: "https://x",
			})
		}
		html := toHTML(text)
		got := toText(html)
		if html != "" && strings.ReplaceAll(got.Body, "\n", "") != strings.ReplaceAll(strings.TrimSpace(text.Body), "\n", "") {
			t.Fatalf("%+v\nis rendered as %s\nand reads as %q", text, html, got.Body)
		}
	})
}

func TestGhostNames(t *testing.T) {
	w := testIdentities()
	for _, p := range []events.Peer{{Kind: events.PeerUser, ID: 5}, {Kind: events.PeerChannel, ID: 5}, {Kind: events.PeerGroup, ID: 5}} {
		if got, ok := w.peerOfGhost(w.ghost(p)); !ok || got != p {
			t.Errorf("%s is %s, which is %s", p, w.ghost(p), got)
		}
	}
	for _, other := range []id.UserID{"@telegram_:example.test", "@telegram_0:example.test", "@telegram_05:example.test",
		"@telegram_5:other", "@telegram_x:example.test", "@someone:example.test", "nonsense", "@bot:example.test"} {
		if p, ok := w.peerOfGhost(other); ok {
			t.Errorf("%s is taken for the ghost of %s", other, p)
		}
	}
	uid := events.NewUID()
	if got, ok := w.portalOfAlias(w.alias(uid)); !ok || got != uid {
		t.Errorf("alias %s is of %s", w.alias(uid), got)
	}
}
