package matrix

import (
	"strconv"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// identities says who stands for whom:
//
//	@<prefix><id>          a Telegram user
//	@<prefix>channel_<id>  a channel, or a supergroup that speaks for itself
//	@<prefix>group_<id>    a basic group
//	#<prefix><portal uid>  the alias of a portal's room
//
// A Matrix user of ours stands for their own Telegram accounts in mentions.
type identities struct {
	prefix, server string
	bot            id.UserID
	users          *projections.Users
}

// ghost is the Matrix user that stands for a peer; the bot for nobody.
func (w identities) ghost(p events.Peer) id.UserID {
	infix := ""
	switch p.Kind {
	case events.PeerUser:
	case events.PeerChannel:
		infix = "channel_"
	case events.PeerGroup:
		infix = "group_"
	default:
		return w.bot
	}
	return id.NewUserID(w.prefix+infix+strconv.FormatInt(p.ID, 10), w.server)
}

// peerOfGhost is whom a ghost stands for.
func (w identities) peerOfGhost(user id.UserID) (events.Peer, bool) {
	local, server, err := user.Parse()
	rest, ok := strings.CutPrefix(local, w.prefix)
	if err != nil || server != w.server || !ok {
		return events.Peer{}, false
	}
	kind := events.PeerUser
	for infix, k := range map[string]events.PeerKind{"channel_": events.PeerChannel, "group_": events.PeerGroup} {
		if bare, ok := strings.CutPrefix(rest, infix); ok {
			kind, rest = k, bare
		}
	}
	number, err := strconv.ParseInt(rest, 10, 64)
	if err != nil || number <= 0 || strconv.FormatInt(number, 10) != rest {
		return events.Peer{}, false
	}
	return events.Peer{Kind: kind, ID: number}, true
}

// isOurs reports whether a user is the bot or a ghost.
func (w identities) isOurs(user id.UserID) bool {
	if user == w.bot {
		return true
	}
	_, ghost := w.peerOfGhost(user)
	return ghost
}

// peer is whom a mention of a Matrix user means on Telegram: a ghost's peer, or
// the Telegram account of a user of ours.
func (w identities) peer(user id.UserID) (events.Peer, bool) {
	if p, ok := w.peerOfGhost(user); ok {
		return p, true
	}
	u, ok := w.users.ByMatrixID(events.MatrixID(user))
	if !ok {
		return events.Peer{}, false
	}
	for _, l := range u.ActiveLogins() {
		if l.TelegramID != 0 {
			return events.Peer{Kind: events.PeerUser, ID: l.TelegramID}, true
		}
	}
	return events.Peer{}, false
}

// user is whom a mention of a peer means in a portal's room: the user of ours
// who sees the chat with that account, else the ghost.
func (w identities) user(portal projections.Portal) func(events.Peer) id.UserID {
	return func(p events.Peer) id.UserID {
		if p.IsZero() {
			return ""
		}
		for _, v := range portal.Viewers {
			u := w.users.Get(v.User)
			if l, ok := u.Login(v.Login); ok && p.Kind == events.PeerUser && l.TelegramID == p.ID && u.MatrixID != "" {
				return id.UserID(u.MatrixID)
			}
		}
		return w.ghost(p)
	}
}

// aliasName is the local part of the alias of a portal's room.
func (w identities) aliasName(portal events.UID) string { return w.prefix + string(portal) }

func (w identities) alias(portal events.UID) id.RoomAlias {
	return id.NewRoomAlias(w.aliasName(portal), w.server)
}

// portalOfAlias is the portal whose room has the alias.
func (w identities) portalOfAlias(alias id.RoomAlias) (events.UID, bool) {
	local, server, _ := strings.Cut(strings.TrimPrefix(string(alias), "#"), ":")
	uid, ok := strings.CutPrefix(local, w.prefix)
	return events.UID(uid), ok && server == w.server && uid != ""
}
