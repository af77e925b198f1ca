package answers

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// maxName is how long Telegram lets the first name be, and the last.
const maxName = 64

// readRegistration reads the number and the name of an account to make, in
// either order; one of them may be missing.
func readRegistration(body string) Answer {
	number, why, name := splitRegistration(body)
	a := Answer{Secret: vault.Phone, Value: number, Why: why, Masked: mask(number)}
	if name != "" {
		first, last, bad := splitName(name)
		if bad != "" {
			return Answer{Secret: vault.Phone, Why: bad}
		}
		a.Name = nameSecret(first, last)
	}
	a.OK = number != "" || why == "" && a.Name != ""
	return a
}

// readName reads the name of an account to make.
func readName(body string) Answer {
	first, last, why := splitName(body)
	if hasNumber(body) {
		why = events.BadName
	}
	if why != "" {
		return Answer{Secret: vault.Name, Why: why}
	}
	return Answer{Secret: vault.Name, Value: nameSecret(first, last), OK: true}
}

// Account reads the name and the number of an account to make, each from its own
// field.
func Account(first, last, number string) Answer {
	a := Name(first, last)
	if !a.OK {
		return Answer{Secret: vault.Phone, Why: a.Why}
	}
	full := a.Value
	a = Answer{Secret: vault.Phone, Name: full}
	a.Value, a.Why = readPhone(number)
	a.OK, a.Masked = a.Value != "", mask(a.Value)
	return a
}

// Name reads the name of an account to make, given in parts.
func Name(first, last string) Answer {
	first, last = strings.Join(strings.Fields(first), " "), strings.Join(strings.Fields(last), " ")
	_, _, bad := splitName(first)
	switch {
	case utf8.RuneCountInString(first) > maxName, utf8.RuneCountInString(last) > maxName:
		bad = events.NameTooLong
	case hasNumber(first + last):
		bad = events.BadName
	}
	if bad != "" {
		return Answer{Secret: vault.Name, Why: bad}
	}
	return Answer{Secret: vault.Name, Value: nameSecret(first, last), OK: true}
}

func nameSecret(first, last string) string { return strings.TrimSuffix(first+"\n"+last, "\n") }

// splitRegistration finds where the number ends and the name begins. What of
// the digits is the name's is told by the number: it is the longest that is one.
// No number and no reason: none was given.
func splitRegistration(body string) (number string, why events.Refusal, name string) {
	words := strings.Fields(body)
	from := slices.IndexFunc(words, beginsNumber)
	if from < 0 {
		return "", "", strings.Join(words, " ")
	}
	words[from] = strings.TrimPrefix(words[from], "tel:")
	before, rest := words[:from], strings.Join(words[from:], " ")
	end := strings.IndexFunc(rest, func(r rune) bool { return !inNumber(r) })
	if end < 0 {
		end = len(rest)
	}
	number, why = readPhone(rest[:end])
	for cut := end; number == "" && why != events.CountryMissing && end < len(rest); {
		if cut = strings.LastIndexByte(strings.TrimRight(rest[:cut], " "), ' '); cut < 0 {
			break
		}
		if shorter, _ := readPhone(rest[:cut]); shorter != "" && !strings.ContainsAny(rest[cut:end], "+＋") {
			number, why, end = shorter, "", cut
		}
	}
	return number, why, tidy(strings.Join(before, " ") + " " + rest[end:])
}

// beginsNumber reports whether a word may be the first of a phone number.
func beginsNumber(word string) bool {
	word = strings.TrimPrefix(word, "tel:")
	digit := strings.IndexFunc(word, func(r rune) bool { return asciiDigit(r) != 0 })
	for i, r := range word {
		switch {
		case r == '+' || r == '＋' || i == digit:
			return true
		case !inNumber(r):
			return false
		}
	}
	return false
}

func inNumber(r rune) bool {
	return asciiDigit(r) != 0 || unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) ||
		strings.ContainsRune("+＋()（）./．", r)
}

// tidy takes off what people put between a number and a name, or around it.
func tidy(name string) string {
	return strings.TrimFunc(name, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(",;:|/()<>[]\"'“”„«»`", r)
	})
}

