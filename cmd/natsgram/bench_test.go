package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// The benchmarks measure the bridge as a process of its own, built without the
// race detector, on a real homeserver; each reports its floor from the same run.

// chats makes n chats, half basic groups and half supergroups, of three members.
func (w *world) chats(alice telegramtest.UserID, n int) (bob telegramtest.UserID, list []telegramtest.ChatID, titles []string) {
	bob = w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900124", FirstName: "Bob"})
	carol := w.tg.AddUser(telegramtest.UserSpec{Phone: "+447700900125", FirstName: "Carol"})
	for i := range n {
		title := fmt.Sprintf("Chat %03d", i)
		var c telegramtest.ChatID
		if i%2 == 0 {
			c = w.tg.AddGroup(title, bob, alice, carol)
		} else {
			c = w.tg.AddSupergroup(title, bob, alice, carol)
		}
		w.tg.Say(bob, c, "hello")
		list, titles = append(list, c), append(titles, title)
	}
	return bob, list, titles
}

// appservice makes calls as the bridge's bot, for the floors.
func (w *world) appservice() *matrixtest.Appservice {
	w.t.Helper()
	cfg, err := LoadConfig(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.hs.Appservice(cfg.Appservice.ASToken.Reveal())
}

// BenchmarkRooms: time a chat from login until the user has all invites,
// against a bare loop of lean createRoom calls.
func BenchmarkRooms(b *testing.B) {
	for _, n := range []int{50, 200} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				benchRooms(b, n)
			}
		})
	}
}

func benchRooms(b *testing.B, n int) {
	w := newWorld(b, telegramtest.Options{})
	alice := w.addAlice("")
	_, _, titles := w.chats(alice, n)
	w.run()
	room := w.openRoom(w.alice)

	// Half of the floor is laid before and half after: rooms cost the homeserver
	// the more the more there are.
	floorUser := w.register("floor")
	floor := w.bareRooms(floorUser.UserID(), n/2)

	w.ask(w.alice, room, "login", "phone number")
	w.ask(w.alice, room, alicePhone, "send me the code")
	start := time.Now()
	w.ask(w.alice, room, aliceCode, "Logged in as")
	seen := map[id.RoomID]bool{}
	var order []string
	var first time.Duration
	for len(seen) < n {
		invite, err := w.alice.WaitInvite(w.ctx(3*time.Minute), func(i matrixtest.Invite) bool { return !seen[i.Room] })
		if err != nil {
			b.Fatalf("%d of %d invites: %v", len(seen), n, err)
		}
		if len(seen) == 0 {
			first = time.Since(start)
		}
		seen[invite.Room] = true
		order = append(order, invite.Name)
	}
	perChat := time.Since(start) / time.Duration(n)
	w.stop()
	floor = (floor + w.bareRooms(floorUser.UserID(), n/2)) / time.Duration(n/2*2)
	slices.Reverse(titles)
	b.ReportMetric(float64(perChat.Microseconds())/1000, "ms/chat")
	b.ReportMetric(float64(floor.Microseconds())/1000, "floor-ms/room")
	b.ReportMetric(float64(perChat)/float64(floor), "of-floor")
	b.ReportMetric(first.Seconds(), "first-invite-s")
	b.ReportMetric(float64(displaced(order, titles)), "out-of-order")
}

// bareRooms is how long n lean createRoom calls take, one after another.
func (w *world) bareRooms(invite id.UserID, n int) time.Duration {
	w.t.Helper()
	as := w.appservice()
	start := time.Now()
	for i := range n {
		levels := &event.PowerLevelsEventContent{Users: map[id.UserID]int{botID(): 100}}
		if _, err := as.CreateRoomLean(w.ctx(time.Minute), invite, fmt.Sprint("Floor ", i), levels); err != nil {
			w.t.Fatal(err)
		}
	}
	return time.Since(start)
}

// displaced counts how many are not where they should be, give or take two.
func displaced(got, want []string) int {
	n := 0
	for i, name := range got {
		if at := slices.Index(want, name); at < i-2 || at > i+2 {
			n++
		}
	}
	return n
}

// BenchmarkLatency: one message at a time, each way, against the raw send.
func BenchmarkLatency(b *testing.B) {
	for b.Loop() {
		benchLatency(b)
	}
}

