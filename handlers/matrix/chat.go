package matrix

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/projections"
)

// chatWork is one run of the reactor that carries messages to Matrix.
type chatWork struct {
	*Bridge
	courier *courier
}

// ChatReactor carries to Matrix what was said on Telegram, and tells who said
// something on Matrix if it did not come to Telegram. Take a new one for each
// run, after the lease if there is one: from then on it trusts its memory of
// what it has sent.
func (b *Bridge) ChatReactor() journal.Reactor {
	w := &chatWork{Bridge: b, courier: newCourier(b)}
	return journal.Reactor{
		Name: "matrix-chat", Stream: events.Chat, Ready: b.deps.Messages.WaitFor, Handle: w.handle,
		Only: []events.Type{
			(*events.MessagePosted)(nil).Type(), (*events.MessageEdited)(nil).Type(),
			(*events.MessageDeleted)(nil).Type(), (*events.CopyFailed)(nil).Type(),
			(*events.CopyDelayed)(nil).Type(),
		},
	}
}

func (w *chatWork) handle(ctx context.Context, e events.Event) error {
	switch f := e.Fact.(type) {
	case *events.MessagePosted:
		if f.Side == events.OnTelegram {
			return w.carry(ctx, e, e.ID, func(p projections.Portal) (id.EventID, error) { return w.onMessagePosted(ctx, e, f, p) })
		}
	case *events.MessageEdited:
		if f.Side == events.OnTelegram {
			return w.carry(ctx, e, f.Message, func(p projections.Portal) (id.EventID, error) { return "", w.onMessageEdited(ctx, e, f, p) })
		}
	case *events.MessageDeleted:
		if f.Side == events.OnTelegram {
			return w.carry(ctx, e, f.Message, func(p projections.Portal) (id.EventID, error) { return "", w.onMessageDeleted(ctx, e, f, p) })
		}
	case *events.CopyFailed:
		if f.To == events.OnTelegram {
			return w.onCopyFailed(ctx, e, f)
		}
	case *events.CopyDelayed:
		if f.To == events.OnTelegram {
			return w.onCopyDelayed(ctx, e, f)
		}
	default:
	}
	return nil
}

// lost is the error of a copy that can't be made. It becomes CopyFailed.
type lost struct {
	reason events.CopyFailure
	err    string
}

func (l *lost) Error() string { return string(l.reason) + " " + l.err }

// carry does what e asks for in the portal's room, unless it has its outcome,
// and records the outcome.
func (w *chatWork) carry(ctx context.Context, e events.Event, message events.EventID, do func(projections.Portal) (id.EventID, error)) error {
	uid := e.Aggregate.UID
	settled := false
	w.deps.Messages.View(uid, func(t projections.Thread) { settled = t.Settled(e.ID) })
	if settled {
		return nil
	}
	p, err := w.awaitRoom(ctx, uid)
	if err != nil {
		return err
	}
	var copied id.EventID
	switch {
	case p.Room == "":
		err = &lost{events.CopyRefused, "no room: " + p.Failed}
	case e.Forgotten:
		err = &lost{events.CopyRefused, "forgotten"}
	default:
		copied, err = do(p)
	}
	var outcome messages.Command = messages.Carried{Of: e.ID, Message: message, To: events.OnMatrix, Event: events.MatrixEventID(copied)}
	if l, ok := asLost(err); ok {
		outcome = messages.Lost{Of: e.ID, Message: message, To: events.OnMatrix, Reason: l.reason, Error: l.err}
	} else if err != nil {
		return err
	}
	_, err = w.messages.Do(ctx, uid, commit.Because(e, events.ByMatrix), func(t projections.Thread) (events.Fact, error) {
		return messages.Decide(t, outcome)
	})
	return stored(err)
}

