package telegram

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// lines says n things in turn in every chat, and returns them by chat.
func (w *town) lines(label string, n int) map[telegramtest.Peer][]string {
	said := map[telegramtest.Peer][]string{}
	for i := range n {
		for _, to := range []telegramtest.Peer{w.group, w.super, w.channel, w.alice} {
			text := fmt.Sprintf("%s %v %d", label, to, i)
			w.server.Say(w.bob, to, text)
			said[to] = append(said[to], text)
		}
	}
	return said
}

// told waits until all is in the log, and checks that each chat has its own
// once and in order.
func (w *town) told(said map[telegramtest.Peer][]string) {
	w.t.Helper()
	all := map[string]bool{}
	for _, lines := range said {
		for _, line := range lines {
			w.awaitBody(line)
			all[line] = true
		}
	}
	got := slices.DeleteFunc(w.bodies(), func(b string) bool { return !all[b] })
	for to, lines := range said {
		here := slices.DeleteFunc(slices.Clone(got), func(b string) bool { return !slices.Contains(lines, b) })
		if !slices.Equal(here, lines) {
			w.t.Errorf("%v: told %q, said %q", to, here, lines)
		}
	}
}

func TestNothingIsLostWhileDown(t *testing.T) {
	w := newTown(t)
	w.told(w.lines("before", 2))
	w.crash()
	said := w.lines("down", 130) // more than one answer of getDifference holds
	w.open()
	w.told(said)
	w.stop()
	said = w.lines("stopped", 3)
	w.open()
	w.told(said)
}

func TestNothingIsLostInGaps(t *testing.T) {
	w := newTown(t)
	w.told(w.lines("before", 1))
	for round := range 3 {
		w.server.LosePushes(w.alice, 5)
		w.told(w.lines(fmt.Sprintf("gap %d", round), 4))
	}
	if n := w.server.Calls("updates.getDifference"); n == 0 {
		t.Error("there was no gap")
	}
}

func TestNothingIsLostWhenConnectionsDrop(t *testing.T) {
	w := newTown(t)
	all := map[telegramtest.Peer][]string{}
	for round := range 5 {
		for to, lines := range w.lines(fmt.Sprintf("round %d", round), 5) {
			all[to] = append(all[to], lines...)
		}
		w.server.DropConnections()
	}
	w.server.Pause()
	for to, lines := range w.lines("away", 5) {
		all[to] = append(all[to], lines...)
	}
	must(t, w.server.Resume())
	w.told(all)
}

func TestKilledAgainAndAgain(t *testing.T) {
	w := newTown(t)
	all := map[telegramtest.Peer][]string{}
	for round := range 3 {
		for to, lines := range w.lines(fmt.Sprintf("round %d", round), 15) {
			all[to] = append(all[to], lines...)
		}
		w.awaitBody(all[w.super][round*15])
		w.restart()
	}
	w.told(all)
}

func TestTooLong(t *testing.T) {
	h := newHouse(t, telegramtest.Options{KeepEvents: 20, ChannelDifferenceTimeout: 300})
	w := townIn(h)
	w.told(w.lines("before", 1))
	w.crash()
	said := w.lines("long", 60)
	w.open()
	w.told(said)
	w.server.PushTooLong(w.alice)
	w.told(w.lines("after", 2))
}

// townIn is newTown on a server with options of its own.
func townIn(h *house) *town {
	w := &town{house: h}
	w.alice = h.server.AddUser(telegramtest.UserSpec{Phone: "15550100", FirstName: "Alice"})
	w.bob = h.server.AddUser(telegramtest.UserSpec{Phone: "15550101", FirstName: "Bob"})
	w.group = h.server.AddGroup("Group", w.bob, w.alice)
	w.super = h.server.AddSupergroup("Super", w.bob, w.alice)
	w.channel = h.server.AddChannel("Channel", w.bob, w.alice)
	w.p, w.login = h.member("@alice:test", w.alice)
	return w
}

// Edits and deletions made while the bridge was away.
func TestChangesWhileDown(t *testing.T) {
	w := newTown(t)
	type said struct {
		id telegramtest.MessageID
		e  events.Event
	}
	var edited, deleted []said
	for _, to := range []telegramtest.Peer{w.group, w.super} {
		for i, list := range []*[]said{&edited, &deleted} {
			text := fmt.Sprintf("%v %d", to, i)
			id := w.server.Say(w.bob, to, text)
			*list = append(*list, said{id, w.awaitBody(text)})
		}
	}
	w.crash()
	for i, to := range []telegramtest.Peer{w.group, w.super} {
		w.server.Edit(w.bob, to, edited[i].id, "changed")
		w.server.Delete(w.bob, to, deleted[i].id)
	}
	w.open()
	for i := range 2 {
		await(w.house, 1, func(f *events.MessageEdited) bool {
			return f.Message == edited[i].e.ID && f.Sealed.Text.Body == "changed"
		})
		await(w.house, 1, func(f *events.MessageDeleted) bool { return f.Message == deleted[i].e.ID })
	}
}

// A busy supergroup waits for nothing after a gap, and no other chat waits for it.
func TestGapInOneChannelDelaysNoOther(t *testing.T) {
	h := newHouse(t, telegramtest.Options{ChannelDifferenceTimeout: 300})
	w := townIn(h)
	w.told(w.lines("before", 1))
	release, _ := w.server.Inject(telegramtest.Fault{Method: "updates.getChannelDifference", Times: 1, Delay: time.Second})
	defer release()
	w.server.LosePushes(w.alice, 1)
	w.server.Say(w.bob, w.super, "lost")
	began := time.Now()
	w.server.Say(w.bob, w.super, "seen")
	w.server.Say(w.bob, w.channel, "other")
	w.server.Say(w.bob, w.group, "another")
	w.awaitBody("other")
	w.awaitBody("another")
	if d := time.Since(began); d > 500*time.Millisecond {
		t.Errorf("other chats waited %v", d)
	}
	w.awaitBody("seen")
	if got := w.bodies(); slices.Index(got, "lost") < 0 || slices.Index(got, "lost") > slices.Index(got, "seen") {
		t.Errorf("order %q", got)
	}
}