// splitName tells the first name from the last: the last word is the last name,
// with the particles before it and what follows a name; one word is a first
// name; and in "Liddell, Alice" it is the other way round.
func splitName(full string) (first, last string, why events.Refusal) {
	full = tidy(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, full))
	if !strings.ContainsFunc(full, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) }) {
		return "", "", events.BadName
	}
	if family, given, turned := strings.Cut(full, ","); turned && !isSuffix(tidy(given)) {
		first, last = strings.Join(strings.Fields(tidy(given)), " "), strings.Join(strings.Fields(family), " ")
	} else {
		words := strings.Fields(strings.ReplaceAll(full, ",", " "))
		at := lastName(words)
		first, last = strings.Join(words[:at], " "), strings.Join(words[at:], " ")
	}
	if utf8.RuneCountInString(first) > maxName || utf8.RuneCountInString(last) > maxName {
		return "", "", events.NameTooLong
	}
	return first, last, ""
}

// lastName is where the last name begins; somebody with one name has none.
func lastName(words []string) int {
	at := len(words) - 1
	if at > 1 && isSuffix(words[at]) {
		at--
	}
	if at < 1 {
		return len(words)
	}
	for at > 1 && isParticle(words[at-1]) {
		at--
	}
	return at
}

// isSuffix reports whether a word follows a name: "Jr.", "III".
func isSuffix(word string) bool {
	switch strings.ToLower(strings.Trim(word, ".")) {
	case "jr", "sr", "jun", "sen", "ii", "iii", "iv", "phd", "md", "esq":
		return true
	default:
		return false
	}
}

// isParticle reports whether a word belongs to the name after it: "van", "de la".
// Those that may be a name of their own are particles only in small letters.
func isParticle(word string) bool {
	switch strings.ToLower(word) {
	case "van", "von", "vom", "der", "den", "de", "del", "della", "dello", "dos", "du", "des", "ter", "ten", "zu", "zur", "zum", "ibn", "bin", "bint":
		return true
	}
	switch word {
	case "da", "das", "do", "di", "la", "las", "le", "los", "al", "el", "ben", "af", "av", "y", "e", "und", "of", "the", "st", "st.", "'t", "op":
		return true
	default:
		return false
	}
}

// Consents reports whether a message says yes.
func Consents(body string) bool {
	switch bare(body) {
	case "accept", "i accept", "accepted", "agree", "i agree", "yes", "y", "ok", "okay", "yes please":
		return true
	default:
		return false
	}
}

// Declines reports whether a message says no.
func Declines(body string) bool {
	switch bare(body) {
	case "no", "n", "no thanks", "decline", "i decline", "reject", "refuse":
		return true
	default:
		return false
	}
}

// bare is a short answer without what may stand around it.
func bare(body string) string {
	return strings.ToLower(strings.ReplaceAll(strings.Trim(body, "!/.,`'\" \n\t"), ",", ""))
}

// ConsentAsked reports whether a step waits for a yes or no.
func ConsentAsked(step events.Step) bool {
	return step == events.StepTerms || step == events.StepConfirm
}

// Read reads a text for the step that an attempt is at. Named says that it came
// where a name alone will do, too, in place of a number.
func Read(a projections.Attempt, text string, named bool) Answer {
	switch {
	case ConsentAsked(a.Step):
		return Answer{OK: Consents(text), Why: events.NotUnderstood}
	case a.Step == events.StepName:
		return readName(text)
	case a.Step == events.StepPhone && a.Method == events.MethodRegister:
		if readToken(text).OK {
			return Answer{Secret: vault.BotToken, Why: events.NotUnderstood}
		}
		read := readRegistration(text)
		if read.Value == "" && !named {
			read.OK, read.Why = false, cmp.Or(read.Why, events.NotUnderstood)
		}
		return read
	default:
		return readAnswer(a.Step, a.Route, text)
	}
}

// SecretIn is what a text that no step asked for may hold that is secret.
func SecretIn(text string) events.SecretKind {
	switch {
	case slices.ContainsFunc(strings.Fields(text), func(word string) bool { return readToken(word).OK }):
		return events.SecretToken
	case hasNumber(text):
		return events.SecretPhone
	default:
		return ""
	}
}

// hasNumber reports whether a text has as many digits as a phone number.
func hasNumber(text string) bool {
	digits := 0
	for _, r := range text {
		if asciiDigit(r) != 0 {
			digits++
		}
	}
	return digits >= minPhone
}
