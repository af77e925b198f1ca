package management

import (
	"context"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// takeMember takes an invite of the bot, and whoever comes to or goes from a
// room in which the bot meets a user.
func (b *Bot) takeMember(ctx context.Context, evt *event.Event) (bool, error) {
	room, who := events.RoomID(evt.RoomID), id.UserID(evt.GetStateKey())
	member := evt.Content.AsMember().Membership
	comes := member == event.MembershipInvite || member == event.MembershipJoin
	goes := member == event.MembershipLeave || member == event.MembershipBan
	if who == b.cfg.Bot && member == event.MembershipInvite {
		return true, b.invited(ctx, evt)
	}
	if u, managed := b.Users.ByRoom(room); managed {
		switch {
		case who == b.cfg.Bot && goes:
			return true, b.closeFor(ctx, u, room, events.RoomBotRemoved, evt)
		case string(who) == string(u.MatrixID) && goes:
			return true, b.closeFor(ctx, u, room, events.RoomUserLeft, evt)
		case who != b.cfg.Bot && string(who) != string(u.MatrixID) && comes && !b.cfg.Ours(who):
			return true, b.closeFor(ctx, u, room, events.RoomThirdPerson, evt)
		}
		return true, nil
	}
	u, aside := b.Users.ByAside(room)
	if !aside || !goes || who == b.cfg.Bot || string(who) == string(u.MatrixID) {
		return aside, nil
	}
	return true, b.record(ctx, u, "", evt, func(u projections.User) (events.Fact, error) {
		if u.Aside != room {
			return nil, nil
		}
		return &events.BystanderLeft{Sealed: events.RoomFacts{User: u.MatrixID, Room: room}}, nil
	})
}

// invited records the invite of the bot, whoever sent it: whether they may use
// the bridge is decided when it is answered.
func (b *Bot) invited(ctx context.Context, evt *event.Event) error {
	if b.cfg.Ours(evt.Sender) || evt.Sender == b.cfg.Bot {
		return nil
	}
	where := events.RoomFacts{User: events.MatrixID(evt.Sender), Room: events.RoomID(evt.RoomID)}
	uid, err := b.Directory.EnsureUser(ctx, where.User)
	if err != nil {
		return err
	}
	return b.record(ctx, b.Users.Get(uid), "", evt, func(projections.User) (events.Fact, error) {
		return &events.BotInvited{Sealed: where}, nil
	})
}

func (b *Bot) closeFor(ctx context.Context, u projections.User, room events.RoomID, why events.RoomRefusal, evt *event.Event) error {
	if u.Recorded(events.MatrixEventID(evt.ID)) {
		return nil // a leave repeated after the user came back
	}
	abandon, closing := meta(evt, " abandon"), meta(evt, "")
	abandon.Origin = ""
	return b.close(ctx, u, room, why, abandon, closing)
}

// close ends a management room, and before it the login attempt that was
// running there. Dying between the two is made good by the repetition: each
// looks at the state first.
func (b *Bot) close(ctx context.Context, u projections.User, room events.RoomID, why events.RoomRefusal, abandon, closing commit.Meta) error {
	reason := events.FailedRoomLeft
	if why == events.RoomThirdPerson {
		reason = events.FailedRoomShared
	}
	abandon.Actor = events.ByMatrix
	if u.Attempt != nil {
		abandon.Correlation = string(u.Attempt.ID)
	}
	_, err := b.Desk.Do(ctx, u.UID, abandon, func(u projections.User) (events.Fact, error) {
		if u.Room != room {
			return nil, nil
		}
		return login.Decide(u, login.Abandon{Reason: reason})
	})
	if err != nil {
		return err
	}
	return b.shut(ctx, u.UID, room, why, closing)
}

// shut records that the room is no management room any more.
func (b *Bot) shut(ctx context.Context, uid events.UID, room events.RoomID, why events.RoomRefusal, m commit.Meta) error {
	m.Actor = events.ByMatrix
	_, err := b.Desk.Do(ctx, uid, m, func(u projections.User) (events.Fact, error) {
		if u.Room != room {
			return nil, nil
		}
		return &events.ManagementRoomClosed{Reason: why, Sealed: events.RoomFacts{User: u.MatrixID, Room: room}}, nil
	})
	return err
}

// open records that the room is a management room. A user has one: the one
// before it is closed first.
func (b *Bot) open(ctx context.Context, because events.Event, where events.RoomFacts) error {
	m := commit.Because(because, events.ByMatrix)
	if u := b.Users.Get(because.Aggregate.UID); u.Room != "" && u.Room != where.Room {
		if err := b.shut(ctx, u.UID, u.Room, events.RoomReplaced, m); err != nil {
			return err
		}
	}
	_, err := b.Desk.Do(ctx, because.Aggregate.UID, m, func(u projections.User) (events.Fact, error) {
		if u.Aside != where.Room && !pending(u, where.Room) {
			return nil, nil // decided before
		}
		return &events.ManagementRoomOpened{Sealed: where}, nil
	})
	return err
}

// refuse records that the room the bot was invited to is no management room.
func (b *Bot) refuse(ctx context.Context, because events.Event, where events.RoomFacts, why events.RoomRefusal, members int) error {
	_, err := b.Desk.Do(ctx, because.Aggregate.UID, commit.Because(because, events.ByMatrix), func(u projections.User) (events.Fact, error) {
		if !pending(u, where.Room) {
			return nil, nil
		}
		return &events.ManagementRoomRefused{Reason: why, Members: members, Sealed: where}, nil
	})
	return err
}
