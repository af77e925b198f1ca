package telegram

import (
	"context"
	"strings"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/handlers/vault"
)

// signUp makes an account for a number whose code was right. The name is the
// first and, on a line of its own, the last.
func (w *World) signUp(ctx context.Context, api *tg.Client, phone, hash, name vault.Secret) (tg.AuthAuthorizationClass, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	first, last, _ := strings.Cut(name.Reveal(), "\n")
	return api.AuthSignUp(ctx, &tg.AuthSignUpRequest{
		PhoneNumber: phone.Reveal(), PhoneCodeHash: hash.Reveal(), FirstName: first, LastName: last,
	})
}

// acceptTerms accepts the terms of service with that ID. A repeat changes nothing.
func (w *World) acceptTerms(ctx context.Context, api *tg.Client, id vault.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	_, err := api.HelpAcceptTermsOfService(ctx, tg.DataJSON{Data: id.Reveal()})
	return err
}
