package matrix

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/projections"
)

// TestRoomOfGroup: one call makes the room, the invite says its name, and the
// description dresses it.
func TestRoomOfGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	before := h.proxy.calls("")
	opened := h.open(p, events.KindSupergroup, events.ChatFacts{Peer: channel(9001), Title: "Garden"})
	uid := opened.Aggregate.UID
	room := h.joined(p, uid)
	if calls := h.proxy.calls("") - before; calls != 1 {
		t.Errorf("the room took %d calls", calls)
	}
	invite, err := p.WaitInvite(h.ctx, func(i matrixtest.Invite) bool { return i.Room == room })
	h.check(err)
	if invite.Name != "Garden" || invite.Direct || invite.Inviter != h.bridge.Bot() {
		t.Errorf("the invite says %+v", invite)
	}

	members := []events.Member{{Peer: user(71), Name: "Ann", Photo: 3, Admin: true}, {Peer: user(72), Name: "Bob"}}
	h.append(uid, &events.ChatDescribed{Login: p.login, Members: 3, Sealed: events.Description{
		Title: "Garden club", About: "plants", Photo: 12, Members: members}})
	ghost := func(n int64) id.UserID { return h.bridge.who.ghost(user(n)) }
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool {
		return r.Name() == "Garden club" && r.Topic() == "plants" && r.Avatar() != "" && r.Power(ghost(71)) == 50 &&
			r.DisplayName(ghost(71)) == "Ann" && r.DisplayName(ghost(72)) == "Bob" && r.Power(p.UserID()) == 0 && r.Power(h.bridge.Bot()) == 100
	})
	h.check(err)
	portal := h.portal(uid, func(p projections.Portal) bool { return p.Undressed == "" && len(p.Ghosts) == 2 })
	if !portal.HasGhost(user(71)) || !portal.HasGhost(user(72)) {
		t.Errorf("ghosts %v", portal.Ghosts)
	}
	profile, err := p.API().GetProfile(h.ctx, ghost(71))
	h.check(err)
	if profile.AvatarURL.IsEmpty() {
		t.Error("Ann has no picture")
	}

	// The same again, as another login would tell it, asks little of the homeserver.
	before, beforeReads := h.proxy.calls(""), h.proxy.calls("GET")
	again := h.append(uid, &events.ChatDescribed{Login: p.login, Sealed: events.Description{Title: "Garden club", About: "plants", Photo: 12, Members: members}})
	h.portal(uid, func(p projections.Portal) bool { return p.Seq > again.Seq && p.Undressed == "" })
	if calls, reads := h.proxy.calls("")-before, h.proxy.calls("GET")-beforeReads; calls-reads > 0 {
		t.Errorf("it took %d calls that change something", calls-reads)
	}

	moved := h.append(uid, &events.MembersChanged{Login: p.login, Sealed: events.MembersSealed{
		Joined: []events.Member{{Peer: user(73), Name: "Cid"}}, Left: []events.Peer{user(72)}}})
	h.portal(uid, func(p projections.Portal) bool {
		return p.Seq > moved.Seq && p.HasGhost(user(73)) && !p.HasGhost(user(72))
	})
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool {
		return r.Member(ghost(73)) == event.MembershipJoin && r.Member(ghost(72)) == event.MembershipLeave
	})
	h.check(err)
	if h.pics.asked[12] != 1 || h.pics.asked[3] != 1 {
		t.Errorf("pictures asked for: %v", h.pics.asked)
	}
}

// TestPictureMissing: a picture that can't be had is named, and all else is done.
func TestPictureMissing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pics.fail = true
	p := h.person()
	uid, _ := h.room(p, "Dull")
	h.append(uid, &events.ChatDescribed{Login: p.login, Sealed: events.Description{
		Title: "Dull", About: "grey", Photo: 5, Members: []events.Member{{Peer: user(74), Name: "Dot", Photo: 6}}}})
	h.portal(uid, func(p projections.Portal) bool { return p.Described && p.Undressed == "" })
	facts := h.facts(events.Portal, uid)
	i := slices.IndexFunc(facts, func(e events.Event) bool { _, ok := e.Fact.(*events.RoomDressed); return ok })
	dressed := facts[i].Fact.(*events.RoomDressed)
	if dressed.Picture || !dressed.Topic || !slices.Equal(dressed.Missed, []string{"picture"}) || len(dressed.Sealed.Ghosts) != 1 {
		t.Errorf("dressed: %+v", dressed)
	}
}

