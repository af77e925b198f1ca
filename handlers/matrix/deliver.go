package matrix

import (
	"context"
	"errors"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/projections"
)

// Bounds of a look back for what may have been sent before.
const (
	pageSize  = 100
	pagesBack = 20
)

// rememberSent is how many deliveries are remembered until their outcome is
// stored and acknowledged: more than are ever under way.
const rememberSent = 4096

// courier delivers each letter once. What it holds is only in memory:
//
//   - An event recorded before this courier began may have been delivered by
//     the one before, which died. The room is searched once for all of those.
//   - A delivery of this courier whose outcome is unknown is in doubt, until
//     it is found in the room, or not found twice.
//   - A delivery whose outcome could not be stored is remembered.
type courier struct {
	hs     *homeserver
	who    identities
	thread func(events.UID, func(projections.Thread))
	doubts *doubts

	mu    sync.Mutex
	began time.Time                                   // when the first event was handled
	found map[id.RoomID]map[events.EventID]id.EventID // by the first search of each room
	sent  map[events.EventID]id.EventID
	order []events.EventID // of sent, oldest first
}

func newCourier(b *Bridge) *courier {
	return &courier{
		hs: b.hs, who: b.who, thread: b.deps.Messages.View, doubts: newDoubts(),
		found: map[id.RoomID]map[events.EventID]id.EventID{}, sent: map[events.EventID]id.EventID{},
	}
}

// parcel is a letter with its address.
type parcel struct {
	portal events.UID
	room   id.RoomID
	user   id.UserID // who says it
	said   time.Time // zero for now
	letter letter
}

// deliver sends p because of e, unless that was done before.
func (c *courier) deliver(ctx context.Context, e events.Event, p parcel) (id.EventID, error) {
	sent, err := c.lookUp(ctx, e, p)
	if err != nil || sent != "" {
		return sent, err
	}
	sent, err = c.hs.send(ctx, p.room, p.user, txnOf(e.ID, p.user), p.said, &p.letter)
	switch {
	case outcomeUnknown(err):
		c.doubts.raise(e.ID)
	case err == nil:
		c.remember(e.ID, sent)
	}
	return sent, err
}

// lookUp returns what was sent because of e, "" if nothing was.
func (c *courier) lookUp(ctx context.Context, e events.Event, p parcel) (id.EventID, error) {
	c.mu.Lock()
	if c.began.IsZero() {
		c.began = time.Now()
	}
	sent, known := c.sent[e.ID]
	searched := c.found[p.room]
	old := !e.Time.After(c.began)
	c.mu.Unlock()
	if known {
		return sent, nil
	}
	if c.doubts.about(e.ID) {
		return c.search(ctx, e, p)
	}
	if !old {
		return "", nil
	}
	if searched == nil {
		var err error
		if searched, err = c.copiesIn(ctx, p.room, p.portal); err != nil {
			return "", err
		}
		c.mu.Lock()
		c.found[p.room] = searched
		c.mu.Unlock()
	}
	return searched[e.ID], nil
}

// search looks for the delivery that is in doubt.
func (c *courier) search(ctx context.Context, e events.Event, p parcel) (id.EventID, error) {
	copies, err := c.copiesIn(ctx, p.room, p.portal)
	if err != nil {
		return "", err
	}
	if sent := copies[e.ID]; sent != "" {
		c.doubts.settle(e.ID)
		c.remember(e.ID, sent)
		return sent, nil
	}
	if again := c.doubts.absent(e.ID, time.Now()); !again.IsZero() {
		return "", journal.NotBefore(again, errors.New("a message may still be on its way"))
	}
	return "", nil
}

// copiesIn reads a room from its newest event back to the last message whose
// delivery is recorded: deliveries are recorded in order. It returns what the
// bridge sent since, by the event that it was sent for.
func (c *courier) copiesIn(ctx context.Context, room id.RoomID, portal events.UID) (map[events.EventID]id.EventID, error) {
	copies := map[events.EventID]id.EventID{}
	from := ""
	for range pagesBack {
		page, next, err := c.hs.recent(ctx, room, from, pageSize)
		if err != nil {
			return nil, err
		}
		for _, evt := range page {
			if c.isRecorded(portal, evt) {
				return copies, nil
			}
			// Somebody else could write the key into a message of theirs.
			if cause, ok := evt.Content.Raw[causeKey].(string); ok && c.who.isOurs(evt.Sender) {
				copies[events.EventID(cause)] = evt.ID
			}
		}
		if next == "" || next == from || len(page) == 0 {
			break
		}
		from = next
	}
	return copies, nil
}

func (c *courier) isRecorded(portal events.UID, evt *event.Event) (recorded bool) {
	c.thread(portal, func(t projections.Thread) {
		p, ok := t.ByEvent(events.MatrixEventID(evt.ID))
		recorded = ok && p.Side == events.OnTelegram && p.State == projections.Copied
	})
	return recorded
}

func (c *courier) remember(cause events.EventID, sent id.EventID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.sent[cause]; !ok {
		c.order = append(c.order, cause)
	}
	c.sent[cause] = sent
	if len(c.order) > rememberSent {
		delete(c.sent, c.order[0])
		c.order = c.order[1:]
	}
}
