package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// roomPatience is how long a handler waits for a portal's room before it lets
// the journal call it again.
const roomPatience = 20 * time.Second

// DressReactor makes rooms look like their chats: name, topic, picture, ghosts.
// It is apart from PortalReactor so that no room waits for another's picture.
func (b *Bridge) DressReactor() journal.Reactor {
	return journal.Reactor{
		Name: "matrix-dress", Stream: events.Portal, Ready: b.deps.Portals.WaitFor,
		Only: []events.Type{(*events.ChatDescribed)(nil).Type(), (*events.MembersChanged)(nil).Type()},
		Handle: func(ctx context.Context, e events.Event) error {
			switch f := e.Fact.(type) {
			case *events.ChatDescribed:
				return b.onChatDescribed(ctx, e, f)
			case *events.MembersChanged:
				return b.onMembersChanged(ctx, e, f)
			default:
				return nil
			}
		},
	}
}

// awaitRoom returns the portal as soon as it has a room, or has failed to get
// one, or else an error to be called again.
func (b *Bridge) awaitRoom(ctx context.Context, uid events.UID) (projections.Portal, error) {
	timer := time.NewTimer(roomPatience)
	defer timer.Stop()
	for {
		changed := b.deps.Portals.Changed()
		p := b.deps.Portals.Get(uid)
		if p.Room != "" || p.Failed != "" {
			return p, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return p, journal.Down(errors.New("the portal's room is still to be made"))
		case <-ctx.Done():
			return p, ctx.Err()
		}
	}
}

// dressing is the carrying out of one description. A step that the homeserver
// refuses is missed; one that it can't answer ends the try, and the next does
// what the room's state shows to be lacking.
type dressing struct {
	b      *Bridge
	portal projections.Portal
	room   id.RoomID
	cause  events.Event
	login  events.LoginID
	have   roomState
	result portals.Dress
}

func (b *Bridge) onChatDescribed(ctx context.Context, e events.Event, f *events.ChatDescribed) error {
	p, err := b.awaitRoom(ctx, e.Aggregate.UID)
	if err != nil {
		return err
	}
	d := &dressing{
		b: b, portal: p, room: id.RoomID(p.Room), cause: e, login: f.Login, result: portals.Dress{Of: e.ID},
	}
	if p.Room == "" {
		d.result.Missed = []string{"room"}
		return b.decidePortal(ctx, p.UID, e, d.result)
	}
	err = d.turn(ctx, func() error {
		state, err := b.hs.state(ctx, d.room)
		d.have = readState(state)
		return err
	})
	for _, step := range []func(context.Context) error{d.name, d.topic, d.picture} {
		if err == nil {
			err = step(ctx)
		}
	}
	if err == nil {
		err = d.members(ctx, f.Sealed.Members)
	}
	switch {
	case refused(err):
		code, _ := refusedWith(err)
		d.result.Missed = append(d.result.Missed, "room: "+code)
	case err != nil:
		return err
	}
	// A newer description may have taken this one's place; its ghosts are there all the same.
	if err := b.decidePortal(ctx, p.UID, e, d.result); err != nil {
		return err
	}
	return b.decidePortal(ctx, p.UID, e, portals.GhostsCame{Ghosts: d.result.Ghosts})
}

// turn does what decorates when no room waits to be made.
func (d *dressing) turn(ctx context.Context, do func() error) error {
	return d.b.rooms.pass(ctx, urgency{decorating, d.cause.Seq}, do)
}

// try does one step and notes its refusal.
func (d *dressing) try(ctx context.Context, name string, do func() error) (done bool, err error) {
	err = d.turn(ctx, do)
	if code, no := refusedWith(err); no {
		d.result.Missed = append(d.result.Missed, name+": "+code)
		return false, nil
	}
	return err == nil, err
}

func (d *dressing) name(ctx context.Context) error {
	title := titleOf(d.portal)
	if d.have.name == title {
		return nil
	}
	_, err := d.try(ctx, "name", func() error {
		return d.b.hs.set(ctx, d.room, event.StateRoomName, &event.RoomNameEventContent{Name: title})
	})
	return err
}

