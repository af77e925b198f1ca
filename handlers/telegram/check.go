package telegram

import (
	"context"
	"fmt"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"
)

// Check reaches a data centre and has Telegram look at api_id and api_hash. It
// logs nobody in and sends nobody a code. Its error is a sentence for whoever
// runs the bridge.
func (w *World) Check(ctx context.Context) error {
	d := newDraft(nil)
	l := w.dial.open(d, hooks{state: d.onState})
	defer l.close()
	if err := l.wait(ctx, w.cfg.Timeout); err != nil {
		if tgerr.Is(err, "API_ID_INVALID", "CONNECTION_API_ID_INVALID") {
			return fmt.Errorf("this api_id is unknown to Telegram: %w", err)
		}
		return fmt.Errorf("no data centre of Telegram can be reached: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	if _, err := l.api.HelpGetConfig(ctx); err != nil {
		return fmt.Errorf("no answer from Telegram: %w", err)
	}
	// The token is never shown to anybody; it shows that the two belong together.
	_, err := l.api.AuthExportLoginToken(ctx, &tg.AuthExportLoginTokenRequest{APIID: w.cfg.APIID, APIHash: w.cfg.APIHash})
	if tgerr.Is(err, "API_ID_INVALID", "API_ID_PUBLISHED_FLOOD") {
		return fmt.Errorf("api_id and api_hash are not taken by Telegram: %w", err)
	}
	if err != nil && !answered(err) {
		return fmt.Errorf("no answer from Telegram: %w", err)
	}
	return nil
}
