package management

import (
	"strconv"
	"strings"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// sessions decides on the command sessions: the list of an account's sessions
// is asked for, or one of the list that was shown last is ended.
func sessions(u projections.User, args string, where events.RoomFacts) (events.Fact, error) {
	words := strings.Fields(strings.ToLower(args))
	if len(words) > 0 && words[0] == "end" {
		return endDevice(u, words[1:])
	}
	id, why := chooseLogin(u, args, func(l projections.Login) bool { return l.State == projections.LoginActive })
	if why == events.RefusedWhich && args == "" && len(u.ActiveLogins()) == 0 {
		why = events.RefusedSuspended
	}
	if why != "" {
		return nil, login.Refused{Reason: why}
	}
	if l, _ := u.Login(id); l.State != projections.LoginActive {
		return nil, login.Refused{Reason: events.RefusedSuspended}
	}
	return &events.CommandGiven{Command: events.CommandSessions, Login: id, Sealed: where}, nil
}

// endDevice ends the session with a number of the list. The bridge's own one is
// a login: to end it is to log out, and wants to be confirmed.
func endDevice(u projections.User, words []string) (events.Fact, error) {
	d, ok := shown(u, words)
	switch {
	case !ok && len(u.Logins) == 0:
		return nil, login.Refused{Reason: events.RefusedNotLoggedIn}
	case !ok:
		return nil, login.Refused{Reason: events.RefusedNoDevice}
	case !d.Own:
		return &events.DeviceLogoutRequested{Login: u.Devices.Login, Sealed: events.DeviceFacts{Device: d}}, nil
	case len(words) == 2 && words[1] == "confirm":
		return login.Decide(u, login.Logout{Login: u.Devices.Login})
	default:
		return nil, login.Refused{Reason: events.RefusedOwnDevice}
	}
}

// shown is the session that has the number in the list shown last.
func shown(u projections.User, words []string) (events.Device, bool) {
	if u.Devices == nil || len(words) == 0 {
		return events.Device{}, false
	}
	if l, ok := u.Login(u.Devices.Login); !ok || l.State != projections.LoginActive {
		return events.Device{}, false
	}
	n, err := strconv.Atoi(words[0])
	if err != nil || n < 1 || n > len(u.Devices.List) {
		return events.Device{}, false
	}
	return u.Devices.List[n-1], true
}
