package management

import (
	"strings"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/projections"
)

// guest is a Matrix user with a room where the bot is.
type guest struct {
	*house
	t    *testing.T
	user *matrixtest.Client
	room id.RoomID
	uid  events.UID
	seen int // notices of the bot that the test has read
}

// newGuest registers a user who has not met the bot.
func (h *house) newGuest(t *testing.T, name string) *guest {
	t.Helper()
	return &guest{house: h, t: t, user: must(h.hs.Register(within(t), name, userPassword))(t)}
}

// host registers a user with a management room, and reads the greeting.
func (h *house) host(t *testing.T, name string) *guest {
	t.Helper()
	g := h.newGuest(t, name)
	g.room = must(g.user.CreateDM(within(t), h.botID))(t)
	g.expect("Hello! I connect Telegram to Matrix. Type `login` to connect your Telegram account, or `help` to see what I can do.")
	g.identify()
	return g
}

// identify finds the uid of the guest in the log.
func (g *guest) identify() {
	g.t.Helper()
	u, ok := g.deps.Users.ByMatrixID(events.MatrixID(g.user.UserID()))
	if !ok {
		g.t.Fatal("the log does not know the user")
	}
	g.uid = u.UID
}

// says sends a message.
func (g *guest) says(text string) id.EventID {
	g.t.Helper()
	return must(g.user.SendText(within(g.t), g.room, text))(g.t)
}

// notices are the bot's messages in the room so far.
func (g *guest) notices(r matrixtest.Room) []*event.Event {
	var found []*event.Event
	for _, evt := range r.Messages() {
		if evt.Sender == g.botID {
			found = append(found, evt)
		}
	}
	return found
}

// expect waits for the bot's next messages. Each must begin as given.
func (g *guest) expect(texts ...string) {
	g.t.Helper()
	for _, want := range texts {
		r, err := g.user.WaitFor(within(g.t), g.room, func(r matrixtest.Room) bool { return len(g.notices(r)) > g.seen })
		if err != nil {
			g.t.Fatalf("waiting for %q: %v", want, err)
		}
		evt := g.notices(r)[g.seen]
		g.seen++
		content := evt.Content.AsMessage()
		if got := content.Body; !strings.HasPrefix(got, want) {
			g.t.Fatalf("the bot said\n%q\nnot\n%q", got, want)
		}
		if content.MsgType != event.MsgNotice || evt.Content.Raw[noticeKey] == nil || content.FormattedBody == "" {
			g.t.Errorf("notice %+v", evt.Content.Raw)
		}
	}
}

// silent checks that the bot has said nothing but what was expected. It lets
// the bot say one thing more, after which nothing older can come.
func (g *guest) silent() {
	g.t.Helper()
	g.says("version")
	g.expect("natsgram v0.0-test")
}

// deleted waits until a message is redacted.
func (g *guest) deleted(message id.EventID) {
	g.t.Helper()
	must(g.user.WaitFor(within(g.t), g.room, func(r matrixtest.Room) bool {
		_, there := r.Text(message)
		return r.Event(message) != nil && !there
	}))(g.t)
}

// await waits for a state of the user.
func (g *guest) await(what string, holds func(projections.User) bool) projections.User {
	g.t.Helper()
	ctx := within(g.t)
	for {
		changed := g.deps.Users.Changed()
		u := g.deps.Users.Get(g.uid)
		if holds(u) {
			return u
		}
		select {
		case <-changed:
		case <-ctx.Done():
			g.t.Fatalf("%s: never, it is %+v", what, u)
		}
	}
}

func (g *guest) awaitStep(step events.Step) projections.User {
	g.t.Helper()
	return g.await("step "+string(step), func(u projections.User) bool { return u.Attempt != nil && u.Attempt.Step == step })
}

// telegram answers what the attempt waits for.
func (g *guest) telegram(answer func(of events.EventID) login.Command) {
	g.t.Helper()
	u := g.await("a submission", func(u projections.User) bool { return u.Attempt != nil && u.Attempt.Awaiting != "" })
	g.happens(answer(u.Attempt.Awaiting))
}

// happens decides and appends.
func (g *guest) happens(c login.Command) events.Event {
	g.t.Helper()
	e, err := g.desk.Do(within(g.t), g.uid, commit.Meta{Actor: events.ByTelegram}, func(u projections.User) (events.Fact, error) {
		return login.Decide(u, c)
	})
	if err != nil || e.Fact == nil {
		g.t.Fatalf("%T came to nothing: %v", c, err)
	}
	return e
}

// history is the user's events, by name.
func (g *guest) history() (names []string, all []events.Event) {
	g.t.Helper()
	check(g.t, g.journal.ReplayAggregate(within(g.t), events.Aggregate{Stream: events.Auth, UID: g.uid}, func(e events.Event) error {
		names, all = append(names, e.Fact.Type().Name()), append(all, e)
		return nil
	}))
	return names, all
}

// count is how many events of a name the user's history has.
func (g *guest) count(name string) int {
	g.t.Helper()
	n := 0
	names, _ := g.history()
	for _, each := range names {
		if each == name {
			n++
		}
	}
	return n
}

// loggedIn brings the guest into Telegram without a word.
func (g *guest) loggedIn(account events.AccountID) events.LoginID {
	g.t.Helper()
	g.says("login")
	g.expect("Let's connect your Telegram account.")
	g.says("+44 7911 123456")
	g.telegram(func(of events.EventID) login.Command {
		return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp, Length: 5}
	})
	g.expect("Telegram has sent a code")
	g.says("12345")
	id := events.NewLoginID()
	g.telegram(func(of events.EventID) login.Command {
		return login.LetIn{Of: of, Login: id, Account: account, Who: events.AccountFacts{TelegramID: 7, Name: "Alice <b>", Username: "alice"}}
	})
	g.expect("Logged in as Alice <b> (@alice, +44 ••••• ••3456)")
	return id
}

func privateRoom() *mautrix.ReqCreateRoom { return &mautrix.ReqCreateRoom{Preset: "private_chat"} }
