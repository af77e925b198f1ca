package telegram

import (
	"context"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/handlers/vault"
)

// exportToken asks for a token that a QR code shows. Once one was scanned the
// answer is the login itself, or where it is to be taken to. A repeat gives
// another token, and does not harm the one before.
func (w *World) exportToken(ctx context.Context, api *tg.Client) (tg.AuthLoginTokenClass, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	return api.AuthExportLoginToken(ctx, &tg.AuthExportLoginTokenRequest{APIID: w.cfg.APIID, APIHash: w.cfg.APIHash})
}

// importToken takes a token that was scanned to the account's data centre, over
// a line that is there.
func (w *World) importToken(ctx context.Context, api *tg.Client, token vault.Secret) (tg.AuthLoginTokenClass, error) {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	return api.AuthImportLoginToken(ctx, token)
}

// moveTo takes a line to another data centre, where it gets another key. To be
// there already is no error.
func (w *World) moveTo(ctx context.Context, a *attempt, dc int) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	now, err := a.draft.settled(ctx)
	if err != nil {
		return err
	}
	if at, err := parseSession(ctx, now); err == nil && at.DC == dc {
		return nil
	}
	if err := a.line.move(ctx, dc); err != nil {
		return err
	}
	return a.draft.movedTo(ctx, dc)
}
