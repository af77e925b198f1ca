package provisioning

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// logoutWait is how long a logout waits for Telegram. It is in the log by then:
// what takes longer is done nonetheless.
const logoutWait = 20 * time.Second

// telegramIcon is the picture of Telegram by which clients know such a bridge.
const telegramIcon = "mxc://maunium.net/tJCRmUyJDsgRNgqhOgoiHWbX"

// network is what the bridge bridges to, as bridgev2 shapes it.
type network struct {
	DisplayName string `json:"displayname"`
	URL         string `json:"network_url"`
	Icon        string `json:"network_icon"`
	ID          string `json:"network_id"`
	Bridge      string `json:"beeper_bridge_type"`
}

// userLogin is one of the user's logins, likewise. The state stands in it twice:
// older clients read the outer fields.
type userLogin struct {
	StateEvent string         `json:"state_event"`
	StateTime  int64          `json:"state_ts"`
	State      state          `json:"state"`
	ID         events.LoginID `json:"id"`
	Name       string         `json:"name"`
	Profile    profile        `json:"profile"`
}

type state struct {
	Event   string `json:"state_event"`
	Time    int64  `json:"timestamp"`
	TTL     int    `json:"ttl"`
	Error   string `json:"error,omitempty"`
	Message string `json:"message,omitempty"`
}

// profile has no phone number: the bridge keeps none but masked.
type profile struct {
	Username string `json:"username,omitempty"`
	Name     string `json:"name,omitempty"`
}

// whoami says what the bridge is, and what the user has of it.
func (s *Server) whoami(_ context.Context, who caller, _ *http.Request) (any, error) {
	u := s.Users.Get(who.uid)
	logins := make([]userLogin, len(u.Logins))
	for i, l := range u.Logins {
		now := stateOf(l)
		logins[i] = userLogin{
			StateEvent: now.Event, StateTime: now.Time, State: now, ID: l.ID, Name: accountWords(l.Name, l.Username, l.Masked),
			Profile: profile{Username: l.Username, Name: l.Name},
		}
	}
	return struct {
		Network    network         `json:"network"`
		Flows      []flow          `json:"login_flows"`
		Homeserver string          `json:"homeserver"`
		Bot        events.MatrixID `json:"bridge_bot"`
		Prefix     string          `json:"command_prefix"`
		Room       events.RoomID   `json:"management_room,omitempty"`
		Logins     []userLogin     `json:"logins"`
	}{
		network{"Telegram", "https://telegram.org", telegramIcon, "telegram", "github.com/natsgram/natsgram"},
		loginFlows(), s.cfg.ServerName, s.cfg.Bot, s.cfg.Prefix, u.Room, logins,
	}, nil
}

// stateOf is a login's state in bridgev2's words.
func stateOf(l projections.Login) state {
	if l.State == projections.LoginActive {
		return state{Event: "CONNECTED", Time: l.Since.Unix()}
	}
	return state{
		Event: "BAD_CREDENTIALS", Time: l.Since.Unix(), Error: "natsgram-session-" + string(l.Cause),
		Message: "The Telegram session has ended: log in again with login_id to take it up. The rooms are kept.",
	}
}

func (s *Server) flows(context.Context, caller, *http.Request) (any, error) {
	return struct {
		Flows []flow `json:"flows"`
	}{loginFlows()}, nil
}

// capabilities says what else bridgev2's clients may ask for: nothing.
func (s *Server) capabilities(context.Context, caller, *http.Request) (any, error) {
	none := map[string]bool{
		"create_dm": false, "lookup_phone": false, "lookup_email": false, "lookup_username": false,
		"any_phone": false, "contact_list": false, "search": false,
	}
	return map[string]any{"resolve_identifier": none, "group_creation": map[string]any{}}, nil
}

func (s *Server) logins(_ context.Context, who caller, _ *http.Request) (any, error) {
	ids := []events.LoginID{}
	for _, l := range s.Users.Get(who.uid).Logins {
		ids = append(ids, l.ID)
	}
	return map[string]any{"login_ids": ids}, nil
}

// logout ends a login of the user's, or all of them, and waits until they have
// ended.
func (s *Server) logout(ctx context.Context, who caller, r *http.Request) (any, error) {
	u := s.Users.Get(who.uid)
	ids := []events.LoginID{events.LoginID(r.PathValue("login"))}
	if ids[0] == "all" {
		ids = nil
		for _, l := range u.Logins {
			ids = append(ids, l.ID)
		}
	} else if _, ok := u.Login(ids[0]); !ok {
		return nil, noLogin()
	}
	for _, id := range ids {
		_, err := s.Desk.Do(ctx, who.uid, commit.Meta{Actor: events.ByUser}, func(u projections.User) (events.Fact, error) {
			return login.Decide(u, login.Logout{Login: id})
		})
		var gone login.Refused
		if err != nil && !errors.As(err, &gone) { // it may have ended by itself just now
			return nil, err
		}
	}
	over := time.NewTimer(logoutWait)
	defer over.Stop()
	_, err := s.await(ctx, who.uid, over.C, func(u projections.User) bool {
		for _, id := range ids {
			if _, there := u.Login(id); there {
				return false
			}
		}
		return true
	})
	return struct{}{}, err
}
