package matrixtest_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
)

const password = "correct horse"

// TestHomeserver shares one homeserver, and one bridge that only listens, among
// its parts. The outage comes last.
func TestHomeserver(t *testing.T) {
	bridge := listen(t, "bridge")
	other := listen(t, "other")
	hs := matrixtest.ForTest(t, matrixtest.Options{
		Dir:               t.TempDir(),
		ServerName:        "example.test",
		RegistrationFiles: []string{bridge.file, other.file},
	})
	t.Run("users talk", func(t *testing.T) { testUsersTalk(t, hs) })
	t.Run("rooms change", func(t *testing.T) { testRoomsChange(t, hs) })
	t.Run("long timelines are whole", func(t *testing.T) { testLongTimeline(t, hs, bridge) })
	t.Run("appservices get what concerns them", func(t *testing.T) { testAppservices(t, hs, bridge, other) })
	t.Run("direct transactions", func(t *testing.T) { testPutTransaction(t, bridge) })
	t.Run("an outage keeps the data", func(t *testing.T) { testOutage(t, hs) })
}

func testUsersTalk(t *testing.T, hs *matrixtest.Homeserver) {
	ctx := within(t, 30*time.Second)
	alice, bob := register(t, hs, "alice"), register(t, hs, "bob")
	if alice.UserID() != "@alice:example.test" {
		t.Errorf("user ID %s", alice.UserID())
	}
	if _, err := hs.Register(ctx, "alice", password); !errors.Is(err, mautrix.MUserInUse) {
		t.Errorf("second registration: %v", err)
	}

	room := do(alice.CreateDM(ctx, bob.UserID()))(t)
	invite := do(bob.WaitInvite(ctx, func(i matrixtest.Invite) bool { return i.Room == room }))(t)
	if invite.Inviter != alice.UserID() || !invite.Direct || invite.Arrived.IsZero() {
		t.Errorf("invite %+v", invite)
	}
	check(t, bob.Join(ctx, room))
	check(t, alice.WaitJoined(ctx, room, bob.UserID()))

	first := do(alice.SendText(ctx, room, "hello"))(t)
	seen := do(bob.WaitMessage(ctx, room, "", matrixtest.All(matrixtest.From(alice.UserID()), matrixtest.Saying("hello"))))(t)
	if seen.ID != first {
		t.Errorf("saw %s, sent %s", seen.ID, first)
	}
	answer := do(bob.Reply(ctx, room, first, "hello yourself"))(t)
	seen = do(alice.WaitMessage(ctx, room, first, matrixtest.From(bob.UserID())))(t)
	if seen.ID != answer || seen.Content.AsMessage().RelatesTo.GetReplyTo() != first {
		t.Errorf("reply %s to %s", seen.ID, seen.Content.AsMessage().RelatesTo.GetReplyTo())
	}

	do(alice.Edit(ctx, room, first, "good day"))(t)
	do(bob.WaitFor(ctx, room, func(r matrixtest.Room) bool { text, ok := r.Text(first); return ok && text == "good day" }))(t)
	do(alice.Redact(ctx, room, first))(t)
	do(bob.WaitFor(ctx, room, func(r matrixtest.Room) bool { _, ok := r.Text(first); return !ok }))(t)

	do(alice.SendHTML(ctx, room, "bold", "<b>bold</b>"))(t)
	do(alice.SendNotice(ctx, room, "notice"))(t)
	do(bob.React(ctx, room, answer, "👍"))(t)
	file := do(bob.SendMedia(ctx, room, event.MsgFile, "a.txt", "text/plain", []byte("content")))(t)
	got := do(alice.WaitMessage(ctx, room, answer, matrixtest.Saying("a.txt")))(t)
	if data := do(alice.Download(ctx, got.Content.AsMessage().URL))(t); got.ID != file || string(data) != "content" {
		t.Errorf("media %s holds %q", got.ID, data)
	}
	check(t, ignore(alice.API().UserTyping(ctx, room, true, time.Minute)))
	do(bob.WaitFor(ctx, room, func(r matrixtest.Room) bool { return slices.Contains(r.Typing(), alice.UserID()) }))(t)
	check(t, alice.API().MarkRead(ctx, room, file))
	do(bob.WaitFor(ctx, room, func(r matrixtest.Room) bool { return r.ReadUpTo(alice.UserID()) == file }))(t)

	again := do(hs.Login(ctx, "alice", password))(t)
	r := do(again.WaitFor(ctx, room, func(r matrixtest.Room) bool { return r.Event(file) != nil }))(t)
	if whole := alice.Room(room); len(r.Timeline) != len(whole.Timeline) {
		t.Errorf("a second client sees %d events, the first %d", len(r.Timeline), len(whole.Timeline))
	}
	if messages := r.Messages(); len(messages) != 5 {
		t.Errorf("%d messages", len(messages))
	}
}