// TestPrivateRoom: the room is direct, and the other one is in it.
func TestPrivateRoom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	opened := h.open(p, events.KindPrivate, events.ChatFacts{Peer: user(81), Title: "Eve"})
	room := h.joined(p, opened.Aggregate.UID)
	invite, err := p.WaitInvite(h.ctx, func(i matrixtest.Invite) bool { return i.Room == room })
	h.check(err)
	if !invite.Direct || invite.Name != "Eve" {
		t.Errorf("the invite says %+v", invite)
	}
	ghost := h.bridge.who.ghost(user(81))
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool {
		return r.Member(ghost) == event.MembershipJoin && r.DisplayName(ghost) == "Eve"
	})
	h.check(err)
	h.portal(opened.Aggregate.UID, func(p projections.Portal) bool { return p.HasGhost(user(81)) })
}

// TestBroadcastChannel: who may not post is mute; the channel speaks for itself.
func TestBroadcastChannel(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	reader, author := h.person(), h.person()
	opened := h.open(reader, events.KindChannel, events.ChatFacts{Peer: channel(9100), Title: "News"})
	uid := opened.Aggregate.UID
	room := h.joined(reader, uid)
	h.append(uid, &events.LoginJoined{User: author.uid, Login: author.login, Account: author.account, CanPost: true})
	h.joined(author, uid)
	_, err := author.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { return r.Power(author.UserID()) == 50 })
	h.check(err)
	if _, err := reader.SendText(h.ctx, room, "may I?"); err == nil {
		t.Error("a reader may write")
	}
	h.append(uid, says(events.Member{}, "headline", 1))
	evt, err := reader.WaitMessage(h.ctx, room, "", matrixtest.Saying("headline"))
	h.check(err)
	if evt.Sender != h.bridge.who.ghost(channel(9100)) {
		t.Errorf("said by %s", evt.Sender)
	}
	// A post signed by a person.
	h.append(uid, says(ann, "signed", 2))
	evt, err = reader.WaitMessage(h.ctx, room, "", matrixtest.Saying("signed"))
	h.check(err)
	if evt.Sender != h.bridge.who.ghost(ann.Peer) {
		t.Errorf("said by %s", evt.Sender)
	}
}

// TestLoginsComeAndGo: a second viewer is invited, and put out with their last login.
func TestLoginsComeAndGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.person(), h.person()
	uid, room := h.room(a, "Shared")
	second := events.NewLoginID()
	h.append(uid, &events.LoginJoined{User: b.uid, Login: b.login, Account: b.account, CanPost: true})
	h.append(uid, &events.LoginJoined{User: b.uid, Login: second, Account: b.account, CanPost: true})
	h.joined(b, uid)
	left := h.append(uid, &events.LoginLeft{User: b.uid, Login: second, Reason: "logged_out"})
	h.check(h.portals.WaitFor(h.ctx, left.Seq))
	h.append(uid, &events.LoginLeft{User: b.uid, Login: b.login, Reason: "left"})
	h.portal(uid, func(p projections.Portal) bool { return p.Present[b.uid] == "" })
	_, err := b.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { return r.Membership == event.MembershipLeave })
	h.check(err)
	if kicks := h.proxy.calls("/kick"); kicks != 1 {
		t.Errorf("%d kicks", kicks)
	}
	// And back again.
	h.append(uid, &events.LoginJoined{User: b.uid, Login: b.login, Account: b.account, CanPost: true})
	h.joined(b, uid)
	// A user who leaves by themselves is noticed.
	h.check(a.Leave(h.ctx, room))
	h.portal(uid, func(p projections.Portal) bool { return p.Present[a.uid] == "" })
}

// TestViewersAreInvitedInside: who sees the chat when the room is made is invited by it.
func TestViewersAreInvitedInside(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.person(), h.person()
	h.crash()
	h.start(false)
	opened := h.open(a, events.KindSupergroup, events.ChatFacts{Peer: channel(9200), Title: "Early"})
	h.append(opened.Aggregate.UID, &events.LoginJoined{User: b.uid, Login: b.login, Account: b.account, CanPost: true})
	h.restart()
	h.joined(a, opened.Aggregate.UID)
	h.joined(b, opened.Aggregate.UID)
	if invites := h.proxy.calls("/invite"); invites != 0 {
		t.Errorf("%d invites outside of the room's making", invites)
	}
}

