package management

import (
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// TestQRWords holds that whatever goes wrong with a code, the user reads what
// happens next or what to do.
func TestQRWords(t *testing.T) {
	retry := time.Date(2026, 11, 1, 12, 0, 37, 0, time.UTC)
	u := projections.User{Attempt: &projections.Attempt{ID: "a", Step: events.StepQR}, Logins: []projections.Login{{ID: "l", Name: "Alice"}}}
	for want, fact := range map[string]events.Fact{
		"I show another in a moment: please scan that one": &events.QRRejected{Rejection: events.Rejection{Reason: events.BadQR, Error: "AUTH_TOKEN_EXPIRED", Next: events.StepQR}},
		"gives another QR code at 12:00 UTC (in 37 s)":     &events.QRRejected{Rejection: events.Rejection{Reason: events.FloodWait, RetryAt: retry, Next: events.StepQR}},
		"refused with `ODD`. Please try again. Please send me your phone number": &events.QRRejected{
			Rejection: events.Rejection{Reason: events.TelegramError, Error: "ODD", Next: events.StepPhone}},
		"Let's connect Alice again; your rooms are kept. You have 10 min. I am asking": &events.LoginStarted{
			Attempt: "a", Login: "l", Method: events.MethodQR, Deadline: time.Date(2026, 11, 1, 12, 10, 0, 0, time.UTC)},
		"I don't read edited messages. Please scan": &events.InputRefused{Attempt: "a", Step: events.StepQR, Reason: events.NotAnEdit},
		"The country code is missing":               &events.InputRefused{Attempt: "a", Step: events.StepQR, Reason: events.CountryMissing},
		"answer about the QR code":                  &events.InputRefused{Attempt: "a", Step: events.StepRequestingQR, Reason: events.NotNow},
		"could not delete a picture of your QR":     &events.SecretRedacted{What: events.SecretQR, Error: "M_FORBIDDEN"},
		"Your phone has scanned the code":           &events.PasswordRequired{Factor: events.FactorQR},
	} {
		if text := says(t, u, fact); !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
	n := qrWords(*u.Attempt, vault.Secret("token"))
	if !strings.Contains(n.html, "<code>tg://login?token=dG9rZW4</code>") || strings.Contains(n.body, "**") {
		t.Errorf("%+v", n)
	}
}
