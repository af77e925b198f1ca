package management

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// faults is the way between the bot and its homeserver. Each planned fault
// meets one call whose path contains its text.
type faults struct {
	mu      sync.Mutex
	planned []fault
}

type fault struct {
	path   string
	status int    // the answer in the homeserver's place; 0: the call is made and its answer lost
	body   string // of that answer
	then   func() // called after it
}

func (f *faults) plan(faults ...fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.planned = append(f.planned, faults...)
}

func (f *faults) left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.planned)
}

func (f *faults) next(path string) (fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, each := range f.planned {
		if strings.Contains(path, each.path) {
			f.planned = append(f.planned[:i:i], f.planned[i+1:]...)
			return each, true
		}
	}
	return fault{}, false
}

// RoundTrip makes a call, or lets it meet its fault.
func (f *faults) RoundTrip(r *http.Request) (*http.Response, error) {
	met, ok := f.next(r.URL.Path)
	if !ok {
		return http.DefaultTransport.RoundTrip(r)
	}
	if met.then != nil {
		defer met.then()
	}
	if met.status != 0 {
		return &http.Response{
			StatusCode: met.status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(met.body)),
		}, nil
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return nil, errors.New("the connection broke before the answer")
}

// testFaults lets every kind of call fail, and fail although it was done.
func testFaults(t *testing.T, h *house) {
	limited := fault{status: http.StatusTooManyRequests, body: `{"errcode":"M_LIMIT_EXCEEDED","error":"slow","retry_after_ms":50}`}
	down := fault{status: http.StatusBadGateway, body: "no"}
	at := func(f fault, path string) fault { f.path = path; return f }

	g := h.newGuest(t, "yolanda")
	h.faults.plan(fault{path: "/join"}, at(down, "/joined_members"), at(limited, "/members"), fault{path: "/state/m.room.encryption"},
		fault{path: "/send/m.room.message"}, at(limited, "/send/m.room.message"), at(down, "/messages"))
	g.room = must(g.user.CreateDM(within(t), h.botID))(t)
	g.expect("Hello!")
	g.identify()
	g.silent()

	h.faults.plan(fault{path: "/redact/"}, at(limited, "/redact/"))
	g.says("login")
	g.expect("Let's connect")
	number := g.says("+44 7911 123456")
	g.deleted(number)
	g.awaitStep(events.StepRequestingCode)

	// Done, the answer lost, and the homeserver has forgotten the transaction.
	restarted := make(chan error)
	h.faults.plan(fault{path: "/send/", then: func() { restarted <- h.hs.Restart(context.Background()) }})
	g.telegram(func(of events.EventID) login.Command { return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp} })
	check(t, <-restarted)
	g.expect("Telegram has sent a code")
	g.silent()
	if n := g.count("secret_redacted"); n != 1 {
		t.Errorf("%d redactions recorded", n)
	}
	if n := h.faults.left(); n != 0 {
		t.Errorf("%d faults were never met", n)
	}
}

