package management

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

const (
	// callTimeout bounds one call to the homeserver.
	callTimeout = 20 * time.Second
	// recently is how old an event may be to have been handled never before.
	recently = 3 * time.Second
	// lookBack is how many of the bot's own messages are searched for a notice.
	lookBack = 50
	// noticeKey is the key in a notice's content that names the event it tells of.
	noticeKey = "org.natsgram.event"
)

// goneError says that the homeserver will never do it: the bot is not in the
// room, the room is not there, or the bot lacks the power. It is the Matrix
// error code.
type goneError string

func (e goneError) Error() string { return "refused by the homeserver: " + string(e) }

func isGone(err error) bool { return errors.As(err, new(goneError)) }

// say sends a notice that tells of an event. It is sent once, also if the
// process dies before it knows: the transaction ID derives from the event, and
// as a restarted homeserver forgets transaction IDs, the room is searched first
// where the notice may have been sent before. A room the bot can't write to is
// given up in silence, as nobody would hear.
func (b *Bot) say(ctx context.Context, e events.Event, room events.RoomID, text notice) error {
	if room == "" || text.body == "" {
		return nil
	}
	if b.maybeSaid(e) {
		found, err := b.findSaid(ctx, room, e.ID)
		if found != "" || err != nil {
			return b.ignoreGone(e, err)
		}
	}
	content := &event.Content{
		Parsed: &event.MessageEventContent{
			MsgType: event.MsgNotice, Body: text.body, Format: event.FormatHTML, FormattedBody: text.html,
			Mentions: &event.Mentions{},
		},
		Raw: map[string]any{noticeKey: string(e.ID)},
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.client.SendMessageEvent(ctx, id.RoomID(room), event.EventMessage, content,
		mautrix.ReqSendEvent{TransactionID: "natsgram." + string(e.ID)})
	err = b.verdict(err)
	if err == nil || isGone(err) {
		b.tried.Delete(e.ID)
		return b.ignoreGone(e, err)
	}
	b.tried.Store(e.ID, true)
	return err
}

// maybeSaid reports whether an earlier run or an earlier try may have sent the
// notice of an event.
func (b *Bot) maybeSaid(e events.Event) bool {
	_, tried := b.tried.Load(e.ID)
	return tried || e.Time.Before(b.born) || b.now().Sub(e.Time) > recently
}

// findSaid searches the bot's latest messages in a room for the notice of an
// event; empty if it is not there.
func (b *Bot) findSaid(ctx context.Context, room events.RoomID, about events.EventID) (id.EventID, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	filter := &mautrix.FilterPart{Types: []event.Type{event.EventMessage}, Senders: []id.UserID{b.cfg.Bot}}
	resp, err := b.client.Messages(ctx, id.RoomID(room), "", "", mautrix.DirectionBackward, filter, lookBack)
	if err != nil {
		return "", b.verdict(err)
	}
	for _, evt := range resp.Chunk {
		if evt.Content.Raw[noticeKey] == string(about) {
			return evt.ID, nil
		}
	}
	return "", nil
}

func (b *Bot) ignoreGone(e events.Event, err error) error {
	if isGone(err) {
		b.Log.Debug().Err(err).Str("event_id", string(e.ID)).Str("type", string(e.Fact.Type())).Msg("nobody there to tell")
		return nil
	}
	return err
}

// redact deletes a user's message and says what became of it: ok, or the
// homeserver's error code if it will never do it.
func (b *Bot) redact(ctx context.Context, e events.Event, room events.RoomID) (code string, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = b.client.RedactEvent(ctx, id.RoomID(room), id.EventID(e.Origin),
		mautrix.ReqRedact{TxnID: "natsgram." + string(e.ID), Reason: "It held what only you should know"})
	err = b.verdict(err)
	var gone goneError
	if errors.As(err, &gone) {
		return string(gone), nil
	}
	return "", err
}

// join enters a room. To be in it already is no error.
func (b *Bot) join(ctx context.Context, room events.RoomID) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.client.JoinRoomByID(ctx, id.RoomID(room))
	return b.verdict(err)
}

