package messages_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/projections"
)

const portal = events.UID("11111111-1111-4111-8111-111111111111")

// thread is a portal's log as far as messages go.
type thread struct {
	t    testing.TB
	fold *projections.Messages
	seq  uint64
}

func newThread(t testing.TB) *thread { return &thread{t: t, fold: projections.NewMessages()} }

// do decides, stores and folds; it returns the event, zero if nothing happened.
func (th *thread) do(c messages.Command, m events.Event) (events.Event, error) {
	fact, err := messages.Decide(th.fold.Get(portal), c)
	if err != nil || fact == nil {
		return events.Event{}, err
	}
	th.seq++
	m.Aggregate, m.Seq, m.Fact = events.Aggregate{Stream: events.Chat, UID: portal}, th.seq, fact
	if m.ID == "" {
		m.ID = events.EventID(fmt.Sprintf("e%d", th.seq))
	}
	th.fold.Apply(m)
	return m, nil
}

func (th *thread) must(c messages.Command, m events.Event) events.Event {
	th.t.Helper()
	e, err := th.do(c, m)
	if err != nil || e.Fact == nil {
		th.t.Fatalf("%T: got %v, %v; want a fact", c, e.Fact, err)
	}
	return e
}

func (th *thread) nothing(c messages.Command, m events.Event) {
	th.t.Helper()
	if e, err := th.do(c, m); err != nil || e.Fact != nil {
		th.t.Fatalf("%T: got %v, %v; want nothing", c, e.Fact, err)
	}
}

func text(s string) events.MessageFacts { return events.MessageFacts{Text: events.Text{Body: s}} }

func TestSaidOnceIsPostedOnce(t *testing.T) {
	th := newThread(t)
	said := messages.Said{Number: 7, Login: "a", Content: events.ContentText, What: text("hello")}
	e := th.must(said, events.Event{})
	if f := e.Fact.(*events.MessagePosted); f.Side != events.OnTelegram || f.Number != 7 {
		t.Fatalf("posted %+v", f)
	}
	said.Login = "b" // a second login sees the same supergroup
	th.nothing(said, events.Event{})
}

func TestTypedOnceIsPostedOnce(t *testing.T) {
	th := newThread(t)
	typed := messages.Typed{Origin: "$1", User: "u", Login: "a", Content: events.ContentText, What: text("hello")}
	th.must(typed, events.Event{Origin: "$1"})
	th.nothing(typed, events.Event{Origin: "$1"})
}

func TestEchoOfATriedMessageIsItsCopy(t *testing.T) {
	th := newThread(t)
	posted := th.must(messages.Typed{Origin: "$1", User: "u", Login: "a", What: text("hello ")}, events.Event{Origin: "$1"})
	echo := messages.Said{Number: 9, Login: "a", Out: true, What: text("hello")}

	if _, err := th.do(echo, events.Event{}); !errors.Is(err, messages.ErrHold) {
		t.Fatalf("an echo before the send: %v, want ErrHold", err)
	}
	echo.Tried = map[events.EventID]bool{posted.ID: true}
	e := th.must(echo, events.Event{Causation: posted.ID})
	if f, ok := e.Fact.(*events.CopyMade); !ok || f.Message != posted.ID || f.Number != 9 || f.To != events.OnTelegram {
		t.Fatalf("echo became %+v", e.Fact)
	}
	th.nothing(messages.Carried{Of: posted.ID, Message: posted.ID, To: events.OnTelegram, Number: 9}, events.Event{})
	th.nothing(echo, events.Event{})
}

func TestSameWordsFromThePhoneAreTheirOwnMessage(t *testing.T) {
	th := newThread(t)
	posted := th.must(messages.Typed{Origin: "$1", User: "u", Login: "a", What: text("ok")}, events.Event{Origin: "$1"})
	th.must(messages.Carried{Of: posted.ID, Message: posted.ID, To: events.OnTelegram, Number: 9}, events.Event{Causation: posted.ID})
	e := th.must(messages.Said{Number: 10, Login: "a", Out: true, What: text("ok")}, events.Event{})
	if _, ok := e.Fact.(*events.MessagePosted); !ok {
		t.Fatalf("became %+v, want a message", e.Fact)
	}
}

func TestReplyFindsItsMessageOnEitherSide(t *testing.T) {
	th := newThread(t)
	first := th.must(messages.Said{Number: 7, Login: "a", What: text("question")}, events.Event{})
	th.must(messages.Carried{Of: first.ID, Message: first.ID, To: events.OnMatrix, Event: "$copy"}, events.Event{Causation: first.ID})
	answer := th.must(messages.Typed{Origin: "$2", ReplyTo: "$copy", What: text("answer")}, events.Event{Origin: "$2"})
	if got := answer.Fact.(*events.MessagePosted).ReplyTo; got != first.ID {
		t.Fatalf("reply to %q, want %q", got, first.ID)
	}
	more := th.must(messages.Said{Number: 8, Login: "a", ReplyTo: 7, What: text("more")}, events.Event{})
	if got := more.Fact.(*events.MessagePosted).ReplyTo; got != first.ID {
		t.Fatalf("reply to %q, want %q", got, first.ID)
	}
}

