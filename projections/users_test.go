package projections_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

const maxTries = 3

// story draws a log of AUTH by playing users and Telegram against the decider:
// what is in it can happen.
type story struct {
	t    *rapid.T
	us   *projections.Users
	log  []events.Event
	uids []events.UID
	now  time.Time

	ended    map[events.AttemptID]int
	outcomes map[events.EventID]int // of each submission
	waits    map[events.UID]events.EventID
}

func newStory(t *rapid.T) *story {
	return &story{
		t: t, us: projections.NewUsers(), uids: []events.UID{"u1", "u2", "u3"}, now: noon,
		ended: map[events.AttemptID]int{}, outcomes: map[events.EventID]int{}, waits: map[events.UID]events.EventID{},
	}
}

func drawStory(t *rapid.T, length int) *story {
	s := newStory(t)
	for range rapid.IntRange(0, length).Draw(t, "length") {
		s.step()
	}
	return s
}

// step lets one thing happen to one user.
func (s *story) step() {
	uid := rapid.SampledFrom(s.uids).Draw(s.t, "user")
	s.now = s.now.Add(time.Duration(rapid.IntRange(0, 200).Draw(s.t, "seconds")) * time.Second)
	u := s.us.Get(uid)
	if rapid.IntRange(0, 4).Draw(s.t, "kind") == 0 {
		s.append(uid, s.roomFact(uid))
		return
	}
	fact, err := login.Decide(u, s.command(u))
	var refused login.Refused
	switch {
	case errors.As(err, &refused):
		fact = &events.CommandRefused{Command: events.CommandLogin, Reason: refused.Reason}
	case err != nil:
		s.t.Fatalf("decide: %v", err)
	case fact == nil:
		return
	}
	s.append(uid, fact)
}

func (s *story) roomFact(uid events.UID) events.Fact {
	where := events.RoomFacts{
		User: events.MatrixID("@" + string(uid) + ":example.org"),
		Room: events.RoomID(rapid.SampledFrom([]string{"!a", "!b", "!c"}).Draw(s.t, "room") + string(uid)),
	}
	switch rapid.IntRange(0, 6).Draw(s.t, "fact") {
	case 0:
		return &events.BotInvited{Sealed: where}
	case 1:
		return &events.ManagementRoomOpened{Sealed: where}
	case 2:
		return &events.ManagementRoomRefused{Reason: events.RoomCrowded, Members: rapid.IntRange(3, 20).Draw(s.t, "members"), Sealed: where}
	case 3:
		reasons := []events.RoomRefusal{events.RoomThirdPerson, events.RoomUserLeft, events.RoomReplaced}
		return &events.ManagementRoomClosed{Reason: rapid.SampledFrom(reasons).Draw(s.t, "reason"), Sealed: where}
	case 4:
		return &events.CommandRefused{Reason: events.RefusedEncrypted, Sealed: where}
	case 5:
		return rapid.SampledFrom([]events.Fact{
			&events.SecretRedacted{What: events.SecretCode, OK: true},
			&events.DevicesListed{Login: "login-1", OK: true, Sealed: events.DevicesFacts{Devices: []events.Device{{Hash: 7}}}},
			&events.DevicesListed{Login: "login-1", Error: "unreachable"},
		}).Draw(s.t, "outcome")
	default:
		return &events.BystanderLeft{Sealed: where}
	}
}

