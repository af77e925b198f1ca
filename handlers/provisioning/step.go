package provisioning

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// The types of steps.
const (
	typeInput    = "user_input"
	typeWait     = "display_and_wait"
	typeComplete = "complete"
)

// stepPrefix is the namespace of our step IDs.
const stepPrefix = "org.natsgram.login."

// The IDs of steps: the same for every login, so that a client may treat one
// specially.
const (
	stepPhone    = stepPrefix + "phone"
	stepCode     = stepPrefix + "code"
	stepPassword = stepPrefix + "password"
	stepToken    = stepPrefix + "token"
	stepQR       = stepPrefix + "qr"
	stepTerms    = stepPrefix + "terms"
	stepName     = stepPrefix + "name"
	stepConfirm  = stepPrefix + "confirm"
	stepPairing  = stepPrefix + "pairing"
	stepWait     = stepPrefix + "wait"
	stepComplete = stepPrefix + "complete"
)

// The fields that a user fills.
const (
	fieldPhone    = "phone_number"
	fieldCode     = "code"
	fieldPassword = "password"
	fieldToken    = "token"
	fieldFirst    = "first_name"
	fieldLast     = "last_name"
	fieldConsent  = "consent"
)

// step is what a login process waits for, as bridgev2 shapes it.
type step struct {
	Process      events.AttemptID `json:"login_id"`
	Type         string           `json:"type"`
	ID           string           `json:"step_id"`
	Txn          string           `json:"txn_id"`
	Instructions string           `json:"instructions"`
	Input        *input           `json:"user_input,omitempty"`
	Show         *show            `json:"display_and_wait,omitempty"`
	Complete     *complete        `json:"complete,omitempty"`
}

type input struct {
	Fields      []field    `json:"fields"`
	Attachments []struct{} `json:"attachments"` // clients expect the list; ours is empty
}

type field struct {
	Type        string   `json:"type"`
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Options     []string `json:"options,omitempty"`
}

type show struct {
	Type string `json:"type"` // qr or nothing
	Data string `json:"data,omitempty"`
}

type complete struct {
	Login events.LoginID `json:"user_login_id"`
}

// asides are what the vault holds of an attempt that its user is to see.
type asides struct {
	qr   vault.Secret // what the QR code shows
	hint vault.Secret // for the password, or for a code of words
}

// stepOf is where a login process of the user stands: a step, or a problem if it
// has ended without a login or is not the user's. Asked twice of one state it
// says the same twice.
func stepOf(u projections.User, process events.AttemptID, known asides) (step, error) {
	if a := u.Attempt; a != nil && a.ID == process && process != "" {
		return question(*a, known), nil
	}
	o := u.Over
	switch {
	case o == nil || o.Attempt != process || process == "":
		return step{}, noProcess()
	case o.Login == "":
		return step{}, failure(*o)
	}
	s := step{Process: process, Type: typeComplete, ID: stepComplete, Complete: &complete{o.Login}, Instructions: successWords(u, *o)}
	s.Txn = digest(string(process), s.ID)
	return s, nil
}

// question is what a running attempt asks for.
func question(a projections.Attempt, known asides) step {
	s := step{Process: a.ID, Txn: txnOf(a), Instructions: instructions(a, known)}
	ask := func(id string, fields ...field) step {
		s.Type, s.ID, s.Input = typeInput, id, &input{Fields: fields, Attachments: []struct{}{}}
		return s
	}
	wait := func(id, kind, data string) step {
		s.Type, s.ID, s.Show = typeWait, id, &show{kind, data}
		return s
	}
	switch a.Step {
	case events.StepPhone:
		return ask(stepPhone, field{"phone_number", fieldPhone, "Phone number", "With + and the code of its country", nil})
	case events.StepCode:
		return ask(stepCode, field{"2fa_code", fieldCode, "Code", codeShape(a), nil})
	case events.StepPassword:
		return ask(stepPassword, field{"password", fieldPassword, "Two-step verification password", "The one set in Telegram, not your Matrix password", nil})
	case events.StepToken:
		return ask(stepToken, field{"token", fieldToken, "Bot token", "As BotFather gave it to you", nil})
	case events.StepTerms:
		return ask(stepTerms, field{"select", fieldConsent, "Terms of service", "Whether you accept them", []string{"accept", "decline"}})
	case events.StepConfirm:
		return ask(stepConfirm, field{"select", fieldConsent, "Log in", "Whether to log in to the account that the number has", []string{"yes", "no"}})
	case events.StepName:
		return ask(stepName, field{"username", fieldFirst, "First name", "Others on Telegram see it", nil}, field{"username", fieldLast, "Last name", "May be left empty", nil})
	case events.StepQR:
		if len(known.qr) == 0 {
			return wait(stepQR, "nothing", "") // none is given yet
		}
		return wait(stepQR, "qr", login.QRLink(known.qr))
	case events.StepPairing:
		return wait(stepPairing, "nothing", "")
	default:
		return wait(stepWait, "nothing", "")
	}
}

// codeShape says what a code looks like.
func codeShape(a projections.Attempt) string {
	switch {
	case answers.WordRoute(a.Route):
		return "Word for word; or resend for another code"
	case a.Route == events.RouteFlashCall:
		return "The whole number that called; or resend for another code"
	default:
		return "Its digits; or resend for another code"
	}
}

// txnOf names one question of an attempt: the same while it stands, another when
// it is asked again. A call that names one that is over is a repeated one.
func txnOf(a projections.Attempt) string {
	var rebuffed int64
	if a.Rebuff != nil {
		rebuffed = a.Rebuff.At.UnixMilli()
	}
	parts, _ := json.Marshal([]any{ // of strings and numbers: it always encodes
		a.ID, a.Step, a.Awaiting, a.Method, a.Turns, a.Tries, rebuffed, a.QR, a.Route, a.NextAt.UnixMilli(), a.RetryAt.UnixMilli(), a.Factors,
	})
	return digest(string(parts))
}

// digest is a name made of what it stands for.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return "ns_" + hex.EncodeToString(h.Sum(nil)[:16])
}

// isStep reports whether it is the ID of one of our steps.
func isStep(id string) bool {
	switch id {
	case stepPhone, stepCode, stepPassword, stepToken, stepQR, stepTerms, stepName, stepConfirm, stepPairing, stepWait, stepComplete:
		return true
	default:
		return false
	}
}

// settled reports whether a process waits for its user or has ended: nothing is
// to come from Telegram.
func settled(u projections.User, process events.AttemptID) bool {
	a := u.Attempt
	return a == nil || a.ID != process || a.Awaiting == ""
}
