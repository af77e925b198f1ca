package telegramtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gotd/td/telegram/updates"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"
)

// memState is a state storage that survives its manager, unlike gotd's it
// keeps the channels when the common state is set.
type memState struct {
	mu       sync.Mutex
	state    *updates.State
	channels map[int64]int
	hashes   map[int64]int64
}

func (m *memState) hash(id int64) (int64, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.hashes[id]
	return h, ok, nil
}

func (m *memState) setHash(id, hash int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hashes == nil {
		m.hashes = map[int64]int64{}
	}
	m.hashes[id] = hash
	return nil
}

func (m *memState) GetChannelAccessHash(_ context.Context, _, id int64) (int64, bool, error) {
	return m.hash(id)
}
func (m *memState) SetChannelAccessHash(_ context.Context, _, id, hash int64) error {
	return m.setHash(id, hash)
}
func (m *memState) GetUserAccessHash(_ context.Context, _, id int64) (int64, bool, error) {
	return m.hash(id)
}
func (m *memState) SetUserAccessHash(_ context.Context, _, id, hash int64) error {
	return m.setHash(id, hash)
}

func (m *memState) GetState(context.Context, int64) (updates.State, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == nil {
		return updates.State{}, false, nil
	}
	return *m.state, true, nil
}

func (m *memState) set(f func(*updates.State)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == nil {
		m.state = &updates.State{}
	}
	f(m.state)
	return nil
}

func (m *memState) SetState(_ context.Context, _ int64, s updates.State) error {
	return m.set(func(st *updates.State) { *st = s })
}
func (m *memState) SetPts(_ context.Context, _ int64, v int) error {
	return m.set(func(s *updates.State) { s.Pts = v })
}
func (m *memState) SetQts(_ context.Context, _ int64, v int) error {
	return m.set(func(s *updates.State) { s.Qts = v })
}
func (m *memState) SetDate(_ context.Context, _ int64, v int) error {
	return m.set(func(s *updates.State) { s.Date = v })
}
func (m *memState) SetSeq(_ context.Context, _ int64, v int) error {
	return m.set(func(s *updates.State) { s.Seq = v })
}
func (m *memState) SetDateSeq(_ context.Context, _ int64, d, q int) error {
	return m.set(func(s *updates.State) { s.Date, s.Seq = d, q })
}
func (m *memState) SetChannelPts(_ context.Context, _, ch int64, pts int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.channels == nil {
		m.channels = map[int64]int{}
	}
	m.channels[ch] = pts
	return nil
}
func (m *memState) GetChannelPts(_ context.Context, _, ch int64) (int, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	pts, ok := m.channels[ch]
	return pts, ok, nil
}
func (m *memState) ForEachChannels(ctx context.Context, _ int64, f func(context.Context, int64, int) error) error {
	m.mu.Lock()
	list := map[int64]int{}
	for ch, pts := range m.channels {
		list[ch] = pts
	}
	m.mu.Unlock()
	for ch, pts := range list {
		if err := f(ctx, ch, pts); err != nil {
			return err
		}
	}
	return nil
}

func send(t *testing.T, ctx context.Context, c *client, to tg.InputPeerClass, text string) tg.UpdatesClass {
	t.Helper()
	return must[tg.UpdatesClass](t)(c.api.MessagesSendMessage(ctx, &tg.MessagesSendMessageRequest{Peer: to, Message: text, RandomID: randomInt64()}))
}

// people makes two accounts and a chat of each kind with both.
func people(s *Server) (alice, bob UserID, group, super, channel ChatID) {
	alice = s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	bob = s.AddUser(UserSpec{Phone: "15550101", FirstName: "Bob"})
	return alice, bob, s.AddGroup("Group", alice, bob), s.AddSupergroup("Super", alice, bob), s.AddChannel("Channel", alice, bob)
}

