package matrix

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/messages"
	"github.com/natsgram/natsgram/handlers/portals"
	"github.com/natsgram/natsgram/projections"
)

// recordPatience is how long an event of a room waits until the room's own
// creation is recorded.
const recordPatience = 10 * time.Second

// portalInbox takes what users do in the rooms of portals.
type portalInbox struct {
	*Bridge

	mu      sync.Mutex
	foreign map[id.RoomID]struct{} // rooms asked about that are no portal's
}

// Inbox takes the events of portals' rooms.
func (b *Bridge) Inbox() Inbox {
	return &portalInbox{Bridge: b, foreign: map[id.RoomID]struct{}{}}
}

// Take records the event if its room is a portal's.
func (in *portalInbox) Take(ctx context.Context, evt *event.Event) (bool, error) {
	about := evt.Sender
	if evt.Type == event.StateMember {
		about = id.UserID(evt.GetStateKey())
	}
	user, known, err := in.deps.Directory.User(ctx, events.MatrixID(about))
	if err != nil {
		return false, err
	}
	portal, ok, err := in.portalOf(ctx, evt.RoomID, known)
	if err != nil || !ok {
		return false, err
	}
	switch evt.Type {
	case event.EventMessage:
		if !known && evt.Content.AsMessage().MsgType == event.MsgNotice {
			return true, nil // another bot's: to answer it could go on for ever
		}
		return true, in.message(ctx, portal, user, evt)
	case event.EventSticker, event.EventUnstablePollStart:
		return true, in.post(ctx, portal, user, evt, otherContent(evt), "")
	case event.EventEncrypted:
		return true, in.post(ctx, portal, user, evt, said{content: events.ContentEncrypted}, "")
	case event.EventRedaction:
		return true, in.redaction(ctx, portal, user, evt)
	case event.StateMember:
		if !known {
			return true, nil
		}
		return true, in.membership(ctx, portal, user, evt)
	default:
		return true, nil // not bridged
	}
}

// portalOf finds the portal whose room it is. A room may be there before the
// log says so: the answer to createRoom was lost, or is just being recorded.
// Its alias tells, and then the event waits.
func (in *portalInbox) portalOf(ctx context.Context, room id.RoomID, ours bool) (projections.Portal, bool, error) {
	if p, ok := in.deps.Portals.ByRoom(events.RoomID(room)); ok || !ours {
		return p, ok, nil
	}
	in.mu.Lock()
	_, foreign := in.foreign[room]
	in.mu.Unlock()
	if foreign {
		return projections.Portal{}, false, nil
	}
	alias, err := in.hs.aliasOf(ctx, room)
	if err != nil {
		return projections.Portal{}, false, err
	}
	uid, ok := in.who.portalOfAlias(alias)
	if !ok || in.deps.Portals.Get(uid).Opened == 0 {
		in.mu.Lock()
		defer in.mu.Unlock()
		if len(in.foreign) > 10_000 {
			clear(in.foreign)
		}
		in.foreign[room] = struct{}{}
		return projections.Portal{}, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, recordPatience)
	defer cancel()
	for {
		changed := in.deps.Portals.Changed()
		p := in.deps.Portals.Get(uid)
		if p.Room != "" {
			return p, p.Room == events.RoomID(room), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if p.Failed != "" {
				return p, false, nil // nobody is making it
			}
			return p, false, errors.New("the creation of the portal's room is not recorded yet")
		}
	}
}

// said is what an event says, in neither network's terms.
type said struct {
	content events.Content
	text    events.Text
	label   string
}

func (in *portalInbox) message(ctx context.Context, p projections.Portal, user events.UID, evt *event.Event) error {
	content := evt.Content.AsMessage()
	if target := content.RelatesTo.GetReplaceID(); target != "" {
		if content.NewContent != nil {
			content = content.NewContent
		}
		what := in.read(content)
		return in.decide(ctx, p, evt, messages.Edit{
			Side: events.OnMatrix, Origin: events.MatrixEventID(evt.ID), Event: events.MatrixEventID(target), User: user,
			Login: in.loginFor(p, user), Content: what.content, SaidAt: saidAt(evt),
			What: events.MessageFacts{Text: what.text, Label: what.label},
		})
	}
	reply := content.RelatesTo.GetNonFallbackReplyTo()
	if reply != "" {
		content.RemoveReplyFallback()
		if content.Format != event.FormatHTML {
			content.Body = event.TrimReplyFallbackText(content.Body)
		}
	}
	return in.post(ctx, p, user, evt, in.read(content), reply)
}

