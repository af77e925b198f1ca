package matrix

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
)

// maxDepth bounds how deep elements may nest; what is deeper is left out. The
// specification asks clients for a limit and recommends 100.
const maxDepth = 100

// parse reads org.matrix.custom.html. peer says which peer a Matrix user stands
// for, if any. What neither network's text can say is flattened: a heading is
// bold, a list has bullets or numbers, a table has bars. It fails on nothing.
func parse(source string, peer func(id.UserID) (events.Peer, bool)) events.Text {
	r := reader{peer: peer}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(source), body)
	if err != nil {
		return events.Text{} // only a failing reader makes it fail
	}
	for _, n := range nodes {
		r.node(n, 0)
	}
	return r.result()
}

// reader gathers text and spans from a tree of elements.
type reader struct {
	peer  func(id.UserID) (events.Peer, bool)
	units []uint16
	spans []events.Span
	want  int    // line breaks owed before what comes next
	pre   int    // inside so many <pre>
	lists []list // open, outermost first
}

// list is an open <ul> (next is 0) or <ol>.
type list struct{ next int }

func (r *reader) node(n *html.Node, depth int) {
	switch {
	case depth > maxDepth:
	case n.Type == html.TextNode:
		r.text(n.Data)
	case n.Type == html.ElementNode:
		r.element(n, depth)
	}
}

func (r *reader) children(n *html.Node, depth int) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.node(c, depth+1)
	}
}

func (r *reader) element(n *html.Node, depth int) {
	if kind, ok := inlineKinds(n.DataAtom); ok {
		r.span(events.Span{Kind: kind}, n, depth)
		return
	}
	switch n.DataAtom {
	case atom.Br:
		r.flush()
		r.units = append(r.units, '\n')
	case atom.Code:
		if r.pre > 0 {
			r.children(n, depth)
			return
		}
		r.span(events.Span{Kind: events.SpanCode}, n, depth)
	case atom.Pre:
		r.block(1, func() {
			r.pre++
			r.span(events.Span{Kind: events.SpanPre, Value: language(n)}, n, depth)
			r.pre--
		})
	case atom.Blockquote:
		r.block(1, func() { r.span(events.Span{Kind: events.SpanQuote}, n, depth) })
	case atom.A:
		r.anchor(n, depth)
	case atom.Span:
		r.spoiler(n, depth)
	case atom.Img:
		r.put(cmp.Or(attr(n, "alt"), attr(n, "title")))
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template:
	default:
		r.structure(n, depth)
	}
}

// structure reads the elements that only arrange text.
func (r *reader) structure(n *html.Node, depth int) {
	switch n.DataAtom {
	case atom.P:
		r.block(2, func() { r.children(n, depth) })
	case atom.Div, atom.Tr, atom.Table, atom.Details, atom.Summary, atom.Dl, atom.Dt, atom.Dd:
		r.block(1, func() { r.children(n, depth) })
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		r.block(2, func() { r.span(events.Span{Kind: events.SpanBold}, n, depth) })
	case atom.Ul:
		r.list(list{}, n, depth)
	case atom.Ol:
		first, err := strconv.Atoi(attr(n, "start"))
		if err != nil || first < 1 {
			first = 1
		}
		r.list(list{next: first}, n, depth)
	case atom.Li:
		r.block(1, func() { r.bullet(); r.children(n, depth) })
	case atom.Td, atom.Th:
		if n.PrevSibling != nil && n.PrevSibling.Type == html.ElementNode {
			r.put(" | ")
		}
		r.children(n, depth)
	case atom.Hr:
		r.block(1, func() { r.put("———") })
	default:
		if n.Data != "mx-reply" { // the quoted original: the reply itself names it
			r.children(n, depth)
		}
	}
}

func inlineKinds(a atom.Atom) (events.SpanKind, bool) {
	switch a {
	case atom.B, atom.Strong:
		return events.SpanBold, true
	case atom.I, atom.Em:
		return events.SpanItalic, true
	case atom.U, atom.Ins:
		return events.SpanUnderline, true
	case atom.S, atom.Del, atom.Strike:
		return events.SpanStrike, true
	default:
		return "", false
	}
}

func (r *reader) list(l list, n *html.Node, depth int) {
	r.block(1, func() {
		r.lists = append(r.lists, l)
		r.children(n, depth)
		r.lists = r.lists[:len(r.lists)-1]
	})
}

func (r *reader) bullet() {
	if len(r.lists) == 0 {
		return
	}
	l := &r.lists[len(r.lists)-1]
	mark := "• "
	if l.next > 0 {
		mark = strconv.Itoa(l.next) + ". "
		l.next++
	}
	r.put(strings.Repeat("  ", len(r.lists)-1) + mark)
}