// leave leaves a room. To be out of it already is no error.
func (b *Bot) leave(ctx context.Context, room events.RoomID) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := b.client.LeaveRoom(ctx, id.RoomID(room))
	if err = b.verdict(err); isGone(err) {
		return nil
	}
	return err
}

// look tells whether a room is private to the user and the bot: nobody else has
// joined or is invited, and messages are not encrypted. Why is empty if it is.
func (b *Bot) look(ctx context.Context, room events.RoomID, user events.MatrixID) (why events.RoomRefusal, members int, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	joined, err := b.client.JoinedMembers(ctx, id.RoomID(room))
	if err = b.verdict(err); err != nil {
		return events.RoomUnreachable, 0, err
	}
	members = len(joined.Joined)
	switch _, present := joined.Joined[id.UserID(user)]; {
	case !present:
		return events.RoomUserAbsent, members, nil
	case members > 2:
		return events.RoomCrowded, members, nil
	}
	invited, err := b.client.Members(ctx, id.RoomID(room), mautrix.ReqMembers{Membership: event.MembershipInvite})
	if err = b.verdict(err); err != nil {
		return events.RoomUnreachable, 0, err
	}
	for _, evt := range invited.Chunk {
		if who := evt.GetStateKey(); evt.Content.AsMember().Membership == event.MembershipInvite && who != string(user) && who != string(b.cfg.Bot) {
			return events.RoomCrowded, members + 1, nil
		}
	}
	var encryption event.EncryptionEventContent
	err = b.client.StateEvent(ctx, id.RoomID(room), event.StateEncryption, "", &encryption)
	switch {
	case errors.Is(err, mautrix.MNotFound):
		return "", members, nil
	case err != nil:
		return events.RoomUnreachable, 0, b.verdict(err)
	default:
		return events.RoomEncrypted, members, nil
	}
}

// state reads what a room is like.
func (b *Bot) state(ctx context.Context, room events.RoomID) (mautrix.RoomStateMap, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	state, err := b.client.State(ctx, id.RoomID(room))
	return state, b.verdict(err)
}

// verdict says what a call's error means: nil; a goneError for what will never
// be; or an error for the journal, to try again for ever (the homeserver can't
// be reached or does not know the bridge), at the time the homeserver named, or
// a few times. What it returns names no room and no user: it may be logged and
// kept.
func (b *Bot) verdict(err error) error {
	if err == nil {
		return nil
	}
	var answer mautrix.HTTPError
	if !errors.As(err, &answer) || answer.Response == nil {
		var call *url.Error // its text has the address, and that the room
		if errors.As(err, &call) {
			err = call.Err
		}
		return journal.Down(fmt.Errorf("the homeserver can't be reached: %w", err))
	}
	code := codeOf(answer)
	err = fmt.Errorf("the homeserver answered %s", code)
	switch status := answer.Response.StatusCode; {
	case status == http.StatusTooManyRequests:
		return journal.NotBefore(b.now().Add(retryAfter(answer)), err)
	case status >= 500 || status == http.StatusUnauthorized || status == http.StatusRequestTimeout:
		return journal.Down(err)
	case status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusBadRequest, status == http.StatusGone:
		return goneError(code)
	default:
		return err
	}
}

// retryAfter is how long the homeserver asks to wait.
func retryAfter(answer mautrix.HTTPError) time.Duration {
	if seconds, err := strconv.Atoi(answer.Response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if answer.RespError != nil {
		if ms, ok := answer.RespError.ExtraData["retry_after_ms"].(float64); ok && ms > 0 {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return time.Second
}

// codeOf is the Matrix error code of a refused call, or the HTTP status.
func codeOf(answer mautrix.HTTPError) string {
	if answer.RespError != nil && answer.RespError.ErrCode != "" {
		return answer.RespError.ErrCode
	}
	return "HTTP " + strconv.Itoa(answer.Response.StatusCode)
}
