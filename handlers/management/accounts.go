package management

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// chooseLogin finds the login that a command means: the one that args names by
// its number in the list of logins, user name, name or last digits; or, without
// args, the only one that fits.
func chooseLogin(u projections.User, args string, fits func(projections.Login) bool) (events.LoginID, events.CommandRefusal) {
	if len(u.Logins) == 0 {
		return "", events.RefusedNotLoggedIn
	}
	args = strings.TrimSpace(args)
	if args == "" {
		return only(slices.DeleteFunc(slices.Clone(u.Logins), func(l projections.Login) bool { return !fits(l) }))
	}
	if n, err := strconv.Atoi(args); err == nil && n >= 1 && n <= len(u.Logins) {
		return u.Logins[n-1].ID, ""
	}
	named := slices.DeleteFunc(slices.Clone(u.Logins), func(l projections.Login) bool { return !isCalled(l, args) })
	if len(named) == 0 {
		return "", events.RefusedNoSuchLogin
	}
	return only(named)
}

func only(logins []projections.Login) (events.LoginID, events.CommandRefusal) {
	if len(logins) != 1 {
		return "", events.RefusedWhich
	}
	return logins[0].ID, ""
}

func anyLogin(projections.Login) bool { return true }

// isCalled reports whether a login has the user name, the name or the number.
// Of the number the last digits are known; they, fewer or all may be given.
func isCalled(l projections.Login, args string) bool {
	if name := strings.TrimPrefix(args, "@"); name != "" && strings.EqualFold(name, l.Username) {
		return true
	}
	if strings.EqualFold(args, l.Name) {
		return true
	}
	digits, ok := answers.Digits(args, "+()./")
	at := strings.LastIndex(l.Masked, "•")
	if !ok || len(digits) < 2 || at < 0 {
		return false
	}
	shown := l.Masked[at+len("•"):]
	return strings.HasSuffix(shown, digits) || strings.HasSuffix(digits, shown)
}

func isSuspended(l projections.Login) bool { return l.State == projections.LoginSuspended }

// relogin begins an attempt that is to revive a suspended login.
func relogin(u projections.User, args string, start login.Start) (events.Fact, error) {
	if u.Attempt != nil {
		return nil, login.Refused{Reason: events.RefusedLoginRunning}
	}
	if args == "" && len(u.Logins) > 0 && !slices.ContainsFunc(u.Logins, isSuspended) {
		return nil, login.Refused{Reason: events.RefusedNotSuspended}
	}
	id, why := chooseLogin(u, args, isSuspended)
	if why != "" {
		return nil, login.Refused{Reason: why}
	}
	start.Login = id
	if l, ok := u.Login(id); ok && l.Method == events.MethodBot {
		start.Method = events.MethodBot
	}
	return login.Decide(u, start)
}

// suspendAll has the sessions of a user ended who left the management room, if
// the operator wants that: nobody is left to be told of them.
func (b *Bot) suspendAll(ctx context.Context, u projections.User, because events.Event) error {
	if !b.cfg.SuspendOnLeave || u.Room != "" {
		return nil
	}
	for _, l := range u.ActiveLogins() {
		m := commit.Because(because, events.BySystem)
		m.ID = events.EventIDFor(because.Time, string(because.ID)+string(l.ID))
		_, err := b.Desk.Do(ctx, u.UID, m, func(u projections.User) (events.Fact, error) {
			if _, ok := u.Login(l.ID); !ok || u.Room != "" {
				return nil, nil
			}
			return login.Decide(u, login.Logout{Login: l.ID, Keep: true})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