func benchLatency(b *testing.B) {
	const n = 100
	w := newWorld(b, telegramtest.Options{})
	alice := w.addAlice("")
	bob, chats, titles := w.chats(alice, 2)
	w.run()
	w.logIn(w.alice, w.openRoom(w.alice), "")
	rooms := w.joinPortals(w.alice, 2)
	chat, portal := chats[1], rooms[titles[1]]
	w.tg.Say(bob, chat, "warm up")
	w.see(w.alice, portal, "warm up")
	w.say(w.alice, portal, "warm up, too")
	w.arrives(bob, chat, "warm up, too")

	var raw, toMatrix, put, toTelegram []time.Duration
	as := w.appservice()
	for i := range n {
		text := fmt.Sprintf("raw message %03d", i)
		start := time.Now()
		if _, err := as.SendAsBot(b.Context(), portal, text, text); err != nil {
			b.Fatal(err)
		}
		w.see(w.alice, portal, text)
		raw = append(raw, time.Since(start))

		text = fmt.Sprintf("to matrix %03d", i)
		start = time.Now()
		w.tg.Say(bob, chat, text)
		w.see(w.alice, portal, text)
		toMatrix = append(toMatrix, time.Since(start))

		text = fmt.Sprintf("to telegram %03d", i)
		start = time.Now()
		w.say(w.alice, portal, text)
		put = append(put, time.Since(start))
		w.arrives(bob, chat, text)
		toTelegram = append(toTelegram, time.Since(start))
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(at(raw, 50)), "raw-p50-ms")
	b.ReportMetric(ms(at(toMatrix, 50)), "to-matrix-p50-ms")
	b.ReportMetric(ms(at(toMatrix, 95)), "to-matrix-p95-ms")
	b.ReportMetric(ms(at(put, 50)), "put-p50-ms")
	b.ReportMetric(ms(at(toTelegram, 50)), "to-telegram-p50-ms")
	b.ReportMetric(ms(at(toTelegram, 95)), "to-telegram-p95-ms")
	b.ReportMetric(ms(at(w.copying(), 50)), "to-telegram-within-bridge-p50-ms")
}

// copying is how long the bridge took from recording each message of a Matrix
// user to recording its copy on Telegram: what it adds by itself. The rest is
// the homeserver's own way to its appservices.
func (w *world) copying() []time.Duration {
	var list []time.Duration
	posted := map[events.EventID]time.Time{}
	for _, e := range w.events(events.Chat) {
		switch f := e.Fact.(type) {
		case *events.MessagePosted:
			if f.Side == events.OnMatrix {
				posted[e.ID] = e.Time
			}
		case *events.CopyMade:
			if start, ok := posted[e.Causation]; ok {
				list = append(list, e.Time.Sub(start))
			}
		}
	}
	return list
}

