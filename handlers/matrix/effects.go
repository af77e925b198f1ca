package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
)

// Deadlines of calls. A slow homeserver is not a broken one: a call given up
// may still have its effect, and then has to be looked for.
const (
	callDeadline   = 30 * time.Second
	createDeadline = 2 * time.Minute
	uploadDeadline = 2 * time.Minute
)

// homeserver makes the calls, each with a deadline and none twice: what a
// failure means is decided by verdict, and whether to try again by the journal.
type homeserver struct {
	url   *url.URL
	token string
	bot   id.UserID
	http  *http.Client
	sends chan struct{} // a token each for the messages on their way
	back  func()
	down  atomic.Bool // the last call got no answer
	log   zerolog.Logger
}

func newHomeserver(address *url.URL, cfg Config, deps Deps) *homeserver {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// Each send would otherwise open a connection of its own in a burst.
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 64, 64
	return &homeserver{
		url: address, token: cfg.ASToken, bot: cfg.bot(), back: deps.Back, log: deps.Logger,
		http: &http.Client{Transport: transport}, sends: make(chan struct{}, cfg.MaxSends),
	}
}

// as is a client that speaks as a user of the bridge. It neither retries nor
// logs: its log would hold bodies.
func (h *homeserver) as(user id.UserID) *mautrix.Client {
	return &mautrix.Client{
		HomeserverURL: h.url, UserID: user, AccessToken: h.token, Client: h.http, UserAgent: "natsgram",
		SetAppServiceUserID: true, IgnoreRateLimit: true, Log: zerolog.Nop(),
	}
}

// call makes one call within a deadline and says what its failure means.
func (h *homeserver) call(ctx context.Context, name string, within time.Duration, do func(ctx context.Context) error) error {
	// The library prefers a logger in the context to its own.
	ctx, cancel := context.WithTimeout(zerolog.Nop().WithContext(ctx), within)
	defer cancel()
	err := verdict(name, do(ctx))
	h.note(err)
	return err
}

// note says once that the homeserver went away, and once that it is back.
func (h *homeserver) note(err error) {
	if err != nil && !refused(err) {
		if !h.down.Swap(true) && !errors.Is(err, context.Canceled) {
			h.log.Warn().Err(err).Msg("the homeserver does not do its part; what it is to do waits")
		}
		return
	}
	if h.down.Swap(false) {
		h.log.Info().Msg("the homeserver is back")
		if h.back != nil {
			h.back()
		}
	}
}

// createRoom makes a room as the bot. It is safe to repeat only because the
// request has an alias: a second room can't have it.
func (h *homeserver) createRoom(ctx context.Context, req *mautrix.ReqCreateRoom) (room id.RoomID, err error) {
	err = h.call(ctx, "createRoom", createDeadline, func(ctx context.Context) error {
		resp, err := h.as(h.bot).CreateRoom(ctx, req)
		if err == nil {
			room = resp.RoomID
		}
		return err
	})
	return room, err
}

// resolve finds the room of an alias; "" if there is none.
func (h *homeserver) resolve(ctx context.Context, alias id.RoomAlias) (room id.RoomID, err error) {
	err = h.call(ctx, "directory", callDeadline, func(ctx context.Context) error {
		resp, err := h.as(h.bot).ResolveAlias(ctx, alias)
		if err == nil {
			room = resp.RoomID
		}
		return err
	})
	if refused(err, mautrix.MNotFound) {
		return "", nil
	}
	return room, err
}

// unname takes the alias from a room that the bot is no longer in.
func (h *homeserver) unname(ctx context.Context, alias id.RoomAlias) error {
	return h.call(ctx, "directory", callDeadline, func(ctx context.Context) error {
		_, err := h.as(h.bot).DeleteAlias(ctx, alias)
		return err
	})
}

// invite asks a user into a room, as the bot.
func (h *homeserver) invite(ctx context.Context, room id.RoomID, user id.UserID) error {
	return h.call(ctx, "invite", callDeadline, func(ctx context.Context) error {
		_, err := h.as(h.bot).InviteUser(ctx, room, &mautrix.ReqInviteUser{UserID: user})
		return err
	})
}

// kick puts a user out of a room, as the bot.
func (h *homeserver) kick(ctx context.Context, room id.RoomID, user id.UserID, reason string) error {
	return h.call(ctx, "kick", callDeadline, func(ctx context.Context) error {
		_, err := h.as(h.bot).KickUser(ctx, room, &mautrix.ReqKickUser{UserID: user, Reason: reason})
		return err
	})
}

// join lets a user of the bridge accept an invite. To join twice is no error.
func (h *homeserver) join(ctx context.Context, room id.RoomID, user id.UserID) error {
	return h.call(ctx, "join", callDeadline, func(ctx context.Context) error {
		_, err := h.as(user).JoinRoomByID(ctx, room)
		return err
	})
}

// leave lets a user of the bridge leave a room.
func (h *homeserver) leave(ctx context.Context, room id.RoomID, user id.UserID) error {
	return h.call(ctx, "leave", callDeadline, func(ctx context.Context) error {
		_, err := h.as(user).LeaveRoom(ctx, room)
		return err
	})
}

