package telegram

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

func keyOf(t *testing.T, h *house, u telegramtest.UserID) int64 {
	t.Helper()
	sessions := h.server.Sessions(u)
	if len(sessions) != 1 {
		t.Fatalf("%d sessions", len(sessions))
	}
	return sessions[0].KeyID
}

func TestRevokedSessionSuspendsTheLoginOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	before, err := w.vault.Session(w.ctx, w.login)
	must(t, err)
	w.server.RevokeSession(keyOf(t, w.house, w.alice))
	f := await[*events.SessionEnded](w.house, 1, nil).Fact.(*events.SessionEnded)
	if f.Login != w.login || f.Cause != events.EndedByRevocation || f.Evidence != "SESSION_REVOKED" || !f.Remote {
		t.Errorf("%+v", f)
	}
	// Confirmed on a connection of its own, and nothing is wiped.
	if n := w.server.Calls("users.getUsers"); n < 3 {
		t.Errorf("asked %d times", n)
	}
	after, err := w.vault.Session(w.ctx, w.login)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the session is gone: %v", err)
	}
	u := w.users.Get(w.p.uid)
	if l, _ := u.Login(w.login); l.State != projections.LoginSuspended || len(w.portals.OfLogin(w.login)) != 3 {
		t.Errorf("%+v", u)
	}
	w.restart()
	if n := count[*events.SessionEnded](w.house, nil); n != 1 {
		t.Errorf("%d ends", n)
	}
}

// Telegram's 401 is wrong at times.
func TestOne401IsNoEnd(t *testing.T) {
	w := newTown(t)
	_, hits := w.server.Inject(telegramtest.Fault{Method: "users.getUsers", Times: 1, Err: tgerr.New(401, "AUTH_KEY_UNREGISTERED")})
	w.server.ResetCalls()
	w.server.DropConnections(w.alice)
	must(t, w.server.WaitAnswer(w.ctx, "users.getUsers", 2)) // the reconnect's, and the second opinion
	w.server.Say(w.bob, w.super, "still here")
	w.awaitBody("still here")
	if n := count[*events.SessionEnded](w.house, nil); n != 0 || hits() != 1 {
		t.Errorf("%d ends, %d hits", n, hits())
	}
}

func TestForgottenKeyWipesNothing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	before, err := w.vault.Session(w.ctx, w.login)
	must(t, err)
	w.server.ForgetKeys(w.alice)
	f := await[*events.SessionEnded](w.house, 1, nil).Fact.(*events.SessionEnded)
	if f.Cause != events.EndedByExpiry || f.Evidence != "AUTH_KEY_UNREGISTERED" {
		t.Errorf("%+v", f)
	}
	after, err := w.vault.Session(w.ctx, w.login)
	if err != nil || !sameKey(w.ctx, before, after) {
		t.Errorf("the session was replaced: %v", err)
	}
}

