package telegramtest

import (
	"fmt"
	"testing"

	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/transport"
)

func TestTransports(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	for name, p := range map[string]dcs.PlainOptions{
		"abridged":     {Protocol: transport.Abridged},
		"intermediate": {Protocol: transport.Intermediate},
		"padded":       {Protocol: transport.PaddedIntermediate},
		"full":         {Protocol: transport.Full},
		"obfuscated":   {Protocol: transport.PaddedIntermediate, Obfuscated: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, ctx, s, clientOptions{as: alice, plain: p})
			must[*tg.UpdatesState](t)(c.api.UpdatesGetState(ctx))
		})
	}
}

// A burst of messages over several chats reaches a client in full and in order.
func TestBurst(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	bob := s.AddUser(UserSpec{Phone: "15550101", FirstName: "Bob"})
	var chats []ChatID
	for i := range 20 {
		if i%2 == 0 {
			chats = append(chats, s.AddGroup(fmt.Sprint(i), alice, bob))
		} else {
			chats = append(chats, s.AddSupergroup(fmt.Sprint(i), alice, bob))
		}
	}
	b := connect(t, ctx, s, clientOptions{as: bob, manager: true})
	// gotd handles what arrives concurrently, and takes the first update of a
	// channel that it sees for the first that there is: it has to know them.
	for _, c := range chats {
		s.Say(alice, c, "known")
	}
	b.await(ctx, "first messages", func(ups []tg.UpdateClass) bool { return len(texts(ups)) >= 20 })
	for i := range 1000 {
		s.Say(alice, chats[i%20], fmt.Sprint(i))
	}
	ups := b.await(ctx, "all messages", func(ups []tg.UpdateClass) bool { return len(texts(ups)) >= 1020 })
	last := map[int64]int{}
	for _, u := range ups {
		var m *tg.Message
		switch u := u.(type) {
		case *tg.UpdateNewMessage:
			m, _ = u.Message.(*tg.Message)
		case *tg.UpdateNewChannelMessage:
			m, _ = u.Message.(*tg.Message)
		}
		if m == nil {
			continue
		}
		id := int64(0)
		switch p := m.PeerID.(type) {
		case *tg.PeerChat:
			id = p.ChatID
		case *tg.PeerChannel:
			id = p.ChannelID
		}
		if m.ID <= last[id] {
			t.Fatalf("message %d after %d", m.ID, last[id])
		}
		last[id] = m.ID
	}
}

func BenchmarkSay(b *testing.B) {
	s, err := Start(b.Context(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	bob := s.AddUser(UserSpec{Phone: "15550101", FirstName: "Bob"})
	chat := s.AddSupergroup("Chat", alice, bob)
	for b.Loop() {
		s.Say(alice, chat, "hello")
	}
}
