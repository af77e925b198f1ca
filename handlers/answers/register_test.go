package answers

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
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
		if a := readRegistration(body); !a.OK || a.Secret != vault.Phone || a.Value != number || a.Name != want || a.Masked != "+44 ••••• ••3456" {
			t.Errorf("%q reads as %+v", body, a)
		}
	}
	for body, want := range map[string]events.Refusal{
		"0171 1234567 Alice": events.CountryMissing, "+44 12 Alice": events.PhoneTooShort, "+44 7911 123456 789": events.PhoneTooLong,
		"+210 1234567 Alice": events.CountryUnknown, "+44 7911 123456 " + strings.Repeat("x", 65): events.NameTooLong,
		"++447911123456 Alice": events.NotUnderstood, "+44 7911 123456 +44 7911 123457 Alice": events.NotUnderstood,
	} {
		if a := readRegistration(body); a.OK || a.Why != want {
			t.Errorf("%.40q reads as %+v", body, a)
		}
	}
	if a := readRegistration("Alice Liddell"); !a.OK || a.Value != "" || a.Name != "Alice\nLiddell" {
		t.Errorf("a name alone reads as %+v", a)
	}
}

// TestWhateverIsRegistered reads anything: no panic, no name beyond Telegram's
// limit, no line too many.
func TestWhateverIsRegistered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.OneOf(rapid.String(), rapid.StringMatching(`[+0-9 ()./-]{0,30} ?[A-Za-z, .]{0,90}`)).Draw(t, "body")
		for _, a := range []Answer{readRegistration(body), readName(body)} {
			name := a.Name
			if a.Secret == vault.Name {
				name = a.Value
			}
			if first, last, _ := strings.Cut(name, "\n"); len([]rune(first)) > maxName || len([]rune(last)) > maxName ||
				strings.Contains(last, "\n") || a.OK && a.Value == "" && a.Name == "" {
				t.Fatalf("%q reads as %+v", body, a)
			}
		}
	})
}
