package weblogin

import (
	"net/http"
	"strconv"

	"rsc.io/qr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// page shows where the attempt stands, whichever way it came there.
func (s *Site) page(v visit) {
	if mode := v.r.Header.Get("Sec-Fetch-Mode"); mode == "navigate" || mode == "" { // not the script by itself
		v.touch()
	}
	v.showPage(http.StatusOK, outcome{})
}

func (v *visit) showPage(status int, o outcome) {
	u := v.Users.Get(v.b.User)
	in := input{
		User: u, Attempt: v.b.Attempt, Now: v.now(), Closes: v.closes(v.b), Base: v.base, Languages: v.r.Header.Get("Accept-Language"),
		Stale: o.stale, Refused: o.refused,
	}
	in.Fixed = !in.Closes.Before(v.b.Born.Add(v.cfg.Longest))
	step := ""
	if a := u.Attempt; a != nil && a.ID == v.b.Attempt {
		step = string(a.Step)
		switch a.Step {
		case events.StepCode, events.StepPassword:
			in.Hint = v.secret(vault.Hint)
		case events.StepPairing:
			in.Pairing = v.pairing(u, *a)
		case events.StepQR:
			if token := v.secret(vault.QRToken); token != "" {
				in.QRLink = login.QRLink([]byte(token))
			}
		default:
			// Nothing secret is shown.
		}
	}
	in.Form = formToken(v.b, step)
	v.show(v.w, status, viewOf(in))
}

// pairing is the code that the page shows, made when it is shown first: one, also
// if two tabs ask for it at once. A login that is to be paired is for one browser
// alone (login.MakeLink); nor is one shown it that came in before that was so.
func (v *visit) pairing(u projections.User, a projections.Attempt) string {
	if _, newest, _ := u.Link(v.b.Link); !newest {
		return ""
	}
	defer v.Turns.Take(v.b.User)()
	if code := v.secret(vault.Pairing); code != "" {
		return code
	}
	code := pairingCode()
	if err := v.Vault.PutAttempt(v.r.Context(), a.ID, vault.Pairing, code, answers.Life(a, v.now())); err != nil {
		v.Log.Warn().Err(err).Str("attempt", string(a.ID)).Msg("the page has no code to show")
		return ""
	}
	return code.Reveal()
}

// qr is the picture of the code that is to be scanned now.
func (s *Site) qr(v visit) {
	a, token := v.attempt(), ""
	if a != nil && a.Step == events.StepQR && strconv.Itoa(a.QR) == v.r.URL.Query().Get("n") {
		token = v.secret(vault.QRToken)
	}
	if token == "" {
		http.NotFound(v.w, v.r) // renewed or scanned meanwhile
		return
	}
	code, err := qr.Encode(login.QRLink([]byte(token)), qr.M)
	if err != nil {
		v.unwell(v.w, v.r, err)
		return
	}
	v.w.Header().Set("Content-Type", "image/png")
	_, _ = v.w.Write(code.PNG())
}
