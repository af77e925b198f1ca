package telegram

import (
	"context"
	"time"

	"github.com/gotd/td/tg"
)

// devicesWait is how long a user waits to be told that Telegram can't be reached.
const devicesWait = 10 * time.Second

// The calls about an account's sessions. A session ended twice is ended.

// authorizations lists the account's sessions (account.getAuthorizations).
func (c *client) authorizations(ctx context.Context) ([]tg.Authorization, error) {
	ctx, cancel := context.WithTimeout(ctx, min(c.w.cfg.Timeout, devicesWait))
	defer cancel()
	res, err := c.api().AccountGetAuthorizations(ctx)
	if err != nil {
		return nil, err
	}
	return res.Authorizations, nil
}

// resetAuthorization ends another session of the account (account.resetAuthorization).
func (c *client) resetAuthorization(ctx context.Context, hash int64) error {
	ctx, cancel := context.WithTimeout(ctx, min(c.w.cfg.Timeout, devicesWait))
	defer cancel()
	_, err := c.api().AccountResetAuthorization(ctx, hash)
	return err
}
