package telegram

import (
	"context"

	"github.com/gotd/td/session"
	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/transport"
)

// resolver finds the data centre of a stored session among those that Telegram
// itself has named, if the configuration does not: of a test server it names
// one, and an account may be at home in another. gotd stores what Telegram
// named, but does not read it again.
type resolver struct {
	dcs.Resolver
	storage session.Storage
}

// Primary connects to a data centre.
func (r resolver) Primary(ctx context.Context, dc int, list dcs.List) (transport.Conn, error) {
	if len(dcs.FindPrimaryDCs(list.Options, dc, false)) == 0 {
		if data, err := (&session.Loader{Storage: r.storage}).Load(ctx); err == nil {
			list.Options = data.Config.DCOptions
		}
	}
	return r.Resolver.Primary(ctx, dc, list)
}
