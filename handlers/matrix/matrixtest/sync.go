package matrixtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

const (
	// syncFilter asks for no presence, and for more of a timeline than one answer mostly has.
	syncFilter = `{"presence":{"not_types":["*"]},"account_data":{"not_types":["*"]},"room":{"timeline":{"limit":100}}}`
	pageSize   = 100 // of a timeline's gap

	longPoll   = 30 * time.Second
	retryFirst = 20 * time.Millisecond
	retryMost  = 500 * time.Millisecond
)

// errEarly is an answer not to take. While a user joins, Dendrite can give out the
// room as joined before it knows its state; asked again, it tells all.
var errEarly = errors.New("the homeserver's answer is incomplete")

// errClosed is why waiting ends when the client was closed.
var errClosed = errors.New("the client is closed")

// syncUntil keeps the view up to date until the context ends or the homeserver
// refuses the user's token. While the homeserver is away it tries again, at
// most half a second apart. After an outage or an error it starts over from the
// beginning: a Dendrite that is being stopped can answer that there is nothing
// new, and skip what there was. What was seen already is recorded once.
func (c *Client) syncUntil(ctx context.Context) {
	since, retry := "", retryFirst
	for {
		if c.startOver.Swap(false) {
			since = ""
		}
		next, err := c.syncOnce(ctx, since)
		switch {
		case ctx.Err() != nil:
			c.view.end(errClosed)
			return
		case errors.Is(err, mautrix.MUnknownToken), errors.Is(err, mautrix.MMissingToken):
			c.view.end(fmt.Errorf("sync: %w", err))
			return
		case err != nil:
			timer := time.NewTimer(retry)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
			since, retry = "", min(2*retry, retryMost)
		default:
			since, retry = next, retryFirst
		}
	}
}

// syncOnce waits for news, records them and returns where to go on. An error
// means that nothing was recorded, or only what is recorded once when repeated.
func (c *Client) syncOnce(ctx context.Context, since string) (next string, err error) {
	req := mautrix.ReqSync{Since: since, FilterID: syncFilter}
	if since != "" {
		req.Timeout = int(longPoll.Milliseconds())
	}
	resp, err := c.api.FullSyncRequest(ctx, req)
	if err != nil {
		return "", err
	}
	for room, part := range resp.Rooms.Join {
		if c.view.early(room, part) {
			return "", errEarly
		}
		if err := c.fillGap(ctx, room, &part.Timeline); err != nil {
			return "", err
		}
	}
	if since == "" {
		if err := c.leaveMissing(ctx, resp); err != nil {
			return "", err
		}
	}
	for _, room := range c.view.apply(resp, time.Now()) {
		// Refused: the invite was withdrawn meanwhile, which the next answer tells.
		_ = c.Join(ctx, room)
	}
	return resp.NextBatch, nil
}

// leaveMissing adds to an answer from the beginning, which has no rooms that were
// left, those of them that the client still takes for joined.
func (c *Client) leaveMissing(ctx context.Context, resp *mautrix.RespSync) error {
	missing := c.view.missing(resp)
	if len(missing) == 0 {
		return nil
	}
	joined, err := c.api.JoinedRooms(ctx)
	if err != nil {
		return fmt.Errorf("list joined rooms: %w", err)
	}
	for _, room := range missing {
		if slices.Contains(joined.JoinedRooms, room) {
			return errEarly
		}
		if resp.Rooms.Leave == nil {
			resp.Rooms.Leave = make(map[id.RoomID]*mautrix.SyncLeftRoom)
		}
		resp.Rooms.Leave[room] = &mautrix.SyncLeftRoom{}
	}
	return nil
}

func (c *Client) wasSeen(evt *event.Event) bool { return c.view.wasSeen(evt.ID) }

// fillGap puts before a limited timeline what is missing since the last event seen.
func (c *Client) fillGap(ctx context.Context, room id.RoomID, timeline *mautrix.SyncTimeline) error {
	if !timeline.Limited || slices.ContainsFunc(timeline.Events, c.wasSeen) {
		return nil
	}
	var missing []*event.Event // newest first
	for from := timeline.PrevBatch; from != ""; {
		page, err := c.api.Messages(ctx, room, from, "", mautrix.DirectionBackward, nil, pageSize)
		if err != nil {
			return fmt.Errorf("fill gap: %w", err)
		}
		known := slices.IndexFunc(page.Chunk, c.wasSeen)
		if known >= 0 {
			missing = append(missing, page.Chunk[:known]...)
			break
		}
		missing = append(missing, page.Chunk...)
		if page.End == from || len(page.Chunk) == 0 {
			break
		}
		from = page.End
	}
	for _, evt := range missing {
		parse(evt, room)
	}
	slices.Reverse(missing)
	timeline.Events = append(missing, timeline.Events...)
	return nil
}
