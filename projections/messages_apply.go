package projections

import (
	"slices"

	"github.com/natsgram/natsgram/events"
)

// Apply folds one event of CHAT. An event already folded changes nothing.
func (ms *Messages) Apply(e events.Event) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if !ms.advance(e.Seq) {
		return
	}
	t, ok := ms.byID[e.Aggregate.UID]
	if !ok {
		t = &Thread{UID: e.Aggregate.UID}
		ms.byID[t.UID] = t
	}
	t.apply(e)
}

func (t *Thread) apply(e events.Event) {
	t.Seq = e.Seq
	switch f := e.Fact.(type) {
	case *events.MessagePosted:
		t.Posts = append(t.Posts, Post{
			ID: e.ID, Seq: e.Seq, Side: f.Side, Content: f.Content, Login: f.Login, User: f.User, Sender: f.Sealed.Sender.Peer,
			Number: f.Number, Event: e.Origin, Hash: TextHash(f.Sealed.Text),
			Body: BodyHash(f.Sealed.Text), SaidAt: f.SaidAt, State: Pending,
		})
		t.trim()
	case *events.MessageEdited:
		t.change(e)
		t.post(f.Message, func(p *Post) { p.Hash = TextHash(f.Sealed.Text) })
		t.Changes = append(t.Changes, Change{ID: e.ID, Seq: e.Seq, Message: f.Message})
	case *events.MessageDeleted:
		t.change(e)
		t.post(f.Message, func(p *Post) { p.Deleted = true })
		t.Changes = append(t.Changes, Change{ID: e.ID, Seq: e.Seq, Message: f.Message})
	case *events.CopyDelayed:
		t.Delayed = append(t.Delayed, e.Causation)
	case *events.CopyMade:
		if t.settle(e.Causation) {
			return
		}
		t.post(f.Message, func(p *Post) {
			p.State = Copied
			switch p.Side { // a copy never renames the original
			case events.OnMatrix:
				p.Number = f.Number
			case events.OnTelegram:
				p.Event = f.MatrixEvent
			}
		})
	case *events.CopyFailed:
		if !t.settle(e.Causation) {
			t.post(f.Message, func(p *Post) { p.State = Failed })
		}
	default:
		// A fact of a newer version.
	}
}

// trim forgets the oldest messages that have their outcome. Those that wait do
// not count: which message is forgotten depends on the newer ones alone.
func (t *Thread) trim() {
	if len(t.Posts) <= threadLength {
		return
	}
	settled := 0
	for i := range t.Posts {
		if t.Posts[i].State != Pending {
			settled++
		}
	}
	t.Posts = slices.DeleteFunc(t.Posts, func(p Post) bool {
		old := p.State != Pending && settled > threadLength
		if old {
			settled--
		}
		return old
	})
}

// change remembers the Matrix event of an edit or redaction.
func (t *Thread) change(e events.Event) {
	if e.Origin == "" {
		return
	}
	t.Seen = append(t.Seen, Sight{e.Origin, e.Seq})
	if len(t.Seen) > seenOrigins {
		t.Seen = slices.Delete(t.Seen, 0, len(t.Seen)-seenOrigins)
	}
}

// settle takes away the edit or deletion that an outcome belongs to. It
// returns false if the outcome is a message's own.
func (t *Thread) settle(id events.EventID) bool {
	t.Delayed = slices.DeleteFunc(t.Delayed, func(d events.EventID) bool { return d == id })
	n := len(t.Changes)
	t.Changes = slices.DeleteFunc(t.Changes, func(c Change) bool { return c.ID == id })
	return len(t.Changes) < n
}

func (t *Thread) post(id events.EventID, change func(*Post)) {
	for i := len(t.Posts) - 1; i >= 0; i-- {
		if t.Posts[i].ID == id {
			change(&t.Posts[i])
			return
		}
	}
}
