package management

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

func talker() *Bot { return &Bot{cfg: Config{Prefix: "!tg", Version: "v1"}} }

// constants are the values of the constants of a type in package events, so
// that a reason added there without words here is found.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), "../../events/"+file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Type != nil && fmt.Sprint(spec.Type) == typ {
			for _, value := range spec.Values {
				values = append(values, strings.Trim(value.(*ast.BasicLit).Value, `"`))
			}
		}
		return true
	})
	if len(values) < 3 {
		t.Fatalf("%s has %d constants of type %s", file, len(values), typ)
	}
	return values
}

// says collects what the bot says of facts, and checks how it says it.
func says(t *testing.T, u projections.User, fact events.Fact) string {
	t.Helper()
	n := talker().words(u, events.Event{Time: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), Fact: fact})
	for _, bad := range []string{"%!", "**", "<b>", "  "} {
		if strings.Contains(n.body, bad) {
			t.Errorf("%T %+v: %q", fact, fact, n.body)
		}
	}
	if strings.Contains(n.html, "%!") || strings.Contains(n.html, "**") || strings.Contains(n.html, "`") ||
		strings.Count(n.html, "<code>") != strings.Count(n.html, "</code>") || (n.body == "") != (n.html == "") {
		t.Errorf("%T %+v: %q", fact, fact, n.html)
	}
	return n.body
}

// TestEveryReasonHasItsOwnWords holds that the user reads something for every
// reason there is, and not the same for two.
func TestEveryReasonHasItsOwnWords(t *testing.T) {
	u := projections.User{Attempt: &projections.Attempt{ID: "a", Step: events.StepCode}}
	silent := map[string]bool{ // nobody is there to read, or another fact tells
		string(events.RoomUserAbsent): true, string(events.RoomUnreachable): true, string(events.RoomUserLeft): true,
		string(events.RoomBotRemoved): true, string(events.FailedRoomLeft): true,
	}
	for _, c := range []struct {
		file, typ string
		fact      func(reason string) events.Fact
	}{
		{"management.go", "RoomRefusal", func(r string) events.Fact { return &events.ManagementRoomRefused{Reason: events.RoomRefusal(r)} }},
		{"management.go", "CommandRefusal", func(r string) events.Fact {
			return &events.CommandRefused{Command: events.CommandLogin, Reason: events.CommandRefusal(r)}
		}},
		{"login.go", "Route", func(r string) events.Fact { return &events.CodeSent{Route: events.Route(r)} }},
		{"login.go", "Failure", func(r string) events.Fact { return &events.LoginFailed{Reason: events.Failure(r)} }},
		{"session.go", "EndCause", func(r string) events.Fact { return &events.SessionEnded{Cause: events.EndCause(r)} }},
	} {
		heard := map[string]string{}
		for _, reason := range constants(t, c.file, c.typ) {
			text := says(t, u, c.fact(reason))
			if (text == "") != silent[reason] {
				t.Errorf("%s %s: %q", c.typ, reason, text)
			}
			if other, said := heard[text]; said && text != "" {
				t.Errorf("%s %s and %s: both %q", c.typ, reason, other, text)
			}
			heard[text] = reason
		}
	}
}

func TestEveryRejectionSaysWhatToSend(t *testing.T) {
	for _, reason := range constants(t, "login.go", "Refusal") {
		for step, wanted := range map[events.Step]string{
			events.StepPhone: "phone number", events.StepCode: "code", events.StepPassword: "password",
		} {
			r := events.Rejection{Reason: events.Refusal(reason), Error: "SOME_ERROR", Next: step, RetryAt: time.Date(2026, 11, 1, 12, 0, 37, 0, time.UTC)}
			for _, fact := range []events.Fact{&events.PhoneRejected{Rejection: r}, &events.CodeRejected{Rejection: r}, &events.PasswordRejected{Rejection: r}} {
				if text := says(t, projections.User{}, fact); !strings.Contains(text, wanted) && events.Refusal(reason) != events.ConfigError {
					t.Errorf("%s at %s: %q", reason, step, text)
				}
			}
		}
	}
}

