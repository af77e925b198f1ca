package matrixtest

import (
	"maps"
	"slices"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// view is the record of what one user has seen. The sync loop writes it; a Room
// handed out is never written to again.
type view struct {
	self id.UserID

	mu          sync.Mutex
	changed     chan struct{} // closed, and replaced, at every change
	rooms       map[id.RoomID]Room
	order       []id.RoomID // of rooms, as first seen
	invites     []Invite
	seen        map[id.EventID]bool
	joinInvites bool
	ended       error // why the sync loop is over; nil while it runs
}

func newView(self id.UserID) *view {
	return &view{
		self:    self,
		changed: make(chan struct{}),
		rooms:   make(map[id.RoomID]Room),
		seen:    make(map[id.EventID]bool),
	}
}

// look returns what is known now, a channel that is closed when that changes,
// and the reason if it can't change any more.
func look[T any](v *view, read func() T) (now T, changed <-chan struct{}, ended error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return read(), v.changed, v.ended
}

// room is the reader of one room for look; with v.mu held.
func (v *view) room(room id.RoomID) Room {
	if r, ok := v.rooms[room]; ok {
		return r
	}
	return Room{ID: room}
}

// all is the reader of all rooms for look; with v.mu held.
func (v *view) all() []Room {
	rooms := make([]Room, len(v.order))
	for i, room := range v.order {
		rooms[i] = v.rooms[room]
	}
	return rooms
}

func (v *view) wasSeen(evt id.EventID) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen[evt]
}

// setJoinInvites returns the rooms whose invites are waiting, if yes.
func (v *view) setJoinInvites(yes bool) (waiting []id.RoomID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.joinInvites = yes
	for _, room := range v.order {
		if yes && v.rooms[room].Membership == event.MembershipInvite {
			waiting = append(waiting, room)
		}
	}
	return waiting
}

// end says that nothing more will be seen.
func (v *view) end(reason error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ended = reason
	v.announce()
}

func (v *view) announce() {
	close(v.changed)
	v.changed = make(chan struct{})
}

// apply adds one answer of /sync, whose gaps are filled, and returns the rooms
// to join.
func (v *view) apply(resp *mautrix.RespSync, now time.Time) (join []id.RoomID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, room := range slices.Sorted(maps.Keys(resp.Rooms.Invite)) {
		v.addInvite(room, resp.Rooms.Invite[room].State.Events, now)
		if v.joinInvites { // a repeated one too: the first attempt may have met an outage
			join = append(join, room)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(resp.Rooms.Join)) {
		part := resp.Rooms.Join[room]
		r := v.room(room)
		if r.Membership != event.MembershipJoin {
			r.state = nil // an invite's stripped state, or one out of date
		}
		r.Membership = event.MembershipJoin
		r = v.add(r, part.State.Events, part.Timeline.Events)
		v.put(ephemeral(r, part.Ephemeral.Events))
	}
	for _, room := range slices.Sorted(maps.Keys(resp.Rooms.Leave)) {
		part := resp.Rooms.Leave[room]
		r := v.add(v.room(room), part.State.Events, part.Timeline.Events)
		r.Membership = event.MembershipLeave
		if own := r.Member(v.self); own == event.MembershipBan {
			r.Membership = own
		}
		v.put(r)
	}
	if len(resp.Rooms.Invite)+len(resp.Rooms.Join)+len(resp.Rooms.Leave) > 0 {
		v.announce()
	}
	return join
}

// early says whether an answer calls a room joined that this client has not seen
// the user join, and doesn't contain the joining either.
func (v *view) early(room id.RoomID, part *mautrix.SyncJoinedRoom) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.room(room).Membership == event.MembershipJoin {
		return false
	}
	joined := false
	for _, evt := range slices.Concat(part.State.Events, part.Timeline.Events) {
		if evt.Type.Type == event.StateMember.Type && evt.GetStateKey() == v.self.String() {
			joined = evt.Content.Raw["membership"] == string(event.MembershipJoin)
		}
	}
	return !joined
}

// missing returns the rooms that the client takes for joined and of which the
// answer says nothing.
func (v *view) missing(resp *mautrix.RespSync) (rooms []id.RoomID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, room := range v.order {
		_, joined := resp.Rooms.Join[room]
		_, invited := resp.Rooms.Invite[room]
		_, left := resp.Rooms.Leave[room]
		if v.rooms[room].Membership == event.MembershipJoin && !joined && !invited && !left {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

func (v *view) put(r Room) {
	if _, known := v.rooms[r.ID]; !known {
		v.order = append(v.order, r.ID)
	}
	r.Timeline = slices.Clip(r.Timeline)
	v.rooms[r.ID] = r
}

// addInvite records an invite once: the homeserver may repeat it.
func (v *view) addInvite(room id.RoomID, stripped []*event.Event, now time.Time) {
	r := v.room(room)
	isNew := r.Membership != event.MembershipInvite
	r.Membership, r.state = event.MembershipInvite, nil
	r = v.add(r, stripped, nil)
	v.put(r)
	if !isNew {
		return
	}
	invite := Invite{Room: room, Name: r.Name(), State: stripped, Arrived: now}
	if own := r.State(event.StateMember, v.self.String()); own != nil {
		invite.Inviter = own.Sender
		invite.Direct = own.Content.AsMember().IsDirect
	}
	v.invites = append(v.invites, invite)
}

// add returns the room with state and timeline added; the room given stays as it is.
func (v *view) add(r Room, state, timeline []*event.Event) Room {
	current := maps.Clone(r.state)
	if current == nil {
		current = make(map[stateKey]*event.Event)
	}
	r.state = current
	set := func(evt *event.Event) {
		if evt.StateKey != nil {
			current[stateKey{evt.Type.Type, *evt.StateKey}] = evt
		}
	}
	for _, evt := range state {
		set(parse(evt, r.ID))
	}
	for _, evt := range timeline {
		set(parse(evt, r.ID))
		if !v.seen[evt.ID] {
			v.seen[evt.ID] = true
			r.Timeline = append(r.Timeline, evt)
		}
	}
	return r
}

// parse readies an event for readers, who share it.
func parse(evt *event.Event, room id.RoomID) *event.Event {
	evt.RoomID = room
	if evt.StateKey != nil {
		evt.Type.Class = event.StateEventType
	} else {
		evt.Type.Class = event.MessageEventType
	}
	_ = evt.Content.ParseRaw(evt.Type) // an event we don't know stays raw
	return evt
}

// ephemeral returns the room with typing and receipts brought up to date.
func ephemeral(r Room, events []*event.Event) Room {
	for _, evt := range events {
		evt.Type.Class = event.EphemeralEventType
		if err := evt.Content.ParseRaw(evt.Type); err != nil {
			continue
		}
		switch evt.Type {
		case event.EphemeralEventTyping:
			r.typing = evt.Content.AsTyping().UserIDs
		case event.EphemeralEventReceipt:
			r.receipts = maps.Clone(r.receipts)
			if r.receipts == nil {
				r.receipts = make(map[id.UserID]id.EventID)
			}
			for message, receipts := range *evt.Content.AsReceipt() {
				for user := range receipts[event.ReceiptTypeRead] {
					r.receipts[user] = message
				}
			}
		default: // nothing else that passes is recorded
		}
	}
	return r
}