func (r *reader) anchor(n *html.Node, depth int) {
	href := attr(n, "href")
	if uri, err := id.ParseMatrixURIOrMatrixToURL(href); err == nil && uri.UserID() != "" {
		if peer, ok := r.peer(uri.UserID()); ok {
			r.span(events.Span{Kind: events.SpanMention, Peer: peer}, n, depth)
			return
		}
		// Somebody unknown on Telegram: the name is all that can be said.
		r.children(n, depth)
		return
	}
	if !safeLink(href) {
		r.children(n, depth)
		return
	}
	r.span(events.Span{Kind: events.SpanLink, Value: href}, n, depth)
}

func (r *reader) spoiler(n *html.Node, depth int) {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "data-mx-spoiler" })
	if i < 0 {
		r.children(n, depth)
		return
	}
	if reason := n.Attr[i].Val; reason != "" {
		r.put("(" + reason + ") ")
	}
	r.span(events.Span{Kind: events.SpanSpoiler}, n, depth)
}

// span reads n's children under a span. Breaks that were owed before it, and
// those at its edges, stay outside.
func (r *reader) span(s events.Span, n *html.Node, depth int) {
	from := len(r.units)
	r.children(n, depth)
	to := len(r.units)
	for from < to && r.units[from] == '\n' {
		from++
	}
	for to > from && r.units[to-1] == '\n' {
		to--
	}
	if s.Offset, s.Length = from, to-from; s.Length > 0 {
		r.spans = append(r.spans, s)
	}
}

// block reads what stands on lines of its own.
func (r *reader) block(breaks int, read func()) {
	r.want = max(r.want, breaks)
	read()
	r.want = max(r.want, breaks)
}

// flush writes the breaks owed. At the beginning, none is.
func (r *reader) flush() {
	have := 0
	for have < len(r.units) && r.units[len(r.units)-1-have] == '\n' {
		have++
	}
	for ; have < r.want && len(r.units) > 0; have++ {
		r.units = append(r.units, '\n')
	}
	r.want = 0
}

func (r *reader) put(s string) {
	if s != "" {
		r.flush()
		r.units = append(r.units, utf16.Encode([]rune(s))...)
	}
}

// text writes a text node. A run of white space with a line break in it is how
// the source is laid out: it is one space, or nothing at a line's beginning.
// Other spaces are kept, as the sender saw them in the plain body.
func (r *reader) text(s string) {
	if r.pre > 0 {
		r.put(s)
		return
	}
	for s != "" {
		i := strings.IndexAny(s, "\r\n")
		if i < 0 {
			r.put(s)
			return
		}
		r.put(strings.TrimRightFunc(s[:i], isLayout))
		s = strings.TrimLeftFunc(s[i:], isLayout)
		atStart := len(r.units) == 0 || r.units[len(r.units)-1] == '\n'
		if r.want == 0 && !atStart {
			r.put(" ")
		}
	}
}

func isLayout(c rune) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// result trims the text, as Telegram would, and puts the spans in order, those
// of one kind that touch made one.
func (r *reader) result() events.Text {
	from, to := 0, len(r.units)
	for from < to && unicode.IsSpace(rune(r.units[from])) {
		from++
	}
	for to > from && unicode.IsSpace(rune(r.units[to-1])) {
		to--
	}
	t := events.Text{Body: string(utf16.Decode(r.units[from:to]))}
	for _, s := range r.spans {
		begin, stop := max(s.Offset, from), min(end(s), to)
		if stop > begin {
			s.Offset, s.Length = begin-from, stop-begin
			t.Spans = append(t.Spans, s)
		}
	}
	t.Spans = merge(t.Spans)
	return t
}

func merge(spans []events.Span) []events.Span {
	slices.SortStableFunc(spans, func(a, b events.Span) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Offset, b.Offset))
	})
	var out []events.Span
	for _, s := range spans {
		if n := len(out); n > 0 && !isBlock(s) && s.Kind != events.SpanMention {
			last := &out[n-1]
			if last.Kind == s.Kind && last.Value == s.Value && s.Offset <= end(*last) {
				last.Length = max(end(*last), end(s)) - last.Offset
				continue
			}
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b events.Span) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(b.Length, a.Length), cmp.Compare(rank(a), rank(b)))
	})
	return out
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// language is what <pre><code class="language-go"> says.
func language(pre *html.Node) string {
	for c := pre.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Code {
			for class := range strings.FieldsSeq(attr(c, "class")) {
				if l, ok := strings.CutPrefix(class, "language-"); ok {
					return l
				}
			}
		}
	}
	return ""
}