func at(list []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

// BenchmarkBurst: a thousand messages over twenty chats, each way: how fast,
// and how many are lost, doubled or out of order; with kill -9 in the middle,
// and with the homeserver stopped.
func BenchmarkBurst(b *testing.B) {
	calm := func(*world) {}
	for _, c := range []struct {
		name    string
		disturb func(w *world)
	}{
		{"calm", calm},
		{"kill", func(w *world) { w.kill(); w.start() }},
		{"homeserver-30s", func(w *world) { w.homeserverAway(30 * time.Second) }},
		{"homeserver-90s", func(w *world) { w.homeserverAway(90 * time.Second) }},
	} {
		b.Run("to-matrix/"+c.name, func(b *testing.B) {
			for b.Loop() {
				benchBurstToMatrix(b, c.disturb)
			}
		})
	}
	for _, c := range []struct {
		name    string
		disturb func(w *world)
	}{{"calm", calm}, {"kill", func(w *world) { w.kill(); w.start() }}} {
		b.Run("to-telegram/"+c.name, func(b *testing.B) {
			for b.Loop() {
				benchBurstToTelegram(b, c.disturb)
			}
		})
	}
}

func (w *world) homeserverAway(d time.Duration) {
	if err := w.hs.Stop(); err != nil {
		w.t.Error(err)
	}
	<-time.After(d) // the outage itself is what is measured
	if err := w.hs.Start(w.ctx(time.Minute)); err != nil {
		w.t.Error(err)
	}
}

const (
	burstChats    = 20
	burstMessages = 1000
)

func burstText(i int) string { return fmt.Sprintf("burst %04d", i) }

func burstWorld(b *testing.B) (w *world, bob telegramtest.UserID, chats []telegramtest.ChatID, portals []id.RoomID) {
	w = newWorld(b, telegramtest.Options{})
	alice := w.addAlice("")
	bob, chats, titles := w.chats(alice, burstChats)
	w.run()
	w.logIn(w.alice, w.openRoom(w.alice), "")
	rooms := w.joinPortals(w.alice, burstChats)
	for i, t := range titles {
		portals = append(portals, rooms[t])
		w.tg.Say(bob, chats[i], "warm up")
		w.see(w.alice, rooms[t], "warm up")
	}
	return w, bob, chats, portals
}

func benchBurstToMatrix(b *testing.B, disturb func(*world)) {
	w, bob, chats, portals := burstWorld(b)
	as := w.appservice()
	start := time.Now()
	for i := range burstMessages / 5 {
		text := fmt.Sprint("floor ", i)
		if _, err := as.SendAsBot(b.Context(), portals[i%burstChats], text, text); err != nil {
			b.Fatal(err)
		}
	}
	floor := float64(burstMessages/5) / time.Since(start).Seconds()

	start = time.Now()
	for i := range burstMessages {
		w.tg.Say(bob, chats[i%burstChats], burstText(i))
		if i == burstMessages/2 {
			disturb(w)
		}
	}
	for c, portal := range portals {
		last := burstText(burstMessages - burstChats + c)
		_, err := w.alice.WaitMessage(w.ctx(10*time.Minute), portal, "", func(e *event.Event) bool { return e.Content.AsMessage().Body == last })
		if err != nil {
			b.Fatalf("%q did not come: %v", last, err)
		}
	}
	took := time.Since(start)
	var texts [][]string
	for _, portal := range portals {
		var list []string
		for _, e := range w.alice.Room(portal).Messages() {
			list = append(list, e.Content.AsMessage().Body)
		}
		texts = append(texts, list)
	}
	reportBurst(b, texts, took, floor)
}

func benchBurstToTelegram(b *testing.B, disturb func(*world)) {
	w, bob, chats, portals := burstWorld(b)
	start := time.Now()
	var sending time.Duration
	for i := range burstMessages {
		sent := time.Now()
		w.say(w.alice, portals[i%burstChats], burstText(i))
		sending += time.Since(sent)
		if i == burstMessages/2 {
			disturb(w)
		}
	}
	for c, chat := range chats {
		last := burstText(burstMessages - burstChats + c)
		err := w.tg.Await(w.ctx(10*time.Minute), func() bool { return slices.Contains(w.tg.Texts(bob, chat), last) })
		if err != nil {
			b.Fatalf("%q did not arrive: %v", last, err)
		}
	}
	took := time.Since(start)
	var texts [][]string
	for _, chat := range chats {
		texts = append(texts, w.tg.Texts(bob, chat))
	}
	reportBurst(b, texts, took, burstMessages/sending.Seconds())
}

// reportBurst counts what is missing, double and out of order in each chat.
func reportBurst(b *testing.B, texts [][]string, took time.Duration, floor float64) {
	b.Helper()
	lost, doubled, disordered := 0, 0, 0
	for c, list := range texts {
		var got []string
		for _, t := range list {
			if strings.HasPrefix(t, "burst ") {
				got = append(got, t)
			}
		}
		seen, last := map[string]int{}, ""
		for _, t := range got {
			seen[t]++
			if t < last {
				disordered++
			}
			last = max(last, t)
		}
		for i := c; i < burstMessages; i += burstChats {
			switch n := seen[burstText(i)]; {
			case n == 0:
				lost++
			case n > 1:
				doubled += n - 1
			}
		}
	}
	rate := burstMessages / took.Seconds()
	b.ReportMetric(rate, "messages/s")
	b.ReportMetric(floor, "floor-messages/s")
	b.ReportMetric(rate/floor, "of-floor")
	b.ReportMetric(float64(lost), "lost")
	b.ReportMetric(float64(doubled), "doubled")
	b.ReportMetric(float64(disordered), "out-of-order")
	if lost+doubled+disordered > 0 {
		b.Errorf("%d lost, %d doubled, %d out of order", lost, doubled, disordered)
	}
}