func (d *dressing) topic(ctx context.Context) (err error) {
	d.result.Topic = true
	if d.have.topic == d.portal.About {
		return nil
	}
	d.result.Topic, err = d.try(ctx, "topic", func() error {
		return d.b.hs.set(ctx, d.room, event.StateTopic, &event.TopicEventContent{Topic: d.portal.About})
	})
	return err
}

func (d *dressing) picture(ctx context.Context) error {
	if d.portal.Photo != 0 && d.b.deps.Pictures == nil {
		return nil
	}
	// Telegram may be slow: only the homeserver's part is done in turn.
	uri, err := d.b.ghosts.picture(ctx, d.login, d.portal.Peer, d.portal.Photo)
	if isOutage(err) {
		return err
	}
	if err != nil {
		d.b.deps.Logger.Debug().Str("portal", string(d.portal.UID)).Err(err).Msg("a room stays without its picture")
		d.result.Missed = append(d.result.Missed, "picture")
		return nil
	}
	var address id.ContentURIString
	if d.portal.Photo != 0 {
		address = uri.CUString()
	}
	d.result.Picture = true
	if d.have.avatar == address {
		return nil
	}
	d.result.Picture, err = d.try(ctx, "picture", func() error {
		return d.b.hs.set(ctx, d.room, event.StateRoomAvatar, &event.RoomAvatarEventContent{URL: address})
	})
	return err
}

// members brings in ghosts up to the limit and gives admins their power.
func (d *dressing) members(ctx context.Context, members []events.Member) error {
	admins := map[id.UserID]int{}
	for _, m := range members[:min(len(members), d.b.cfg.MemberLimit)] {
		ghost := d.b.who.ghost(m.Peer)
		done, err := d.member(ctx, m, ghost)
		if err != nil {
			return err
		}
		if done {
			d.result.Ghosts = append(d.result.Ghosts, m.Peer)
			if m.Admin {
				admins[ghost] = adminPower
			}
		}
	}
	if len(admins) == 0 {
		return nil
	}
	_, err := d.try(ctx, "powers", func() error { return d.b.raise(ctx, d.room, d.have.powers, admins) })
	return err
}

func (d *dressing) member(ctx context.Context, m events.Member, ghost id.UserID) (done bool, err error) {
	done, err = d.try(ctx, "ghost", func() error {
		_, err := d.b.ghosts.ensure(ctx, m)
		return err
	})
	if err != nil || !done {
		return false, err
	}
	// Before it joins: a picture set later is one more event in each of its rooms.
	if _, err := d.b.ghosts.portray(ctx, d.login, m); err != nil {
		return false, err
	}
	if d.have.members[ghost] == event.MembershipJoin {
		return true, nil
	}
	return d.try(ctx, "ghost", func() error { return d.b.letIn(ctx, d.room, ghost) })
}

func (b *Bridge) onMembersChanged(ctx context.Context, e events.Event, f *events.MembersChanged) error {
	p := b.deps.Portals.Get(e.Aggregate.UID)
	if p.Room == "" {
		return nil // its description will say who is there
	}
	turn := func(do func() error) error { return b.rooms.pass(ctx, urgency{decorating, e.Seq}, do) }
	var came, went []events.Peer
	for _, m := range f.Sealed.Joined {
		if p.HasGhost(m.Peer) || len(p.Ghosts)+len(came) >= b.cfg.MemberLimit {
			continue
		}
		err := turn(func() error {
			ghost, err := b.ghosts.ensure(ctx, m)
			if err != nil {
				return err
			}
			return b.letIn(ctx, id.RoomID(p.Room), ghost)
		})
		if err != nil && !refused(err) {
			return err
		}
		if err == nil {
			came = append(came, m.Peer)
		}
	}
	for _, peer := range f.Sealed.Left {
		if !p.HasGhost(peer) {
			continue
		}
		err := turn(func() error { return b.hs.leave(ctx, id.RoomID(p.Room), b.who.ghost(peer)) })
		if err != nil && !refused(err) {
			return fmt.Errorf("a ghost leaves: %w", err)
		}
		went = append(went, peer)
	}
	if err := b.decidePortal(ctx, p.UID, e, portals.GhostsCame{Ghosts: came}); err != nil {
		return err
	}
	return b.decidePortal(ctx, p.UID, e, portals.GhostsWent{Ghosts: went})
}
