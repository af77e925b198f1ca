package telegram

import (
	"context"
	"strings"
	"time"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/projections"
)

// onChat carries what Matrix users do to Telegram.
func (w *World) onChat(ctx context.Context, e events.Event) error {
	switch f := e.Fact.(type) {
	case *events.MessagePosted:
		if f.Side == events.OnMatrix {
			return w.carry(ctx, e, e.ID, f.Login, func(s *copying) error { return s.send(ctx, f) })
		}
	case *events.MessageEdited:
		if f.Side == events.OnMatrix {
			return w.carry(ctx, e, f.Message, f.Login, func(s *copying) error { return s.edit(ctx, f) })
		}
	case *events.MessageDeleted:
		if f.Side == events.OnMatrix {
			return w.carry(ctx, e, f.Message, f.Login, func(s *copying) error { return s.remove(ctx) })
		}
	default:
		return nil
	}
	return nil
}

// copying is one message, edit or deletion on its way to Telegram.
type copying struct {
	w       *World
	e       events.Event
	message events.EventID // the MessagePosted concerned
	portal  projections.Portal
	c       *client
	peer    tg.InputPeerClass
}

// carry does what f says unless the log has the outcome already.
func (w *World) carry(ctx context.Context, e events.Event, message events.EventID, id events.LoginID, f func(*copying) error) error {
	settled := false
	w.deps.Messages.View(e.Aggregate.UID, func(t projections.Thread) { settled = t.Settled(e.ID) })
	if settled {
		return nil
	}
	s := &copying{w: w, e: e, message: message, portal: w.deps.Portals.Get(e.Aggregate.UID)}
	u, _ := w.deps.Users.ByLogin(id)
	if l, ok := u.Login(id); !ok || l.State != projections.LoginActive {
		return s.lost(ctx, events.CopyNoLogin, "")
	}
	var err error
	if s.c, err = w.fleet.client(id); err != nil {
		return journal.Down(err) // starting
	}
	var ok bool
	if s.peer, ok, err = s.c.book.inputPeer(ctx, s.portal.Peer); err != nil {
		return journal.Down(err)
	}
	if !ok {
		return s.lost(ctx, events.CopyForbidden, "PEER_ID_INVALID")
	}
	return f(s)
}

// send sends a message. An earlier try may have come through: then Telegram
// refuses the random_id, and the message is looked for.
func (s *copying) send(ctx context.Context, f *events.MessagePosted) error {
	text := f.Sealed.Text
	switch f.Content {
	case events.ContentText, events.ContentNotice:
	case events.ContentEmote:
		text = emote(text)
	default:
		return s.lost(ctx, events.CopyUnsupported, "")
	}
	switch {
	case strings.TrimSpace(text.Body) == "":
		return s.lost(ctx, events.CopyEmpty, "")
	case length(text.Body) > maxText:
		return s.lost(ctx, events.CopyTooLong, "")
	}
	reply := s.number(f.ReplyTo)
	res, err := s.sendMessage(ctx, text, reply)
	if reply != 0 && tgerr.Is(err, "REPLY_MESSAGE_ID_INVALID", "MESSAGE_ID_INVALID") {
		res, err = s.sendMessage(ctx, text, 0) // what it answers is gone
	}
	switch {
	case tgerr.Is(err, "RANDOM_ID_DUPLICATE"):
		return s.find(ctx, text)
	case err != nil:
		return s.failed(ctx, err)
	}
	if err := s.carried(ctx, sentNumber(res, s.randomID())); err != nil {
		return err
	}
	s.c.feed.results(res)
	return nil
}