// command draws what the user or Telegram may want next; stale and repeated
// answers are among it.
func (s *story) command(u projections.User) login.Command {
	var a projections.Attempt
	if u.Attempt != nil {
		a = *u.Attempt
	}
	of := a.Awaiting
	if past := s.log; len(past) > 0 && rapid.IntRange(0, 3).Draw(s.t, "stale") == 0 {
		of = rapid.SampledFrom(past).Draw(s.t, "past").ID
	}
	account := rapid.SampledFrom([]events.AccountID{"acc1", "acc2", "acc3"}).Draw(s.t, "account")
	id := events.LoginID(fmt.Sprintf("login-%d", len(s.log)))
	if len(u.Logins) > 0 && rapid.Bool().Draw(s.t, "own") {
		id = rapid.SampledFrom(u.Logins).Draw(s.t, "login").ID
	}
	causes := []events.EndCause{events.EndedByUser, events.EndedByOperator, events.EndedByDisplacing, events.EndedByRevocation, events.EndedByExpiry}
	reasons := []events.Refusal{events.BadPhone, events.BadCode, events.BadPassword, events.FloodWait, events.CodeExpired}
	asking := []events.Step{events.StepPhone, events.StepCode, events.StepPassword}
	n := rapid.IntRange(0, 60).Draw(s.t, "number")
	if rapid.IntRange(0, 2).Draw(s.t, "forward") > 0 {
		switch a.Step {
		case events.StepPhone, events.StepCode, events.StepPassword:
			return login.Submit{Attempt: a.ID, Step: a.Step, Readable: true, Masked: "+44 ••"}
		case events.StepRequestingCode:
			return login.CodeIsOnItsWay{Of: of, Route: events.RouteApp, Length: 5}
		case events.StepCheckingCode, events.StepCheckingPassword:
			return login.LetIn{Of: of, Login: id, Account: account}
		}
	}
	return rapid.SampledFrom([]login.Command{
		login.Start{Attempt: events.AttemptID(fmt.Sprintf("attempt-%d", len(s.log))), Deadline: s.now.Add(10 * time.Minute), MaxLogins: 2},
		login.Start{Attempt: events.AttemptID(fmt.Sprintf("attempt-%d", len(s.log))), Login: id, Deadline: s.now.Add(10 * time.Minute), MaxLogins: 2},
		login.Submit{Attempt: a.ID, Step: a.Step, Readable: true, Masked: "+44 ••"},
		login.Submit{Attempt: a.ID, Step: a.Step, Readable: true, Masked: "+44 ••"},
		login.Submit{Attempt: a.ID, Step: rapid.SampledFrom(asking).Draw(s.t, "step"), Readable: n%2 == 0},
		login.Submit{Attempt: a.ID, Step: a.Step, Reason: events.NotNow},
		login.CodeIsOnItsWay{Of: of, Route: events.RouteApp, Length: 5},
		login.NeedPassword{Of: of},
		login.LetIn{Of: of, Login: id, Account: account},
		login.Refuse{Of: of, Reason: rapid.SampledFrom(reasons).Draw(s.t, "reason"), Final: n == 0, MaxTries: maxTries,
			Next: rapid.SampledFrom(asking).Draw(s.t, "next"), RetryAt: s.now},
		login.Delay{Of: of},
		login.Cancel{},
		login.Expire{Attempt: a.ID, Now: s.now},
		login.Abandon{Reason: events.FailedRoomShared},
		login.Logout{Login: id},
		login.End{Login: id, Cause: rapid.SampledFrom(causes).Draw(s.t, "cause")},
		login.ListChats{Login: id, Rooms: n},
		login.Progress{Login: id, Made: n},
	}).Draw(s.t, "command")
}

// append stores a fact as the journal would and holds the state against the rules.
func (s *story) append(uid events.UID, fact events.Fact) {
	e := events.Event{
		ID: events.EventID(fmt.Sprintf("e%d", len(s.log)+1)), Aggregate: events.Aggregate{Stream: events.Auth, UID: uid},
		Time: s.now, Seq: uint64(len(s.log)*2 + 1), Fact: fact, // sequences have gaps
	}
	if rapid.Bool().Draw(s.t, "from matrix") {
		e.Origin = events.MatrixEventID("$" + string(e.ID))
	}
	before := s.us.Get(uid)
	s.log = append(s.log, e)
	s.us.Apply(e)
	s.check(before, s.us.Get(uid), e)
}

