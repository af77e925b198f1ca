package matrix

import (
	"cmp"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"

	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
)

// render writes a text as org.matrix.custom.html
// (spec.matrix.org/v1.16/client-server-api/#mroommessage-msgtypes). It returns
// "" if the text has no formatting. who names the Matrix user that stands for a
// peer, or "" if none does.
//
// Line breaks are <br>, except inside <pre>. The break that ends a block is
// the block's own: none is written for it, and parse adds it again.
func render(t events.Text, who func(events.Peer) id.UserID) string {
	units := utf16.Encode([]rune(t.Body))
	spans := tidy(t.Spans, units)
	if len(spans) == 0 {
		return ""
	}
	w := writer{units: units, who: who}
	for i := 0; i <= len(units); i++ {
		if i == len(units) || slices.ContainsFunc(spans, func(s events.Span) bool { return s.Offset == i || end(s) == i }) {
			w.text(i)
			w.close(i)
			w.open(spans, i)
		}
	}
	return w.out.String()
}

// writer writes text and tags in order. Spans that overlap without one holding
// the other are closed and opened again, so that tags always nest.
type writer struct {
	units []uint16
	who   func(events.Peer) id.UserID
	out   strings.Builder
	done  int           // units written
	stack []events.Span // open, outermost first
	broke bool          // a block was just closed: the next line break is its own
}

func (w *writer) text(until int) {
	if until == w.done {
		return
	}
	s := string(utf16.Decode(w.units[w.done:until]))
	w.done = until
	if w.broke {
		s = strings.TrimPrefix(s, "\n")
	}
	w.broke = false
	s = html.EscapeString(s)
	if !slices.ContainsFunc(w.stack, func(s events.Span) bool { return s.Kind == events.SpanPre }) {
		s = strings.ReplaceAll(s, "\n", "<br>")
	}
	w.out.WriteString(s)
}

// close ends the spans that end at i, and those above them in the stack, which
// open again.
func (w *writer) close(i int) {
	first := slices.IndexFunc(w.stack, func(s events.Span) bool { return end(s) <= i })
	if first < 0 {
		return
	}
	var again []events.Span
	for k := len(w.stack) - 1; k >= first; k-- {
		s := w.stack[k]
		w.out.WriteString(w.tags(s).close)
		w.broke = w.broke || isBlock(s)
		if end(s) > i {
			again = append(again, s)
		}
	}
	w.stack = w.stack[:first]
	for _, s := range slices.Backward(again) {
		w.push(s)
	}
}

func (w *writer) open(spans []events.Span, i int) {
	for _, s := range spans {
		if s.Offset == i {
			w.push(s)
		}
	}
}

func (w *writer) push(s events.Span) {
	w.out.WriteString(w.tags(s).open)
	w.stack = append(w.stack, s)
}

type tagPair struct{ open, close string }

func (w *writer) tags(s events.Span) tagPair {
	switch s.Kind {
	case events.SpanBold:
		return tagPair{"<strong>", "</strong>"}
	case events.SpanItalic:
		return tagPair{"<em>", "</em>"}
	case events.SpanUnderline:
		return tagPair{"<u>", "</u>"}
	case events.SpanStrike:
		return tagPair{"<del>", "</del>"}
	case events.SpanCode:
		return tagPair{"<code>", "</code>"}
	case events.SpanPre:
		if s.Value != "" {
			return tagPair{`<pre><code class="language-` + html.EscapeString(s.Value) + `">`, "</code></pre>"}
		}
		return tagPair{"<pre><code>", "</code></pre>"}
	case events.SpanQuote:
		return tagPair{"<blockquote>", "</blockquote>"}
	case events.SpanSpoiler:
		return tagPair{"<span data-mx-spoiler>", "</span>"}
	case events.SpanLink:
		if safeLink(s.Value) {
			return tagPair{`<a href="` + html.EscapeString(s.Value) + `">`, "</a>"}
		}
		return tagPair{}
	case events.SpanMention:
		if user := w.who(s.Peer); user != "" {
			return tagPair{`<a href="` + html.EscapeString(user.URI().MatrixToURL()) + `">`, "</a>"}
		}
		return tagPair{}
	default:
		return tagPair{} // a kind of a newer version
	}
}

// safeLink says whether clients may be given a link: the schemes that the
// specification allows in formatted messages.
func safeLink(link string) bool {
	u, err := url.Parse(link)
	if err != nil {
		return false
	}
	return slices.Contains([]string{"http", "https", "ftp", "mailto", "magnet", "matrix"}, strings.ToLower(u.Scheme))
}

func end(s events.Span) int { return s.Offset + s.Length }

func isBlock(s events.Span) bool { return s.Kind == events.SpanQuote || s.Kind == events.SpanPre }

// isVerbatim says that nothing inside is formatted, on either network.
func isVerbatim(s events.Span) bool { return s.Kind == events.SpanPre || s.Kind == events.SpanCode }

func isAnchor(s events.Span) bool { return s.Kind == events.SpanLink || s.Kind == events.SpanMention }

// tidy puts spans in the order in which their tags open, inside the text and
// around whole characters, without what HTML can't say: formatting inside code,
// and a link inside a link.
func tidy(spans []events.Span, units []uint16) []events.Span {
	var kept []events.Span
	for _, s := range spans {
		from, to := max(s.Offset, 0), min(end(s), len(units))
		if isBlock(s) {
			for to > from && units[to-1] == '\n' {
				to--
			}
			for from < to && units[from] == '\n' {
				from++
			}
		}
		if from > 0 && from < len(units) && isLow(units[from]) && isHigh(units[from-1]) {
			from--
		}
		if to > 0 && to < len(units) && isLow(units[to]) && isHigh(units[to-1]) {
			to++
		}
		if s.Offset, s.Length = from, to-from; s.Length > 0 {
			kept = append(kept, s)
		}
	}
	slices.SortStableFunc(kept, func(a, b events.Span) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.Length, a.Length), cmp.Compare(rank(a), rank(b)))
	})
	var out []events.Span
	for i, s := range kept {
		hidden := slices.ContainsFunc(kept[:i], func(o events.Span) bool {
			inside := o.Offset <= s.Offset && end(o) >= end(s)
			overlaps := o.Offset < end(s) && end(o) > s.Offset
			return inside && isVerbatim(o) || overlaps && isAnchor(o) && isAnchor(s)
		})
		if !hidden {
			out = append(out, s)
		}
	}
	return out
}

// rank orders spans of one stretch from the outermost.
func rank(s events.Span) int {
	return slices.Index([]events.SpanKind{
		events.SpanQuote, events.SpanPre, events.SpanCode, events.SpanSpoiler, events.SpanLink, events.SpanMention,
		events.SpanBold, events.SpanItalic, events.SpanUnderline, events.SpanStrike,
	}, s.Kind)
}

func isHigh(u uint16) bool { return u >= 0xd800 && u < 0xdc00 }
func isLow(u uint16) bool  { return u >= 0xdc00 && u < 0xe000 }