func TestMessagesReachAllSessions(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, channel := people(s)
	a1 := connect(t, ctx, s, clientOptions{as: alice, manager: true})
	a2 := connect(t, ctx, s, clientOptions{as: alice, manager: true})
	b := connect(t, ctx, s, clientOptions{as: bob, manager: true})
	for i, p := range []Peer{bob, group, super, channel} {
		text := fmt.Sprint("message ", i)
		send(t, ctx, a1, s.peerOf(alice, p), text)
		a2.awaitText(ctx, text)
		b.awaitText(ctx, text)
		if got := s.Texts(bob, map[Peer]Peer{bob: alice, group: group, super: super, channel: channel}[p]); !slices.Equal(got, []string{text}) {
			t.Errorf("%v holds %q", p, got)
		}
	}
	for _, u := range a2.await(ctx, "all", func(ups []tg.UpdateClass) bool { return len(texts(ups)) == 4 }) {
		if n, ok := u.(*tg.UpdateNewMessage); ok {
			if m, ok := n.Message.(*tg.Message); ok && !m.Out {
				t.Errorf("own message is not out: %v", m)
			}
		}
	}
	for _, u := range b.got {
		if n, ok := u.(*tg.UpdateNewMessage); ok {
			if m, ok := n.Message.(*tg.Message); ok && m.Out {
				t.Errorf("message of another is out: %v", m)
			}
		}
	}
	// Neither the sender nor anyone else had to ask for what was missing.
	if n := s.Calls("updates.getDifference"); n != 3 {
		t.Errorf("%d differences, want one for each manager that started", n)
	}
	// Numbers differ between mailboxes and agree in channels.
	s.Say(bob, alice, "shift")
	id := s.Say(alice, super, "numbered")
	if s.MessageIDFor(bob, alice, super, id) != id {
		t.Error("numbers differ in a supergroup")
	}
	s.Say(bob, s.AddUser(UserSpec{Phone: "15550109"}), "elsewhere")
	id = s.Say(alice, group, "numbered")
	if s.MessageIDFor(bob, alice, group, id) == id {
		t.Error("numbers agree in a basic group")
	}
}

func TestRepliesEditsAndDeletions(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, _ := people(s)
	s.Say(bob, s.AddUser(UserSpec{Phone: "15550109"}), "so that numbers differ")
	b := connect(t, ctx, s, clientOptions{as: bob, manager: true})
	// gotd drops edits and deletions that come in a difference, so it must
	// know the channel before.
	s.Say(alice, super, "known")
	b.awaitText(ctx, "known")
	for _, p := range []Peer{group, super} {
		b.mu.Lock()
		b.got = nil
		b.mu.Unlock()
		first := s.Say(alice, p, "first")
		s.Say(alice, p, "answer", ReplyTo(first), Entities(&tg.MessageEntityBold{Offset: 0, Length: 3}))
		s.Edit(alice, p, first, "first, edited")
		s.Delete(alice, p, first)
		mine := s.MessageIDForDeleted(bob, first, alice, p)
		ups := b.await(ctx, "deletion", func(ups []tg.UpdateClass) bool { return slices.ContainsFunc(ups, isDeletion) })
		var reply *tg.Message
		edited := ""
		for _, u := range ups {
			switch u := u.(type) {
			case *tg.UpdateNewMessage:
				reply, _ = u.Message.(*tg.Message)
			case *tg.UpdateNewChannelMessage:
				reply, _ = u.Message.(*tg.Message)
			case *tg.UpdateEditMessage:
				edited = u.Message.(*tg.Message).Message
			case *tg.UpdateEditChannelMessage:
				edited = u.Message.(*tg.Message).Message
			case *tg.UpdateDeleteMessages:
				if !slices.Equal(u.Messages, []int{int(mine)}) {
					t.Errorf("deleted %v, want %d", u.Messages, mine)
				}
			case *tg.UpdateDeleteChannelMessages:
				if u.ChannelID != int64(super) || !slices.Equal(u.Messages, []int{int(first)}) {
					t.Errorf("deleted %v", u)
				}
			}
		}
		if h, ok := reply.ReplyTo.(*tg.MessageReplyHeader); !ok || h.ReplyToMsgID != int(mine) || len(reply.Entities) != 1 {
			t.Errorf("reply %v, want one to %d", reply, mine)
		}
		if edited != "first, edited" {
			t.Errorf("edited to %q", edited)
		}
	}
	if n := s.Calls("updates.getDifference"); n != 1 {
		t.Errorf("%d differences", n)
	}
}

