package answers

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
)

func TestReadPhone(t *testing.T) {
	for body, want := range map[string]string{
		"+447911123456":               "+447911123456",
		" +44 7911 123456 \n":         "+447911123456",
		"+44 (0)7911 123-456":         "+447911123456",
		"0044 7911.123.456":           "+447911123456",
		"00 44 7911 123 456":          "+447911123456",
		"(+44) 7911/123456":           "+447911123456",
		"447911123456":                "+447911123456",
		"+1 (555) 010-9999":           "+15550109999",
		"+49\u00a0171\u20111234567":   "+491711234567",
		"\u202a+44 7911 123456\u202c": "+447911123456",
		"tel:+447911123456":           "+447911123456",
		"＋４４　７９１１　１２３４５６":             "+447911123456",
		"+٤٤ ٧٩١١ ١٢٣٤٥٦":             "+447911123456",
		"+39 (06) 6982":               "+39066982", // there the zero is part of the number
		"+888 0123 4567":              "+88801234567",
		"+9996621234":                 "+9996621234",
	} {
		if got, why := readPhone(body); got != want || why != "" {
			t.Errorf("%.40q reads as %q, %s", body, got, why)
		}
	}
	for body, want := range map[string]events.Refusal{
		"":                                   events.NotUnderstood,
		"   ":                                events.NotUnderstood,
		"+":                                  events.PhoneTooShort,
		"00":                                 events.PhoneTooShort,
		"+44 12":                             events.PhoneTooShort,
		"+44 7911 1234":                      events.PhoneTooShort,
		"+888 12":                            events.PhoneTooShort,
		"0171 1234567":                       events.CountryMissing,
		"7911 123456":                        events.CountryMissing,
		"(555) 010-9999":                     events.CountryMissing,
		"(0)":                                events.CountryMissing,
		"+0171 1234567":                      events.CountryUnknown,
		"+210 1234567":                       events.CountryUnknown,
		"+44 7911 123456 789":                events.PhoneTooLong,
		"+1234567890123456":                  events.PhoneTooLong,
		strings.Repeat("1234567890 ", 9_999): events.PhoneTooLong,
		"+44 7911 123456 please":             events.NotUnderstood,
		"++447911123456":                     events.NotUnderstood,
		"+44+7911123456":                     events.NotUnderstood,
		"+44 7911 12345x":                    events.NotUnderstood,
		"my number is +447911123456":         events.NotUnderstood,
		"+44 7911 123456, +44 7911 123457":   events.NotUnderstood,
		"\x00\xff\xfe":                       events.NotUnderstood,
		strings.Repeat("+", 100_000):         events.NotUnderstood,
	} {
		if got, why := readPhone(body); got != "" || why != want {
			t.Errorf("%.40q reads as %q, %s", body, got, why)
		}
	}
}

func TestReadCode(t *testing.T) {
	for body, want := range map[string]string{
		"12345": "12345", " 12 345\n": "12345", "123-45": "12345", "1 2 3 4 5 6": "123456", "012": "012", "12–345": "12345",
		"": "", "12": "", "12345678901": "", "12345a": "", "code 12345": "", "12.345": "", "+12345": "",
	} {
		got, ok := readCode(events.RouteSMS, body)
		if got != want || ok != (want != "") {
			t.Errorf("%q reads as %q, %v", body, got, ok)
		}
	}
}

func TestReadCodeOfOtherKinds(t *testing.T) {
	for _, c := range []struct {
		route      events.Route
		body, want string
	}{
		{events.RouteSMSWord, " Banana\n", "Banana"},
		{events.RouteSMSPhrase, "green  apples fall", "green apples fall"},
		{events.RouteSMSPhrase, " ", ""},
		{events.RouteSMSPhrase, strings.Repeat("x", 201), ""},
		{events.RouteFlashCall, "+999 12 345 678 90", "9991234567890"},
		{events.RouteMissedCall, "+99912", ""},
	} {
		if got, ok := readCode(c.route, c.body); got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %.20q reads as %q, %v", c.route, c.body, got, ok)
		}
	}
}

func TestReadAnswer(t *testing.T) {
	for _, c := range []struct {
		step events.Step
		body string
		want Answer
	}{
		{events.StepPhone, "+44 7911 123456", Answer{vault.Phone, "+447911123456", "+44 ••••• ••3456", true, "", ""}},
		{events.StepCode, "1-2-3-4-5", Answer{vault.Code, "12345", "", true, "", ""}},
		{events.StepPassword, "  p á\tss ", Answer{vault.Password, "  p á\tss ", "", true, "", ""}},
		{events.StepPassword, "", Answer{vault.Password, "", "", false, "", ""}},
		{events.StepPhone, "rubbish", Answer{vault.Phone, "", "", false, events.NotUnderstood, ""}},
		{"a step to come", "12345", Answer{}},
	} {
		if got := readAnswer(c.step, "", c.body); got != c.want {
			t.Errorf("%s: %q reads as %+v", c.step, c.body, got)
		}
	}
}

func TestMask(t *testing.T) {
	for number, want := range map[string]string{
		"+447911123456": "+44 ••••• ••3456",
		"+15550109999":  "+1 ••••• ••9999",
		"+79161234567":  "+7 ••••• ••4567",
		"+35312345678":  "+353 ••••• ••5678",
		"+29022158":     "+290 ••••• ••58", // a short number: less is shown
		"+9996621234":   "+999 ••••• ••1234",
		"+88801234567":  "+888 ••••• ••4567",
		"":              "",
		"+12":           "",
	} {
		if got := mask(number); got != want {
			t.Errorf("%s is masked as %q", number, got)
		}
	}
}

// TestWhateverIsTyped reads anything at every step: no panic, no more digits
// than were typed, and a mask that hides most of them.
func TestWhateverIsTyped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.OneOf(rapid.String(), rapid.StringMatching(`[+0-9 ()./-]{0,30}`)).Draw(t, "body")
		for _, step := range []events.Step{
			events.StepPhone, events.StepRequestingCode, events.StepCode, events.StepCheckingCode, events.StepPassword, events.StepCheckingPassword,
		} {
			a := readAnswer(step, "", body)
			if a.OK != (a.Value != "") || a.Secret != string(KindOf(step)) {
				t.Fatalf("%s: %+v", step, a)
			}
			if a.Masked == "" {
				continue
			}
			shown := strings.Count(a.Masked, "•")
			if hidden := len(a.Value) - len(strings.Trim(a.Masked, "•")) + shown*len("•") + 2; shown != 7 || hidden < 2 {
				t.Fatalf("%q is masked as %q", a.Value, a.Masked)
			}
		}
	})
}