// TestTakeIsNeverHalf gives the bot messages whose secret, or whose event,
// can't be stored: the homeserver is told to repeat them.
func TestTakeIsNeverHalf(t *testing.T) {
	const alice, room = id.UserID("@alice:example.org"), id.RoomID("!room:example.org")
	us := projections.NewUsers()
	for i, fact := range []events.Fact{
		&events.ManagementRoomOpened{Sealed: events.RoomFacts{User: events.MatrixID(alice), Room: events.RoomID(room)}},
		&events.LoginStarted{Attempt: "a", Deadline: time.Now().Add(time.Minute), Sealed: events.RoomFacts{User: events.MatrixID(alice), Room: events.RoomID(room)}},
	} {
		us.Apply(events.Event{Aggregate: events.Aggregate{Stream: events.Auth, UID: "u"}, Seq: uint64(i + 1), Fact: fact})
	}
	store := &halfStore{users: us}
	bot := New(Config{
		Bot: "@bot:example.org", Prefix: "!tg", MaxLogins: 1,
		Permission: func(events.MatrixID) Level { return LevelUser },
	}, nil, Deps{Desk: store, Users: us, Turns: &answers.Turns{}, Secrets: store, Directory: store})
	number := matrixtest.NewMessage(room, alice, "+44 7911 123456")

	store.vaultFails = errors.New("no space")
	if taken, err := bot.Take(t.Context(), number); !taken || err == nil || len(store.facts) != 0 {
		t.Errorf("without a vault: taken %v, %v, %d facts", taken, err, len(store.facts))
	}
	store.vaultFails, store.logFails = nil, journal.ErrUnwritable
	if taken, err := bot.Take(t.Context(), number); !taken || !errors.Is(err, journal.ErrUnwritable) || store.puts != 1 {
		t.Errorf("without a log: taken %v, %v", taken, err)
	}
	invite := matrixtest.NewMessage("!other:example.org", "@bob:example.org", "")
	invite.Type, invite.StateKey = event.StateMember, new(string)
	*invite.StateKey = "@bot:example.org"
	invite.Content = event.Content{Parsed: &event.MemberEventContent{Membership: event.MembershipInvite}}
	store.directoryFails = errors.New("no directory")
	if taken, err := bot.Take(t.Context(), invite); !taken || err == nil {
		t.Errorf("without a directory: taken %v, %v", taken, err)
	}
	*store = halfStore{users: us}
	for range 3 {
		if taken, err := bot.Take(t.Context(), number); !taken || err != nil {
			t.Errorf("taken %v, %v", taken, err)
		}
	}
	if len(store.facts) != 1 || store.puts != 1 {
		t.Errorf("%d facts and %d secrets of one message", len(store.facts), store.puts)
	}
	for _, other := range []*event.Event{
		matrixtest.NewMessage("!other:example.org", alice, "hello"),
		{ID: "$x", RoomID: room, Sender: alice, Type: event.StateRoomName, StateKey: new(string)},
		{ID: "$y", RoomID: "!other:example.org", Sender: alice, Type: event.EventMessage, Content: event.Content{VeryRaw: []byte(`{"body":7}`)}},
		{ID: "$z", RoomID: "!other:example.org", Sender: alice, Type: event.StateMember, StateKey: new(string), Content: event.Content{VeryRaw: []byte(`[]`)}},
	} {
		if taken, err := bot.Take(t.Context(), other); taken || err != nil {
			t.Errorf("%s: taken %v, %v", other.ID, taken, err)
		}
	}
	store.facts = nil
	malformed := &event.Event{ID: "$w", RoomID: room, Sender: alice, Type: event.EventMessage, Content: event.Content{VeryRaw: []byte(`{"msgtype":{},"body":7}`)}}
	if taken, err := bot.Take(t.Context(), malformed); !taken || err != nil || len(store.facts) != 1 {
		t.Errorf("malformed: taken %v, %v, %v", taken, err, store.facts)
	}
}

// halfStore is vault, directory and log, each of which can fail.
type halfStore struct {
	users                                *projections.Users
	vaultFails, logFails, directoryFails error
	puts                                 int
	facts                                []events.Fact
}

func (s *halfStore) PutAttempt(context.Context, events.AttemptID, string, vault.Secret, time.Duration) error {
	if s.vaultFails == nil {
		s.puts++
	}
	return s.vaultFails
}

func (s *halfStore) Attempt(context.Context, events.AttemptID, string) (vault.Secret, error) {
	return nil, vault.ErrMissing
}

func (s *halfStore) NewLink(context.Context, vault.WebLink, time.Duration) (vault.Secret, error) {
	return nil, s.vaultFails
}

func (s *halfStore) DropAttempt(context.Context, events.AttemptID, ...string) error { return nil }

func (s *halfStore) EnsureUser(context.Context, events.MatrixID) (events.UID, error) {
	return "v", s.directoryFails
}

func (s *halfStore) Do(_ context.Context, uid events.UID, m commit.Meta, decide func(projections.User) (events.Fact, error)) (events.Event, error) {
	if s.logFails != nil {
		return events.Event{}, s.logFails
	}
	fact, err := decide(s.users.Get(uid))
	if err != nil || fact == nil {
		return events.Event{}, err
	}
	s.facts = append(s.facts, fact)
	e := events.Event{
		ID: m.ID, Aggregate: events.Aggregate{Stream: events.Auth, UID: uid}, Time: time.Now(), Origin: m.Origin,
		Seq: s.users.Seq() + 1, Fact: fact,
	}
	s.users.Apply(e)
	return e, nil
}
