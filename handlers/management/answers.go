package management

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
)

// answer is what a user's message says at a step of a login.
type answer struct {
	secret string // the name under which the vault keeps it
	value  string
	masked string // what may be kept of a phone number
	ok     bool   // the bridge could make sense of it
}

// readAnswer reads a message for the step that asks for it, or checks what was
// asked for before.
func readAnswer(step events.Step, body string) answer {
	switch step {
	case events.StepPhone, events.StepRequestingCode:
		a := answer{secret: vault.Phone}
		a.value, a.ok = readPhone(body)
		a.masked = mask(a.value)
		return a
	case events.StepCode, events.StepCheckingCode:
		a := answer{secret: vault.Code}
		a.value, a.ok = readCode(body)
		return a
	case events.StepPassword, events.StepCheckingPassword:
		// Every byte counts, blanks at the ends too.
		return answer{secret: vault.Password, value: body, ok: body != ""}
	default:
		return answer{}
	}
}

// kindOf is what a message was read as at a step.
func kindOf(step events.Step) events.SecretKind {
	switch step {
	case events.StepCode, events.StepCheckingCode:
		return events.SecretCode
	case events.StepPassword, events.StepCheckingPassword:
		return events.SecretPassword
	default:
		return events.SecretPhone
	}
}

// Lengths of a number with its country code (ITU-T E.164) and of a code.
const (
	minPhone, maxPhone = 7, 15
	minCode, maxCode   = 3, 10
)

// readPhone reads a phone number in the ways people write one and returns it as
// + and digits. It wants the country code: a number of the user's own country
// can't be told from others.
func readPhone(body string) (number string, ok bool) {
	text := strings.TrimPrefix(strings.TrimSpace(body), "tel:")
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) { // marks of direction, copied from an address book
			return -1
		}
		return r
	}, text)
	plus := false
	text = strings.TrimLeft(text, " (\u00a0")
	if rest, found := strings.CutPrefix(text, "+"); found {
		plus, text = true, rest
	} else if rest, found := strings.CutPrefix(text, "00"); found {
		plus, text = true, rest
	}
	if plus { // +44 (0)20 …: the zero is for callers within the country
		text = strings.Replace(text, "(0)", "", 1)
	}
	digits, ok := digitsOf(text, "()./")
	if !ok || len(digits) < minPhone || len(digits) > maxPhone || digits[0] == '0' {
		return "", false
	}
	return "+" + digits, true
}

// readCode reads a login code, however its digits are grouped.
func readCode(body string) (code string, ok bool) {
	digits, ok := digitsOf(strings.TrimSpace(body), "")
	if !ok || len(digits) < minCode || len(digits) > maxCode {
		return "", false
	}
	return digits, true
}

// digitsOf returns the digits of a text of digits, blanks, dashes and what else
// may stand between them; false if there is anything else.
func digitsOf(text, between string) (string, bool) {
	var digits strings.Builder
	for _, r := range text {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), strings.ContainsRune(between, r):
		default:
			return "", false
		}
	}
	return digits.String(), digits.Len() > 0
}

// mask hides a number but for its country code and last digits.
func mask(number string) string {
	digits := strings.TrimPrefix(number, "+")
	if len(digits) < minPhone {
		return ""
	}
	shown := 4
	if len(digits) < 10 {
		shown = 2
	}
	return "+" + countryCode(digits) + " ••••• ••" + digits[len(digits)-shown:]
}

// countryCode is the beginning of a number that says its country (ITU-T E.164
// annex): one digit for zones 1 and 7, two for those listed, else three.
func countryCode(digits string) string {
	two := []int{
		20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
		60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
	}
	if digits[0] == '1' || digits[0] == '7' {
		return digits[:1]
	}
	if n, err := strconv.Atoi(digits[:2]); err == nil && slices.Contains(two, n) {
		return digits[:2]
	}
	return digits[:3]
}
