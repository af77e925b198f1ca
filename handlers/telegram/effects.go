package telegram

import (
	"context"
	"fmt"
	"time"

	"github.com/gotd/td/telegram/auth"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/handlers/vault"
)

// The calls of a login. Each has a deadline, and is safe to repeat because the
// steps (login.go) ask first whether it was done.

// standing is how far Telegram says a session has come.
type standing int

const (
	standsOutside standing = iota
	standsBeforePassword
	standsInside
)

// whoAmI asks how far the session has come. users.getUsers answers any session.
func (w *World) whoAmI(ctx context.Context, api *tg.Client) (standing, *tg.User, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	users, err := api.UsersGetUsers(ctx, []tg.InputUserClass{&tg.InputUserSelf{}})
	switch {
	case tgerr.Is(err, "SESSION_PASSWORD_NEEDED"):
		return standsBeforePassword, nil, nil
	case notAuthorised(err):
		return standsOutside, nil, nil
	case err != nil:
		return standsOutside, nil, err
	}
	self, ok := tg.UserClassArray(users).FirstAsNotEmpty()
	if !ok {
		return standsOutside, nil, fmt.Errorf("users.getUsers gave nobody")
	}
	return standsInside, self, nil
}

// maxTokens is how many tokens auth.sendCode takes.
const maxTokens = 20

// sendCode has Telegram send a login code. A repeat sends another code or the
// same; the newest hash counts. With a token of the account's last logout here
// Telegram may want no code.
func (w *World) sendCode(ctx context.Context, api *tg.Client, phone vault.Secret, tokens []vault.Token) (tg.AuthSentCodeClass, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	req := &tg.AuthSendCodeRequest{PhoneNumber: phone.Reveal(), APIID: w.cfg.APIID, APIHash: w.cfg.APIHash}
	if len(tokens) > 0 {
		var values [][]byte
		for _, t := range tokens[:min(len(tokens), maxTokens)] {
			values = append(values, t.Value)
		}
		req.Settings.SetLogoutTokens(values)
	}
	return api.AuthSendCode(ctx, req)
}

// resendCode has Telegram send a code by the next route. The hash may change.
func (w *World) resendCode(ctx context.Context, api *tg.Client, phone, hash vault.Secret) (tg.AuthSentCodeClass, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	return api.AuthResendCode(ctx, &tg.AuthResendCodeRequest{PhoneNumber: phone.Reveal(), PhoneCodeHash: hash.Reveal()})
}

// signIn tries a code.
func (w *World) signIn(ctx context.Context, api *tg.Client, phone, hash, code vault.Secret) (tg.AuthAuthorizationClass, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	req := &tg.AuthSignInRequest{PhoneNumber: phone.Reveal(), PhoneCodeHash: hash.Reveal()}
	req.SetPhoneCode(code.Reveal())
	return api.AuthSignIn(ctx, req)
}

// importBot tries a bot's token.
func (w *World) importBot(ctx context.Context, api *tg.Client, token vault.Secret) (tg.AuthAuthorizationClass, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	return api.AuthImportBotAuthorization(ctx, &tg.AuthImportBotAuthorizationRequest{
		APIID: w.cfg.APIID, APIHash: w.cfg.APIHash, BotAuthToken: token.Reveal(),
	})
}

// checkPassword answers Telegram's challenge for the two-factor password. A
// challenge is good for one answer and may age: SRP_ID_INVALID asks for another.
func (w *World) checkPassword(ctx context.Context, api *tg.Client, password vault.Secret) (tg.AuthAuthorizationClass, error) {
	if err := w.srp.enter(ctx); err != nil {
		return nil, err
	}
	defer w.srp.leave()
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	for try := 0; ; try++ {
		challenge, err := api.AccountGetPassword(ctx)
		if err != nil {
			return nil, err
		}
		if !challenge.HasPassword {
			return nil, errNoPassword
		}
		answer, err := auth.PasswordHash(password, challenge.SRPID, challenge.SRPB, challenge.SecureRandom, challenge.CurrentAlgo)
		if err != nil {
			return nil, fmt.Errorf("compute the password check: %w", err)
		}
		res, err := api.AuthCheckPassword(ctx, answer)
		if try < 2 && tgerr.Is(err, "SRP_ID_INVALID", "SRP_PASSWORD_CHANGED", "SRP_A_INVALID") {
			continue
		}
		return res, err
	}
}

// passwordHint asks for the hint to the password; empty if there is none, or
// if it can't be had: the login goes on without.
func (w *World) passwordHint(ctx context.Context, api *tg.Client) vault.Secret {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	p, err := api.AccountGetPassword(ctx)
	if err != nil {
		return nil
	}
	return vault.Secret(p.Hint)
}

// cancelCode tells Telegram that a code is no longer wanted.
func (w *World) cancelCode(ctx context.Context, api *tg.Client, phone, hash vault.Secret) error {
	_, err := api.AuthCancelCode(ctx, &tg.AuthCancelCodeRequest{PhoneNumber: phone.Reveal(), PhoneCodeHash: hash.Reveal()})
	return err
}

// logOut ends the session at Telegram. One that is ended already is ended. The
// token, if Telegram gives one, lets the account in again without a code.
func (w *World) logOut(ctx context.Context, api *tg.Client) (token vault.Secret, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	out, err := api.AuthLogOut(ctx)
	switch {
	case notAuthorised(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return out.FutureAuthToken, nil
}

// dataCentre asks which one a line has come to (help.getNearestDc).
func dataCentre(ctx context.Context, api *tg.Client) (int, error) {
	near, err := api.HelpGetNearestDC(ctx)
	if err != nil {
		return 0, err
	}
	return near.ThisDC, nil
}

// ping is a cheap call that tells whether a session works, and how fast.
func (w *World) ping(ctx context.Context, api *tg.Client) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, min(w.cfg.Timeout, 10*time.Second))
	defer cancel()
	began := time.Now()
	_, err := api.UsersGetUsers(ctx, []tg.InputUserClass{&tg.InputUserSelf{}})
	return time.Since(began), err
}
