package management

import (
	"context"
	"crypto/hmac"
	"errors"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// linkTo is where a browser takes up the link with a token. What stands after
// the # no server sees before the page's form sends it.
func linkTo(public *url.URL, token vault.Secret) address {
	return address(strings.TrimRight(public.String(), "/") + "/link#" + token.Reveal())
}

// onLoginStarted asks for the first answer: by a link to the login page, if there
// is one, and in the room, if that is allowed.
func (b *Bot) onLoginStarted(ctx context.Context, u projections.User, e events.Event, f *events.LoginStarted) error {
	if err := b.withdrawFrom(ctx, u, e, roomFor(u, f), f.Secret); err != nil {
		return err
	}
	if b.cfg.Public != nil && f.Channel == events.ChannelRoom && !f.Answered {
		if made, err := b.linkBecause(ctx, e, f.Attempt, roomFor(u, f)); err != nil || made {
			return err
		}
	}
	return b.tell(ctx, u, e)
}

// onPasswordRequired offers the page for what should least of all pass through
// a room, unless it is open already.
func (b *Bot) onPasswordRequired(ctx context.Context, u projections.User, e events.Event, f *events.PasswordRequired) error {
	if err := b.tell(ctx, u, e); err != nil {
		return err
	}
	a := b.Users.Get(u.UID).Attempt
	if b.cfg.Public == nil || a == nil || a.ID != f.Attempt || a.Browser != nil || a.Via == events.ChannelAPI {
		return nil
	}
	_, err := b.linkBecause(ctx, e, f.Attempt, roomFor(u, f))
	return err
}

// makeLink has a link made, once. None is made if the user had too many of late.
func (b *Bot) makeLink(ctx context.Context, user events.UID, m commit.Meta, c login.MakeLink) (made bool, err error) {
	if c.Room == "" {
		return false, nil
	}
	_, err = b.Desk.Do(ctx, user, m, func(u projections.User) (events.Fact, error) { return login.Decide(u, c) })
	if errors.As(err, new(login.Refused)) {
		return false, nil
	}
	return err == nil, err
}

// linkBecause has a link made for the user's own attempt, because of an event of it.
func (b *Bot) linkBecause(ctx context.Context, e events.Event, id events.AttemptID, room events.RoomID) (made bool, err error) {
	m := commit.Because(e, events.BySystem)
	m.ID, m.Correlation = events.EventIDFor(e.Time, string(e.ID)+" link"), string(id)
	return b.makeLink(ctx, e.Aggregate.UID, m, login.MakeLink{Attempt: id, Link: linkFor(e), Now: b.now(), Room: room})
}

// linkFor derives the ID of the link that is made because of an event.
func linkFor(e events.Event) events.LinkID {
	return events.LinkID(uuid.NewSHA1(uuid.NameSpaceOID, []byte("natsgram link "+string(e.ID))).String())
}

// onWebLinkMade tells the link. Its token is made now and lies nowhere: a repeat
// of this makes another, and whichever the user has is good.
func (b *Bot) onWebLinkMade(ctx context.Context, u projections.User, e events.Event, f *events.WebLinkMade) error {
	l, newest, known := u.Link(f.Link)
	left := f.Until.Sub(b.now())
	if !known || !newest || l.Redeemed || left <= 0 || u.Attempt == nil || u.Attempt.ID != f.Attempt {
		return nil // it opens nothing any more
	}
	reader := u
	if f.ByAdmin {
		var ok bool
		if reader, ok = b.Users.ByRoom(f.Sealed.Room); !ok {
			return nil // the admin has left
		}
	}
	safe, powerless, err := b.guardLink(ctx, u, reader, e, f)
	if err != nil || !safe {
		return err
	}
	token, err := b.Secrets.NewLink(ctx, vault.WebLink{User: u.UID, Attempt: f.Attempt, Link: f.Link}, left)
	if err != nil {
		return journal.Down(err)
	}
	text := b.linkWords(u, e, f, linkTo(b.cfg.Public, token))
	if powerless && !f.ByAdmin && !b.cfg.NoRoom && u.Attempt.Step == events.StepPhone {
		text = text.and(powerlessWords())
	}
	return b.say(ctx, e, f.Sealed.Room, text)
}

// guardLink looks at the room that the link is told in, as guard does.
func (b *Bot) guardLink(ctx context.Context, u, reader projections.User, e events.Event, f *events.WebLinkMade) (safe, powerless bool, err error) {
	if !f.ByAdmin {
		return b.guard(ctx, u, e, f.Attempt)
	}
	state, err := b.state(ctx, f.Sealed.Room)
	if isGone(err) {
		return false, false, nil
	}
	return err == nil && unsafe(state, b.cfg.Bot, reader.MatrixID) == "", false, err
}

// matchesPairing reports whether a text is the code that the login page shows.
func (b *Bot) matchesPairing(ctx context.Context, id events.AttemptID, code string) (bool, error) {
	want, err := b.Secrets.Attempt(ctx, id, vault.Pairing)
	if errors.Is(err, vault.ErrMissing) {
		return false, nil
	}
	return err == nil && hmac.Equal(want, []byte(code)), err
}

// onLoginOrdered begins the login that an admin wants for another user, and has
// the admin told the link.
func (b *Bot) onLoginOrdered(ctx context.Context, e events.Event, f *events.LoginOrdered) error {
	target := b.Users.Get(f.User)
	start := b.start(events.RoomFacts{User: f.Sealed.For, Room: target.Room})
	start.Attempt, start.Via = attemptFor(e), events.ChannelWeb
	m := commit.Meta{
		ID: events.EventIDFor(e.Time, string(e.ID)+" start"), Actor: events.ByOperator, Correlation: string(start.Attempt), Causation: e.ID,
	}
	_, err := b.Desk.Do(ctx, f.User, m, func(u projections.User) (events.Fact, error) {
		if u.Attempt != nil || u.Over != nil && u.Over.Attempt == start.Attempt {
			return nil, nil
		}
		return login.Decide(u, start)
	})
	if errors.As(err, new(login.Refused)) {
		return nil // they have as many accounts as may be, since a moment ago
	}
	if err != nil {
		return err
	}
	m.ID = events.EventIDFor(e.Time, string(e.ID)+" link")
	_, err = b.makeLink(ctx, f.User, m, login.MakeLink{
		Attempt: start.Attempt, Link: linkFor(e), Now: b.now(), Room: f.Sealed.Room, ByAdmin: true,
	})
	return err
}

// attemptFor derives the attempt that an admin's order begins.
func attemptFor(e events.Event) events.AttemptID {
	return events.AttemptID(uuid.NewSHA1(uuid.NameSpaceOID, []byte("natsgram attempt "+string(e.ID))).String())
}
