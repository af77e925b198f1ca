package telegram

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/gotd/td/tg"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// The calls that carry messages. Each has a deadline and one request; a repeat
// is recognised by random_id, or does what is done already.

// randomID is the idempotency key of a message: the same for every try.
func randomID(account events.AccountID, id events.EventID, part int) int64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", account, id, part))
	n := int64(binary.BigEndian.Uint64(sum[:8]))
	if n == 0 {
		n = 1 // zero is none to Telegram
	}
	return n
}

func (s *copying) randomID() int64 { return randomID(s.c.account, s.e.ID, 0) }

// sendMessage sends a text (messages.sendMessage).
func (s *copying) sendMessage(ctx context.Context, text events.Text, reply int) (tg.UpdatesClass, error) {
	ctx, cancel := s.c.call(ctx)
	defer cancel()
	req := &tg.MessagesSendMessageRequest{Peer: s.peer, Message: text.Body, RandomID: s.randomID()}
	if entities := entitiesOf(text, s.c.namer(ctx)); len(entities) > 0 {
		req.SetEntities(entities)
	}
	if reply != 0 {
		req.SetReplyTo(&tg.InputReplyToMessage{ReplyToMsgID: reply})
	}
	return s.c.api().MessagesSendMessage(ctx, req)
}

// editMessage changes a text (messages.editMessage).
func (s *copying) editMessage(ctx context.Context, number int, text events.Text) (tg.UpdatesClass, error) {
	ctx, cancel := s.c.call(ctx)
	defer cancel()
	req := &tg.MessagesEditMessageRequest{Peer: s.peer, ID: number}
	req.SetMessage(text.Body)
	if entities := entitiesOf(text, s.c.namer(ctx)); len(entities) > 0 {
		req.SetEntities(entities)
	}
	return s.c.api().MessagesEditMessage(ctx, req)
}

// deleteMessage deletes for everybody (messages.deleteMessages,
// channels.deleteMessages), and tells how that moved the sequence.
func (s *copying) deleteMessage(ctx context.Context, number int) (pts, count int, err error) {
	ctx, cancel := s.c.call(ctx)
	defer cancel()
	var res *tg.MessagesAffectedMessages
	if in, ok := s.peer.(*tg.InputPeerChannel); ok {
		channel := &tg.InputChannel{ChannelID: in.ChannelID, AccessHash: in.AccessHash}
		res, err = s.c.api().ChannelsDeleteMessages(ctx, &tg.ChannelsDeleteMessagesRequest{Channel: channel, ID: []int{number}})
	} else {
		res, err = s.c.api().MessagesDeleteMessages(ctx, &tg.MessagesDeleteMessagesRequest{Revoke: true, ID: []int{number}})
	}
	if err != nil {
		return 0, 0, err
	}
	return res.Pts, res.PtsCount, nil
}

// findInChat looks for our text among the newest messages of the chat; 0 if it
// is not there.
func (s *copying) findInChat(ctx context.Context, text events.Text) (int, error) {
	ctx, cancel := s.c.call(ctx)
	defer cancel()
	res, err := s.c.api().MessagesGetHistory(ctx, &tg.MessagesGetHistoryRequest{Peer: s.peer, Limit: 50})
	if err != nil {
		return 0, err
	}
	part, ok := res.AsModified()
	if !ok {
		return 0, nil
	}
	for _, m := range part.GetMessages() {
		m, ok := m.(*tg.Message)
		if ok && m.Out && strings.TrimSpace(m.Message) == strings.TrimSpace(text.Body) &&
			int64(m.Date) >= s.e.Time.Unix()-60 && !s.taken(m.ID) {
			return m.ID, nil
		}
	}
	return 0, nil
}

// taken reports whether the log has another message under the number.
func (s *copying) taken(number int) bool {
	taken := false
	s.w.deps.Messages.View(s.e.Aggregate.UID, func(t projections.Thread) {
		_, taken = t.ByNumber(events.MessageNumber(number))
	})
	return taken
}

// namer names users for mentions.
func (c *client) namer(ctx context.Context) func(int64) (tg.InputUserClass, bool) {
	return func(id int64) (tg.InputUserClass, bool) {
		in, ok, err := c.book.inputUser(ctx, id)
		return in, ok && err == nil
	}
}

// sentNumber finds in the answer to messages.sendMessage the number that the
// message got.
func sentNumber(res tg.UpdatesClass, random int64) int {
	var updates []tg.UpdateClass
	switch res := res.(type) {
	case *tg.UpdateShortSentMessage:
		return res.ID
	case *tg.Updates:
		updates = res.Updates
	case *tg.UpdatesCombined:
		updates = res.Updates
	default:
		return 0
	}
	for _, u := range updates {
		if id, ok := u.(*tg.UpdateMessageID); ok && id.RandomID == random {
			return id.ID
		}
	}
	return 0
}

// sends remembers which messages were tried to be sent without an answer: only
// those can have an echo already.
type sends struct {
	mu  sync.Mutex
	set map[events.EventID]bool
	ch  chan struct{}
}

func newSends() *sends { return &sends{set: map[events.EventID]bool{}, ch: make(chan struct{})} }

func (s *sends) try(id events.EventID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set[id] = true
	close(s.ch)
	s.ch = make(chan struct{})
}

func (s *sends) done(id events.EventID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.set, id)
}

func (s *sends) tried() map[events.EventID]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.set)
}

// changed is closed when a message is added. Take it before looking.
func (s *sends) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}
