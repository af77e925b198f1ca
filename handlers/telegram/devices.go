package telegram

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/projections"
)

// onSessions tells where the account of a login is logged in, once.
func (w *World) onSessions(ctx context.Context, e events.Event, f *events.CommandGiven) error {
	answer := &events.DevicesListed{Login: f.Login}
	c, err := w.fleet.client(f.Login)
	if err == nil {
		var list []tg.Authorization
		list, err = c.authorizations(ctx)
		answer.Sealed.Devices, answer.Count = devices(list), len(list)
	}
	answer.OK, answer.Error = err == nil, outcomeOf(err)
	return w.answer(ctx, e, answer)
}

// onDeviceLogoutRequested ends one of the account's other sessions. Repeated
// after a crash, Telegram says that it is no more.
func (w *World) onDeviceLogoutRequested(ctx context.Context, e events.Event, f *events.DeviceLogoutRequested) error {
	c, err := w.fleet.client(f.Login)
	if err == nil {
		err = c.resetAuthorization(ctx, f.Sealed.Device.Hash)
	}
	return w.answer(ctx, e, &events.DeviceLoggedOut{Login: f.Login, OK: err == nil, Error: outcomeOf(err), Sealed: f.Sealed})
}

// answer stores the one outcome of an event that asked Telegram something.
func (w *World) answer(ctx context.Context, e events.Event, fact events.Fact) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m := commit.Because(e, events.ByTelegram)
	// The same ID for the same question: a repeat is no second answer.
	m.ID = events.EventIDFor(e.Time, string(e.ID)+" answered")
	_, err := w.desk.users.Do(ctx, e.Aggregate.UID, m, func(projections.User) (events.Fact, error) { return fact, nil })
	return journal.Down(err)
}

// outcomeOf is Telegram's error code, "unreachable" if it did not answer, or
// empty if all is well.
func outcomeOf(err error) string {
	switch code := codeOf(err); {
	case err == nil:
		return ""
	case code != "":
		return code
	default:
		return "unreachable"
	}
}

// devices are Telegram's authorizations in the log's words: the bridge's own
// first, then those active last.
func devices(list []tg.Authorization) []events.Device {
	slices.SortFunc(list, func(a, b tg.Authorization) int {
		if a.Current != b.Current {
			if a.Current {
				return -1
			}
			return 1
		}
		return cmp.Or(b.DateActive-a.DateActive, cmp.Compare(a.Hash, b.Hash))
	})
	var found []events.Device
	for _, a := range list {
		found = append(found, events.Device{
			Hash: a.Hash, App: joined(" ", a.AppName, a.AppVersion), Model: joined(", ", a.DeviceModel, joined(" ", a.Platform, a.SystemVersion)),
			Place: joined(", ", a.Region, a.Country), Active: time.Unix(int64(a.DateActive), 0).UTC(), Own: a.Current,
		})
	}
	return found
}

// joined joins what is not empty.
func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), by)
}