// TestEveryEndSaysWhatToDo holds that a refusal that ends the attempt names the
// next step, and Telegram's error where it has no words of its own.
func TestEveryEndSaysWhatToDo(t *testing.T) {
	for _, reason := range constants(t, "login.go", "Refusal") {
		f := &events.LoginFailed{Reason: events.FailedRefused, Refusal: events.Refusal(reason), Error: "SOME_ERROR"}
		if text := says(t, projections.User{}, f); !strings.Contains(text, "type `login`") && !strings.Contains(text, "`SOME_ERROR`. Type `login`") {
			t.Errorf("%s: %q", reason, text)
		}
	}
}

func TestWhoTheUserIs(t *testing.T) {
	for want, who := range map[string]events.AccountFacts{
		"Alice":          {Name: "Alice"},
		"Alice (@alice)": {Name: "Alice", Username: "alice"},
		"Alice (@alice, +44 ••••• ••1234)":  {Name: "Alice", Username: "alice", Masked: "+44 ••••• ••1234"},
		"+44 ••••• ••1234":                  {Masked: "+44 ••••• ••1234"},
		"an account without a name":         {},
		"`A` **b** 100% %s &amp; (@alice_)": {Name: "`A` **b** 100% %s &amp;", Username: "alice_"},
	} {
		n := line("Logged in as **%s**.", accountName(who))
		if n.body != "Logged in as "+want+"." {
			t.Errorf("%q", n.body)
		}
	}
	n := line("Logged in as **%s**.", accountName(events.AccountFacts{Name: "<script>`x`**y**"}))
	if n.html != "Logged in as <b>&lt;script&gt;`x`**y**</b>." {
		t.Errorf("a name became markup: %s", n.html)
	}
}

func TestFloodWaitsAreTold(t *testing.T) {
	at := time.Date(2026, 11, 1, 14, 31, 23, 0, time.UTC)
	for wait, want := range map[time.Duration]string{
		37 * time.Second:         "at 14:32 UTC (in 37 s)",
		-time.Second:             "at 14:31 UTC (in 1 s)",
		5 * time.Minute:          "at 14:36 UTC (in 5 min)",
		100 * time.Minute:        "at 16:11 UTC (in 1 h 40 min)",
		3 * time.Hour:            "at 17:31 UTC (in 3 h)",
		23 * time.Hour:           "at 13:31 UTC on 2 November (in 23 h)",
		72 * time.Hour:           "at 14:31 UTC on 4 November (in 3 days)",
		59*time.Minute + 30*1e9:  "at 15:30 UTC (in 60 min)",
		89*time.Second + 900*1e6: "at 14:32 UTC (in 2 min)",
	} {
		if got := waitUntil(at.Add(wait).In(time.FixedZone("CET", 3600)), at); got != want {
			t.Errorf("%s: %s", wait, got)
		}
	}
}

func TestGreetings(t *testing.T) {
	alice := projections.Login{ID: "l", Name: "Alice", State: projections.LoginActive}
	for _, c := range []struct {
		user projections.User
		want string
	}{
		{projections.User{}, "Hello! I connect Telegram to Matrix. Type `login` to connect your Telegram account, or `help` to see what I can do."},
		{projections.User{Logins: []projections.Login{alice}}, "Hello! I connect Telegram to Matrix. You are logged in as Alice. Type `help` to see what I can do."},
		{projections.User{Attempt: &projections.Attempt{Step: events.StepCheckingCode}}, "Hello! I connect Telegram to Matrix. Your login goes on here. I am waiting for Telegram's answer."},
	} {
		if got := says(t, c.user, &events.ManagementRoomOpened{}); got != c.want {
			t.Errorf("%q", got)
		}
	}
	two := projections.User{Logins: []projections.Login{alice, {Name: "Bob", State: projections.LoginActive}}}
	if got := says(t, two, &events.CommandRefused{Command: events.CommandLogout, Reason: events.RefusedWhich}); got != "Which one?\n`logout 1` – Alice\n`logout 2` – Bob" {
		t.Errorf("%q", got)
	}
}
