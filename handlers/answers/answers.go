// Package answers reads what a user types as the answer to a question of a
// login: a phone number, a code, a password, a bot's token, the name of an
// account to make. It knows the ways in which people write these and nothing
// else; what it can't read, it gives a reason for. The rooms, the web page and
// the provisioning API all read by it, so that a number that one takes, all take.
package answers

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// Answer is what a user's text says at a step of a login.
type Answer struct {
	Secret string // the name under which the vault keeps Value; empty of a consent
	Value  string
	Masked string         // what may be kept of a phone number
	OK     bool           // the bridge could make sense of it
	Why    events.Refusal // what is wrong with it if not, as far as the bridge can tell
	Name   string         // of the account to make, if it came with the number
}

// secretGrace is how long a secret outlives its attempt's deadline in the vault,
// so that the deadline, not the vault, ends the attempt.
const secretGrace = time.Minute

// Life is how long the vault is to keep a secret of an attempt from now on.
func Life(at projections.Attempt, now time.Time) time.Duration {
	return at.Deadline.Sub(now) + secretGrace
}

// Keep puts what an answer says into the vault for the attempt's Life, unless it
// could not be read. put is vault.Vault's PutAttempt.
func (a Answer) Keep(ctx context.Context, at projections.Attempt, now time.Time, put Put) error {
	for _, part := range [][2]string{{a.Secret, a.Value}, {vault.Name, a.Name}} {
		if !a.OK || part[0] == "" || part[1] == "" {
			continue
		}
		if err := put(ctx, at.ID, part[0], vault.Secret(part[1]), Life(at, now)); err != nil {
			return err
		}
	}
	return nil
}

// Put keeps a secret of an attempt.
type Put func(ctx context.Context, id events.AttemptID, name string, value vault.Secret, ttl time.Duration) error

// Submit is the command that gives the answer at the step that a is at, through
// a door.
func (a Answer) Submit(at projections.Attempt, via events.Channel) login.Submit {
	return login.Submit{
		Attempt: at.ID, Step: at.Step, Via: via, Readable: a.OK, Masked: a.Masked, Reason: a.Why,
		Bot: a.Secret == vault.BotToken, Named: a.Name != "",
	}
}

// Hindrance says why no answer is taken at this time, or is empty.
func Hindrance(a projections.Attempt, now time.Time) events.Refusal {
	switch {
	case a.Awaiting != "":
		return events.NotNow
	case now.Before(a.RetryAt):
		return events.FloodWait
	default:
		return ""
	}
}

// readAnswer reads a message for the step that asks for it, or checks what was
// asked for before.
func readAnswer(step events.Step, route events.Route, body string) Answer {
	switch step {
	case events.StepToken, events.StepCheckingToken:
		return readToken(body)
	case events.StepPhone, events.StepRequestingCode, events.StepQR:
		if a := readToken(body); a.OK {
			return a
		}
		a := Answer{Secret: vault.Phone}
		a.Value, a.Why = readPhone(body)
		a.OK, a.Masked = a.Value != "", mask(a.Value)
		return a
	case events.StepCode, events.StepResendingCode, events.StepCheckingCode:
		a := Answer{Secret: vault.Code}
		a.Value, a.OK = readCode(route, body)
		return a
	case events.StepPassword, events.StepCheckingPassword:
		// Every byte counts, blanks at the ends too.
		return Answer{Secret: vault.Password, Value: body, OK: body != ""}
	case events.StepPairing:
		return readPairing(body)
	default:
		return Answer{}
	}
}

// KindOf is what a message was read as at a step.
func KindOf(step events.Step) events.SecretKind {
	switch step {
	case events.StepCode, events.StepResendingCode, events.StepCheckingCode:
		return events.SecretCode
	case events.StepToken, events.StepCheckingToken:
		return events.SecretToken
	case events.StepPassword, events.StepCheckingPassword:
		return events.SecretPassword
	case events.StepTerms, events.StepSigningUp, events.StepConfirm, events.StepEntering, events.StepPairing:
		return "" // no secret
	default: // also of a name: what can't be read as one is likely the number
		return events.SecretPhone
	}
}

// Lengths of a code.
const minCode, maxCode = 3, 10

// maxWords bounds a code of words, in bytes.
const maxWords = 200

// WordRoute reports whether a code that came this way is made of words.
func WordRoute(r events.Route) bool { return r == events.RouteSMSWord || r == events.RouteSMSPhrase }

// readCode reads a login code, however its digits are grouped. Some routes bring
// another kind: words, or the whole number that called.
func readCode(route events.Route, body string) (code string, ok bool) {
	longest := maxCode
	switch {
	case WordRoute(route):
		words := strings.Join(strings.Fields(body), " ")
		if len(words) > maxWords {
			return "", false
		}
		return words, words != ""
	case route == events.RouteFlashCall:
		body, longest = strings.TrimPrefix(strings.TrimSpace(body), "+"), maxPhone
	}
	digits, ok := Digits(strings.TrimSpace(body), "")
	if !ok || len(digits) < minCode || len(digits) > longest {
		return "", false
	}
	return digits, true
}

// readToken reads a bot's token, as BotFather writes it: 123456:ABC-DEF….
func readToken(body string) Answer {
	token := strings.TrimSpace(body)
	id, secret, _ := strings.Cut(token, ":")
	digits := strings.Trim(id, "0123456789") == "" && len(id) >= minTokenID
	if !digits || len(secret) < minToken || len(token) > maxToken || strings.ContainsFunc(secret, notInToken) {
		return Answer{Secret: vault.BotToken}
	}
	return Answer{Secret: vault.BotToken, Value: token, OK: true}
}

// Lengths of a bot's token and its parts.
const minTokenID, minToken, maxToken = 3, 20, 200

func notInToken(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// Digits returns the digits of a text of digits, blanks, dashes and what else
// may stand between them; false if there is anything else.
func Digits(text, between string) (string, bool) {
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

// readPairing reads the code that pairs a browser with a Matrix user.
func readPairing(body string) Answer {
	code := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return -1
		}
	}, body)
	if len(code) != PairingLength {
		return Answer{Why: events.NotUnderstood}
	}
	return Answer{Value: code, OK: true}
}

// PairingLength is how many letters and digits a pairing code has.
const PairingLength = 6
