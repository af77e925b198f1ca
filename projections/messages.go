package projections

import (
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/natsgram/natsgram/events"
)

// threadLength is how many messages of a portal that have their outcome can be
// found for a reply, an edit or a deletion. It bounds memory; older ones are
// told as unknown.
const threadLength = 1000

// Post is one message that the bridge carried, or is to carry.
type Post struct {
	ID      events.EventID       `json:"id"`
	Seq     uint64               `json:"seq"`
	Side    events.Side          `json:"side"` // where it was said
	Content events.Content       `json:"content"`
	Login   events.LoginID       `json:"login,omitempty"`
	User    events.UID           `json:"user,omitempty"`
	Sender  events.Peer          `json:"sender,omitzero"` // on Telegram
	Number  events.MessageNumber `json:"number,omitempty"`
	Event   events.MatrixEventID `json:"event,omitempty"`
	Hash    uint64               `json:"hash,omitempty"` // of the newest text, see TextHash
	Body    uint64               `json:"body,omitempty"` // of the first text without its formatting
	Deleted bool                 `json:"deleted,omitempty"`
	SaidAt  time.Time            `json:"said_at"`
	State   CopyState            `json:"state"`
}

// CopyState says how far a message has come to the other side.
type CopyState string

// The states of a copy.
const (
	Pending CopyState = "pending"
	Copied  CopyState = "copied"
	Failed  CopyState = "failed"
)

// Change is an edit or a deletion that waits for its outcome.
type Change struct {
	ID      events.EventID `json:"id"`
	Seq     uint64         `json:"seq"`
	Message events.EventID `json:"message"`
}

// Sight is a Matrix event whose edit or redaction is recorded.
type Sight struct {
	Origin events.MatrixEventID `json:"origin"`
	Seq    uint64               `json:"seq"`
}

// Thread is the messages of one portal.
type Thread struct {
	UID     events.UID `json:"uid"`
	Seq     uint64     `json:"seq"`               // last event of the aggregate
	Posts   []Post     `json:"posts,omitempty"`   // oldest first
	Changes []Change   `json:"changes,omitempty"` // without outcome yet
	Seen    []Sight    `json:"seen,omitempty"`    // Matrix edits and redactions recorded, oldest first
	// Delayed are messages and changes that wait for a network's patience.
	Delayed []events.EventID `json:"delayed,omitempty"`
}

// TextHash identifies a text with its formatting, so that a repeated edit, or
// the echo of our own, can be told from a new one.
func TextHash(t events.Text) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.TrimSpace(t.Body)))
	for _, s := range t.Spans {
		_, _ = h.Write([]byte{byte(s.Offset), byte(s.Offset >> 8), byte(s.Length), byte(s.Length >> 8)})
		_, _ = h.Write([]byte(s.Kind))
		_, _ = h.Write([]byte(s.Value))
		_, _ = h.Write([]byte(s.Peer.String()))
	}
	return h.Sum64()
}

// BodyHash is TextHash of the bare words.
func BodyHash(t events.Text) uint64 { return TextHash(events.Text{Body: t.Body}) }

// ByID returns the message by its event ID.
func (t Thread) ByID(id events.EventID) (Post, bool) {
	return t.last(func(p *Post) bool { return p.ID == id })
}

// ByNumber returns the message with a Telegram message ID.
func (t Thread) ByNumber(n events.MessageNumber) (Post, bool) {
	return t.last(func(p *Post) bool { return n != 0 && p.Number == n })
}

// ByEvent returns the message whose Matrix event it is, said there or copied.
func (t Thread) ByEvent(id events.MatrixEventID) (Post, bool) {
	return t.last(func(p *Post) bool { return id != "" && p.Event == id })
}

// PendingFrom returns the messages of a login that wait to be sent to Telegram,
// oldest first.
func (t Thread) PendingFrom(login events.LoginID) []Post {
	var found []Post
	for _, p := range t.Posts {
		if p.State == Pending && p.Side == events.OnMatrix && p.Login == login {
			found = append(found, p)
		}
	}
	return found
}

// Settled reports whether a message, an edit or a deletion has its outcome, or
// is too old to be known.
func (t Thread) Settled(id events.EventID) bool {
	if p, ok := t.ByID(id); ok {
		return p.State != Pending
	}
	return !slices.ContainsFunc(t.Changes, func(c Change) bool { return c.ID == id })
}

// Recorded reports whether the log already holds what the Matrix event said.
func (t Thread) Recorded(origin events.MatrixEventID) bool {
	if slices.ContainsFunc(t.Seen, func(s Sight) bool { return s.Origin == origin }) {
		return true
	}
	_, ok := t.ByEvent(origin)
	return ok
}

// last looks from the newest on: what is asked for is nearly always recent.
func (t Thread) last(ok func(*Post) bool) (Post, bool) {
	for i := len(t.Posts) - 1; i >= 0; i-- {
		if ok(&t.Posts[i]) {
			return t.Posts[i], true
		}
	}
	return Post{}, false
}

// Messages is the projection of CHAT.
type Messages struct {
	table[Thread]
}

// NewMessages returns the projection of an empty log.
func NewMessages() *Messages {
	ms := &Messages{}
	ms.init("messages", func(t *Thread) events.UID { return t.UID }, func() {})
	ms.since = (*Thread).since
	return ms
}

// since is what the thread would be had the log begun at first.
func (t *Thread) since(first uint64) *Thread {
	if t.Seq < first {
		return nil
	}
	c := &Thread{UID: t.UID, Seq: t.Seq}
	c.Posts = slices.DeleteFunc(slices.Clone(t.Posts), func(p Post) bool { return p.Seq < first })
	c.Changes = slices.DeleteFunc(slices.Clone(t.Changes), func(ch Change) bool { return ch.Seq < first })
	c.Seen = slices.DeleteFunc(slices.Clone(t.Seen), func(s Sight) bool { return s.Seq < first })
	return c
}

// View calls look with the portal's thread, which look must neither keep nor
// change. It costs no copy, unlike Get.
func (ms *Messages) View(portal events.UID, look func(Thread)) {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	if t, ok := ms.byID[portal]; ok {
		look(*t)
		return
	}
	look(Thread{UID: portal})
}

// Get returns a copy of the portal's thread.
func (ms *Messages) Get(portal events.UID) Thread {
	var c Thread
	ms.View(portal, func(t Thread) {
		c = t
		c.Posts, c.Changes = slices.Clone(t.Posts), slices.Clone(t.Changes)
		c.Seen, c.Delayed = slices.Clone(t.Seen), slices.Clone(t.Delayed)
	})
	return c
}

// Count is the number of messages held and of those not yet copied.
func (ms *Messages) Count() (posts, pending int) {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	for _, t := range ms.byID {
		posts += len(t.Posts)
		for i := range t.Posts {
			if t.Posts[i].State == Pending {
				pending++
			}
		}
	}
	return posts, pending
}
