package weblogin

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

func english(t *testing.T) *tongue {
	t.Helper()
	all, err := readTexts()
	if err != nil {
		t.Fatal(err)
	}
	return all.all[0]
}

// constants are the values of the constants of a type in package events, so that
// a reason added there without words here is found.
func constants(t *testing.T, typ string) []string {
	t.Helper()
	files, err := filepath.Glob("../../events/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && spec.Type != nil && fmt.Sprint(spec.Type) == typ {
				for _, value := range spec.Values {
					values = append(values, strings.Trim(value.(*ast.BasicLit).Value, `"`))
				}
			}
			return true
		})
	}
	if len(values) < 3 {
		t.Fatalf("%d constants of type %s", len(values), typ)
	}
	return values
}

var (
	keyLiteral   = regexp.MustCompile(`"([a-z]+(?:\.[a-z_]+)+)"`)
	wholePrefix  = regexp.MustCompile(`"([a-z]+\.)(?:%s)?"`)
	fileEndings  = regexp.MustCompile(`\.(json|html|css|js|svg|png|txt)$`)
	placeholders = regexp.MustCompile(`\{([a-z]*)\}?`)
)

// TestEveryKeyIsThereAndUsed holds the sentences against the code and the
// templates that name them.
func TestEveryKeyIsThereAndUsed(t *testing.T) {
	words := maps.Clone(english(t).words)
	families := map[string][]string{
		"refusal.": constants(t, "Refusal"), "failure.": constants(t, "Failure"), "ended.": constants(t, "Refusal"),
		"route.": constants(t, "Route"), "way.": constants(t, "Route"), "wait.": constants(t, "Step"), "choose.": constants(t, "Method"),
	}
	used := map[string]bool{}
	for _, source := range sources(t) {
		for _, found := range keyLiteral.FindAllStringSubmatch(source, -1) {
			if key := found[1]; !fileEndings.MatchString(key) {
				used[key] = true
				if words[key] == "" {
					t.Errorf("%s has no words", key)
				}
			}
		}
		for _, found := range wholePrefix.FindAllStringSubmatch(source, -1) {
			for _, name := range families[found[1]] {
				used[found[1]+name] = true
			}
		}
	}
	for _, key := range []string{"landing", "dead", "closed", "left", "busy", "down", "missing", "method", "forbidden"} {
		used[key+".title"], used[key+".lead"], used[key+".next"] = true, true, true
	}
	for key := range words {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(key, ".shaped"), ".over"), ".late")
		if strings.HasPrefix(key, "refusal.not_understood.") {
			base = "refusal.not_understood"
		}
		if !used[base] {
			t.Errorf("%s is not used", key)
		}
	}
}

func sources(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(file, "_test.go") {
				all = append(all, string(content))
			}
		}
	}
	return all
}

// TestLanguagesSayTheSame holds every language against English: the same keys,
// the same placeholders.
func TestLanguagesSayTheSame(t *testing.T) {
	all, err := readTexts()
	if err != nil {
		t.Fatal(err)
	}
	if all.all[0].Tag != "en" {
		t.Errorf("whom no language fits reads %s", all.all[0].Tag)
	}
	for _, other := range all.all {
		for key, words := range all.all[0].words {
			if holes(other.words[key]) != holes(words) {
				t.Errorf("%s %s: %q", other.Tag, key, other.words[key])
			}
		}
		if len(other.words) != len(all.all[0].words) {
			t.Errorf("%s has %d texts of %d", other.Tag, len(other.words), len(all.all[0].words))
		}
	}
}

func holes(text string) string {
	names := placeholders.FindAllString(text, -1)
	slices.Sort(names)
	return fmt.Sprint(slices.Compact(names))
}

// TestEveryReasonHasItsOwnWords holds that the user reads something for every
// reason there is, and not the same for two.
func TestEveryReasonHasItsOwnWords(t *testing.T) {
	english := english(t)
	heard := map[string]string{}
	check := func(reason string, said text) {
		words := english.plain(said)
		if words == "" || strings.ContainsAny(words, "{}*`") || strings.Contains(words, "  ") {
			t.Errorf("%s: %q", reason, words)
		}
		if other, again := heard[words]; again {
			t.Errorf("%s and %s: both %q", reason, other, words)
		}
		heard[words] = reason
	}
	for _, reason := range constants(t, "Refusal") {
		v := viewOf(at(events.StepCode, codeBy(events.RouteSMS, events.RouteCall, 0), refused(events.StepCheckingCode, events.Refusal(reason))))
		if v.Problem == nil {
			t.Fatalf("%s: no problem", reason)
		}
		if v.Problem.Text.key == "refusal.unknown" {
			t.Errorf("%s has no words of its own", reason)
		}
		check(reason, v.Problem.Text)
	}
	for _, reason := range constants(t, "Failure") {
		v := viewOf(over(projections.Over{Reason: events.Failure(reason), Error: "SOME_ERROR"}))
		check(reason, v.Lead[0])
		if next := english.plain(v.Next[0]); !strings.Contains(next, "in your chat with the bot") {
			t.Errorf("%s does not say what to do: %q", reason, next)
		}
	}
	for _, route := range constants(t, "Route") {
		v := viewOf(at(events.StepCode, codeBy(events.Route(route), events.Route(route), 0)))
		check("by "+route, v.Lead[0])
		check("another by "+route, v.Code().Resend.Label)
	}
}

func TestTextsHoldNoMarkupOfOthers(t *testing.T) {
	english := english(t)
	said := say("done.lead", "account", accountName(events.AccountFacts{Name: "<script>`x`**y** {when}", Username: "a"}))
	if got := english.rich(said); got != "Telegram is connected as <strong><bdi>&lt;script&gt;`x`**y** {when} (@a)</bdi></strong>." {
		t.Errorf("rich: %s", got)
	}
	if got := english.plain(said); got != "Telegram is connected as <script>`x`**y** {when} (@a)." {
		t.Errorf("plain: %s", got)
	}
}

func TestWaitsAreTold(t *testing.T) {
	english := english(t)
	for wait, want := range map[time.Duration]string{
		37 * time.Second:  "at 14:32 UTC (in 37 s)",
		-time.Second:      "at 14:31 UTC (in 1 s)",
		5 * time.Minute:   "at 14:36 UTC (in 5 min)",
		100 * time.Minute: "at 16:11 UTC (in 1 h 40 min)",
		3 * time.Hour:     "at 17:31 UTC (in 3 h)",
		23 * time.Hour:    "at 13:31 UTC on 2026-11-02 (in 23 h)",
		72 * time.Hour:    "at 14:31 UTC on 2026-11-04 (in 3 days)",
	} {
		m := moment{At: noon.Add(wait).In(time.FixedZone("CET", 3600)), Now: noon}
		if got := tags.ReplaceAllString(string(english.when(m)), ""); got != want {
			t.Errorf("%s: %s", wait, got)
		}
	}
}

func TestLanguageOfTheBrowser(t *testing.T) {
	all, err := readTexts()
	if err != nil {
		t.Fatal(err)
	}
	for _, accept := range []string{"", "en-GB,en;q=0.9", "tlh", "*", ";;q=nonsense", strings.Repeat("x-", 5000)} {
		if got := all.pick(accept); got.Tag != "en" {
			t.Errorf("%q: %s", accept, got.Tag)
		}
	}
}