func (in *portalInbox) post(ctx context.Context, p projections.Portal, user events.UID, evt *event.Event, what said, reply id.EventID) error {
	return in.decide(ctx, p, evt, messages.Typed{
		Origin: events.MatrixEventID(evt.ID), User: user, Login: in.loginFor(p, user), Content: what.content,
		ReplyTo: events.MatrixEventID(reply), SaidAt: saidAt(evt), What: events.MessageFacts{Text: what.text, Label: what.label},
	})
}

func (in *portalInbox) redaction(ctx context.Context, p projections.Portal, user events.UID, evt *event.Event) error {
	target := evt.Redacts
	if target == "" {
		target = evt.Content.AsRedaction().Redacts // room version 11 and later
	}
	return in.decide(ctx, p, evt, messages.Delete{
		Side: events.OnMatrix, Origin: events.MatrixEventID(evt.ID), Event: events.MatrixEventID(target), User: user,
		Login: in.loginFor(p, user),
	})
}

func (in *portalInbox) membership(ctx context.Context, p projections.Portal, user events.UID, evt *event.Event) error {
	c := portals.Membership{User: user}
	switch evt.Content.AsMember().Membership {
	case event.MembershipJoin:
		c.In = true
	case event.MembershipLeave, event.MembershipBan:
	default:
		return nil // invites are the bridge's own
	}
	meta := metaOf(evt)
	meta.Actor = events.ByMatrix
	_, err := in.portals.Do(ctx, p.UID, meta, func(p projections.Portal) (events.Fact, error) { return portals.Decide(p, c) })
	return err
}

// decide records a command about the portal's messages. Its event ID comes from
// the Matrix event, so that the same one is never stored twice.
func (in *portalInbox) decide(ctx context.Context, p projections.Portal, evt *event.Event, c messages.Command) error {
	_, err := in.messages.Do(ctx, p.UID, metaOf(evt), func(t projections.Thread) (events.Fact, error) { return messages.Decide(t, c) })
	if errors.Is(err, messages.ErrNotYours) {
		return nil // clients ignore such an edit too
	}
	return err
}

func metaOf(evt *event.Event) commit.Meta {
	return commit.Meta{
		ID: events.EventIDFor(saidAt(evt), string(evt.ID)), Actor: events.ByUser, Origin: events.MatrixEventID(evt.ID),
	}
}

func saidAt(evt *event.Event) time.Time { return time.UnixMilli(evt.Timestamp).UTC() }

// loginFor chooses the session that sends a user's message: one of theirs that
// is in use and may post, or none. Then the copy fails, and the user is told.
func (in *portalInbox) loginFor(p projections.Portal, user events.UID) events.LoginID {
	if user == "" {
		return ""
	}
	u := in.deps.Users.Get(user)
	for _, v := range p.Viewers {
		if l, ok := u.Login(v.Login); v.User == user && v.CanPost && ok && l.State == projections.LoginActive {
			return v.Login
		}
	}
	return ""
}

// read takes a message's content apart.
func (in *portalInbox) read(content *event.MessageEventContent) said {
	what := said{content: events.ContentText}
	name := content.GetFileName()
	switch content.MsgType {
	case event.MsgText:
	case event.MsgNotice:
		what.content = events.ContentNotice
	case event.MsgEmote:
		what.content = events.ContentEmote
	case event.MsgImage:
		what.content, what.label = events.ContentPhoto, named("photo", name)
	case event.MsgVideo:
		what.content, what.label = events.ContentVideo, named("video", name)
	case event.MsgAudio:
		what.content, what.label = events.ContentAudio, named("audio", name)
		if content.MSC3245Voice != nil {
			what.content, what.label = events.ContentVoice, "voice message"
		}
	case event.MsgFile:
		what.content, what.label = events.ContentFile, named("file", name)
	case event.MsgLocation:
		what.content, what.label = events.ContentLocation, "location"
	default:
		what.content, what.label = events.ContentOther, string(content.MsgType)
	}
	if what.label != "" && content.GetCaption() == "" {
		return what // the body is a file's name, or says the same in words
	}
	what.text = events.Text{Body: strings.TrimSpace(content.Body)}
	if content.Format == event.FormatHTML && content.FormattedBody != "" {
		if text := parse(content.FormattedBody, in.who.peer); text.Body != "" {
			what.text = text
		}
	}
	return what
}

// otherContent is what events other than m.room.message say.
func otherContent(evt *event.Event) said {
	if evt.Type == event.EventSticker {
		return said{content: events.ContentSticker, label: named("sticker", evt.Content.AsMessage().Body)}
	}
	return said{content: events.ContentPoll, label: "poll"}
}

func named(kind, name string) string {
	if name == "" {
		return kind
	}
	return kind + ": " + name
}
