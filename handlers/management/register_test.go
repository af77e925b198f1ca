package management

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

func TestSplitName(t *testing.T) {
	for full, want := range map[string][2]string{
		"Alice":                   {"Alice", ""},
		" Alice \t Liddell\n":     {"Alice", "Liddell"},
		"Alice Pleasance Liddell": {"Alice Pleasance", "Liddell"},
		"Liddell, Alice":          {"Alice", "Liddell"},
		"Liddell,Alice Pleasance": {"Alice Pleasance", "Liddell"},
		"van Beethoven, Ludwig":   {"Ludwig", "van Beethoven"},
		"Ludwig van Beethoven":    {"Ludwig", "van Beethoven"},
		"Vincent Willem Van Gogh": {"Vincent Willem", "Van Gogh"},
		"Maria de la Cruz":        {"Maria", "de la Cruz"},
		"Charles de Gaulle":       {"Charles", "de Gaulle"},
		"Leonardo da Vinci":       {"Leonardo", "da Vinci"},
		"Ben Al Smith":            {"Ben Al", "Smith"}, // names here
		"Ali ibn Abi":             {"Ali", "ibn Abi"},
		"van Beethoven":           {"van", "Beethoven"}, // there must be a first name
		"Martin Luther King Jr.":  {"Martin Luther", "King Jr."},
		"Martin Luther King, Jr.": {"Martin Luther", "King Jr."},
		"John Paul II":            {"John", "Paul II"},
		"John II":                 {"John", "II"},
		"“Alice Liddell”":         {"Alice", "Liddell"},
		"(Alice Liddell)":         {"Alice", "Liddell"},
		"R2 D2":                   {"R2", "D2"},
		"50 Cent":                 {"50", "Cent"},
		"李小龙":                     {"李小龙", ""},
		"Ольга Петрова":           {"Ольга", "Петрова"},
		"Anne-Marie O'Neill":      {"Anne-Marie", "O'Neill"},
		"Liddell,":                {"Liddell", ""},
		", Alice":                 {"Alice", ""},
		"Alice\x00Liddell":        {"Alice", "Liddell"},
		"🐇":                       {"🐇", ""},
		strings.Repeat("é", 64):   {strings.Repeat("é", 64), ""},
		strings.Repeat("é", 64) + " " + strings.Repeat("ü", 64): {strings.Repeat("é", 64), strings.Repeat("ü", 64)},
	} {
		if first, last, why := splitName(full); first != want[0] || last != want[1] || why != "" {
			t.Errorf("%.40q splits into %q and %q, %s", full, first, last, why)
		}
	}
	for full, want := range map[string]events.Refusal{
		"": events.BadName, " \n": events.BadName, "…": events.BadName, ",": events.BadName, "- -": events.BadName, "\xff": events.BadName,
		strings.Repeat("é", 65):        events.NameTooLong,
		"A " + strings.Repeat("é", 65): events.NameTooLong,
	} {
		if first, last, why := splitName(full); why != want || first+last != "" {
			t.Errorf("%.40q splits into %q and %q, %s", full, first, last, why)
		}
	}
}

func TestReadRegistration(t *testing.T) {
	const number = "+447911123456"
	for body, want := range map[string]string{ // the name as the vault keeps it
		"+44 7911 123456 Alice Liddell":          "Alice\nLiddell",
		"+447911123456 Alice Liddell":            "Alice\nLiddell",
		"+447911123456Alice":                     "Alice",
		"0044 (7911) 123-456 Liddell, Alice":     "Alice\nLiddell",
		"+44 (0)7911/123.456 – Alice Liddell":    "Alice\nLiddell",
		"+44 7911 123456, Alice Liddell":         "Alice\nLiddell",
		"+44 7911 123456: “Alice Liddell”":       "Alice\nLiddell",
		"+44 7911 123456\n Alice\n Liddell":      "Alice\nLiddell",
		"+44 7911 123456 (Alice Liddell)":        "Alice\nLiddell",
		"(+44) 7911 123456 Ludwig van Beethoven": "Ludwig\nvan Beethoven",
		"Alice Liddell +44 7911 123456":          "Alice\nLiddell",
		"Liddell, Alice, +44 7911 123456":        "Alice\nLiddell",
		"tel:+447911123456 Alice":                "Alice",
		"Alice tel:+447911123456":                "Alice",
		"＋４４　７９１１　１２３４５６ Alice":                  "Alice",
		"+44 7911 123456 R2 D2":                  "R2\nD2",
		"+44 7911 123456 50 Cent":                "50\nCent",
		"+44 7911 123456":                        "",
		"447911123456 Alice":                     "Alice",
	} {
		if a := readRegistration(body); !a.ok || a.secret != vault.Phone || a.value != number || a.name != want || a.masked != "+44 ••••• ••3456" {
			t.Errorf("%q reads as %+v", body, a)
		}
	}
	for body, want := range map[string]events.Refusal{
		"0171 1234567 Alice": events.CountryMissing, "+44 12 Alice": events.PhoneTooShort, "+44 7911 123456 789": events.PhoneTooLong,
		"+210 1234567 Alice": events.CountryUnknown, "+44 7911 123456 " + strings.Repeat("x", 65): events.NameTooLong,
		"++447911123456 Alice": events.NotUnderstood, "+44 7911 123456 +44 7911 123457 Alice": events.NotUnderstood,
	} {
		if a := readRegistration(body); a.ok || a.why != want {
			t.Errorf("%.40q reads as %+v", body, a)
		}
	}
	if a := readRegistration("Alice Liddell"); !a.ok || a.value != "" || a.name != "Alice\nLiddell" {
		t.Errorf("a name alone reads as %+v", a)
	}
}