// asLost turns a refusal into a loss.
func asLost(err error) (*lost, bool) {
	if l, ok := err.(*lost); ok {
		return l, true
	}
	code, ok := refusedWith(err)
	switch {
	case !ok:
		return nil, false
	case code == mautrix.MTooLarge.ErrCode:
		return &lost{events.CopyTooLong, code}, true
	case code == mautrix.MForbidden.ErrCode:
		return &lost{events.CopyForbidden, code}, true
	default:
		return &lost{events.CopyRefused, code}, true
	}
}

func (w *chatWork) onMessagePosted(ctx context.Context, e events.Event, f *events.MessagePosted, p projections.Portal) (id.EventID, error) {
	l := write(e.ID, f.Content, f.Sealed, w.who.user(p))
	if f.ReplyTo != "" {
		w.answer(e.Aggregate.UID, f.ReplyTo, &l)
	}
	if f.Content == events.ContentNotice {
		return w.announce(ctx, e, p, parcel{said: f.SaidAt, letter: l})
	}
	sender := speaker(p, f.Sealed.Sender)
	sent, err := w.say(ctx, e, p, sender, parcel{said: f.SaidAt, letter: l})
	if err == nil && sender.Photo != 0 {
		// The message is there; that its author lacks a picture is no reason to fail.
		if _, err := w.ghosts.portray(ctx, f.Login, sender); err != nil {
			w.deps.Logger.Debug().Err(err).Msg("a ghost stays without its picture for now")
		}
	}
	return sent, err
}

// answer points the letter at the message that it answers, and its author at it.
func (w *chatWork) answer(portal events.UID, to events.EventID, l *letter) {
	var post projections.Post
	w.deps.Messages.View(portal, func(t projections.Thread) { post, _ = t.ByID(to) })
	l.replyTo(post.Event)
	if user := w.matrixID(post.User); post.Side == events.OnMatrix && user != "" {
		l.Mentions.Add(user)
	}
}

// speaker is who says a message: in a broadcast channel, unsigned, the channel.
func speaker(p projections.Portal, sender events.Member) events.Member {
	if sender.Peer.IsZero() && p.Peer.Kind == events.PeerChannel {
		return events.Member{Peer: p.Peer, Name: p.Title}
	}
	return sender
}

// announce delivers as the bot what happened to the chat ("Alice left"): whom
// it is about may just have left the room, and their ghost must not come back
// to say so.
func (w *chatWork) announce(ctx context.Context, e events.Event, p projections.Portal, it parcel) (id.EventID, error) {
	it.portal, it.room, it.user = p.UID, id.RoomID(p.Room), w.cfg.bot()
	return w.courier.deliver(ctx, e, it)
}

// say delivers as a member's ghost, which is in the room by then. If the
// homeserver says that it may not speak there, it is let in once more.
func (w *chatWork) say(ctx context.Context, e events.Event, p projections.Portal, sender events.Member, it parcel) (id.EventID, error) {
	ghost, err := w.ghosts.ensure(ctx, sender)
	if err == nil && ghost != w.cfg.bot() && !p.HasGhost(sender.Peer) {
		_, err = w.bringIn(ctx, p, sender, e)
	}
	if err != nil && !refused(err) {
		return "", err
	}
	it.portal, it.room, it.user = p.UID, id.RoomID(p.Room), ghost
	sent, err := w.courier.deliver(ctx, e, it)
	if !refused(err, mautrix.MForbidden) {
		return sent, err
	}
	if err := w.letIn(ctx, it.room, ghost); err != nil {
		return "", err
	}
	if p.Kind == events.KindChannel {
		if err := w.empower(ctx, it.room, map[id.UserID]int{ghost: adminPower}); err != nil {
			return "", err
		}
	}
	return w.courier.deliver(ctx, e, it)
}

// copyOf is the message as it stands on Matrix.
func (w *chatWork) copyOf(portal events.UID, message events.EventID) (post projections.Post, err error) {
	w.deps.Messages.View(portal, func(t projections.Thread) { post, _ = t.ByID(message) })
	if post.Event == "" {
		return post, &lost{events.CopyGone, ""}
	}
	return post, nil
}

