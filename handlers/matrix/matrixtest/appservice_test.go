package matrixtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"maunium.net/go/mautrix/appservice"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
)

func testAppservices(t *testing.T, hs *matrixtest.Homeserver, bridge, other *listener) {
	ctx := within(t, 30*time.Second)
	user := register(t, hs, "grace")
	bot := id.NewUserID(bridge.reg.SenderLocalpart, hs.ServerName())

	room := do(user.CreateDM(ctx, bot))(t)
	evt := bridge.await(ctx, t, func(evt *event.Event) bool { return evt.RoomID == room && evt.GetStateKey() == bot.String() })
	if evt.Sender != user.UserID() || evt.Content.Raw["membership"] != "invite" {
		t.Errorf("got %s by %s", evt.Type.Type, evt.Sender)
	}

	as := hs.Appservice(bridge.reg.AppToken)
	levels := &event.PowerLevelsEventContent{Users: map[id.UserID]int{bot: 100, user.UserID(): 50}}
	portal := do(as.CreateRoomLean(ctx, user.UserID(), "Portal", levels))(t)
	invite := do(user.WaitInvite(ctx, func(i matrixtest.Invite) bool { return i.Name == "Portal" }))(t)
	if invite.Room != portal || invite.Inviter != bot {
		t.Errorf("invite %+v, want room %s", invite, portal)
	}
	check(t, user.Join(ctx, portal))
	sent := do(as.SendAsBot(ctx, portal, "once", "hello from the bridge"))(t)
	if again := do(as.SendAsBot(ctx, portal, "once", "hello from the bridge"))(t); again != sent {
		t.Errorf("the same transaction made %s and %s", sent, again)
	}
	do(user.WaitMessage(ctx, portal, "", matrixtest.Saying("hello from the bridge")))(t)

	message := do(user.SendText(ctx, portal, "hello bridge"))(t)
	bridge.await(ctx, t, func(evt *event.Event) bool { return evt.ID == message })
	select {
	case evt := <-other.events:
		t.Errorf("the other appservice got %s in %s", evt.Type.Type, evt.RoomID)
	default:
	}
}

func testLongTimeline(t *testing.T, hs *matrixtest.Homeserver, bridge *listener) {
	ctx := within(t, time.Minute)
	user := register(t, hs, "heidi")
	as := hs.Appservice(bridge.reg.AppToken)
	room := do(as.CreateRoomLean(ctx, user.UserID(), "Long", nil))(t)
	check(t, user.JoinInvites(ctx, true))
	do(user.WaitFor(ctx, room, func(r matrixtest.Room) bool { return r.Membership == event.MembershipJoin }))(t)
	user.Close()

	const messages = 120 // more than one answer of /sync holds
	took := do(as.SendLoop(ctx, room, "long", messages))(t)
	if len(took) != messages {
		t.Errorf("%d timings", len(took))
	}
	user = do(hs.Login(ctx, "heidi", password))(t)
	r := do(user.WaitFor(ctx, room, func(r matrixtest.Room) bool { return len(r.Messages()) >= messages }))(t)
	for i, evt := range r.Messages() {
		if want := fmt.Sprintf("message %d", i); evt.Content.AsMessage().Body != want {
			t.Fatalf("message %d says %q", i, evt.Content.AsMessage().Body)
		}
	}
}

func testPutTransaction(t *testing.T, bridge *listener) {
	ctx := within(t, 10*time.Second)
	const room, user = id.RoomID("!r:example.test"), id.UserID("@ivan:example.test")
	message := matrixtest.NewMessage(room, user, "hello")
	redaction := matrixtest.NewRedaction(room, user, message.ID)
	check(t, matrixtest.PutTransaction(ctx, bridge.url, bridge.reg.ServerToken, "1", message, redaction,
		matrixtest.NewTyping(room, user), matrixtest.NewTyping(room), matrixtest.NewReceipt(room, user, message.ID)))
	bridge.await(ctx, t, func(evt *event.Event) bool { return evt.ID == message.ID })
	bridge.await(ctx, t, func(evt *event.Event) bool { return evt.ID == redaction.ID && evt.Redacts == message.ID })
	for _, want := range []event.Type{event.EphemeralEventTyping, event.EphemeralEventTyping, event.EphemeralEventReceipt} {
		got := <-bridge.others
		if got.Type.Type != want.Type || got.RoomID != room {
			t.Errorf("ephemeral %s in %s, want %s", got.Type.Type, got.RoomID, want.Type)
		}
		got.Type.Class = event.EphemeralEventType
		if err := got.Content.ParseRaw(got.Type); err != nil {
			t.Errorf("%s: %v", got.Type.Type, err)
		}
	}
	var status *matrixtest.StatusError
	err := matrixtest.PutTransaction(ctx, bridge.url, "wrong", "2", message)
	if !errors.As(err, &status) || status.Code != http.StatusForbidden {
		t.Errorf("wrong token: %v", err)
	}
}

// ServeHTTP takes a transaction.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+l.reg.ServerToken {
		http.Error(w, `{"errcode":"M_FORBIDDEN"}`, http.StatusForbidden)
		return
	}
	var txn appservice.Transaction
	if err := json.NewDecoder(r.Body).Decode(&txn); r.Method == http.MethodPut && err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, evt := range txn.Events {
		l.events <- evt
	}
	for _, evt := range txn.EphemeralEvents {
		l.others <- evt
	}
	_, _ = w.Write([]byte("{}"))
}

// await takes events until one is as wanted.
func (l *listener) await(ctx context.Context, t *testing.T, wanted func(*event.Event) bool) *event.Event {
	t.Helper()
	for {
		select {
		case evt := <-l.events:
			if wanted(evt) {
				return evt
			}
		case <-ctx.Done():
			t.Fatal("the homeserver did not push the event")
		}
	}
}

func register(t *testing.T, hs *matrixtest.Homeserver, name string) *matrixtest.Client {
	t.Helper()
	return do(hs.Register(within(t, 10*time.Second), name, password))(t)
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// do ends the test if a call failed, and passes on its answer.
func do[T any](answer T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return answer
	}
}

func ignore[T any](_ T, err error) error { return err }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustCompile(expr string) *regexp.Regexp { return regexp.MustCompile(expr) }
