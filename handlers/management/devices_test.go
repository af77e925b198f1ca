package management

import (
	"reflect"
	"strings"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

func TestSessions(t *testing.T) {
	active := projections.Login{ID: "a", Username: "alice", State: projections.LoginActive}
	ended := projections.Login{ID: "b", Username: "bob", State: projections.LoginSuspended}
	own, phone := events.Device{App: "natsgram", Own: true}, events.Device{Hash: 7, App: "Telegram"}
	list := &projections.Devices{Login: "a", List: []events.Device{own, phone}}
	user := func(d *projections.Devices, logins ...projections.Login) projections.User {
		return projections.User{Logins: logins, Devices: d}
	}
	asked := &events.CommandGiven{Command: events.CommandSessions, Login: "a"}
	for _, c := range []struct {
		user projections.User
		args string
		want events.Fact
		why  events.CommandRefusal
	}{
		{user(nil), "", nil, events.RefusedNotLoggedIn},
		{user(nil, active), "", asked, ""},
		{user(nil, active, ended), "", asked, ""},
		{user(nil, active, ended), "@alice", asked, ""},
		{user(nil, active, ended), "2", nil, events.RefusedSuspended},
		{user(nil, ended), "", nil, events.RefusedSuspended},
		{user(nil, active), "carol", nil, events.RefusedNoSuchLogin},
		{user(nil, active), "end 1", nil, events.RefusedNoDevice},
		{user(list, active), "end", nil, events.RefusedNoDevice},
		{user(list, active), "end 3", nil, events.RefusedNoDevice},
		{user(list, active), "end two", nil, events.RefusedNoDevice},
		{user(list, ended), "end 2", nil, events.RefusedNoDevice},
		{user(list, active), "end 2", &events.DeviceLogoutRequested{Login: "a", Sealed: events.DeviceFacts{Device: phone}}, ""},
		{user(list, active), "end 1", nil, events.RefusedOwnDevice},
		{user(list, active), "End 1 Confirm", &events.LogoutRequested{Login: "a"}, ""},
	} {
		fact, err := sessions(c.user, c.args, events.RoomFacts{})
		var why events.CommandRefusal
		if refused, ok := err.(login.Refused); ok {
			why = refused.Reason
		}
		if why != c.why || fact != c.want && !reflect.DeepEqual(fact, c.want) {
			t.Errorf("sessions %q: %+v, %v", c.args, fact, err)
		}
	}
}

func TestDeviceWords(t *testing.T) {
	for _, code := range []string{"", "unreachable", "HASH_INVALID", "FRESH_RESET_AUTHORISATION_FORBIDDEN", "FLOOD_WAIT"} {
		d := events.Device{App: "Telegram 11", Model: "Pixel", Place: "London"}
		says(t, projections.User{}, &events.DevicesListed{OK: code == "", Error: code, Sealed: events.DevicesFacts{Devices: []events.Device{d}}})
		says(t, projections.User{}, &events.DeviceLoggedOut{OK: code == "", Error: code, Sealed: events.DeviceFacts{Device: d}})
	}
	for n, want := range map[int]string{1: "There is no other.", 2: "`sessions end 2`, for instance, ends the second."} {
		list := events.DevicesFacts{Devices: make([]events.Device, n)}
		if text := says(t, projections.User{}, &events.DevicesListed{OK: true, Sealed: list}); !strings.Contains(text, want) {
			t.Errorf("of %d sessions: %q", n, text)
		}
	}
	if got := deviceName(events.Device{App: "Telegram 11", Model: "Pixel", Place: "London"}); got != "Telegram 11 on Pixel, London" {
		t.Errorf("%q", got)
	}
}