// rooms counts the rooms in which a person is or was, or is invited to.
func roomsNamed(p person, name string) (n int) {
	seen := map[id.RoomID]bool{}
	for _, i := range p.Invites() {
		if i.Name == name && !seen[i.Room] {
			seen[i.Room] = true
			n++
		}
	}
	return n
}

// TestRoomMadeAndAnswerLost: the answer to createRoom is lost; the room is adopted.
func TestRoomMadeAndAnswerLost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	h.proxy.spoil("/createRoom", 1, lostDone)
	uid, _ := h.room(p, "Lost answer")
	h.adopted(uid, true)
	if n := roomsNamed(p, "Lost answer"); n != 1 {
		t.Errorf("%d rooms", n)
	}
	// Not carried out, and nobody knows: it is made, once.
	h.proxy.spoil("/createRoom", 1, cut)
	uid, _ = h.room(p, "Cut off")
	h.adopted(uid, false)
	h.proxy.spoil("/createRoom", 2, lost502)
	uid, _ = h.room(p, "Bad gateway")
	h.adopted(uid, false)
	h.proxy.spoil("/createRoom", 1, limited)
	uid, _ = h.room(p, "Limited")
	h.adopted(uid, false)
}

func (h *house) adopted(uid events.UID, want bool) {
	h.t.Helper()
	made := 0
	for _, e := range h.facts(events.Portal, uid) {
		if f, ok := e.Fact.(*events.RoomCreated); ok {
			made++
			if f.Adopted != want {
				h.t.Errorf("adopted: %v", f.Adopted)
			}
		}
	}
	if made != 1 {
		h.t.Errorf("%d times created", made)
	}
}

// TestCrashAfterRoomMade: the bridge dies between createRoom and RoomCreated.
// The next adopts the room, sets its name right and invites who was missed.
func TestCrashAfterRoomMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.person(), h.person()
	h.crash()
	h.start(false)
	opened := h.open(a, events.KindSupergroup, events.ChatFacts{Peer: channel(9300), Title: "Orphan"})
	uid := opened.Aggregate.UID
	h.append(uid, &events.LoginJoined{User: b.uid, Login: b.login, Account: b.account, CanPost: true})
	h.portal(uid, func(p projections.Portal) bool { return len(p.Viewers) == 2 })
	req := h.bridge.roomRequest(h.portals.Get(uid), []id.UserID{a.UserID()})
	req.Name = "Old name"
	room, err := h.bridge.hs.createRoom(h.ctx, req)
	h.check(err)
	h.restart()
	if h.joined(a, uid) != room || h.joined(b, uid) != room {
		t.Error("another room")
	}
	h.adopted(uid, true)
	_, err = a.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { return r.Name() == "Orphan" })
	h.check(err)
}

// TestMessageBeforeRoomIsRecorded: a user joins and writes in a room that the
// log does not know yet. Nothing is lost.
func TestMessageBeforeRoomIsRecorded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	h.crash()
	h.start(false)
	opened := h.open(p, events.KindSupergroup, events.ChatFacts{Peer: channel(9400), Title: "Quick"})
	uid := opened.Aggregate.UID
	h.portal(uid, func(p projections.Portal) bool { return len(p.Viewers) == 1 })
	room, err := h.bridge.hs.createRoom(h.ctx, h.bridge.roomRequest(h.portals.Get(uid), []id.UserID{p.UserID()}))
	h.check(err)
	_, err = p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { return r.Membership == event.MembershipJoin })
	h.check(err)
	sent, err := p.SendText(h.ctx, room, "first!")
	h.check(err)
	h.restart()
	h.joined(p, uid)
	h.thread(uid, func(th projections.Thread) bool { _, ok := th.ByEvent(events.MatrixEventID(sent)); return ok })
}

// TestRoomRefused: the homeserver's no is recorded, and a message to the room
// fails. The next who sees the chat is a reason to ask again.
func TestRoomRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a, b := h.person(), h.person()
	h.proxy.spoil("/createRoom", 1, forbidden)
	opened := h.open(a, events.KindSupergroup, events.ChatFacts{Peer: channel(9350), Title: "Refused"})
	uid := opened.Aggregate.UID
	if p := h.portal(uid, func(p projections.Portal) bool { return p.Failed != "" }); p.Failed != "M_FORBIDDEN" {
		t.Errorf("failed with %s", p.Failed)
	}
	if post := h.copyOf(h.append(uid, says(ann, "anybody?", 1))); post.State != projections.Failed {
		t.Errorf("the message is %s", post.State)
	}
	h.append(uid, &events.LoginJoined{User: b.uid, Login: b.login, Account: b.account, CanPost: true})
	h.joined(a, uid)
	h.joined(b, uid)
}