func isDeletion(u tg.UpdateClass) bool {
	switch u.(type) {
	case *tg.UpdateDeleteMessages, *tg.UpdateDeleteChannelMessages:
		return true
	}
	return false
}

// MessageIDForDeleted is MessageIDFor for what is no more.
func (s *Server) MessageIDForDeleted(viewer UserID, id MessageID, author UserID, in Peer) MessageID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := in.key().chat(); ok && s.w.Chats[c].Kind.isChannel() {
		return id
	}
	return MessageID(s.w.Posts[s.w.Users[author].Box[int(id)]].IDs[viewer])
}

func TestOwnEditsAndDeletionsLeaveNoGap(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, _ := people(s)
	a := connect(t, ctx, s, clientOptions{as: alice, manager: true})
	s.ResetCalls()
	for _, p := range []Peer{bob, group, super} {
		peer := s.peerOf(alice, p)
		send(t, ctx, a, peer, "one")
		send(t, ctx, a, peer, "two")
		h := s.History(alice, p)
		one, two := int(h[len(h)-2].ID), int(h[len(h)-1].ID)
		must[tg.UpdatesClass](t)(a.api.MessagesEditMessage(ctx, &tg.MessagesEditMessageRequest{Peer: peer, ID: one, Message: "three"}))
		_, err := a.api.MessagesEditMessage(ctx, &tg.MessagesEditMessageRequest{Peer: peer, ID: one, Message: "three"})
		wantErr(t, err, 400, "MESSAGE_NOT_MODIFIED")
		if p == Peer(super) {
			r := must[*tg.MessagesAffectedMessages](t)(a.api.ChannelsDeleteMessages(ctx, &tg.ChannelsDeleteMessagesRequest{
				Channel: s.channelOf(alice, super), ID: []int{one, two}}))
			if r.PtsCount != 2 {
				t.Errorf("deleted %v", r)
			}
		} else {
			r := must[*tg.MessagesAffectedMessages](t)(a.api.MessagesDeleteMessages(ctx, &tg.MessagesDeleteMessagesRequest{Revoke: true, ID: []int{one, two}}))
			if r.PtsCount != 2 {
				t.Errorf("deleted %v", r)
			}
		}
		text := "after " + p.(fmt.Stringer).String()
		s.Say(bob, map[Peer]Peer{bob: alice, group: group, super: super}[p], text)
		a.awaitText(ctx, text)
	}
	if n := s.Calls("updates.getDifference"); n != 0 {
		t.Errorf("%d differences", n)
	}
	if n := s.Calls("updates.getChannelDifference"); n > 1 {
		t.Errorf("%d channel differences, want at most that of subscribing", n)
	}
}

func TestMissedUpdatesComeWithTheDifference(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, channel := people(s)
	state := &memState{}
	b := connect(t, ctx, s, clientOptions{as: bob, manager: true, state: state})
	s.Say(alice, super, "known")
	s.Say(alice, channel, "known too")
	b.awaitText(ctx, "known", "known too")
	_ = b.stop()
	var want []string
	for i := range 130 { // more than one slice
		text := fmt.Sprint("missed ", i)
		s.Say(alice, []Peer{bob, group, super, channel}[i%4], text)
		want = append(want, text)
	}
	again := connect(t, ctx, s, clientOptions{store: b.store, manager: true, state: state})
	again.awaitText(ctx, want...)
	if slices.Contains(texts(again.got), "known") {
		t.Error("what was known came again")
	}
	again.mu.Lock()
	defer again.mu.Unlock()
	if again.user[int64(alice)] == nil || again.chat[int64(super)] == nil {
		t.Error("differences came without users and chats")
	}
}