func testRoomsChange(t *testing.T, hs *matrixtest.Homeserver) {
	ctx := within(t, 30*time.Second)
	carol, dave := register(t, hs, "carol"), register(t, hs, "dave")
	check(t, dave.JoinInvites(ctx, true))
	room := do(carol.CreateRoom(ctx, &mautrix.ReqCreateRoom{Name: "Garden", Topic: "plants", Preset: "private_chat"}))(t)
	check(t, carol.Invite(ctx, room, dave.UserID()))
	r := do(dave.WaitFor(ctx, room, func(r matrixtest.Room) bool { return r.Membership == event.MembershipJoin }))(t)
	if r.Name() != "Garden" || r.Topic() != "plants" || r.DisplayName(carol.UserID()) != "carol" {
		t.Errorf("name %q, topic %q, member %q", r.Name(), r.Topic(), r.DisplayName(carol.UserID()))
	}
	if joined := r.Joined(); !slices.Equal(joined, []id.UserID{carol.UserID(), dave.UserID()}) {
		t.Errorf("joined %v", joined)
	}
	if invites := dave.Invites(); len(invites) != 1 || invites[0].Name != "Garden" {
		t.Errorf("invites %+v", invites)
	}

	check(t, carol.SetPower(ctx, room, dave.UserID(), 50))
	do(dave.WaitFor(ctx, room, func(r matrixtest.Room) bool { return r.Power(dave.UserID()) == 50 }))(t)
	check(t, carol.Kick(ctx, room, dave.UserID()))
	do(dave.WaitFor(ctx, room, func(r matrixtest.Room) bool { return r.Membership == event.MembershipLeave }))(t)
	check(t, carol.Invite(ctx, room, dave.UserID()))
	check(t, carol.WaitJoined(ctx, room, dave.UserID()))
	check(t, carol.Leave(ctx, room))
	do(dave.WaitFor(ctx, room, func(r matrixtest.Room) bool { return r.Member(carol.UserID()) == event.MembershipLeave }))(t)
	if invites := dave.Invites(); len(invites) != 2 {
		t.Errorf("%d invites after the second", len(invites))
	}
	found := do(dave.WaitRoom(ctx, func(r matrixtest.Room) bool { return r.Name() == "Garden" }))(t)
	if found.ID != room || len(dave.Rooms()) != 1 {
		t.Errorf("found %s among %d", found.ID, len(dave.Rooms()))
	}

	short, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := dave.WaitMessage(short, room, "", matrixtest.Saying("never said")); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in vain: %v", err)
	}
}

func testOutage(t *testing.T, hs *matrixtest.Homeserver) {
	ctx := within(t, time.Minute)
	erin, frank := register(t, hs, "erin"), register(t, hs, "frank")
	check(t, frank.JoinInvites(ctx, true))
	room := do(erin.CreateDM(ctx, frank.UserID()))(t)
	check(t, erin.WaitJoined(ctx, room, frank.UserID()))
	end := do(erin.SendText(ctx, room, "before"))(t)

	outages := map[string]func() error{"stop": hs.Stop, "kill": hs.Kill}
	for name, begin := range outages {
		pid, url := hs.PID(), hs.URL()
		check(t, begin())
		if hs.PID() != 0 {
			t.Fatalf("%s: still running as %d", name, hs.PID())
		}
		if _, err := erin.SendText(ctx, room, "during"); err == nil {
			t.Errorf("%s: message accepted", name)
		}
		check(t, hs.Start(ctx))
		if hs.PID() == pid || hs.URL() != url {
			t.Errorf("%s: process %d at %s, was %d at %s", name, hs.PID(), hs.URL(), pid, url)
		}
		end = do(erin.SendText(ctx, room, "after "+name))(t)
		do(frank.WaitMessage(ctx, room, "", matrixtest.Saying("after "+name)))(t)
	}
	if text, ok := frank.Room(room).Text(end); !ok || text == "" {
		t.Errorf("last message %q, %t", text, ok)
	}

	check(t, hs.Pause())
	hurried, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := erin.SendText(hurried, room, "frozen"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a paused homeserver answered: %v", err)
	}
	check(t, hs.Resume())
	do(erin.SendText(ctx, room, "thawed"))(t)
	do(frank.WaitMessage(ctx, room, end, matrixtest.Saying("thawed")))(t)

	erin.Close()
	if _, err := erin.WaitMessage(ctx, room, "", matrixtest.Saying("never said")); err == nil {
		t.Error("a closed client waits in vain")
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	ctx := within(t, 30*time.Second)
	_, err := matrixtest.Start(ctx, matrixtest.Options{RegistrationFiles: []string{"missing.yaml"}})
	if err == nil {
		t.Error("started with a registration that is not there")
	}
	t.Setenv(matrixtest.BinaryEnv, filepath.Join(t.TempDir(), "none"))
	if _, err = matrixtest.Start(ctx, matrixtest.Options{}); err == nil {
		t.Error("started without a program")
	}
	t.Setenv(matrixtest.BinaryEnv, "/bin/false")
	if _, err = matrixtest.Start(ctx, matrixtest.Options{}); err == nil {
		t.Error("started with a program that ends at once")
	}
}

// listener is a bridge that only takes transactions.
type listener struct {
	reg    *appservice.Registration
	file   string
	url    string
	events chan *event.Event
	others chan *event.Event // ephemeral
}

func listen(t *testing.T, name string) *listener {
	t.Helper()
	port := do(matrixtest.FreePort())(t)
	l := &listener{
		reg:    appservice.CreateRegistration(),
		file:   filepath.Join(t.TempDir(), "registration.yaml"),
		url:    "http://127.0.0.1:" + strconv.Itoa(port),
		events: make(chan *event.Event, 5000), others: make(chan *event.Event, 100),
	}
	l.reg.ID, l.reg.URL, l.reg.SenderLocalpart = name, l.url, name+"bot"
	l.reg.Namespaces.UserIDs.Register(mustCompile("@"+name+"_.*:example.test"), true)
	check(t, l.reg.Save(l.file))
	server := &http.Server{Addr: "127.0.0.1:" + strconv.Itoa(port), Handler: l, ReadHeaderTimeout: time.Second}
	go func() { _ = server.ListenAndServe() }()
	t.Cleanup(func() { _ = server.Close() })
	return l
}