func TestBannedAndDuplicated(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.server.BanUser(w.alice)
	if f := await[*events.SessionEnded](w.house, 1, nil).Fact.(*events.SessionEnded); f.Cause != events.EndedByBan {
		t.Errorf("%+v", f)
	}
	for code, want := range map[string]events.EndCause{
		"AUTH_KEY_DUPLICATED": events.EndedByDuplicate, "SESSION_EXPIRED": events.EndedByExpiry, "USER_DEACTIVATED": events.EndedByBan,
	} {
		if got := endCause(code, false); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
}

func TestLogout(t *testing.T) {
	w := newTown(t)
	w.p.do(login.Logout{Login: w.login})
	f := await[*events.SessionEnded](w.house, 1, nil).Fact.(*events.SessionEnded)
	if f.Cause != events.EndedByUser || !f.Remote {
		t.Errorf("%+v", f)
	}
	await[*events.LoginLeft](w.house, 3, nil)
	must(t, w.server.Await(w.ctx, func() bool { return len(w.server.Sessions(w.alice)) == 0 }))
	for _, bucket := range []string{"CURSORS", "PEERS", "VAULT"} {
		for left := true; left && w.ctx.Err() == nil; {
			left = false
			prefix := string(w.login)
			if bucket == "VAULT" {
				prefix = "session." + prefix
			}
			must(t, w.bucket(bucket).All(w.ctx, prefix, func(string, []byte) error { left = true; return nil }))
		}
	}
	if n := count[*events.SessionEnded](w.house, nil); n != 1 {
		t.Errorf("%d ends", n)
	}
}

func TestLogoutDoesNotWaitForTelegramForEver(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.server.Pause()
	w.p.do(login.Logout{Login: w.login})
	f := await[*events.SessionEnded](w.house, 1, nil).Fact.(*events.SessionEnded)
	if f.Cause != events.EndedByUser || f.Remote {
		t.Errorf("%+v", f)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	give := func() events.Event {
		e, err := w.world.desk.users.Do(w.ctx, w.p.uid, commit.Meta{Actor: events.ByUser}, func(projections.User) (events.Fact, error) {
			return &events.CommandGiven{Command: events.CommandPing}, nil
		})
		must(t, err)
		return e
	}
	e := give()
	answer := await[*events.PingAnswered](w.house, 1, nil)
	if f := answer.Fact.(*events.PingAnswered); !f.OK || f.Login != w.login || answer.Causation != e.ID {
		t.Errorf("%+v", answer)
	}
	must(t, w.world.onPing(w.ctx, e)) // delivered again
	w.server.Pause()
	give()
	if f := await[*events.PingAnswered](w.house, 2, nil).Fact.(*events.PingAnswered); f.OK || f.Error != "unreachable" {
		t.Errorf("%+v", f)
	}
}

// A relogin to the same account takes up the login that was suspended, with its
// rooms, and brings what was said meanwhile.
func TestReloginTakesUpTheLogin(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.server.RevokeSession(keyOf(t, w.house, w.alice))
	await[*events.SessionEnded](w.house, 1, nil)
	w.server.Say(w.bob, w.group, "while you were away")
	w.server.Say(w.bob, w.super, "here too")
	w.p.begin()
	w.p.phone("15550100")
	await[*events.CodeSent](w.house, 1, nil)
	code, err := w.server.WaitCode(w.ctx, "15550100")
	must(t, err)
	w.p.code(code)
	f := await(w.house, 1, func(f *events.LoginSucceeded) bool { return f.Attempt == w.p.attempt }).Fact.(*events.LoginSucceeded)
	if f.Login != w.login {
		t.Errorf("login %s is not %s", f.Login, w.login)
	}
	w.awaitBody("while you were away")
	w.awaitBody("here too")
	if n := len(w.server.Sessions(w.alice)); n != 1 {
		t.Errorf("%d sessions", n)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	h := newHouse(t, telegramtest.Options{})
	must(t, h.world.Check(h.ctx))
	h.server.Pause()
	began := time.Now()
	if err := h.world.Check(h.ctx); err == nil || time.Since(began) > 10*time.Second {
		t.Errorf("check of an unreachable Telegram: %v", err)
	}
}

// A login that was cancelled while Telegram let it in leaves no session behind.
func TestCancelledInTheMiddle(t *testing.T) {
	h, p, alice := withAlice(t, "")
	p.begin()
	p.phone(alicePhone)
	await[*events.CodeSent](h, 1, nil)
	h.server.Inject(telegramtest.Fault{Method: "auth.signIn", Times: 1, Delay: 300 * time.Millisecond})
	p.code("12345")
	must(t, h.server.WaitCall(h.ctx, "auth.signIn", 1))
	p.do(login.Cancel{})
	await[*events.LoginFailed](h, 1, nil)
	must(t, h.server.WaitAnswer(h.ctx, "auth.logOut", 1))
	must(t, h.server.Await(h.ctx, func() bool { return len(h.server.Sessions(alice)) == 0 }))
	for {
		_, err := h.vault.Session(h.ctx, loginFor(p.attempt))
		if errors.Is(err, vault.ErrMissing) {
			break
		}
		must(t, err)
	}
	secretsGone(t, h, p.attempt)
}