func TestGapIsFilledByTheDifference(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, _ := people(s)
	b := connect(t, ctx, s, clientOptions{as: bob, manager: true})
	s.Say(alice, super, "known")
	b.awaitText(ctx, "known")
	s.LosePushes(bob, 2)
	s.Say(alice, group, "lost")
	s.Say(alice, super, "lost too")
	s.Say(alice, group, "after it")
	s.Say(alice, super, "after that")
	b.awaitText(ctx, "lost", "lost too", "after it", "after that")
	s.LosePushes(bob, 1)
	s.Say(alice, bob, "lost again")
	s.PushTooLong(bob)
	b.awaitText(ctx, "lost again")
}

func TestDifferenceByHand(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{KeepEvents: 8, ChannelDifferenceTimeout: 5})
	alice, bob, _, super, _ := people(s)
	b := connect(t, ctx, s, clientOptions{as: bob})
	st := must[*tg.UpdatesState](t)(b.api.UpdatesGetState(ctx))
	ask := func(pts int) tg.UpdatesDifferenceClass {
		return must[tg.UpdatesDifferenceClass](t)(b.api.UpdatesGetDifference(ctx, &tg.UpdatesGetDifferenceRequest{Pts: pts, Date: st.Date + 1000}))
	}
	if d := ask(st.Pts); d.TypeID() != tg.UpdatesDifferenceEmptyTypeID {
		t.Fatalf("got %v", d)
	}
	id := s.Say(alice, bob, "one")
	s.Edit(alice, bob, id, "one, edited")
	s.Say(alice, bob, "two")
	d := ask(st.Pts).(*tg.UpdatesDifference)
	if len(d.NewMessages) != 2 || len(d.OtherUpdates) != 1 || d.State.Pts != st.Pts+3 || len(d.Users) == 0 {
		t.Fatalf("got %v", d)
	}
	_, err := b.api.UpdatesGetDifference(ctx, &tg.UpdatesGetDifferenceRequest{Pts: 0})
	wantErr(t, err, 400, "PERSISTENT_TIMESTAMP_EMPTY")
	for range 20 {
		s.Say(alice, bob, "many")
		s.Say(alice, super, "many")
	}
	if d := ask(st.Pts); d.TypeID() != tg.UpdatesDifferenceTooLongTypeID {
		t.Fatalf("got %v", d)
	}

	channel := func(pts, limit int) tg.UpdatesChannelDifferenceClass {
		return must[tg.UpdatesChannelDifferenceClass](t)(b.api.UpdatesGetChannelDifference(ctx, &tg.UpdatesGetChannelDifferenceRequest{
			Channel: s.channelOf(bob, super), Filter: &tg.ChannelMessagesFilterEmpty{}, Pts: pts, Limit: limit}))
	}
	long := channel(1, 10).(*tg.UpdatesChannelDifferenceTooLong)
	top := long.Dialog.(*tg.Dialog).Pts
	if len(long.Messages) != 10 {
		t.Fatalf("got %v", long)
	}
	part := channel(top-5, 2).(*tg.UpdatesChannelDifference)
	if part.Final || part.Pts != top-3 || len(part.NewMessages) != 2 {
		t.Fatalf("got %v", part)
	}
	rest := channel(part.Pts, 100).(*tg.UpdatesChannelDifference)
	if !rest.Final || rest.Pts != top || rest.Timeout != 5 || len(rest.NewMessages) != 3 {
		t.Fatalf("got %v", rest)
	}
	if e := channel(top, 100); e.TypeID() != tg.UpdatesChannelDifferenceEmptyTypeID {
		t.Fatalf("got %v", e)
	}
}

