package matrix

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/projections"
)

// BenchmarkRooms makes the rooms of 50 chats, while they are described with
// three members each, and compares with bare createRoom calls in the same run.
func BenchmarkRooms(b *testing.B) {
	const chats = 50
	for range b.N {
		h := houseOf(b, true)
		p := h.person()
		as := h.hs.Appservice(h.slot.reg.AppToken)
		levels := h.bridge.powers(projections.Portal{})
		bare := func() time.Duration {
			start := time.Now()
			for i := range chats / 2 {
				if _, err := as.CreateRoomLean(h.ctx, p.UserID(), fmt.Sprintf("Bare %d", i), levels); err != nil {
					b.Fatal(err)
				}
			}
			return time.Since(start)
		}
		floor := bare()
		start := time.Now()
		var uids []events.UID
		for i := range chats {
			chat := events.ChatFacts{Peer: channel(int64(1000 + i)), Title: fmt.Sprintf("Chat %d", i)}
			uids = append(uids, h.open(p, events.KindSupergroup, chat).Aggregate.UID)
		}
		var describing sync.WaitGroup
		for i, uid := range uids {
			describing.Go(func() {
				h.portal(uid, func(p projections.Portal) bool { return p.Room != "" })
				h.append(uid, &events.ChatDescribed{Login: p.login, Sealed: events.Description{
					Title: fmt.Sprintf("Chat %d", i), Members: []events.Member{ann, {Peer: user(int64(2000 + i)), Name: "Bob"}}}})
			})
		}
		invited := func(name string) time.Duration {
			invite, err := p.WaitInvite(h.ctx, func(i matrixtest.Invite) bool { return i.Name == name })
			h.check(err)
			return invite.Arrived.Sub(start)
		}
		first := invited("Chat 0")
		for i := range chats {
			invited(fmt.Sprintf("Chat %d", i))
		}
		all := time.Since(start)
		describing.Wait()
		for _, uid := range uids {
			h.portal(uid, func(p projections.Portal) bool { return p.Described && p.Undressed == "" })
		}
		dressed := time.Since(start)
		floor += bare()
		b.ReportMetric(float64(all.Milliseconds())/chats, "ms/room")
		b.ReportMetric(float64(floor.Milliseconds())/chats, "ms/bare-room")
		b.ReportMetric(float64(all)/float64(floor), "x-floor")
		b.ReportMetric(float64(first.Milliseconds()), "ms-first-invite")
		b.ReportMetric(float64(dressed.Milliseconds())/chats, "ms/dressed-room")
		h.crash()
	}
}

// BenchmarkMessage measures from a message's entry in the log until the user's
// /sync has it, and compares with a bare send in the same run.
func BenchmarkMessage(b *testing.B) {
	const rounds = 100
	for range b.N {
		h := houseOf(b, true)
		p := h.person()
		uid, room := h.room(p, "Latency")
		h.copyOf(h.append(uid, says(ann, "warm", 1)))
		as := h.hs.Appservice(h.slot.reg.AppToken)
		var carried, bare []time.Duration
		for i := range rounds {
			text := fmt.Sprintf("carried %d.", i)
			start := time.Now()
			h.append(uid, says(ann, text, i+2))
			h.see(p, room, text)
			carried = append(carried, time.Since(start))

			text = fmt.Sprintf("bare %d.", i)
			start = time.Now()
			_, err := as.SendAsBot(h.ctx, room, text, text)
			h.check(err)
			h.see(p, room, text)
			bare = append(bare, time.Since(start))
		}
		b.ReportMetric(ms(median(carried)), "ms-p50")
		b.ReportMetric(ms(median(bare)), "ms-p50-bare")
		b.ReportMetric(ms(median(carried)-median(bare)), "ms-added")
		h.crash()
	}
}

func (h *house) see(p person, room id.RoomID, text string) {
	h.t.Helper()
	_, err := p.WaitMessage(h.ctx, room, "", matrixtest.Saying(text))
	h.check(err)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkBurst carries 1000 messages of 20 chats and compares with bare sends.
func BenchmarkBurst(b *testing.B) {
	const chats, each = 20, 50
	for range b.N {
		h := houseOf(b, true)
		p := h.person()
		uids, rooms := [chats]events.UID{}, [chats]id.RoomID{}
		for i := range chats {
			uids[i], rooms[i] = h.room(p, fmt.Sprintf("Burst %d", i))
			h.copyOf(h.append(uids[i], says(ann, "warm", 1)))
		}
		as := h.hs.Appservice(h.slot.reg.AppToken)
		bare := func(round int) float64 {
			start := time.Now()
			var lanes sync.WaitGroup
			for lane := range 4 {
				lanes.Go(func() {
					for n := range 100 {
						name := fmt.Sprintf("bare-%d-%d-%d", round, lane, n)
						if _, err := as.SendAsBot(h.ctx, rooms[(lane*5+n%5)%chats], name, name); err != nil {
							b.Error(err)
						}
					}
				})
			}
			lanes.Wait()
			return 400 / time.Since(start).Seconds()
		}
		floor := bare(0)
		start := time.Now()
		for n := range each {
			for i := range chats {
				h.append(uids[i], says(ann, fmt.Sprintf("burst %d.", n), n+2))
			}
		}
		for i := range chats {
			h.see(p, rooms[i], fmt.Sprintf("burst %d.", each-1))
		}
		rate := chats * each / time.Since(start).Seconds()
		floor = (floor + bare(1)) / 2
		for i := range chats {
			if got := len(texts(p, rooms[i], h.bridge.who.ghost(ann.Peer))); got != each+1 {
				b.Errorf("%d messages in room %d", got, i)
			}
		}
		b.ReportMetric(rate, "msg/s")
		b.ReportMetric(floor, "msg/s-bare")
		b.ReportMetric(rate/floor, "x-floor")
		h.crash()
	}
}
