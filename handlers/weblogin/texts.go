package weblogin

import (
	"embed"
	"fmt"
	"html/template"
	"path"
	"regexp"
	"strings"
	"time"

	json "github.com/go-json-experiment/json"
	"golang.org/x/text/language"
)

// textFiles hold every sentence of the page, a file for each language: flat
// keys, placeholders by name ({error}), **strong** and `typed` words.
//
//go:embed texts/*.json
var textFiles embed.FS

// text is something that the page says, in no language yet. Its arguments are
// strings, texts, or moments.
type text struct {
	key  string
	args map[string]any
}

// say returns the text of a key; args are names and values by turns.
func say(key string, args ...any) text {
	t := text{key: key}
	for i := 0; i+1 < len(args); i += 2 {
		if t.args == nil {
			t.args = map[string]any{}
		}
		t.args[args[i].(string)] = args[i+1]
	}
	return t
}

// moment is a time to come, as seen at Now. The page counts down to it.
type moment struct{ At, Now time.Time }

// Left is how many seconds there are to wait, rounded up: a countdown that ends
// early lets people try in vain.
func (m moment) Left() int {
	return max(int((m.At.Sub(m.Now)+time.Second-1)/time.Second), 0)
}

// tongue is the texts in one language.
type tongue struct {
	Tag   string
	words map[string]string
}

// tongues are the languages of the page, the first of them for whom none fits.
type tongues struct {
	all   []*tongue
	match language.Matcher
}

func readTexts() (*tongues, error) {
	entries, err := textFiles.ReadDir("texts")
	if err != nil {
		return nil, err
	}
	all := &tongues{}
	var tags []language.Tag
	for _, entry := range entries {
		tag, err := language.Parse(strings.TrimSuffix(entry.Name(), ".json"))
		if err != nil {
			return nil, fmt.Errorf("texts/%s: %w", entry.Name(), err)
		}
		content, err := textFiles.ReadFile(path.Join("texts", entry.Name()))
		if err != nil {
			return nil, err
		}
		t := &tongue{Tag: tag.String()}
		if err := json.Unmarshal(content, &t.words); err != nil {
			return nil, fmt.Errorf("texts/%s: %w", entry.Name(), err)
		}
		if tag == language.English {
			all.all, tags = append([]*tongue{t}, all.all...), append([]language.Tag{tag}, tags...)
			continue
		}
		all.all, tags = append(all.all, t), append(tags, tag)
	}
	all.match = language.NewMatcher(tags)
	return all, nil
}

// pick is the language for what a browser says in Accept-Language.
func (ts *tongues) pick(accept string) *tongue {
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return ts.all[0]
	}
	_, i, _ := ts.match.Match(wanted...)
	return ts.all[i]
}

var (
	strong      = regexp.MustCompile(`\*\*(.+?)\*\*`)
	typed       = regexp.MustCompile("`(.+?)`")
	placeholder = regexp.MustCompile(`\{([a-z]+)\}`)
)

// rich is a text as HTML. Only the texts themselves hold markup: what their
// arguments hold is only ever text.
func (t *tongue) rich(what text) template.HTML {
	escaped := template.HTMLEscapeString(t.words[what.key])
	escaped = typed.ReplaceAllString(strong.ReplaceAllString(escaped, "<strong>$1</strong>"), "<code>$1</code>")
	return template.HTML(placeholder.ReplaceAllStringFunc(escaped, func(name string) string {
		switch arg := what.args[name[1:len(name)-1]].(type) {
		case moment:
			return string(t.when(arg))
		case text:
			return string(t.rich(arg))
		case template.HTML:
			return string(arg)
		case nil:
			return ""
		case string:
			// In a language of its own, maybe: its direction is not the sentence's.
			return "<bdi>" + template.HTMLEscapeString(arg) + "</bdi>"
		default:
			return template.HTMLEscapeString(fmt.Sprint(arg))
		}
	}))
}

// tags are what rich puts into a text.
var tags = regexp.MustCompile(`<[^<>]*>`)

// plain is a text for where there is no markup: a title, an attribute.
func (t *tongue) plain(what text) string {
	return unescape.Replace(tags.ReplaceAllString(string(t.rich(what)), ""))
}

// unescape undoes template.HTMLEscapeString: templates escape again.
var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&")

// when is "at 14:32 UTC (in 37 s)".
func (t *tongue) when(m moment) template.HTML {
	key, left := "when.today", m.At.Sub(m.Now)
	if left >= 12*time.Hour {
		key = "when.day"
	}
	at := m.At.UTC()
	return t.rich(say(key, "time", at.Format("15:04"), "date", at.Format(time.DateOnly), "left", t.countdown(m)))
}

// countdown is "37 s", in an element in which the script counts on.
func (t *tongue) countdown(m moment) template.HTML {
	return template.HTML(fmt.Sprintf(`<span data-left="%d">%s</span>`, m.Left(), t.rich(span(max(m.At.Sub(m.Now), time.Second)))))
}

// span is a duration in the words of people: "37 s", "12 min", "3 h 20 min", "2 days".
func span(d time.Duration) text {
	switch minutes := int(d.Round(time.Minute).Minutes()); {
	case d < 90*time.Second:
		return say("span.seconds", "n", int((d+time.Second-1)/time.Second))
	case minutes < 90:
		return say("span.minutes", "n", minutes)
	case minutes >= 48*60:
		return say("span.days", "n", minutes/(24*60))
	case minutes%60 == 0:
		return say("span.hours", "n", minutes/60)
	default:
		return say("span.long", "hours", minutes/60, "minutes", minutes%60)
	}
}
