package management

import (
	"strings"
	"time"
	"unicode"

	"maunium.net/go/mautrix/event"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/projections"
)

// said is a user's message as the bot reads it.
type said struct {
	body string
	edit bool // it replaces an earlier message
	text bool // it is text at all, not a picture or a file
	// named says that it came after register, where a name alone will do.
	named bool
}

func readMessage(content *event.MessageEventContent) said {
	s := said{body: content.Body, edit: content.RelatesTo.GetReplaceID() != ""}
	switch content.MsgType {
	case event.MsgText, event.MsgEmote, "":
		s.text = true
	}
	if s.edit && content.NewContent != nil {
		s.body = content.NewContent.Body
	}
	// Clients used to quote what is replied to above the reply.
	if content.RelatesTo.GetReplyTo() != "" && strings.HasPrefix(s.body, "> <") {
		s.body = event.TrimReplyFallbackText(s.body)
	}
	return s
}

// order is a command with what was typed after it.
type order struct {
	name events.CommandName
	args string
	// method is how to log in, if the command says.
	method events.Method
	// suggestion is the command probably meant by an unknown one.
	suggestion events.CommandName
	// secret is what the message holds besides a command's word, if that is no
	// one else's to read: it is redacted.
	secret events.SecretKind
	// linkAgain says that the command gives a link to a login that is under way.
	linkAgain bool
}

// byQR takes the method off a command that begins or ends with it: "login qr",
// "relogin 2 qr". What else stands after "login qr" says nothing, but may be secret.
func (o order) byQR() order {
	words := strings.Fields(o.args)
	n := len(words)
	switch {
	case n > 0 && isQR(words[0]):
		words = words[1:]
	case n > 0 && isQR(words[n-1]):
		words = words[:n-1]
	default:
		return o
	}
	o.method, o.args = events.MethodQR, strings.Join(words, " ")
	if o.name == events.CommandLogin && o.secret == "" {
		o.args = ""
	}
	return o
}

func isQR(word string) bool { return strings.EqualFold(word, string(events.MethodQR)) }

// about is the command that help is asked about, if it is one.
func (o order) about() events.CommandName {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimLeft(o.args, "!/`'\" ")), " ")
	word = strings.Trim(word, "!/.,?:;`'\"")
	for _, name := range commands() {
		if o.name == events.CommandHelp && word == string(name) {
			return name
		}
	}
	return ""
}

func commands() []events.CommandName {
	return []events.CommandName{
		events.CommandHelp, events.CommandLogin, events.CommandCancel, events.CommandResend,
		events.CommandPing, events.CommandLogout, events.CommandVersion,
		events.CommandLogins, events.CommandRelogin, events.CommandSessions, events.CommandRegister,
	}
}

// readOrder reads a message whose first word should be a command. The prefix
// may be there or not.
func readOrder(body, prefix string) order {
	if rest, ok := cutPrefix(body, prefix); ok {
		body = rest
	}
	word, args := cutWord(body)
	word = strings.ToLower(strings.Trim(word, "!/.,?:;`'\"\n\t "))
	if word == "" && args == "" {
		return order{name: events.CommandHelp} // the prefix alone
	}
	for _, name := range commands() {
		if word == string(name) {
			o := order{name: name, args: args, secret: answers.SecretIn(args)}
			if name == events.CommandLogin || name == events.CommandRelogin {
				o = o.byQR()
			}
			if how, rest := cutWord(o.args); name == events.CommandLogin && strings.EqualFold(how, string(events.MethodBot)) {
				o.method, o.args = events.MethodBot, rest
			}
			if name == events.CommandRegister {
				o.method = events.MethodRegister
			}
			return o
		}
	}
	return order{name: events.CommandUnknown, suggestion: nearest(word), secret: answers.SecretIn(body)}
}

// cutWord takes the first word off a text, whatever blank is after it.
func cutWord(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	if end := strings.IndexFunc(text, unicode.IsSpace); end >= 0 {
		return text[:end], strings.TrimSpace(text[end:])
	}
	return text, ""
}

// cutPrefix takes the prefix off, if it stands alone before a command.
func cutPrefix(body, prefix string) (rest string, found bool) {
	body = strings.TrimSpace(body)
	if len(body) < len(prefix) || !strings.EqualFold(body[:len(prefix)], prefix) {
		return body, false
	}
	rest = body[len(prefix):]
	return strings.TrimSpace(rest), rest == "" || strings.TrimSpace(rest[:1]) == ""
}

// understand tells whether a message in the management room is an answer to
// what a running attempt asks for, or else a command.
func understand(a *projections.Attempt, s said, prefix string) (o order, answer bool) {
	if !s.text || s.edit {
		return order{name: events.CommandUnknown}, a != nil
	}
	if a != nil && answers.KindOf(a.Step) == events.SecretPassword {
		// A password may be any word: but for cancel, no command is heard.
		word := strings.TrimSpace(s.body)
		if bare, ok := cutPrefix(word, prefix); ok {
			word = bare
		}
		if strings.EqualFold(word, string(events.CommandCancel)) {
			return order{name: events.CommandCancel}, false
		}
		return order{}, true
	}
	if a != nil && a.Step == events.StepCode && answers.WordRoute(a.Route) {
		// So may a code that is a word.
		if word := events.CommandName(strings.ToLower(strings.TrimSpace(s.body))); word == events.CommandCancel || word == events.CommandResend {
			return order{name: word}, false
		}
		return order{}, true
	}
	o = readOrder(s.body, prefix)
	switch {
	case a != nil && answers.ConsentAsked(a.Step) && answers.Declines(s.body):
		return order{name: events.CommandCancel}, false
	case a != nil && a.Step == events.StepName && o.args != "" && (o.secret == "" || !o.starts()):
		return order{}, true // a name may begin like a command
	}
	return o, a != nil && o.name == events.CommandUnknown
}

// hindrance says why no answer is taken now, or is empty.
func hindrance(a projections.Attempt, s said, now time.Time) events.Refusal {
	if s.edit {
		return events.NotAnEdit
	}
	why := answers.Hindrance(a, now)
	if why == "" && !s.text {
		return events.NotUnderstood
	}
	return why
}

// nearest is the command that a mistyped word comes nearest to, or empty if
// none is near.
func nearest(word string) events.CommandName {
	best, at := events.CommandName(""), 3
	if len(word) > 20 {
		return best
	}
	for _, name := range commands() {
		if d := distance(word, string(name)); d < at && d < len(name)-1 {
			best, at = name, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, replace or swap with their
// neighbour (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	var before []int
	row := make([]int, len(t)+1)
	for j := range row {
		row[j] = j
	}
	for i := range s {
		next := make([]int, len(t)+1)
		next[0] = i + 1
		for j := range t {
			cost := 1
			if s[i] == t[j] {
				cost = 0
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+cost)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(t)]
}
