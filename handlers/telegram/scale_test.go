package telegram

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// After a restart with many portals and a slow Telegram, the first new message
// is there at once, and so is what was missed in every channel.
func TestFirstMessageAfterRestartWaitsForNoChat(t *testing.T) {
	h := newHouse(t, telegramtest.Options{Latency: 50 * time.Millisecond})
	w := &town{house: h}
	w.alice = h.server.AddUser(telegramtest.UserSpec{Phone: "15550100", FirstName: "Alice"})
	w.bob = h.server.AddUser(telegramtest.UserSpec{Phone: "15550101", FirstName: "Bob"})
	var supers []telegramtest.ChatID
	for i := range 200 {
		if i%2 == 0 {
			h.server.AddGroup(fmt.Sprintf("Group %d", i), w.bob, w.alice)
			continue
		}
		supers = append(supers, h.server.AddSupergroup(fmt.Sprintf("Super %d", i), w.bob, w.alice))
	}
	began := time.Now()
	w.p, w.login = h.member("@alice:test", w.alice)
	first := await[*events.PortalOpened](h, 1, nil).Time.Sub(began)
	t.Logf("200 chats listed in %v, the first after %v", time.Since(began), first)
	if first > time.Second {
		t.Errorf("the first portal after %v", first)
	}
	h.crash()
	for _, s := range supers {
		h.server.Say(w.bob, s, fmt.Sprintf("missed in %d", s))
	}
	h.open()
	began = time.Now()
	must(t, h.server.Await(h.ctx, func() bool { return h.server.Listening(w.alice) > 0 }))
	h.server.Say(w.bob, w.alice, "new")
	h.awaitBody("new")
	if d := time.Since(began); d > 500*time.Millisecond {
		t.Errorf("the first new message after %v", d)
	} else {
		t.Logf("the first new message after %v", d)
	}
	for _, s := range supers {
		h.awaitBody(fmt.Sprintf("missed in %d", s))
	}
	t.Logf("all that was missed after %v", time.Since(began))
}

// BenchmarkIdleLogin tells what a login costs that does nothing: heap, stacks
// and goroutines after a restart. The server's side of the connection, in the
// same process, is in the numbers.
func BenchmarkIdleLogin(b *testing.B) {
	logins := 200
	if n, err := strconv.Atoi(os.Getenv("LOGINS")); err == nil {
		logins = n
	}
	h := newHouse(b, telegramtest.Options{})
	bob := h.server.AddUser(telegramtest.UserSpec{Phone: "15550101", FirstName: "Bob"})
	for i := range logins {
		u := h.server.AddUser(telegramtest.UserSpec{Phone: fmt.Sprintf("1666%07d", i), FirstName: fmt.Sprintf("User %d", i)})
		h.server.AddSupergroup(fmt.Sprintf("Super %d", i), bob, u)
		h.letIn(h.person(events.MatrixID(fmt.Sprintf("@u%d:test", i))), u)
	}
	await[*events.ChatsListed](h, logins, nil)
	listening := func() bool { return len(h.server.CallLog("updates.getDifference")) >= logins }
	for range b.N {
		h.stop()
		h.server.ResetCalls()
		base, routines := used()
		h.open()
		must(b, h.server.Await(h.ctx, listening))
		pause(h.ctx, time.Second) // until memory is at rest
		now, after := used()
		b.ReportMetric(float64(now-base)/1024/float64(logins), "kB/login")
		b.ReportMetric(float64(after-routines)/float64(logins), "goroutines/login")
	}
}

// used is memory in use and the number of goroutines.
func used() (bytes uint64, routines int) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse, runtime.NumGoroutine()
}
