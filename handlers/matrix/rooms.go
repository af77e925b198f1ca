package matrix

import (
	"context"
	"errors"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// roomVersion is pinned because a newer one treats the creator's power
// differently. Every homeserver in use knows it.
const roomVersion = id.RoomV10

// Power levels in portal rooms.
const (
	botPower   = 100
	adminPower = 50
)

// ptr is for the power levels whose absence means another value than 0.
func ptr(n int) *int { return &n }

// roomRequest is the one call that makes a portal's room. It is lean: each
// state event costs the homeserver as much as a message. All else comes later,
// when the chat is described.
func (b *Bridge) roomRequest(p projections.Portal, invite []id.UserID) *mautrix.ReqCreateRoom {
	req := &mautrix.ReqCreateRoom{
		Preset: "private_chat", RoomVersion: roomVersion, RoomAliasName: b.who.aliasName(p.UID),
		Name: titleOf(p), IsDirect: p.Kind == events.KindPrivate, Invite: invite,
		PowerLevelOverride: b.powers(p),
	}
	return req
}

func titleOf(p projections.Portal) string {
	const longest = 255
	title := []rune(p.Title)
	if len(title) == 0 {
		return "Telegram chat"
	}
	return string(title[:min(len(title), longest)])
}

// powers lets our users speak where they may on Telegram, and only the bot
// change the room. In a broadcast channel those who may not post are mute.
func (b *Bridge) powers(p projections.Portal) *event.PowerLevelsEventContent {
	levels := &event.PowerLevelsEventContent{
		Users:     map[id.UserID]int{b.cfg.bot(): botPower},
		InvitePtr: ptr(adminPower), KickPtr: ptr(adminPower), BanPtr: ptr(adminPower), RedactPtr: ptr(adminPower),
		StateDefaultPtr: ptr(adminPower),
	}
	if p.Kind == events.KindChannel {
		levels.EventsDefault = adminPower
		levels.Users[b.who.ghost(p.Peer)] = adminPower
		for _, v := range p.Viewers {
			if user := b.matrixID(v.User); v.CanPost && user != "" {
				levels.Users[user] = adminPower
			}
		}
	}
	return levels
}

func (b *Bridge) matrixID(uid events.UID) id.UserID { return id.UserID(b.deps.Users.Get(uid).MatrixID) }

// viewersOf are the users who see the chat, each once, and their Matrix IDs. It
// fails while the projection of users is behind that of portals.
func (b *Bridge) viewersOf(p projections.Portal) (uids []events.UID, users []id.UserID, err error) {
	for _, v := range p.Viewers {
		if slices.Contains(uids, v.User) {
			continue
		}
		user := b.matrixID(v.User)
		if user == "" {
			return nil, nil, journal.Down(errors.New("a viewer of the chat is not known yet"))
		}
		uids, users = append(uids, v.User), append(users, user)
	}
	return uids, users, nil
}

// makeRoom gives a portal its room: makes it, or finds the one that an earlier
// try made. cause is the event that wants it. The outcome is stored.
func (b *Bridge) makeRoom(ctx context.Context, w *roomWork, p projections.Portal, cause events.Event) error {
	uids, users, err := b.viewersOf(p)
	if err != nil || len(uids) == 0 {
		return err // nobody to make it for; the next to join asks for it
	}
	invite := users
	if p.Kind == events.KindPrivate {
		ghost, err := b.ghosts.ensure(ctx, events.Member{Peer: p.Peer, Name: p.Title})
		if err != nil && !refused(err) {
			return err
		}
		if err == nil {
			invite = append(slices.Clone(users), ghost)
		}
	}
	made := portals.RoomMade{Invited: uids}
	err = b.rooms.pass(ctx, urgency{making, cause.Seq}, func() (err error) {
		if w.doubts.about(cause.ID) {
			made.Room, err = b.lookForRoom(ctx, w, p, cause)
			made.Adopted = made.Room != ""
		}
		if err == nil && made.Room == "" {
			var room id.RoomID
			room, err = b.hs.createRoom(ctx, b.roomRequest(p, invite))
			made.Room = events.RoomID(room)
		}
		return err
	})
	if refused(err) {
		made, err = b.afterRefusal(ctx, p, uids, users, err)
	} else if err == nil && made.Adopted {
		err = b.adopt(ctx, p, id.RoomID(made.Room), users)
	}
	if outcomeUnknown(err) {
		w.doubts.raise(cause.ID)
	}
	switch {
	case refused(err):
		code, _ := refusedWith(err)
		b.deps.Logger.Warn().Str("portal", string(p.UID)).Err(err).Msg("the homeserver refuses a room")
		return b.decidePortal(ctx, p.UID, cause, portals.RoomRefused{Error: code})
	case err != nil:
		return err
	}
	w.doubts.settle(cause.ID)
	return b.decidePortal(ctx, p.UID, cause, made)
}

// lookForRoom finds the room that a call of unknown outcome may have made. "" means
// that there is none, for certain; or it fails and is to be called again.
func (b *Bridge) lookForRoom(ctx context.Context, w *roomWork, p projections.Portal, cause events.Event) (events.RoomID, error) {
	room, err := b.hs.resolve(ctx, b.who.alias(p.UID))
	if err != nil || room != "" {
		return events.RoomID(room), err
	}
	if again := w.doubts.absent(cause.ID, time.Now()); !again.IsZero() {
		return "", journal.NotBefore(again, errors.New("a room may still be in the making"))
	}
	return "", nil
}

// afterRefusal adopts the room if it is there already: made by a call whose
// outcome was not recorded, or half made, with an invite that failed.
func (b *Bridge) afterRefusal(ctx context.Context, p projections.Portal, uids []events.UID, users []id.UserID, cause error) (portals.RoomMade, error) {
	room, err := b.hs.resolve(ctx, b.who.alias(p.UID))
	switch {
	case err != nil:
		return portals.RoomMade{}, err
	case room == "" && refused(cause, mautrix.MRoomInUse):
		// Taken and yet nowhere: another call is making it.
		return portals.RoomMade{}, journal.NotBefore(time.Now().Add(lookAgain), errors.New("the alias is taken by a room in the making"))
	case room == "":
		return portals.RoomMade{}, cause
	}
	return portals.RoomMade{Room: events.RoomID(room), Invited: uids, Adopted: true}, b.adopt(ctx, p, room, users)
}

// adopt brings a room that was made before to what it was to be: its name, and
// everybody invited. A room that the bot is not in loses the alias, and the
// next try makes another.
func (b *Bridge) adopt(ctx context.Context, p projections.Portal, room id.RoomID, users []id.UserID) error {
	state, err := b.hs.state(ctx, room)
	if refused(err) {
		if err := b.hs.unname(ctx, b.who.alias(p.UID)); err != nil {
			return err
		}
		return journal.NotBefore(time.Now(), errors.New("the alias belonged to a room without the bot"))
	}
	if err != nil {
		return err
	}
	found := readState(state)
	if found.name != titleOf(p) {
		if err := b.hs.set(ctx, room, event.StateRoomName, &event.RoomNameEventContent{Name: titleOf(p)}); err != nil {
			return err
		}
	}
	for _, user := range users {
		switch found.members[user] {
		case event.MembershipJoin, event.MembershipInvite:
		default:
			if err := b.hs.invite(ctx, room, user); err != nil && !refused(err, mautrix.MForbidden) {
				return err
			}
		}
	}
	return nil
}

// roomState is what matters of a room's state.
type roomState struct {
	name, topic string
	avatar      id.ContentURIString
	members     map[id.UserID]event.Membership
	powers      *event.PowerLevelsEventContent
}

func readState(state []*event.Event) roomState {
	r := roomState{members: map[id.UserID]event.Membership{}, powers: &event.PowerLevelsEventContent{}}
	for _, evt := range state {
		if evt.Content.Parsed == nil && evt.Content.ParseRaw(evt.Type) != nil {
			continue
		}
		switch evt.Type {
		case event.StateRoomName:
			r.name = evt.Content.AsRoomName().Name
		case event.StateTopic:
			r.topic = evt.Content.AsTopic().Topic
		case event.StateRoomAvatar:
			r.avatar = evt.Content.AsRoomAvatar().URL
		case event.StateMember:
			r.members[id.UserID(evt.GetStateKey())] = evt.Content.AsMember().Membership
		case event.StatePowerLevels:
			r.powers = evt.Content.AsPowerLevels()
		default:
			// Nothing that the bridge sets.
		}
	}
	return r
}
