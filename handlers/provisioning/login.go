package provisioning

import (
	"context"
	"net/http"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// flow is a way to log in.
type flow struct {
	Name        string        `json:"name"`
	Description string        `json:"description"`
	ID          string        `json:"id"`
	method      events.Method `json:"-"`
}

// loginFlows are the ways to log in, the usual one first.
func loginFlows() []flow {
	return []flow{
		{"Phone number", "Log in with your phone number and the code that Telegram sends", "phone", events.MethodPhone},
		{"QR code", "Scan a QR code with Telegram on your phone", "qr", events.MethodQR},
		{"Bot token", "Connect a Telegram bot of yours", "bot", events.MethodBot},
		{"Register", "Make a new Telegram account", "register", events.MethodRegister},
	}
}

// start begins a login, or takes up the one that is under way: a user has one,
// whatever door it was begun at. Another flow than its own begins it anew.
func (s *Server) start(ctx context.Context, who caller, r *http.Request) (any, error) {
	method, ok := methodOf(r.PathValue("flow"))
	if !ok {
		return nil, noFlow()
	}
	revive := events.LoginID(r.URL.Query().Get("login_id"))
	if revive != "" {
		if _, known := s.Users.Get(who.uid).Login(revive); !known {
			return nil, noLogin()
		}
		if method == events.MethodRegister {
			return nil, noWay()
		}
	}
	over := time.NewTimer(s.wait)
	defer over.Stop()
	for {
		u, err := s.begin(ctx, who, method, revive)
		switch {
		case err != nil:
			return nil, err
		case u.Attempt == nil:
			continue // it ended just now; there is room for another
		}
		id := u.Attempt.ID
		u, err = s.await(ctx, who.uid, over.C, func(u projections.User) bool { return settled(u, id) })
		if err != nil {
			return nil, err
		}
		if u.Attempt == nil || u.Attempt.ID != id || u.Attempt.Method == method || !settled(u, id) {
			return s.present(ctx, u, id)
		}
		select {
		case <-over.C:
			return s.present(ctx, u, id)
		default: // Telegram has answered what was asked before: now it can begin anew
		}
	}
}

func methodOf(id string) (events.Method, bool) {
	for _, f := range loginFlows() {
		if f.ID == id {
			return f.method, true
		}
	}
	return "", false
}

// begin decides on the wish for a login, and returns the user with the attempt
// that comes of it.
func (s *Server) begin(ctx context.Context, who caller, method events.Method, revive events.LoginID) (projections.User, error) {
	defer s.Turns.Take(who.uid)()
	now := s.now().UTC().Truncate(time.Millisecond)
	fresh := events.NewAttemptID()
	meta := commit.Meta{Actor: events.ByUser, Correlation: string(fresh)}
	if a := s.Users.Get(who.uid).Attempt; a != nil {
		meta.Correlation = string(a.ID)
	}
	_, err := s.Desk.Do(ctx, who.uid, meta, func(u projections.User) (events.Fact, error) {
		a := u.Attempt
		switch {
		case a != nil && a.Login != revive:
			return nil, running(*a)
		case a != nil && a.Method == method:
			return nil, nil
		case a != nil:
			return login.Decide(u, login.Choose{Attempt: a.ID, At: a.Step, Method: method, Via: events.ChannelAPI})
		}
		return login.Decide(u, login.Start{
			Attempt: fresh, Login: revive, User: who.id, Room: u.Room, Method: method, Via: events.ChannelAPI,
			MaxLogins: s.cfg.MaxLogins, Deadline: now.Add(s.cfg.AttemptTimeout),
		})
	})
	u := s.Users.Get(who.uid)
	return u, s.refused(u, err, now)
}

// cancel ends a process. One that has ended without a login stays ended.
func (s *Server) cancel(ctx context.Context, who caller, r *http.Request) (any, error) {
	id := events.AttemptID(r.PathValue("process"))
	if !knows(s.Users.Get(who.uid), id) {
		return nil, noProcess()
	}
	_, err := s.Desk.Do(ctx, who.uid, commit.Meta{Actor: events.ByUser, Correlation: string(id)}, func(u projections.User) (events.Fact, error) {
		if u.Attempt == nil || u.Attempt.ID != id {
			return nil, nil
		}
		return login.Decide(u, login.Cancel{Attempt: id, Via: events.ChannelAPI})
	})
	if err != nil {
		return nil, err
	}
	if o := s.Users.Get(who.uid).Over; o != nil && o.Attempt == id && o.Login != "" {
		return nil, finished()
	}
	return struct{}{}, nil
}

// knows reports whether a process is the user's, running or ended last.
func knows(u projections.User, id events.AttemptID) bool {
	return u.Attempt != nil && u.Attempt.ID == id || u.Over != nil && u.Over.Attempt == id
}
