package matrixtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Room is what the user has seen of a room so far.
func (c *Client) Room(room id.RoomID) Room {
	r, _, _ := look(c.view, func() Room { return c.view.room(room) })
	return r
}

// Rooms are all rooms the user has seen, those left and those invited to
// included, in the order in which they appeared.
func (c *Client) Rooms() []Room {
	rooms, _, _ := look(c.view, c.view.all)
	return rooms
}

// Timeline is the timeline of a room so far.
func (c *Client) Timeline(room id.RoomID) []*event.Event { return c.Room(room).Timeline }

// Invites are all invites the user has got, in the order in which they arrived,
// those accepted or declined included.
func (c *Client) Invites() []Invite {
	invites, _, _ := look(c.view, func() []Invite { return slices.Clone(c.view.invites) })
	return invites
}

// WaitFor returns a room as soon as the predicate holds for it, at once if it
// does already. It ends with an error that tells what was seen when the context
// ends, or the client can't sync any more. The predicate may use the Client.
func (c *Client) WaitFor(ctx context.Context, room id.RoomID, holds func(Room) bool) (Room, error) {
	r, err := wait(ctx, c.view, func() Room { return c.view.room(room) }, holds)
	if err != nil {
		return r, fmt.Errorf("%s waits in room %s: %w; %s", c.UserID(), room, err, r.describe(c.UserID()))
	}
	return r, nil
}

// WaitRoom returns the first of the user's rooms for which the predicate holds,
// as soon as there is one.
func (c *Client) WaitRoom(ctx context.Context, holds func(Room) bool) (Room, error) {
	var found Room
	rooms, err := wait(ctx, c.view, c.view.all, func(rooms []Room) bool {
		i := slices.IndexFunc(rooms, holds)
		if i >= 0 {
			found = rooms[i]
		}
		return i >= 0
	})
	if err != nil {
		return Room{}, fmt.Errorf("%s waits for a room: %w; knows %d rooms", c.UserID(), err, len(rooms))
	}
	return found, nil
}

// WaitMessage returns the first event that matches and comes after the given
// one in the room's timeline; after "" means from the beginning.
func (c *Client) WaitMessage(ctx context.Context, room id.RoomID, after id.EventID, matches Match) (*event.Event, error) {
	var found *event.Event
	_, err := c.WaitFor(ctx, room, func(r Room) bool {
		rest := r.Timeline
		if after != "" {
			i := slices.IndexFunc(rest, func(evt *event.Event) bool { return evt.ID == after })
			if i < 0 {
				return false // not seen yet, nor what follows it
			}
			rest = rest[i+1:]
		}
		if i := slices.IndexFunc(rest, matches); i >= 0 {
			found = rest[i]
		}
		return found != nil
	})
	return found, err
}

// WaitJoined returns when a user has joined a room, as a bot does that was invited.
func (c *Client) WaitJoined(ctx context.Context, room id.RoomID, user id.UserID) error {
	_, err := c.WaitFor(ctx, room, func(r Room) bool { return r.Member(user) == event.MembershipJoin })
	return err
}

// WaitInvite returns the first invite for which the predicate holds, as soon as
// there is one.
func (c *Client) WaitInvite(ctx context.Context, holds func(Invite) bool) (Invite, error) {
	var found Invite
	invites, err := wait(ctx, c.view, func() []Invite { return slices.Clip(c.view.invites) }, func(invites []Invite) bool {
		i := slices.IndexFunc(invites, holds)
		if i >= 0 {
			found = invites[i]
		}
		return i >= 0
	})
	if err != nil {
		return Invite{}, fmt.Errorf("%s waits for an invite: %w; got %d", c.UserID(), err, len(invites))
	}
	return found, nil
}

// wait reads, under the view's lock, until what was read fulfils the predicate.
func wait[T any](ctx context.Context, v *view, read func() T, holds func(T) bool) (T, error) {
	for {
		now, changed, ended := look(v, read)
		if holds(now) {
			return now, nil
		}
		if ended != nil {
			return now, ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now, context.Cause(ctx)
		}
	}
}

// Match says whether an event of a timeline is meant.
type Match func(*event.Event) bool

// From matches the messages of one sender.
func From(user id.UserID) Match {
	return func(evt *event.Event) bool { return evt.Type == event.EventMessage && evt.Sender == user }
}

// Saying matches messages that contain a text in their plain body.
func Saying(text string) Match {
	return func(evt *event.Event) bool {
		return evt.Type == event.EventMessage && strings.Contains(evt.Content.AsMessage().Body, text)
	}
}

// All matches what each of its parts matches.
func All(parts ...Match) Match {
	return func(evt *event.Event) bool {
		return !slices.ContainsFunc(parts, func(part Match) bool { return !part(evt) })
	}
}