func (s *story) check(before, u projections.User, e events.Event) {
	t := s.t
	// A submission has one outcome, and no attempt ends twice or without having begun.
	submission := s.waits[u.UID]
	outcome := submission != "" && (u.Attempt == nil || u.Attempt.Awaiting != submission)
	if outcome {
		s.outcomes[submission]++
		if s.outcomes[submission] > 1 {
			t.Fatalf("a second outcome for %s: %s", submission, e.Fact.Type())
		}
	}
	s.waits[u.UID] = ""
	switch {
	case before.Attempt != nil && (u.Attempt == nil || u.Attempt.ID != before.Attempt.ID):
		s.ended[before.Attempt.ID]++
		if s.ended[before.Attempt.ID] > 1 {
			t.Fatalf("attempt %s ended twice", before.Attempt.ID)
		}
		if name := e.Fact.Type().Name(); name != "login_failed" && name != "login_succeeded" {
			t.Fatalf("attempt %s ended by %s", before.Attempt.ID, name)
		}
	case before.Attempt == nil && u.Attempt != nil && s.ended[u.Attempt.ID] > 0:
		t.Fatalf("attempt %s began after its end", u.Attempt.ID)
	}
	if f, ok := e.Fact.(*events.LoginSucceeded); ok && before.Attempt.Login != "" {
		// It revived the login that it was begun for, unless that is gone.
		if _, there := before.Login(before.Attempt.Login); there && f.Login != before.Attempt.Login {
			t.Fatalf("login %s in place of %s", f.Login, before.Attempt.Login)
		}
	}
	if a := u.Attempt; a != nil {
		s.waits[u.UID] = a.Awaiting
		waiting := a.Step == events.StepRequestingCode || a.Step == events.StepCheckingCode || a.Step == events.StepCheckingPassword
		asking := a.Step == events.StepPhone || a.Step == events.StepCode || a.Step == events.StepPassword
		switch {
		case waiting == asking, waiting != (a.Awaiting != ""), a.Delayed && !waiting:
			t.Fatalf("after %s: %+v", e.Fact.Type(), *a)
		case a.Tries >= maxTries:
			t.Fatalf("%d tries at %s", a.Tries, a.Step)
		}
	}
	ids, accounts := map[events.LoginID]bool{}, map[events.AccountID]bool{}
	for _, l := range u.Logins {
		if ids[l.ID] || accounts[l.Account] {
			t.Fatalf("login %s to account %s is there twice", l.ID, l.Account)
		}
		ids[l.ID], accounts[l.Account] = true, true
		if (l.State == projections.LoginSuspended) != (l.Cause != "") || l.Told > max(l.Rooms, 60) {
			t.Fatalf("login %+v", l)
		}
	}
	s.checkIndex(u)
	if e.Origin != "" && !u.Recorded(e.Origin) {
		t.Fatalf("%s is not known to be recorded", e.Origin)
	}
}

func (s *story) checkIndex(u projections.User) {
	for _, r := range []string{"!a", "!b", "!c"} {
		room := events.RoomID(r + string(u.UID))
		if found, ok := s.us.ByRoom(room); ok != (u.Room == room) || ok && found.UID != u.UID {
			s.t.Fatalf("room %s is found as management room: %v; it is %s", room, ok, u.Room)
		}
		if found, ok := s.us.ByAside(room); ok != (u.Aside == room) || ok && found.UID != u.UID {
			s.t.Fatalf("room %s is found aside: %v; it is %s", room, ok, u.Aside)
		}
	}
	for _, l := range u.Logins {
		if found, ok := s.us.ByLogin(l.ID); !ok || found.UID != u.UID {
			s.t.Fatalf("login %s is not found", l.ID)
		}
	}
}

func TestUsersAndDecisionsKeepTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { drawStory(t, 120) })
}

func TestUsersReplayTwiceEqualsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t, 60)
		once, twice := projections.NewUsers(), projections.NewUsers()
		for _, e := range s.log {
			once.Apply(e)
			twice.Apply(e)
			twice.Apply(e)
		}
		for _, e := range s.log {
			twice.Apply(e)
		}
		requireSame(t, s.us, once)
		requireSame(t, once, twice)
		once.Clear()
		for _, e := range s.log {
			once.Apply(e)
		}
		requireSame(t, once, twice)
	})
}

func TestUsersSnapshotPlusRestEqualsWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStory(t, 60)
		cut := rapid.IntRange(0, len(s.log)).Draw(t, "cut")
		first := projections.NewUsers()
		for _, e := range s.log[:cut] {
			first.Apply(e)
		}
		var snapshot bytes.Buffer
		seq, err := first.Snapshot(&snapshot)
		if err != nil || seq != first.Seq() {
			t.Fatalf("snapshot of %d: %v", seq, err)
		}
		rest := projections.NewUsers()
		if err := rest.Restore(snapshot.Bytes()); err != nil {
			t.Fatal(err)
		}
		from := rapid.IntRange(0, cut).Draw(t, "overlap") // events before the cut may come again
		for _, e := range s.log[from:] {
			rest.Apply(e)
		}
		requireSame(t, s.us, rest)
	})
}

// requireSame compares the states and every index.
func requireSame(t *rapid.T, a, b *projections.Users) {
	t.Helper()
	da, errA := a.Digest()
	db, errB := b.Digest()
	if errA != nil || errB != nil || da != db {
		t.Fatalf("digests %+v (%v) and %+v (%v)", da, errA, db, errB)
	}
	for _, u := range a.Where(func(*projections.User) bool { return true }) {
		for _, l := range u.Logins {
			if found, ok := b.ByLogin(l.ID); !ok || found.UID != u.UID {
				t.Fatalf("login %s is not found", l.ID)
			}
		}
		if found, ok := b.ByRoom(u.Room); u.Room != "" && (!ok || found.UID != u.UID) {
			t.Fatalf("room %s is not found", u.Room)
		}
		if found, ok := b.ByMatrixID(u.MatrixID); u.MatrixID != "" && (!ok || found.UID != u.UID) {
			t.Fatalf("%s is not found", u.UID)
		}
	}
}

func TestUsersAnswerWithCopies(t *testing.T) {
	us := projections.NewUsers()
	where := events.RoomFacts{User: "@alice:example.org", Room: "!r"}
	for i, fact := range []events.Fact{
		&events.BotInvited{Sealed: where},
		&events.LoginSucceeded{Login: "l", Account: "acc"},
		&events.LoginStarted{Attempt: "a", Sealed: where},
	} {
		us.Apply(events.Event{Aggregate: events.Aggregate{Stream: events.Auth, UID: "u"}, Seq: uint64(i + 1), Origin: "$o", Fact: fact})
	}
	u, before := us.Get("u"), us.Get("u")
	u.Invited[0], u.Logins[0].ID, u.Attempt.Step, u.Seen[0] = "!other", "other", "other", "other"
	if after := us.Get("u"); !reflect.DeepEqual(after, before) {
		t.Errorf("the state became %+v", after)
	}
}

func TestUsersRememberWhatAHomeserverMayRepeat(t *testing.T) {
	us := projections.NewUsers()
	for i := range 100 {
		us.Apply(events.Event{
			Aggregate: events.Aggregate{Stream: events.Auth, UID: "u"}, Seq: uint64(i + 1),
			Origin: events.MatrixEventID(fmt.Sprint("$", i)), Fact: &events.CommandGiven{Command: events.CommandHelp},
		})
	}
	u := us.Get("u")
	if u.Recorded("$0") || u.Recorded("") || !u.Recorded("$99") || !u.Recorded("$50") || len(u.Seen) != 64 {
		t.Errorf("remembers %d: %v", len(u.Seen), u.Seen)
	}
}

func TestUsersPassOverWhatTheyDoNotKnow(t *testing.T) {
	us := projections.NewUsers()
	aggregate := events.Aggregate{Stream: events.Auth, UID: "u"}
	us.Apply(events.Event{Aggregate: aggregate, Seq: 1, Fact: &events.LoginStarted{Attempt: "a"}})
	us.Apply(events.Event{Aggregate: aggregate, Seq: 2, Fact: &events.Unknown{Wire: "natsgram.auth.newer.v1"}})
	us.Apply(events.Event{Aggregate: aggregate, Seq: 3, Fact: &events.PhoneSubmitted{Attempt: "a"}, Forgotten: true})
	u := us.Get("u")
	if u.Seq != 3 || u.Attempt == nil || u.Attempt.Step != events.StepRequestingCode || u.MatrixID != "" {
		t.Errorf("%+v %+v", u, u.Attempt)
	}
	if !slices.Equal(us.Where(func(u *projections.User) bool { return u.Seq == 3 })[0].Seen, u.Seen) {
		t.Error("Where and Get differ")
	}
}
