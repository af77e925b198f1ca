package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/projections"
)

// Config says which homeserver the bridge serves and as whom.
type Config struct {
	HomeserverURL string // of the client-server API
	ServerName    string // the part of user IDs after the colon
	ASToken       string
	HSToken       string
	BotLocalpart  string // sender_localpart of the registration; default "telegrambot"
	BotName       string // display name; default "Telegram bridge"
	GhostPrefix   string // of ghosts' localparts and of portals' aliases; default "telegram_"
	AppserviceID  string // id of the registration, for Check; default "natsgram"
	MemberLimit   int    // ghosts that join a room without having spoken; default 50
	MaxRooms      int    // rooms made at a time; default 1: more at once are slower
	MaxSends      int    // messages sent at a time; default 4
	// CommandsPrefix begins commands in portal rooms, as notices tell; default "!tg".
	CommandsPrefix string
}

func (c Config) withDefaults() Config {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&c.BotLocalpart, "telegrambot")
	def(&c.BotName, "Telegram bridge")
	def(&c.GhostPrefix, "telegram_")
	def(&c.AppserviceID, "natsgram")
	def(&c.CommandsPrefix, "!tg")
	if c.MemberLimit == 0 {
		c.MemberLimit = 50
	}
	if c.MaxRooms == 0 {
		c.MaxRooms = 1
	}
	if c.MaxSends == 0 {
		c.MaxSends = 4
	}
	return c
}

func (c Config) bot() id.UserID { return id.NewUserID(c.BotLocalpart, c.ServerName) }

// Directory finds the uid of a Matrix user. vault.Directory is one.
type Directory interface {
	User(ctx context.Context, id events.MatrixID) (events.UID, bool, error)
}

// Cache remembers what ghosts look like. A sealed bucket GHOSTS is one: keys
// are opaque, values personal. A lost entry costs a call, nothing else.
type Cache interface {
	// Get returns journal.ErrNoKey if there is no such key.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Put(ctx context.Context, key string, value []byte) (revision uint64, err error)
}

// Pictures fetches the picture of a chat or person as a login sees it. After an
// error the room or ghost stays without it until it is described again.
type Pictures interface {
	Picture(ctx context.Context, login events.LoginID, peer events.Peer, photo int64) (data []byte, mime string, err error)
}

// Deps is what the bridge needs of the rest of the house.
type Deps struct {
	Log       commit.Log
	Users     *projections.Users
	Portals   *projections.Portals
	Messages  *projections.Messages
	Directory Directory
	Ghosts    Cache
	Pictures  Pictures // nil: rooms and ghosts have no pictures
	// Inboxes are asked before the bridge's own, in order.
	Inboxes []Inbox
	// Healthy says whether the log can be written and the projections are up to
	// date. If not, no event is taken.
	Healthy func() error
	// Back is called when the homeserver answers again after it did not, so
	// that what waits is tried at once: journal.WorldIsBack. It may be nil.
	Back   func()
	Logger zerolog.Logger
}

// Bridge is the Matrix side. Its methods may be called from any goroutine.
type Bridge struct {
	cfg    Config
	deps   Deps
	hs     *homeserver
	who    identities
	ghosts *ghosts
	rooms  *gate

	portals  *commit.Desk[projections.Portal]
	messages *commit.Desk[projections.Thread]
}

// New returns a bridge to a homeserver. It calls nobody yet.
func New(cfg Config, deps Deps) (*Bridge, error) {
	cfg = cfg.withDefaults()
	address, err := url.Parse(cfg.HomeserverURL)
	switch {
	case err != nil || address.Host == "":
		return nil, fmt.Errorf("the homeserver's address %q is not a URL", cfg.HomeserverURL)
	case cfg.ServerName == "":
		return nil, errors.New("the homeserver's name is not configured")
	case cfg.ASToken == "" || cfg.HSToken == "":
		return nil, errors.New("as_token or hs_token is not configured")
	}
	if deps.Healthy == nil {
		deps.Healthy = func() error { return nil }
	}
	b := &Bridge{cfg: cfg, deps: deps, rooms: newGate(cfg.MaxRooms)}
	b.who = identities{prefix: cfg.GhostPrefix, server: cfg.ServerName, bot: cfg.bot(), users: deps.Users}
	b.hs = newHomeserver(address, cfg, deps)
	b.ghosts = newGhosts(b.hs, b.who, deps)
	b.portals = commit.Portals(deps.Log, deps.Portals)
	b.messages = commit.Messages(deps.Log, deps.Messages)
	return b, nil
}

// Bot is the bridge bot's user ID.
func (b *Bridge) Bot() id.UserID { return b.cfg.bot() }

// pause waits unless ctx ends first, which is its error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