func TestEdits(t *testing.T) {
	th := newThread(t)
	th.must(messages.Said{Number: 7, Login: "a", What: text("helo")}, events.Event{})
	edit := messages.Edit{Side: events.OnTelegram, Number: 7, Login: "a", What: text("hello")}
	e := th.must(edit, events.Event{})
	th.nothing(edit, events.Event{}) // told again by another login
	th.nothing(messages.Edit{Side: events.OnTelegram, Number: 99, What: text("x")}, events.Event{})
	th.must(messages.Carried{Of: e.ID, Message: e.Fact.(*events.MessageEdited).Message, To: events.OnMatrix}, events.Event{Causation: e.ID})
	th.nothing(messages.Lost{Of: e.ID, Message: e.Fact.(*events.MessageEdited).Message, To: events.OnMatrix}, events.Event{Causation: e.ID})

	mine := th.must(messages.Typed{Origin: "$1", User: "u", Login: "a", What: text("x")}, events.Event{Origin: "$1"})
	if _, err := th.do(messages.Edit{Side: events.OnMatrix, Event: "$1", Origin: "$2", User: "other", What: text("y")}, events.Event{Origin: "$2"}); !errors.Is(err, messages.ErrNotYours) {
		t.Fatalf("another's edit: %v, want ErrNotYours", err)
	}
	change := messages.Edit{Side: events.OnMatrix, Event: "$1", Origin: "$3", User: "u", What: text("y")}
	if got := th.must(change, events.Event{Origin: "$3"}).Fact.(*events.MessageEdited).Message; got != mine.ID {
		t.Fatalf("edited %q, want %q", got, mine.ID)
	}
	th.nothing(change, events.Event{Origin: "$3"})
}

func TestDeletedOnceWhoeverTells(t *testing.T) {
	th := newThread(t)
	th.must(messages.Said{Number: 7, Login: "a", What: text("x")}, events.Event{})
	th.must(messages.Delete{Side: events.OnTelegram, Number: 7, Login: "a"}, events.Event{})
	th.nothing(messages.Delete{Side: events.OnTelegram, Number: 7, Login: "b"}, events.Event{})
	th.nothing(messages.Edit{Side: events.OnTelegram, Number: 7, What: text("too late")}, events.Event{})
}

// TestNeverTwice runs random histories: whatever is told in whatever order and
// however often, a message is posted once and has one outcome.
func TestNeverTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		th := &thread{t: t, fold: projections.NewMessages()}
		numbers, origins, outcomes := map[events.MessageNumber]int{}, map[events.MatrixEventID]int{}, map[events.EventID]int{}
		var posts []events.EventID
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			c, m := randomCommand(rt, posts)
			e, err := th.do(c, m)
			if err != nil && !errors.Is(err, messages.ErrHold) {
				rt.Fatalf("%T: %v", c, err)
			}
			switch f := e.Fact.(type) {
			case *events.MessagePosted:
				posts = append(posts, e.ID)
				if f.Number != 0 {
					numbers[f.Number]++
				}
				if e.Origin != "" {
					origins[e.Origin]++
				}
			case *events.CopyMade, *events.CopyFailed:
				outcomes[e.Causation]++
			}
		}
		for what, n := range map[string]int{"number": most(numbers), "origin": most(origins), "outcome": most(outcomes)} {
			if n > 1 {
				rt.Fatalf("one %s stands %d times in the log", what, n)
			}
		}
	})
}

func randomCommand(rt *rapid.T, posts []events.EventID) (messages.Command, events.Event) {
	n := rapid.IntRange(1, 6).Draw(rt, "n")
	switch kind := rapid.IntRange(0, 3).Draw(rt, "kind"); {
	case kind == 0:
		return messages.Said{Number: events.MessageNumber(n), Login: "a", What: text(fmt.Sprint("said ", n))}, events.Event{}
	case kind == 1:
		id := events.MatrixEventID(fmt.Sprint("$", n))
		return messages.Typed{Origin: id, User: "u", Login: "a", What: text(fmt.Sprint("typed ", n))}, events.Event{Origin: id}
	case len(posts) == 0:
		return messages.Delete{Side: events.OnTelegram, Number: events.MessageNumber(n)}, events.Event{}
	case kind == 2:
		of := rapid.SampledFrom(posts).Draw(rt, "of")
		return messages.Carried{Of: of, Message: of, To: events.OnMatrix, Event: events.MatrixEventID("$copy" + of)}, events.Event{Causation: of}
	default:
		of := rapid.SampledFrom(posts).Draw(rt, "of")
		return messages.Lost{Of: of, Message: of, To: events.OnMatrix, Reason: events.CopyRefused}, events.Event{Causation: of}
	}
}

func most[K comparable](counts map[K]int) int {
	n := 0
	for _, c := range counts {
		n = max(n, c)
	}
	return n
}

func TestThreadForgetsTheOldest(t *testing.T) {
	th := newThread(t)
	for n := range 1200 {
		e := th.must(messages.Said{Number: events.MessageNumber(n + 1), SaidAt: time.Unix(int64(n), 0), What: text("x")}, events.Event{})
		if n > 0 { // the very first never gets its outcome, and so is never forgotten
			th.must(messages.Carried{Of: e.ID, Message: e.ID, To: events.OnMatrix, Event: "$x"}, events.Event{Causation: e.ID})
		}
	}
	got := th.fold.Get(portal)
	if len(got.Posts) != 1002 || got.Posts[0].Number != 1 || got.Posts[1].Number != 200 {
		t.Fatalf("%d posts, first %d, second %d", len(got.Posts), got.Posts[0].Number, got.Posts[1].Number)
	}
	if !reflect.DeepEqual(got, th.fold.Get(portal)) {
		t.Fatal("two looks differ")
	}
}
