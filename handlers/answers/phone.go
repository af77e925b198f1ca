package answers

import (
	"errors"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/natsgram/natsgram/events"
)

// Lengths of a number with its country code (ITU-T E.164).
const minPhone, maxPhone = 7, 15

// readPhone reads a phone number in the ways people write one and returns it as
// + and digits, or says what is wrong with it. It wants the country code: a
// number of the user's own country can't be told from others.
func readPhone(body string) (number string, why events.Refusal) {
	digits, international, ok := phoneDigits(body)
	switch {
	case !ok:
		return "", events.NotUnderstood
	case digits == "":
		return "", events.PhoneTooShort
	case !international && digits[0] == '0':
		return "", events.CountryMissing // 0171 …: within which country?
	case len(digits) > maxPhone+1: // one may be the zero in brackets
		return "", events.PhoneTooLong
	case ofTelegram(digits):
		if len(digits) < minPhone {
			return "", events.PhoneTooShort
		}
		return "+" + digits, ""
	}
	parsed, err := phonenumbers.Parse("+"+digits, "")
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return "", events.CountryUnknown
	case errors.Is(err, phonenumbers.ErrNumTooLong):
		return "", events.PhoneTooLong
	case err != nil:
		return "", events.PhoneTooShort
	}
	if !international && !phonenumbers.IsValidNumber(parsed) {
		return "", events.CountryMissing // the digits it begins with are likely none
	}
	switch phonenumbers.IsPossibleNumberWithReason(parsed) {
	case phonenumbers.TOO_SHORT, phonenumbers.INVALID_LENGTH, phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return "", events.PhoneTooShort
	case phonenumbers.TOO_LONG:
		return "", events.PhoneTooLong
	case phonenumbers.INVALID_COUNTRY_CODE:
		return "", events.CountryUnknown
	default:
		return phonenumbers.Format(parsed, phonenumbers.E164), ""
	}
}

// phoneDigits takes off what people write around and between the digits.
// International says that a + or 00 stood before them.
func phoneDigits(body string) (digits string, international, ok bool) {
	text := strings.TrimPrefix(strings.TrimSpace(body), "tel:")
	text = strings.TrimLeftFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || r == '(' || r == '（'
	})
	for _, plus := range []string{"+", "＋"} {
		if rest, found := strings.CutPrefix(text, plus); found {
			text, international = rest, true
			break
		}
	}
	if strings.TrimSpace(text) == "" {
		return "", international, international
	}
	digits, ok = Digits(text, "()（）./．")
	if rest, found := strings.CutPrefix(digits, "00"); ok && !international && found {
		digits, international = rest, true
	}
	return digits, international, ok
}

// ofTelegram reports whether a number is one of Telegram's own, of which no
// register of numbers knows: the anonymous ones sold on Fragment (+888), and
// those of its test servers (+999 66).
func ofTelegram(digits string) bool {
	return strings.HasPrefix(digits, "888") || strings.HasPrefix(digits, "99966")
}

// asciiDigit is the digit that a rune stands for on keyboards that people have,
// or 0 if it is none: plain, full-width, Arabic-Indic or its Persian form.
func asciiDigit(r rune) rune {
	for _, zero := range []rune{'0', '０', '٠', '۰'} {
		if r >= zero && r <= zero+9 {
			return '0' + r - zero
		}
	}
	return 0
}

// mask hides a number but for its country code and last digits.
func mask(number string) string {
	digits := strings.TrimPrefix(number, "+")
	if len(digits) < minPhone {
		return ""
	}
	country := digits[:3] // Telegram's own
	if !ofTelegram(digits) {
		if parsed, err := phonenumbers.Parse(number, ""); err == nil {
			country = strconv.Itoa(int(parsed.GetCountryCode()))
		}
	}
	shown := 4
	if len(digits) < 10 {
		shown = 2
	}
	return "+" + country + " ••••• ••" + digits[len(digits)-shown:]
}
