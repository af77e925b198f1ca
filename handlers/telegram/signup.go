package telegram

import (
	"context"
	"strings"
	"unicode/utf16"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
)

// signUpRequired takes Telegram's word that the number has no account. Terms
// are nil if Telegram sent none.
func (s step) signUpRequired(ctx context.Context, terms *tg.HelpTermsOfService) error {
	if s.at.Method != events.MethodRegister {
		return s.refuseFor(ctx, "PHONE_NUMBER_UNOCCUPIED")
	}
	c, id := login.NeedSignUp{Of: s.e.ID}, vault.Secret(nil)
	if terms != nil {
		c.Terms, c.MinAge, id = legible(terms.Text, terms.Entities), terms.MinAgeConfirm, vault.Secret(terms.ID.Data)
	}
	if err := s.keep(ctx, vault.Terms, id); err != nil {
		return err
	}
	return s.commit(ctx, c, vault.Code)
}

// trySignUp makes the account. After a lost answer Telegram is asked first: the
// account may be there, and this session in it.
func (s step) trySignUp(ctx context.Context) error {
	a, done, err := s.resume(ctx)
	if err != nil || done {
		return err
	}
	var secrets [3]vault.Secret
	for i, name := range []string{vault.Phone, vault.CodeHash, vault.Name} {
		if secrets[i], err = s.secret(ctx, name); err != nil {
			return err
		}
	}
	res, err := s.w.signUp(ctx, a.line.api, secrets[0], secrets[1], secrets[2])
	if err != nil {
		return s.failed(ctx, a, err)
	}
	return s.authorised(ctx, a, res)
}

// enter lets the user in to the account that the number has: they were asked,
// and Telegram has taken the code before.
func (s step) enter(ctx context.Context) error {
	a, err := s.w.attempts.get(ctx, s.at)
	if err != nil {
		return s.failed(ctx, nil, err)
	}
	where, self, err := s.w.whoAmI(ctx, a.line.api)
	switch {
	case err != nil:
		return s.failed(ctx, a, err)
	case where == standsInside:
		return s.letIn(ctx, a, self)
	case where == standsBeforePassword:
		return s.needPassword(ctx, a)
	default:
		return s.refuseFor(ctx, "AUTH_KEY_UNREGISTERED") // ended from elsewhere meanwhile
	}
}

// acceptTerms tells Telegram which terms the user has accepted. The account is
// made and the user has accepted: what Telegram says to it changes nothing.
func (s step) acceptTerms(ctx context.Context, a *attempt) {
	id, err := s.w.deps.Vault.Attempt(ctx, s.at.ID, vault.Terms)
	if err != nil {
		return // Telegram sent none
	}
	if err := s.w.acceptTerms(ctx, a.line.api, id); err != nil {
		s.w.log.Warn().Err(err).Str("attempt", string(s.at.ID)).Msg("Telegram was not told that its terms are accepted")
	}
}

// legible is a text whose links can be followed without its formatting.
func legible(text string, entities []tg.MessageEntityClass) string {
	units := utf16.Encode([]rune(text))
	var out strings.Builder
	from := 0
	for _, e := range entities {
		link, ok := e.(*tg.MessageEntityTextURL)
		if !ok || link.Offset < from || link.Length < 0 || link.Offset+link.Length > len(units) {
			continue
		}
		to := link.Offset + link.Length
		out.WriteString(string(utf16.Decode(units[from:to])) + " (" + link.URL + ")")
		from = to
	}
	out.WriteString(string(utf16.Decode(units[from:])))
	return out.String()
}
