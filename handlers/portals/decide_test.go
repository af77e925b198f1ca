package portals_test

import (
	"fmt"
	"testing"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

const uid = events.UID("22222222-2222-4222-8222-222222222222")

var (
	seeA = portals.See{Kind: events.KindSupergroup, User: "ua", Login: "la", Account: "aa", CanPost: true,
		Chat: events.ChatFacts{Peer: events.Peer{Kind: events.PeerChannel, ID: 5}, Title: "Chess"}}
	seeB  = portals.See{Kind: events.KindSupergroup, User: "ub", Login: "lb", Account: "ab", Chat: seeA.Chat}
	alice = events.Member{Peer: events.Peer{Kind: events.PeerUser, ID: 1}, Name: "Alice"}
	bob   = events.Member{Peer: events.Peer{Kind: events.PeerUser, ID: 2}, Name: "Bob"}
)

// TestDecide reads: given these facts, when this command, then this fact.
func TestDecide(t *testing.T) {
	room := portals.RoomMade{Room: "!r:hs", Invited: []events.UID{"ua"}}
	described := portals.Describe{Login: "la", What: events.Description{Title: "Chess", About: "64 squares", Members: []events.Member{alice}}}
	dress := portals.Dress{Of: "e3", Ghosts: []events.Peer{alice.Peer}}
	for _, c := range []struct {
		name  string
		given []portals.Command
		when  portals.Command
		then  string // the fact's name, "" for none
	}{
		{"the first login opens the portal", nil, seeA, "portal_opened"},
		{"nothing else does", nil, room, ""},
		{"a second telling is none", []portals.Command{seeA}, seeA, ""},
		{"a second login joins", []portals.Command{seeA}, seeB, "login_joined"},
		{"rights that changed are told", []portals.Command{seeA}, portals.See{User: "ua", Login: "la", Account: "aa"}, "login_joined"},
		{"a room is made once", []portals.Command{seeA, room}, portals.RoomMade{Room: "!other:hs"}, ""},
		{"a refusal after the room is late", []portals.Command{seeA, room}, portals.RoomRefused{Error: "M_UNKNOWN"}, ""},
		{"a room after a refusal is welcome", []portals.Command{seeA, portals.RoomRefused{Error: "M_UNKNOWN"}}, room, "room_created"},
		{"who was invited inside needs no invite", []portals.Command{seeA, room}, portals.InviteSent{User: "ua"}, ""},
		{"another does", []portals.Command{seeA, seeB, room}, portals.InviteSent{User: "ub"}, "user_invited"},
		{"entering is told once", []portals.Command{seeA, room, portals.Membership{User: "ua", In: true}}, portals.Membership{User: "ua", In: true}, ""},
		{"leaving is told", []portals.Command{seeA, room}, portals.Membership{User: "ua"}, "user_departed"},
		{"leaving twice is not", []portals.Command{seeA, room, portals.Membership{User: "ua"}}, portals.Membership{User: "ua"}, ""},
		{"a description is told", []portals.Command{seeA, room}, described, "chat_described"},
		{"another login's same description, all met, is not", []portals.Command{seeA, room, described, dress}, described, ""},
		{"a member not met yet is news", []portals.Command{seeA, room, described, dress},
			portals.Describe{What: events.Description{Title: "Chess", About: "64 squares", Members: []events.Member{bob}}}, "chat_described"},
		{"an outcome of an older description is late", []portals.Command{seeA, room, described}, portals.Dress{Of: "e1"}, ""},
		{"a ghost enters once", []portals.Command{seeA, room, described, dress}, portals.GhostsCame{Ghosts: []events.Peer{alice.Peer}}, ""},
		{"a ghost that is not there can't go", []portals.Command{seeA, room}, portals.GhostsWent{Ghosts: []events.Peer{bob.Peer}}, ""},
		{"a login that never saw can't lose", []portals.Command{seeA}, portals.Lose{Login: "lb"}, ""},
		{"one that saw can", []portals.Command{seeA, seeB}, portals.Lose{Login: "lb", Reason: "left"}, "login_left"},
		{"members who came are told", []portals.Command{seeA, room}, portals.MembersMoved{Joined: []events.Member{bob}}, "members_changed"},
		{"members who are there are not", []portals.Command{seeA, room, described, dress}, portals.MembersMoved{Joined: []events.Member{alice}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			fold := projections.NewPortals()
			for i, given := range c.given {
				if apply(t, fold, uint64(i+1), given) == "" {
					t.Fatalf("given %T makes no fact", given)
				}
			}
			if got := apply(t, fold, uint64(len(c.given)+1), c.when); got != c.then {
				t.Fatalf("then %q, want %q", got, c.then)
			}
		})
	}
}

func apply(t *testing.T, fold *projections.Portals, seq uint64, c portals.Command) string {
	t.Helper()
	fact, err := portals.Decide(fold.Get(uid), c)
	if err != nil {
		t.Fatal(err)
	}
	if fact == nil {
		return ""
	}
	e := events.Event{ID: events.EventID(fmt.Sprint("e", seq)), Seq: seq, Fact: fact, Aggregate: events.Aggregate{Stream: events.Portal, UID: uid}}
	if d, ok := c.(portals.Dress); ok {
		e.Causation = d.Of
	}
	fold.Apply(e)
	return fact.Type().Name()
}

func TestPortalIsFoundByRoomChatAndLogin(t *testing.T) {
	fold := projections.NewPortals()
	apply(t, fold, 1, seeA)
	apply(t, fold, 2, seeB)
	apply(t, fold, 3, portals.RoomMade{Room: "!r:hs", Invited: []events.UID{"ua", "ub"}})
	if p, ok := fold.ByRoom("!r:hs"); !ok || p.UID != uid {
		t.Fatal("not found by its room")
	}
	if p, ok := fold.OfChat("whoever", "whatever", seeA.Chat.Peer); !ok || p.UID != uid {
		t.Fatal("a shared chat is not everybody's")
	}
	if made, failed := fold.Progress("ub", "lb"); made != 1 || failed != 0 {
		t.Fatalf("progress %d, %d", made, failed)
	}
	apply(t, fold, 4, portals.Lose{Login: "lb", Reason: "left"})
	if got := fold.OfLogin("lb"); len(got) != 0 {
		t.Fatalf("a login that left still sees %d chats", len(got))
	}
	if got := fold.OfLogin("la"); len(got) != 1 {
		t.Fatalf("the other sees %d", len(got))
	}
}
