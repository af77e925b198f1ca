package matrix

import (
	"context"
	"errors"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// roomWork is what the reactor that makes rooms remembers between tries.
type roomWork struct {
	doubts *doubts
}

// PortalReactor gives portals their rooms and lets users in and out. Take a new
// one for each run.
func (b *Bridge) PortalReactor() journal.Reactor {
	w := &roomWork{doubts: newDoubts()}
	return journal.Reactor{
		Name: "matrix-rooms", Stream: events.Portal, Ready: b.deps.Portals.WaitFor,
		Only: []events.Type{(*events.PortalOpened)(nil).Type(), (*events.LoginJoined)(nil).Type(), (*events.LoginLeft)(nil).Type()},
		Handle: func(ctx context.Context, e events.Event) error {
			switch f := e.Fact.(type) {
			case *events.PortalOpened:
				return b.onPortalOpened(ctx, w, e)
			case *events.LoginJoined:
				return b.onLoginJoined(ctx, w, e, f)
			case *events.LoginLeft:
				return b.onLoginLeft(ctx, e, f)
			default:
				return nil
			}
		},
	}
}

// decidePortal records the outcome of an event.
func (b *Bridge) decidePortal(ctx context.Context, uid events.UID, cause events.Event, c portals.Command) error {
	_, err := b.portals.Do(ctx, uid, commit.Because(cause, events.ByMatrix), func(p projections.Portal) (events.Fact, error) {
		return portals.Decide(p, c)
	})
	return stored(err)
}

// stored is what a reactor returns for an append that failed: the log is to be
// tried again for as long as it takes, and no try is counted.
func stored(err error) error {
	if errors.Is(err, journal.ErrUnwritable) {
		return journal.Down(err)
	}
	return err
}

func (b *Bridge) onPortalOpened(ctx context.Context, w *roomWork, e events.Event) error {
	p := b.deps.Portals.Get(e.Aggregate.UID)
	if p.Room == "" && p.Failed == "" {
		if err := b.makeRoom(ctx, w, p, e); err != nil {
			return err
		}
	}
	if p.Kind != events.KindPrivate {
		return nil
	}
	// The other one should be there before the first message is.
	p = b.deps.Portals.Get(e.Aggregate.UID)
	if p.Room == "" || p.HasGhost(p.Peer) {
		return nil
	}
	_, err := b.bringIn(ctx, p, events.Member{Peer: p.Peer, Name: p.Title}, e)
	if refused(err) {
		b.deps.Logger.Warn().Str("portal", string(p.UID)).Err(err).Msg("a ghost can't join")
		return nil
	}
	return err
}

func (b *Bridge) onLoginJoined(ctx context.Context, w *roomWork, e events.Event, f *events.LoginJoined) error {
	p := b.deps.Portals.Get(e.Aggregate.UID)
	if !p.SeenBy(f.Login) {
		return nil // gone again
	}
	if p.Room == "" {
		return b.makeRoom(ctx, w, p, e)
	}
	user := b.matrixID(f.User)
	if user == "" {
		_, _, err := b.viewersOf(p)
		return err
	}
	room := id.RoomID(p.Room)
	if p.Kind == events.KindChannel && f.CanPost {
		err := b.empower(ctx, room, map[id.UserID]int{user: adminPower})
		if err != nil && !refused(err) {
			return err
		}
	}
	if p.Present[f.User] != "" {
		return nil
	}
	err := b.hs.invite(ctx, room, user)
	if refused(err, mautrix.MForbidden) {
		// Perhaps they are there already: an invite whose answer was lost.
		state, stateErr := b.hs.state(ctx, room)
		if stateErr != nil {
			return stateErr
		}
		switch readState(state).members[user] {
		case event.MembershipJoin, event.MembershipInvite:
			err = nil
		default:
		}
	}
	if err != nil {
		return err
	}
	return b.decidePortal(ctx, p.UID, e, portals.InviteSent{User: f.User})
}

func (b *Bridge) onLoginLeft(ctx context.Context, e events.Event, f *events.LoginLeft) error {
	p := b.deps.Portals.Get(e.Aggregate.UID)
	if _, sees := p.ViewerOf(f.User); sees || p.Room == "" {
		return nil
	}
	user := b.matrixID(f.User)
	if user == "" {
		return nil // forgotten
	}
	err := b.hs.kick(ctx, id.RoomID(p.Room), user, kickReason(f.Reason))
	if err != nil && !refused(err) {
		return err
	}
	// Refused: they left before.
	return b.decidePortal(ctx, p.UID, e, portals.Membership{User: f.User, In: false})
}

func kickReason(reason string) string {
	switch reason {
	case "left":
		return "You left this chat on Telegram"
	case "kicked":
		return "You were removed from this chat on Telegram"
	case "logged_out":
		return "Your Telegram account was logged out of the bridge"
	default:
		return "You no longer see this chat on Telegram"
	}
}

// bringIn makes the ghost of a member join the room, and records it.
func (b *Bridge) bringIn(ctx context.Context, p projections.Portal, m events.Member, cause events.Event) (id.UserID, error) {
	ghost, err := b.ghosts.ensure(ctx, m)
	if err != nil || ghost == b.cfg.bot() {
		return ghost, err
	}
	if p.Kind == events.KindPrivate && m.Peer == p.Peer {
		err = b.hs.join(ctx, id.RoomID(p.Room), ghost) // invited when the room was made
	} else {
		err = b.letIn(ctx, id.RoomID(p.Room), ghost)
	}
	if refused(err, mautrix.MForbidden) {
		err = b.letIn(ctx, id.RoomID(p.Room), ghost)
	}
	if err != nil {
		return ghost, err
	}
	return ghost, b.decidePortal(ctx, p.UID, cause, portals.GhostsCame{Ghosts: []events.Peer{m.Peer}})
}

// letIn invites a ghost and accepts for it. A refused invite means that it was
// invited or is there already; then joining tells.
func (b *Bridge) letIn(ctx context.Context, room id.RoomID, ghost id.UserID) error {
	if err := b.hs.invite(ctx, room, ghost); err != nil && !refused(err, mautrix.MForbidden) {
		return err
	}
	return b.hs.join(ctx, room, ghost)
}

// empower raises users' power levels where they are lower.
func (b *Bridge) empower(ctx context.Context, room id.RoomID, users map[id.UserID]int) error {
	state, err := b.hs.state(ctx, room)
	if err != nil {
		return err
	}
	return b.raise(ctx, room, readState(state).powers, users)
}

func (b *Bridge) raise(ctx context.Context, room id.RoomID, levels *event.PowerLevelsEventContent, users map[id.UserID]int) error {
	changed := false
	for user, level := range users {
		if levels.GetUserLevel(user) < level {
			levels.SetUserLevel(user, level)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return b.hs.set(ctx, room, event.StatePowerLevels, levels)
}
