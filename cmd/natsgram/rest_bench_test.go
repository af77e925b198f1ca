package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
)

// BenchmarkRestart: with 200 portals, half of them supergroups, and 50 ms a
// call to Telegram: from the start of the process to the first new message.
func BenchmarkRestart(b *testing.B) {
	for b.Loop() {
		w := newWorld(b, telegramtest.Options{Latency: 50 * time.Millisecond})
		alice := w.addAlice("")
		bob, chats, titles := w.chats(alice, 200)
		w.run()
		w.logIn(w.alice, w.openRoom(w.alice), "")
		rooms := w.joinPortals(w.alice, 200)
		chat, portal := chats[199], rooms[titles[199]]
		w.tg.Say(bob, chat, "warm up")
		w.see(w.alice, portal, "warm up")
		w.stop()
		start := time.Now()
		w.start()
		w.tg.Say(bob, chat, "after the restart")
		w.see(w.alice, portal, "after the restart")
		b.ReportMetric(time.Since(start).Seconds(), "s-to-first-message")
	}
}

// BenchmarkMemory: resident memory of the idle bridge with one login, and for
// each of 200 further ones.
func BenchmarkMemory(b *testing.B) {
	const further = 200
	for b.Loop() {
		w := newWorld(b, telegramtest.Options{})
		alice := w.addAlice("")
		w.chats(alice, 2)
		w.run()
		none := w.rss()
		w.logIn(w.alice, w.openRoom(w.alice), "")
		w.joinPortals(w.alice, 2)
		w.stop()
		w.run()
		w.connected(alice)
		one := w.rss()
		w.stop()
		w.addLogins(further)
		w.run()
		for _, u := range w.others {
			w.connected(u)
		}
		all := w.rss()
		b.ReportMetric(float64(none)/1024, "MB-without-login")
		b.ReportMetric(float64(one)/1024, "MB-one-login")
		b.ReportMetric(float64(all-one)/further, "kB-a-login")
	}
}

// rss is the bridge's resident memory in kB once it has been idle for a while.
func (w *world) rss() int {
	w.t.Helper()
	<-time.After(10 * time.Second) // idle is what is measured
	w.mu.Lock()
	pid := w.bridge.Process.Pid
	w.mu.Unlock()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				w.t.Fatal(err)
			}
			return kb
		}
	}
	w.t.Fatal("no VmRSS")
	return 0
}

func (w *world) connected(u telegramtest.UserID) {
	w.t.Helper()
	if err := w.tg.Await(w.ctx(2*time.Minute), func() bool { return w.tg.Listening(u) > 0 }); err != nil {
		w.t.Fatal("a login did not connect")
	}
}

// openStore opens the stopped bridge's own store, to write to.
func (w *world) openStore(ctx context.Context) (j *journal.Journal, v *vault.Vault, closeStore func()) {
	w.t.Helper()
	cfg, err := LoadConfig(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	keys, err := vault.LoadKeyset(cfg.Keyset)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := journal.Connect(ctx, cfg.journal(zerolog.Nop()))
	if err != nil {
		w.t.Fatal(err)
	}
	secrets, err := conn.Bucket(ctx, "VAULT")
	if err != nil {
		w.t.Fatal(err)
	}
	v = vault.Open(keys, secrets)
	return journal.New(conn, v), v, conn.Close
}

// addLogins writes logins of other users into the stopped bridge's log, with
// sessions that Telegram knows.
func (w *world) addLogins(n int) {
	w.t.Helper()
	ctx := w.ctx(5 * time.Minute)
	j, v, closeStore := w.openStore(ctx)
	defer closeStore()
	for i := range n {
		u := w.tg.AddUser(telegramtest.UserSpec{Phone: fmt.Sprintf("+4477009100%03d", i), FirstName: fmt.Sprint("User ", i)})
		w.others = append(w.others, u)
		login, uid := events.NewLoginID(), events.NewUID()
		if err := v.PutSession(ctx, login, w.tg.Session(u)); err != nil {
			w.t.Fatal(err)
		}
		agg, last := events.Aggregate{Stream: events.Auth, UID: uid}, uint64(0)
		for _, f := range []events.Fact{
			&events.LoginStarted{Attempt: "a", Method: events.MethodPhone, Sealed: events.RoomFacts{
				User: events.MatrixID(fmt.Sprintf("@other%d:%s", i, homeName))}},
			&events.LoginSucceeded{Attempt: "a", Login: login, Account: events.AccountID(events.NewUID()), Method: events.MethodPhone,
				Sealed: events.AccountFacts{TelegramID: int64(u), Name: fmt.Sprint("User ", i)}},
			&events.ChatsListed{Login: login},
		} {
			e := events.Event{ID: events.NewEventID(), Aggregate: agg, Time: time.Now(), Actor: events.BySystem, Fact: f}
			seq, err := j.Append(ctx, e, last)
			if err != nil {
				w.t.Fatal(err)
			}
			last = seq
		}
	}
}