func TestMembershipAndNames(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, channel := people(s)
	carol := s.AddUser(UserSpec{Phone: "15550102", FirstName: "Carol"})
	c := connect(t, ctx, s, clientOptions{as: carol, manager: true})
	s.Join(group, carol)
	s.Join(super, carol)
	s.Join(channel, carol)
	s.Say(alice, group, "hello group")
	s.Say(alice, super, "hello super")
	s.Say(alice, channel, "hello channel")
	c.awaitText(ctx, "hello group", "hello super", "hello channel")
	s.Rename(super, "New name")
	s.SetAbout(super, "About")
	s.SetPhoto(group, []byte("not really a jpeg"))
	s.SetAdmin(channel, carol, true)
	c.await(ctx, "the new name", func([]tg.UpdateClass) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		ch, ok := c.chat[int64(super)].(*tg.Channel)
		return ok && ch.Title == "New name"
	})
	full := must[*tg.MessagesChatFull](t)(c.api.ChannelsGetFullChannel(ctx, s.channelOf(carol, super)))
	if full.FullChat.(*tg.ChannelFull).About != "About" {
		t.Errorf("about %q", full.FullChat.(*tg.ChannelFull).About)
	}
	must[tg.UpdatesClass](t)(c.api.ChannelsLeaveChannel(ctx, s.channelOf(carol, super)))
	_, err := c.api.ChannelsGetFullChannel(ctx, s.channelOf(carol, super))
	wantErr(t, err, 400, "CHANNEL_PRIVATE")
	s.Remove(channel, carol)
	c.await(ctx, "removal", func([]tg.UpdateClass) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, ok := c.chat[int64(channel)].(*tg.ChannelForbidden)
		return ok
	})
	s.Leave(group, bob)
	if got := s.Members(group); !slices.Equal(got, []UserID{alice, carol}) {
		t.Errorf("members %v", got)
	}
	if _, err := c.api.UpdatesGetChannelDifference(ctx, &tg.UpdatesGetChannelDifferenceRequest{Channel: s.channelOf(carol, channel),
		Filter: &tg.ChannelMessagesFilterEmpty{}, Pts: 1, Limit: 10}); !tgerr.Is(err, "CHANNEL_PRIVATE") {
		t.Error(err)
	}
}

func TestReadingTypingAndReactions(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice, bob, group, super, _ := people(s)
	a := connect(t, ctx, s, clientOptions{as: alice, manager: true})
	b := connect(t, ctx, s, clientOptions{as: bob, manager: true})
	b2 := connect(t, ctx, s, clientOptions{as: bob, manager: true})
	id := s.Say(alice, bob, "read me")
	b.awaitText(ctx, "read me")
	r := must[*tg.MessagesAffectedMessages](t)(b.api.MessagesReadHistory(ctx, &tg.MessagesReadHistoryRequest{Peer: s.peerOf(bob, alice)}))
	if r.PtsCount != 1 {
		t.Errorf("read %v", r)
	}
	a.await(ctx, "outbox read", func(ups []tg.UpdateClass) bool {
		return slices.ContainsFunc(ups, func(u tg.UpdateClass) bool {
			o, ok := u.(*tg.UpdateReadHistoryOutbox)
			return ok && o.MaxID == int(id)
		})
	})
	b2.await(ctx, "inbox read", func(ups []tg.UpdateClass) bool {
		return slices.ContainsFunc(ups, func(u tg.UpdateClass) bool { _, ok := u.(*tg.UpdateReadHistoryInbox); return ok })
	})
	for _, p := range []Peer{alice, group, super} {
		if ok, err := b.api.MessagesSetTyping(ctx, &tg.MessagesSetTypingRequest{Peer: s.peerOf(bob, p), Action: &tg.SendMessageTypingAction{}}); !ok || err != nil {
			t.Fatal(err)
		}
	}
	a.await(ctx, "typing", func(ups []tg.UpdateClass) bool {
		n := 0
		for _, u := range ups {
			switch u.(type) {
			case *tg.UpdateUserTyping, *tg.UpdateChatUserTyping, *tg.UpdateChannelUserTyping:
				n++
			}
		}
		return n == 3
	})
	s.React(bob, alice, s.MessageIDFor(bob, alice, bob, id), "👍")
	a.await(ctx, "reaction", func(ups []tg.UpdateClass) bool {
		return slices.ContainsFunc(ups, func(u tg.UpdateClass) bool { _, ok := u.(*tg.UpdateMessageReactions); return ok })
	})
	if h := s.History(alice, bob); h[0].Reactions[bob] != "👍" {
		t.Errorf("history %v", h)
	}
	if n := s.Calls("updates.getDifference"); n != 3 {
		t.Errorf("%d differences", n)
	}
}
