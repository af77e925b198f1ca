package telegramtest

import (
	"context"
	"slices"
	"testing"

	"github.com/gotd/td/tg"
)

func TestRestartKeepsAll(t *testing.T) {
	ctx := testContext(t)
	dir := t.TempDir()
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	alice, bob, group, super, _ := people(s)
	s.AddUser(UserSpec{Phone: "15550105", FirstName: "Half way"})
	state := &memState{}
	a := connect(t, ctx, s, clientOptions{as: alice, manager: true, state: state})
	half := connect(t, ctx, s, clientOptions{})
	sent := sendCode(t, ctx, half, "15550105")
	s.Say(bob, super, "before", Entities(&tg.MessageEntityItalic{Offset: 0, Length: 2}))
	a.awaitText(ctx, "before")
	peer := s.peerOf(alice, group)
	if _, err := a.api.MessagesSendMessage(ctx, &tg.MessagesSendMessageRequest{Peer: peer, Message: "once", RandomID: 42}); err != nil {
		t.Fatal(err)
	}
	addr, key := s.Addr(), s.PublicKeyPEM()
	_ = a.stop()
	_ = half.stop()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = start(t, Options{Dir: dir})
	if s.Addr() != addr || s.PublicKeyPEM() != key {
		t.Errorf("came back at %s, was at %s", s.Addr(), addr)
	}
	s.Say(bob, super, "after")
	s.Say(bob, group, "after in the group")
	a = connect(t, ctx, s, clientOptions{store: a.store, manager: true, state: state})
	a.awaitText(ctx, "after", "after in the group")
	_, err = a.api.MessagesSendMessage(ctx, &tg.MessagesSendMessageRequest{Peer: peer, Message: "once", RandomID: 42})
	wantErr(t, err, 500, "RANDOM_ID_DUPLICATE")
	if got := s.Texts(alice, super); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("history %q", got)
	}
	if h := s.History(alice, super); len(h[1].Entities) != 1 {
		t.Errorf("entities lost: %v", h)
	}
	half = connect(t, ctx, s, clientOptions{store: half.store})
	code, _ := s.LastCode("15550105")
	must[*tg.AuthAuthorization](t)(half.Auth().SignIn(ctx, "15550105", code, sent.PhoneCodeHash))
}

// A server that is killed has forgotten at most what happened in the last
// moment, but never a key that a client holds.
func TestKilledServerKnowsItsKeys(t *testing.T) {
	ctx := testContext(t)
	dir := t.TempDir()
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	s.mu.Lock()
	err = s.save()
	s.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, ctx, s, clientOptions{as: alice})
	_ = c.stop()
	s.mu.Lock()
	s.dirty = false // nothing more reaches the disk, as if killed
	s.mu.Unlock()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = start(t, Options{Dir: dir})
	c = connect(t, ctx, s, clientOptions{store: c.store})
	if self := must[*tg.User](t)(c.Self(ctx)); self.ID != int64(alice) {
		t.Errorf("I am %v", self)
	}
}