// state is the whole state of a room the bot is in.
func (h *homeserver) state(ctx context.Context, room id.RoomID) (state []*event.Event, err error) {
	err = h.call(ctx, "state", callDeadline, func(ctx context.Context) (err error) {
		state, err = h.as(h.bot).StateAsArray(ctx, room)
		return err
	})
	return state, err
}

// aliasOf is the canonical alias of a room, "" if it has none or the bot is not in it.
func (h *homeserver) aliasOf(ctx context.Context, room id.RoomID) (id.RoomAlias, error) {
	var content event.CanonicalAliasEventContent
	err := h.call(ctx, "state", callDeadline, func(ctx context.Context) error {
		return h.as(h.bot).StateEvent(ctx, room, event.StateCanonicalAlias, "", &content)
	})
	if refused(err) {
		return "", nil
	}
	return content.Alias, err
}

// set writes a state event as the bot. The same content twice is one state.
func (h *homeserver) set(ctx context.Context, room id.RoomID, kind event.Type, content any) error {
	return h.call(ctx, "state", callDeadline, func(ctx context.Context) error {
		_, err := h.as(h.bot).SendStateEvent(ctx, room, kind, "", content)
		return err
	})
}

// send sends a message as a user of the bridge, said at a time. The homeserver
// answers a repeated transaction with the first one's event as long as it
// remembers it; txnOf makes the ID.
func (h *homeserver) send(ctx context.Context, room id.RoomID, user id.UserID, txn string, said time.Time, content any) (sent id.EventID, err error) {
	select {
	case h.sends <- struct{}{}:
		defer func() { <-h.sends }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	err = h.call(ctx, "send", callDeadline, func(ctx context.Context) error {
		extra := mautrix.ReqSendEvent{TransactionID: txn}
		if !said.IsZero() {
			extra.Timestamp = said.UnixMilli()
		}
		resp, err := h.as(user).SendMessageEvent(ctx, room, event.EventMessage, content, extra)
		if err == nil {
			sent = resp.EventID
		}
		return err
	})
	return sent, err
}

// redact takes back an event. To redact twice changes nothing more.
func (h *homeserver) redact(ctx context.Context, room id.RoomID, user id.UserID, txn string, message id.EventID) error {
	return h.call(ctx, "redact", callDeadline, func(ctx context.Context) error {
		_, err := h.as(user).RedactEvent(ctx, room, message, mautrix.ReqRedact{TxnID: txn})
		return err
	})
}

// recent is a page of a room's events, newest first, and where the next begins.
func (h *homeserver) recent(ctx context.Context, room id.RoomID, from string, limit int) (page []*event.Event, next string, err error) {
	err = h.call(ctx, "messages", callDeadline, func(ctx context.Context) error {
		resp, err := h.as(h.bot).Messages(ctx, room, from, "", mautrix.DirectionBackward, nil, limit)
		if err == nil {
			page, next = resp.Chunk, resp.End
		}
		return err
	})
	return page, next, err
}

// register makes a user of the bridge known to the homeserver.
func (h *homeserver) register(ctx context.Context, user id.UserID) error {
	err := h.call(ctx, "register", callDeadline, func(ctx context.Context) error {
		_, interactive, err := h.as(h.bot).Register(ctx, &mautrix.ReqRegister[any]{
			Username: user.Localpart(), Type: mautrix.AuthTypeAppservice, InhibitLogin: true,
		})
		if err == nil && interactive != nil {
			err = errors.New("the homeserver asks for interactive authentication")
		}
		return err
	})
	if refused(err, mautrix.MUserInUse) {
		return nil
	}
	return err
}

// setName sets a user's display name.
func (h *homeserver) setName(ctx context.Context, user id.UserID, name string) error {
	return h.call(ctx, "profile", callDeadline, func(ctx context.Context) error {
		return h.as(user).SetDisplayName(ctx, name)
	})
}

// setAvatar sets a user's picture; the zero address takes it away.
func (h *homeserver) setAvatar(ctx context.Context, user id.UserID, uri id.ContentURI) error {
	return h.call(ctx, "profile", callDeadline, func(ctx context.Context) error {
		return h.as(user).SetAvatarURL(ctx, uri)
	})
}

// upload stores a file. Repeated, it is stored twice: the caller remembers the address.
func (h *homeserver) upload(ctx context.Context, data []byte, mime string) (uri id.ContentURI, err error) {
	err = h.call(ctx, "upload", uploadDeadline, func(ctx context.Context) error {
		resp, err := h.as(h.bot).UploadBytes(ctx, data, mime)
		if err == nil {
			uri = resp.ContentURI
		}
		return err
	})
	return uri, err
}

// txnOf is the transaction ID of what user sends because of an event. The user
// is part of it: homeservers take one ID from two ghosts for one message.
func txnOf(cause events.EventID, user id.UserID) string {
	return fmt.Sprintf("ng.%s.%s", cause, user.Localpart())
}
