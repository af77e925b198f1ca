package management

import (
	"context"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// ProgressReactor counts the rooms of each login as they are made, and records
// each milestone. The bot tells of it when it reads that event.
func (b *Bot) ProgressReactor() journal.Reactor {
	return journal.Reactor{
		Name: "progress", Stream: events.Portal, Ready: b.Portals.WaitFor, Handle: b.count,
		Only: []events.Type{
			new(events.RoomCreated).Type(), new(events.RoomFailed).Type(), new(events.UserInvited).Type(),
		},
	}
}

func (b *Bot) count(ctx context.Context, e events.Event) error {
	for _, v := range b.Portals.Get(e.Aggregate.UID).Viewers {
		if err := b.progress(ctx, e, v.User, v.Login); err != nil {
			return stored(err)
		}
	}
	return nil
}

// progress records how far a login's rooms are, if that is a milestone.
func (b *Bot) progress(ctx context.Context, because events.Event, user events.UID, id events.LoginID) error {
	_, err := b.Desk.Do(ctx, user, commit.Because(because, events.BySystem), func(u projections.User) (events.Fact, error) {
		made, failed := b.Portals.Progress(user, id)
		return login.Decide(u, login.Progress{Login: id, Made: made, Failed: failed})
	})
	return err
}