// TestWhateverIsRegistered reads anything: no panic, no name beyond Telegram's
// limit, no line too many.
func TestWhateverIsRegistered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.OneOf(rapid.String(), rapid.StringMatching(`[+0-9 ()./-]{0,30} ?[A-Za-z, .]{0,90}`)).Draw(t, "body")
		for _, a := range []answer{readRegistration(body), readName(body)} {
			name := a.name
			if a.secret == vault.Name {
				name = a.value
			}
			if first, last, _ := strings.Cut(name, "\n"); len([]rune(first)) > maxName || len([]rune(last)) > maxName ||
				strings.Contains(last, "\n") || a.ok && a.value == "" && a.name == "" {
				t.Fatalf("%q reads as %+v", body, a)
			}
		}
	})
}

func TestWhatIsHeardWhileRegistering(t *testing.T) {
	at := func(step events.Step) *projections.Attempt {
		return &projections.Attempt{ID: "a", Step: step, Method: events.MethodRegister}
	}
	for _, c := range []struct {
		step    events.Step
		body    string
		command events.CommandName // empty: an answer
		ok      bool               // that is taken
	}{
		{events.StepTerms, "Accept", "", true},
		{events.StepTerms, "I agree.", "", true},
		{events.StepTerms, "`accept`", "", true},
		{events.StepTerms, "perhaps", "", false},
		{events.StepTerms, "No", events.CommandCancel, false},
		{events.StepTerms, "cancel", events.CommandCancel, false},
		{events.StepTerms, "help", events.CommandHelp, false},
		{events.StepConfirm, "Yes, please!", "", true},
		{events.StepConfirm, "no thanks", events.CommandCancel, false},
		{events.StepConfirm, "Alice", "", false},
		{events.StepName, "Alice Liddell", "", true},
		{events.StepName, "Ping Li", "", true},
		{events.StepName, "No", "", true},
		{events.StepName, "…", "", false},
		{events.StepName, "cancel", events.CommandCancel, false},
		{events.StepPhone, "+44 7911 123456", "", true},
		{events.StepPhone, "+44 7911 123456 Alice", "", true},
		{events.StepPhone, "what?", "", false},
		{events.StepPhone, "123456:ABCDEFGHIJKLMNOPQRSTUVWXYZ", "", false}, // a bot is not registered
	} {
		o, answers := understand(at(c.step), said{body: c.body, text: true}, "!tg")
		if answers != (c.command == "") || !answers && o.name != c.command {
			t.Errorf("%s: %q is %q, an answer: %v", c.step, c.body, o.name, answers)
			continue
		}
		if a := readFor(*at(c.step), said{body: c.body, text: true}); answers && a.ok != c.ok {
			t.Errorf("%s: %q reads as %+v", c.step, c.body, a)
		}
	}
}

// TestRegistrationWords holds that each question says what to send, and how to
// get out.
func TestRegistrationWords(t *testing.T) {
	u := projections.User{Attempt: &projections.Attempt{ID: "a", Method: events.MethodRegister, Step: events.StepTerms}}
	who := events.AccountFacts{Name: "Alice", Username: "alice"}
	for want, fact := range map[string]events.Fact{
		"<i>no</i> spam":  &events.SignupRequired{Terms: "<i>no</i> spam\nand more", Next: events.StepTerms},
		"16 years old":    &events.SignupRequired{MinAge: 16, Next: events.StepTerms},
		"`Alice Liddell`": &events.SignupRequired{Next: events.StepName},
		"Thank you":       &events.TermsAccepted{Next: events.StepName},
		"I have the name": &events.NameSubmitted{Next: events.StepPhone},
		"Alice (@alice)":  &events.NumberTaken{Sealed: who},
		"two-step":        &events.NumberTaken{Password: true},
		"as a name":       &events.InputRefused{Attempt: "a", Step: events.StepName, Reason: events.BadName},
		"64 characters":   &events.InputRefused{Attempt: "a", Step: events.StepPhone, Reason: events.NameTooLong},
		"`accept`":        &events.InputRefused{Attempt: "a", Step: events.StepTerms, Reason: events.NotUnderstood},
		"`register`":      &events.LoginFailed{Reason: events.FailedCancelled, Method: events.MethodRegister},
		"A registration":  &events.CommandRefused{Reason: events.RefusedLoginRunning},
		"does not take":   &events.SignupRejected{Rejection: events.Rejection{Reason: events.BadName, Next: events.StepName}},
	} {
		_, ended := fact.(*events.LoginFailed)
		if text := says(t, u, fact); !strings.Contains(text, want) || !ended && !strings.Contains(text, "`cancel`") {
			t.Errorf("%T: %q has no %q", fact, text, want)
		}
	}
	if help := commandHelp(events.CommandRegister, LevelUser).body; !strings.Contains(help, "`register +44 7911 123456 Alice Liddell`") {
		t.Errorf("%q", help)
	}
	if text := says(t, u, &events.LoginSucceeded{Method: events.MethodRegister, Sealed: who}); !strings.HasPrefix(text, "Registered: ") {
		t.Errorf("%q", text)
	}
}