func (w *chatWork) onMessageEdited(ctx context.Context, e events.Event, f *events.MessageEdited, p projections.Portal) error {
	post, err := w.copyOf(p.UID, f.Message)
	if err != nil {
		return err
	}
	l := write(e.ID, f.Content, f.Sealed, w.who.user(p))
	sender := speaker(p, f.Sealed.Sender)
	if post.Side == events.OnTelegram {
		l.editOf(post.Event)
		if !post.Sender.IsZero() {
			sender.Peer = post.Sender // only who said it can edit it
		}
	} else {
		// Nobody can edit a Matrix user's message for them.
		edited := f.Sealed
		edited.Text = above(events.Text{Body: "✏️ Edited on Telegram:"}, edited.Text)
		l = write(e.ID, events.ContentNotice, edited, w.who.user(p))
		l.replyTo(post.Event)
	}
	it := parcel{said: f.SaidAt, letter: l}
	if post.Content == events.ContentNotice && post.Side == events.OnTelegram {
		_, err = w.announce(ctx, e, p, it)
		return err
	}
	_, err = w.say(ctx, e, p, sender, it)
	return err
}

func (w *chatWork) onMessageDeleted(ctx context.Context, e events.Event, f *events.MessageDeleted, p projections.Portal) error {
	post, err := w.copyOf(p.UID, f.Message)
	if err != nil {
		return err
	}
	room, user := id.RoomID(p.Room), w.cfg.bot()
	if post.Side == events.OnTelegram {
		user = w.who.ghost(speaker(p, events.Member{Peer: post.Sender}).Peer)
	}
	err = w.hs.redact(ctx, room, user, txnOf(e.ID, user), id.EventID(post.Event))
	if refused(err) && user != w.cfg.bot() {
		user = w.cfg.bot()
		err = w.hs.redact(ctx, room, user, txnOf(e.ID, user), id.EventID(post.Event))
	}
	return err
}

// onCopyFailed tells who said a message on Matrix that it went no further.
func (w *chatWork) onCopyFailed(ctx context.Context, e events.Event, f *events.CopyFailed) error {
	return w.tell(ctx, e, f.Message, func(post projections.Post) string {
		return "⚠️ " + lostWords(f, post.Content, e.Causation != f.Message, w.cfg)
	})
}

// onCopyDelayed tells them that it comes later, unless it has come meanwhile.
func (w *chatWork) onCopyDelayed(ctx context.Context, e events.Event, f *events.CopyDelayed) error {
	settled := false
	w.deps.Messages.View(e.Aggregate.UID, func(t projections.Thread) { settled = t.Settled(e.Causation) })
	if settled {
		return nil
	}
	return w.tell(ctx, e, f.Message, func(projections.Post) string { return "⏳ " + delayWords(f, e.Time) })
}

// tell answers a message of a Matrix user with a notice of the bot. The notice
// has no outcome event: should the bridge die before the acknowledgement, the
// notice is found in the room by its key.
func (w *chatWork) tell(ctx context.Context, e events.Event, message events.EventID, words func(projections.Post) string) error {
	p := w.deps.Portals.Get(e.Aggregate.UID)
	if p.Room == "" {
		return nil
	}
	var post projections.Post
	w.deps.Messages.View(p.UID, func(t projections.Thread) { post, _ = t.ByID(message) })
	l := letter{Cause: e.ID}
	l.MsgType = event.MsgNotice
	l.Body = words(post)
	l.Mentions = &event.Mentions{}
	if user := w.matrixID(post.User); user != "" {
		l.Mentions.Add(user)
	}
	l.replyTo(post.Event)
	_, err := w.courier.deliver(ctx, e, parcel{portal: p.UID, room: id.RoomID(p.Room), user: w.cfg.bot(), letter: l})
	if refused(err) {
		w.deps.Logger.Warn().Str("portal", string(p.UID)).Err(err).Msg("a user could not be told what became of a message")
		return nil
	}
	return err
}