// edit changes a message on Telegram.
func (s *copying) edit(ctx context.Context, f *events.MessageEdited) error {
	text := f.Sealed.Text
	if f.Content == events.ContentEmote {
		text = emote(text)
	}
	number := s.number(s.message)
	switch {
	case number == 0:
		return s.lost(ctx, events.CopyGone, "")
	case strings.TrimSpace(text.Body) == "":
		return s.lost(ctx, events.CopyEmpty, "")
	case length(text.Body) > maxText:
		return s.lost(ctx, events.CopyTooLong, "")
	}
	res, err := s.editMessage(ctx, number, text)
	if err != nil {
		return s.failed(ctx, err)
	}
	if err := s.carried(ctx, 0); err != nil {
		return err
	}
	s.c.feed.results(res)
	return nil
}

// remove deletes a message on Telegram, for everybody. One that is not there
// any more is deleted.
func (s *copying) remove(ctx context.Context) error {
	number := s.number(s.message)
	if number == 0 {
		return s.lost(ctx, events.CopyGone, "")
	}
	pts, count, err := s.deleteMessage(ctx, number)
	if err != nil {
		return s.failed(ctx, err)
	}
	if err := s.carried(ctx, 0); err != nil {
		return err
	}
	s.c.feed.moved(s.portal.Peer, pts, count)
	return nil
}

// number is the Telegram number of a message of this portal, 0 if it has none.
func (s *copying) number(id events.EventID) int {
	n := 0
	s.w.deps.Messages.View(s.e.Aggregate.UID, func(t projections.Thread) {
		if p, ok := t.ByID(id); ok && !(p.Deleted && id != s.message) {
			n = int(p.Number)
		}
	})
	return n
}

// failed ends a try that brought no good answer.
func (s *copying) failed(ctx context.Context, err error) error {
	if wait, flood := floodWait(err); flood {
		return s.wait(ctx, wait, err) // nothing was done
	}
	if notAuthorised(err) {
		return journal.Down(err) // the session is looked into; it may end
	}
	if !answered(err) {
		if _, ok := s.e.Fact.(*events.MessagePosted); ok {
			s.w.sends.try(s.e.ID) // it may be there
		}
		return journal.Down(err)
	}
	reason, ok := copyVerdict(codeOf(err))
	if ok {
		return s.carried(ctx, 0)
	}
	return s.lost(ctx, reason, codeOf(err))
}

// tellFrom is how long a wait must be for whoever waits to be told of it.
const tellFrom = 5 * time.Second

// wait has the message sent when Telegram's patience is back, and the log know.
func (s *copying) wait(ctx context.Context, d time.Duration, cause error) error {
	until := time.Now().Add(d)
	if d >= tellFrom {
		cmd := messages.Wait{Of: s.e.ID, Message: s.message, To: events.OnTelegram, Until: until.UTC().Truncate(time.Second)}
		_, err := s.w.desk.chats.Do(ctx, s.e.Aggregate.UID, commit.Because(s.e, events.ByTelegram),
			func(t projections.Thread) (events.Fact, error) { return messages.Decide(t, cmd) })
		if err != nil {
			return journal.Down(err)
		}
	}
	return journal.NotBefore(until, cause)
}

// carried and lost tell the log the outcome.
func (s *copying) carried(ctx context.Context, number int) error {
	return s.outcome(ctx, messages.Carried{Of: s.e.ID, Message: s.message, To: events.OnTelegram, Number: events.MessageNumber(number)})
}

func (s *copying) lost(ctx context.Context, reason events.CopyFailure, code string) error {
	return s.outcome(ctx, messages.Lost{Of: s.e.ID, Message: s.message, To: events.OnTelegram, Reason: reason, Error: code})
}

func (s *copying) outcome(ctx context.Context, cmd messages.Command) error {
	_, err := s.w.desk.chats.Do(ctx, s.e.Aggregate.UID, commit.Because(s.e, events.ByTelegram),
		func(t projections.Thread) (events.Fact, error) { return messages.Decide(t, cmd) })
	if err != nil {
		// Sent, and the log does not know: the next try meets its own random_id.
		s.w.sends.try(s.e.ID)
		return journal.Down(err)
	}
	s.w.sends.done(s.e.ID)
	return nil
}
