package telegram

import (
	"context"

	"github.com/gotd/td/tg"
)

// The calls about an account's sessions. A session ended twice is ended.

// authorizations lists the account's sessions (account.getAuthorizations).
func (c *client) authorizations(ctx context.Context) ([]tg.Authorization, error) {
	ctx, cancel := c.call(ctx)
	defer cancel()
	res, err := c.api().AccountGetAuthorizations(ctx)
	if err != nil {
		return nil, err
	}
	return res.Authorizations, nil
}

// resetAuthorization ends another session of the account (account.resetAuthorization).
func (c *client) resetAuthorization(ctx context.Context, hash int64) error {
	ctx, cancel := c.call(ctx)
	defer cancel()
	_, err := c.api().AccountResetAuthorization(ctx, hash)
	return err
}