// TestOrderOfRooms: the newest chats come first, and no room waits for decoration.
func TestOrderOfRooms(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	const chats = 12
	var uids []events.UID
	for i := range chats {
		e := h.open(p, events.KindGroup, events.ChatFacts{Peer: events.Peer{Kind: events.PeerGroup, ID: int64(600 + i)}, Title: fmt.Sprintf("Chat %d", i)})
		uids = append(uids, e.Aggregate.UID)
	}
	for _, uid := range uids {
		h.joined(p, uid)
	}
	var order []string
	for _, i := range p.Invites() {
		order = append(order, i.Name)
	}
	// The first that is handed to the reactor finds the way free, whichever it is.
	late := 0
	for i := range chats {
		if at := slices.Index(order, fmt.Sprintf("Chat %d", i)); at < i-2 || at > i+2 {
			late++
		}
	}
	if late > 2 {
		t.Errorf("invites came as %v", order)
	}
}

// TestHomeserverAwayForRooms: the homeserver is down when chats are opened, and comes back.
func TestHomeserverAwayForRooms(t *testing.T) {
	t.Parallel()
	h := houseOf(t, false)
	p := h.person()
	h.check(h.hs.Stop())
	var uids []events.UID
	for i := range 3 {
		e := h.open(p, events.KindSupergroup, events.ChatFacts{Peer: channel(int64(9500 + i)), Title: fmt.Sprintf("Away %d", i)})
		uids = append(uids, e.Aggregate.UID)
	}
	h.append(uids[0], says(ann, "while you were out", 1))
	if err := pause(h.ctx, 1500*time.Millisecond); err != nil { // an outage takes time
		t.Fatal(err)
	}
	h.check(h.hs.Start(h.ctx))
	for i, uid := range uids {
		room := h.joined(p, uid)
		if n := roomsNamed(p, fmt.Sprintf("Away %d", i)); n != 1 {
			t.Errorf("%d rooms", n)
		}
		if i == 0 {
			_, err := p.WaitMessage(h.ctx, room, "", matrixtest.Saying("while you were out"))
			h.check(err)
		}
	}
}

// TestDressFails: each call of a description failed, and failed but done; and
// the bridge dies in the middle. In the end the room looks as it should, once.
func TestDressFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.person()
	n := int64(0)
	describe := func(uid events.UID) events.Event {
		n++
		return h.append(uid, &events.ChatDescribed{Login: p.login, Sealed: events.Description{
			Title: fmt.Sprintf("Shop %d", n), About: fmt.Sprintf("about %d", n), Photo: 100 + n,
			Members: []events.Member{{Peer: user(8000 + n), Name: "Guest", Photo: 200 + n, Admin: true}}}})
	}
	uid, room := h.room(p, "Shop")
	done := func() {
		t.Helper()
		ghost := h.bridge.who.ghost(user(8000 + n))
		_, err := p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool {
			return r.Name() == fmt.Sprintf("Shop %d", n) && r.Topic() == fmt.Sprintf("about %d", n) && r.Avatar() != "" &&
				r.Member(ghost) == event.MembershipJoin && r.Power(ghost) == adminPower
		})
		h.check(err)
		h.portal(uid, func(p projections.Portal) bool { return p.Undressed == "" && p.HasGhost(user(8000+n)) })
	}
	for _, call := range []string{"/state/m.room.name", "/state/m.room.topic", "/state/m.room.avatar", "/state/m.room.power_levels",
		"/upload", "/avatar_url", "/invite", "/join", "/state"} {
		for _, f := range []fault{lostDone, lost502} {
			h.proxy.spoil(call, 1, f)
			describe(uid)
			done()
		}
	}
	h.proxy.spoil("/join", 1_000_000, cut)
	describe(uid)
	_, err := p.WaitFor(h.ctx, room, func(r matrixtest.Room) bool { return r.Name() == fmt.Sprintf("Shop %d", n) })
	h.check(err)
	h.crash()
	h.proxy.heal()
	h.start(true)
	done()

	// The same for an invite.
	for _, f := range []fault{lostDone, lost502, limited} {
		late := h.person()
		h.proxy.spoil("/invite", 1, f)
		h.append(uid, &events.LoginJoined{User: late.uid, Login: late.login, Account: late.account, CanPost: true})
		h.joined(late, uid)
	}
}
