package projections_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// folding is what every projection can do.
type folding interface {
	Apply(events.Event)
	Snapshot(io.Writer) (uint64, error)
	Restore([]byte) error
	Digest() (projections.Digest, error)
}

// holdsTheLaws checks of a log: folding it twice equals once, and a snapshot
// taken anywhere plus the rest equals the whole.
func holdsTheLaws(t *rapid.T, log []events.Event, fresh func() folding) {
	whole := digestOf(t, fold(fresh(), log))
	twice := fold(fold(fresh(), log), log)
	if got := digestOf(t, twice); got != whole {
		t.Fatalf("twice %v, once %v", got, whole)
	}
	cut := rapid.IntRange(0, len(log)).Draw(t, "cut")
	var b bytes.Buffer
	if _, err := fold(fresh(), log[:cut]).Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	rest := fresh()
	if err := rest.Restore(b.Bytes()); err != nil {
		t.Fatal(err)
	}
	if got := digestOf(t, fold(rest, log[cut:])); got != whole {
		t.Fatalf("snapshot at %d and rest %v, whole %v", cut, got, whole)
	}
}

func fold(p folding, log []events.Event) folding {
	for _, e := range log {
		p.Apply(e)
	}
	return p
}

func digestOf(t *rapid.T, p folding) projections.Digest {
	d, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// log is drawn by playing commands against the decider.
type drawn struct {
	log []events.Event
}

func (d *drawn) add(stream events.Stream, uid events.UID, fact events.Fact, e events.Event) events.Event {
	e.Seq = uint64(len(d.log) + 1)
	e.ID = events.EventID(fmt.Sprint("e", e.Seq))
	e.Aggregate, e.Fact = events.Aggregate{Stream: stream, UID: uid}, fact
	d.log = append(d.log, e)
	return e
}

func TestPortalsHoldTheLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, d := projections.NewPortals(), &drawn{}
		for range rapid.IntRange(0, 60).Draw(t, "length") {
			uid := events.UID(rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "portal"))
			p := live.Get(uid)
			c := drawPortalCommand(t, p)
			fact, err := portals.Decide(p, c)
			if err != nil {
				t.Fatal(err)
			}
			if fact == nil {
				continue
			}
			e := events.Event{}
			if dress, ok := c.(portals.Dress); ok {
				e.Causation = dress.Of
			}
			live.Apply(d.add(events.Portal, uid, fact, e))
			if again, err := portals.Decide(live.Get(uid), c); err != nil || again != nil {
				t.Fatalf("%T twice makes %T, %v", c, again, err)
			}
		}
		holdsTheLaws(t, d.log, func() folding { return projections.NewPortals() })
	})
}

func drawPortalCommand(t *rapid.T, p projections.Portal) portals.Command {
	n := rapid.IntRange(1, 3).Draw(t, "n")
	user, login := events.UID(fmt.Sprint("u", n)), events.LoginID(fmt.Sprint("l", n))
	peer := events.Peer{Kind: events.PeerUser, ID: int64(n)}
	switch rapid.IntRange(0, 9).Draw(t, "command") {
	case 0, 1:
		return portals.See{Kind: events.KindSupergroup, User: user, Login: login, Account: "a",
			Chat: events.ChatFacts{Peer: events.Peer{Kind: events.PeerChannel, ID: int64(len(p.UID))}, Title: "Chat"}}
	case 2:
		return portals.Lose{Login: login, Reason: "left"}
	case 3:
		return portals.RoomMade{Room: events.RoomID("!" + string(p.UID)), Invited: []events.UID{user}}
	case 4:
		return portals.InviteSent{User: user}
	case 5:
		return portals.Membership{User: user, In: rapid.Bool().Draw(t, "in")}
	case 6:
		return portals.Dress{Of: p.Undressed, Ghosts: []events.Peer{peer}}
	case 7:
		return portals.GhostsWent{Ghosts: []events.Peer{peer}}
	case 8:
		return portals.GhostsCame{Ghosts: []events.Peer{peer}}
	default:
		return portals.RoomRefused{Error: "M_UNKNOWN"}
	}
}

func TestMessagesHoldTheLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live, d := projections.NewMessages(), &drawn{}
		for range rapid.IntRange(0, 60).Draw(t, "length") {
			thread := live.Get("p")
			c, e := drawMessageCommand(t, thread)
			fact, err := messages.Decide(thread, c)
			if err != nil {
				t.Fatal(err)
			}
			if fact != nil {
				live.Apply(d.add(events.Chat, "p", fact, e))
			}
		}
		holdsTheLaws(t, d.log, func() folding { return projections.NewMessages() })
	})
}

func drawMessageCommand(t *rapid.T, thread projections.Thread) (messages.Command, events.Event) {
	n := rapid.IntRange(1, 5).Draw(t, "n")
	origin := events.MatrixEventID(fmt.Sprint("$", n))
	facts := events.MessageFacts{Text: events.Text{Body: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "text")}}
	var of events.EventID
	if len(thread.Posts) > 0 {
		of = rapid.SampledFrom(thread.Posts).Draw(t, "of").ID
	}
	switch rapid.IntRange(0, 5).Draw(t, "command") {
	case 0, 1:
		return messages.Said{Number: events.MessageNumber(n), Login: "l", What: facts}, events.Event{}
	case 2:
		return messages.Typed{Origin: origin, User: "u", Login: "l", What: facts}, events.Event{Origin: origin}
	case 3:
		return messages.Edit{Side: events.OnTelegram, Number: events.MessageNumber(n), What: facts}, events.Event{}
	case 4:
		return messages.Delete{Side: events.OnTelegram, Number: events.MessageNumber(n)}, events.Event{}
	default:
		return messages.Carried{Of: of, Message: of, To: events.OnMatrix, Event: "$copy"}, events.Event{Causation: of}
	}
}

func TestSnapshotOfAnotherFoldIsRefused(t *testing.T) {
	var b bytes.Buffer
	if _, err := projections.NewUsers().Snapshot(&b); err != nil {
		t.Fatal(err)
	}
	if err := projections.NewPortals().Restore(b.Bytes()); err == nil {
		t.Fatal("portals took a snapshot of users")
	}
	newer := bytes.Replace(b.Bytes(), []byte(`"version":2`), []byte(`"version":99`), 1)
	if err := projections.NewUsers().Restore(newer); err == nil {
		t.Fatal("a snapshot of version 99 was taken")
	}
	if err := projections.NewUsers().Restore([]byte("rubbish")); err == nil {
		t.Fatal("rubbish was taken")
	}
}
