package management

import (
	"context"
	"strings"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// whom is the Matrix user that a command names, as only an admin may: its first
// word is a Matrix ID.
func (o order) whom() (events.MatrixID, bool) {
	word, _, _ := strings.Cut(o.args, " ")
	if len(word) < 3 || word[0] != '@' || !strings.Contains(word, ":") {
		return "", false
	}
	return events.MatrixID(word), true
}

func (o order) names() bool { _, ok := o.whom(); return ok }

// all reports whether a command is about everybody.
func (o order) all() bool {
	return o.name == events.CommandLogins && strings.EqualFold(o.args, "--all")
}

// administer decides on a command about others. ok says that it is one.
func (b *Bot) administer(o order, target events.UID, where events.RoomFacts) (fact events.Fact, ok bool, err error) {
	who, other := o.whom()
	switch {
	case !other && !o.all():
		return nil, false, nil
	case other && o.name != events.CommandLogin && o.name != events.CommandLogout:
		return nil, false, nil
	case b.cfg.Permission(where.User) < LevelAdmin:
		return nil, true, login.Refused{Reason: events.RefusedNotAdmin}
	case o.all():
		return &events.CommandGiven{Command: o.name, All: true, Sealed: where}, true, nil
	case o.name == events.CommandLogin:
		fact, err := b.orderLogin(who, target, where)
		return fact, true, err
	}
	u, known := b.Users.ByMatrixID(who)
	if !known || len(u.Logins) == 0 {
		return nil, true, login.Refused{Reason: events.RefusedTheyAreOut}
	}
	return &events.LogoutOrdered{User: u.UID, Logins: len(u.Logins), Sealed: where}, true, nil
}

// orderLogin decides whether another user can be given a link.
func (b *Bot) orderLogin(who events.MatrixID, target events.UID, where events.RoomFacts) (events.Fact, error) {
	u := b.Users.Get(target)
	switch {
	case b.cfg.Public == nil:
		return nil, login.Refused{Reason: events.RefusedNoWebPage}
	case !b.permitted(who):
		return nil, login.Refused{Reason: events.RefusedNotAllowed}
	case u.Attempt != nil:
		return nil, login.Refused{Reason: events.RefusedTheyLogIn}
	case len(u.ActiveLogins()) >= b.cfg.MaxLogins:
		return nil, login.Refused{Reason: events.RefusedTheyAreFull}
	}
	return &events.LoginOrdered{User: target, Sealed: events.LoginOrder{RoomFacts: where, For: who}}, nil
}

// target is the user whom an admin wants to be logged in. One whom the bridge has
// not met is met by it.
func (b *Bot) target(ctx context.Context, o order) (events.UID, error) {
	who, named := o.whom()
	if !named || o.name != events.CommandLogin || b.cfg.Public == nil || !b.permitted(who) {
		return "", nil
	}
	return b.Directory.EnsureUser(ctx, who)
}

// onLogoutOrdered asks for the end of each login that the user had when the
// admin ordered it, and tells the admin. The user is told by each end.
func (b *Bot) onLogoutOrdered(ctx context.Context, u projections.User, e events.Event, f *events.LogoutOrdered) error {
	for _, l := range b.Users.Get(f.User).Logins {
		if l.Since.After(e.Time) {
			continue
		}
		m := commit.Meta{
			ID: events.EventIDFor(e.Time, string(e.ID)+string(l.ID)), Actor: events.ByOperator,
			Correlation: e.Correlation, Causation: e.ID,
		}
		_, err := b.Desk.Do(ctx, f.User, m, func(u projections.User) (events.Fact, error) {
			if _, ok := u.Login(l.ID); !ok {
				return nil, nil
			}
			return login.Decide(u, login.Logout{Login: l.ID})
		})
		if err != nil {
			return err
		}
	}
	return b.tell(ctx, u, e)
}
