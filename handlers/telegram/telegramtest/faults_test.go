package telegramtest

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/gotd/td/telegram/auth"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"
)

func TestFaults(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, _, _, _ := people(s)
	a := connect(t, ctx, s, clientOptions{as: alice})
	to := s.peerOf(alice, bob)
	say := func(random int64, text string) error {
		_, err := a.api.MessagesSendMessage(ctx, &tg.MessagesSendMessageRequest{Peer: to, Message: text, RandomID: random})
		return err
	}

	_, hits := s.FloodWait("messages.sendMessage", 30, 1)
	wantErr(t, say(1, "flooded"), 420, "FLOOD_WAIT_30")
	if hits() != 1 {
		t.Errorf("struck %d times", hits())
	}
	s.Inject(Fault{Method: "messages.sendMessage", User: bob, Err: tgerr.New(500, "INTERNAL")}) // another user's
	if err := say(2, "unharmed"); err != nil {
		t.Fatal(err)
	}
	cancel, _ := s.Inject(Fault{Method: "*", User: alice, Err: tgerr.New(500, "INTERNAL"), After: true})
	wantErr(t, say(3, "done all the same"), 500, "INTERNAL")
	cancel()

	// Before: nothing happened, gotd sends again. After: it had happened.
	s.Inject(Fault{Method: "messages.sendMessage", User: alice, Times: 1, Drop: DropBefore})
	if err := say(4, "dropped before"); err != nil {
		t.Fatal(err)
	}
	s.Inject(Fault{Method: "messages.sendMessage", User: alice, Times: 1, Drop: DropAfter})
	wantErr(t, say(5, "dropped after"), 500, "RANDOM_ID_DUPLICATE")

	s.Inject(Fault{Method: "messages.sendMessage", User: alice, Times: 1, Delay: 20 * time.Millisecond})
	begin := time.Now()
	if err := say(6, "delayed"); err != nil || time.Since(begin) < 20*time.Millisecond {
		t.Fatal(err, time.Since(begin))
	}
	want := []string{"unharmed", "done all the same", "dropped before", "dropped after", "delayed"}
	got := s.Texts(bob, alice)
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %q", got)
		}
	}
}

func TestADelayedAnswerHoldsNobodyUp(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, _, _, _, _ := people(s)
	a := connect(t, ctx, s, clientOptions{as: alice})
	slow, cancel := context.WithCancel(ctx)
	s.Inject(Fault{Method: "contacts.getContacts", Times: 1, Delay: time.Hour})
	done := make(chan error, 1)
	go func() { _, err := a.api.ContactsGetContacts(slow, 0); done <- err }()
	if err := s.WaitCall(ctx, "contacts.getContacts", 1); err != nil {
		t.Fatal(err)
	}
	must[*tg.UpdatesState](t)(a.api.UpdatesGetState(ctx))
	cancel()
	<-done
}

func TestPauseAndDroppedConnections(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, _, _, _ := people(s)
	a := connect(t, ctx, s, clientOptions{as: alice, manager: true})
	s.DropConnections(alice)
	if err := s.Await(ctx, func() bool { return s.Listening(alice) == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Say(bob, alice, "after the drop")
	a.awaitText(ctx, "after the drop")
	s.Pause()
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("connected to a paused server")
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := s.Await(ctx, func() bool { return s.Listening(alice) == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Say(bob, alice, "after the pause")
	a.awaitText(ctx, "after the pause")
}

func TestEndsOfASession(t *testing.T) {
	ctx := testContext(t)
	for name, c := range map[string]struct {
		end  func(*Server, UserID)
		want string
	}{
		"revoked":     {func(s *Server, u UserID) { s.RevokeSession(s.Sessions(u)[0].KeyID) }, "SESSION_REVOKED"},
		"all revoked": {func(s *Server, u UserID) { s.RevokeAll(u, "SESSION_EXPIRED") }, "SESSION_EXPIRED"},
		"banned":      {func(s *Server, u UserID) { s.BanUser(u) }, "USER_DEACTIVATED_BAN"},
		"deleted":     {func(s *Server, u UserID) { s.DeleteAccount(u) }, "USER_DEACTIVATED"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{})
			alice, _, _, _, _ := people(s)
			a := connect(t, ctx, s, clientOptions{as: alice})
			c.end(s, alice)
			// The client is cut, comes back, and is told.
			if err := s.Await(ctx, func() bool {
				calls := s.CallLog("users.getUsers")
				return len(calls) > 0 && calls[len(calls)-1].Answer == c.want
			}); err != nil {
				t.Fatalf("%v; calls %v", err, s.CallLog(""))
			}
			if err := <-a.done; !tgerr.Is(err, c.want) {
				t.Errorf("client ended with %v", err)
			}
		})
	}
	t.Run("banned phone", func(t *testing.T) {
		s := start(t, Options{})
		alice, _, _, _, _ := people(s)
		s.BanUser(alice)
		c := connect(t, ctx, s, clientOptions{})
		_, err := c.Auth().SendCode(ctx, "15550100", auth.SendCodeOptions{})
		wantErr(t, err, 400, "PHONE_NUMBER_BANNED")
	})
	t.Run("by another client", func(t *testing.T) {
		s := start(t, Options{})
		alice, _, _, _, _ := people(s)
		connect(t, ctx, s, clientOptions{as: alice})
		b := connect(t, ctx, s, clientOptions{as: alice})
		list := must[*tg.AccountAuthorizations](t)(b.api.AccountGetAuthorizations(ctx))
		for _, x := range list.Authorizations {
			if !x.Current {
				if ok, err := b.api.AccountResetAuthorization(ctx, x.Hash); !ok || err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := len(s.Sessions(alice)); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestForgottenKey(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, _, _, _, _ := people(s)
	connect(t, ctx, s, clientOptions{as: alice})
	former := s.Sessions(alice)[0].KeyID
	s.ForgetKeys(alice)
	// gotd is told -404, makes a new key in silence, and is nobody.
	if err := s.Await(ctx, func() bool {
		for _, c := range s.CallLog("users.getUsers") {
			if c.Answer == "AUTH_KEY_UNREGISTERED" && c.KeyID != former {
				return true
			}
		}
		return false
	}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Sessions(alice)); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestSilentPeersHoldNobodyUp(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, _, _, _, _ := people(s)
	for range 20 {
		nc, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = nc.Write([]byte{0xee, 0xee, 0xee, 0xee, 4, 0, 0, 0, 1, 2, 3, 4}) // nonsense
	_ = nc.Close()
	connect(t, ctx, s, clientOptions{as: alice})
}
