package management

import (
	"strings"
	"unicode"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
)

// answer is what a user's message says at a step of a login.
type answer struct {
	secret string // the name under which the vault keeps it
	value  string
	masked string         // what may be kept of a phone number
	ok     bool           // the bridge could make sense of it
	why    events.Refusal // what is wrong with it if not, as far as the bridge can tell
	name   string         // of the account to make, if it came with the number
}

// readAnswer reads a message for the step that asks for it, or checks what was
// asked for before.
func readAnswer(step events.Step, route events.Route, body string) answer {
	switch step {
	case events.StepToken, events.StepCheckingToken:
		return readToken(body)
	case events.StepPhone, events.StepRequestingCode, events.StepQR:
		if a := readToken(body); a.ok {
			return a
		}
		a := answer{secret: vault.Phone}
		a.value, a.why = readPhone(body)
		a.ok, a.masked = a.value != "", mask(a.value)
		return a
	case events.StepCode, events.StepResendingCode, events.StepCheckingCode:
		a := answer{secret: vault.Code}
		a.value, a.ok = readCode(route, body)
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
	case events.StepCode, events.StepResendingCode, events.StepCheckingCode:
		return events.SecretCode
	case events.StepToken, events.StepCheckingToken:
		return events.SecretToken
	case events.StepPassword, events.StepCheckingPassword:
		return events.SecretPassword
	case events.StepTerms, events.StepSigningUp, events.StepConfirm, events.StepEntering:
		return "" // no secret
	default: // also of a name: what can't be read as one is likely the number
		return events.SecretPhone
	}
}

// Lengths of a code.
const minCode, maxCode = 3, 10

// maxWords bounds a code of words, in bytes.
const maxWords = 200

// wordRoute reports whether a code that came this way is made of words.
func wordRoute(r events.Route) bool { return r == events.RouteSMSWord || r == events.RouteSMSPhrase }

// readCode reads a login code, however its digits are grouped. Some routes bring
// another kind: words, or the whole number that called.
func readCode(route events.Route, body string) (code string, ok bool) {
	longest := maxCode
	switch {
	case wordRoute(route):
		words := strings.Join(strings.Fields(body), " ")
		if len(words) > maxWords {
			return "", false
		}
		return words, words != ""
	case route == events.RouteFlashCall:
		body, longest = strings.TrimPrefix(strings.TrimSpace(body), "+"), maxPhone
	}
	digits, ok := digitsOf(strings.TrimSpace(body), "")
	if !ok || len(digits) < minCode || len(digits) > longest {
		return "", false
	}
	return digits, true
}

// readToken reads a bot's token, as BotFather writes it: 123456:ABC-DEF….
func readToken(body string) answer {
	token := strings.TrimSpace(body)
	id, secret, _ := strings.Cut(token, ":")
	digits := strings.Trim(id, "0123456789") == "" && len(id) >= minTokenID
	if !digits || len(secret) < minToken || len(token) > maxToken || strings.ContainsFunc(secret, notInToken) {
		return answer{secret: vault.BotToken}
	}
	return answer{secret: vault.BotToken, value: token, ok: true}
}

// Lengths of a bot's token and its parts.
const minTokenID, minToken, maxToken = 3, 20, 200

func notInToken(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// digitsOf returns the digits of a text of digits, blanks, dashes and what else
// may stand between them; false if there is anything else.
func digitsOf(text, between string) (string, bool) {
	var digits strings.Builder
	for _, r := range text {
		switch {
		case asciiDigit(r) != 0:
			digits.WriteRune(asciiDigit(r))
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), strings.ContainsRune(between, r):
		default:
			return "", false
		}
	}
	return digits.String(), digits.Len() > 0
}
