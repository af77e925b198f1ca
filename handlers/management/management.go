package management

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// Level is what a Matrix user may do.
type Level int

// The levels, each with what the one before it may do.
const (
	LevelNone Level = iota
	LevelUser
	LevelAdmin
)

// Config is what the operator chose. All fields but Ours and the bools must be set.
type Config struct {
	Bot            id.UserID
	Prefix         string // of commands outside of management rooms, such as "!tg"
	Version        string // what the version command says
	AttemptTimeout time.Duration
	MaxLogins      int // active logins a user may hold
	// Public is where browsers reach the login page; nil if there is none.
	Public *url.URL
	// NoRoom takes no login in a room; BarSecrets takes no password or bot token there.
	NoRoom, BarSecrets bool
	// SuspendOnLeave ends the sessions of a user who leaves the management room.
	SuspendOnLeave bool
	// Permission is what a Matrix user may do.
	Permission func(events.MatrixID) Level
	// Ours reports whether a Matrix ID is a ghost of the bridge.
	Ours func(id.UserID) bool
}

// Desk is what the bot needs of *commit.Desk[projections.User], the one for AUTH.
type Desk interface {
	Do(context.Context, events.UID, commit.Meta, func(projections.User) (events.Fact, error)) (events.Event, error)
}

// Directory is what the bot needs of *vault.Directory.
type Directory interface {
	EnsureUser(context.Context, events.MatrixID) (events.UID, error)
}

// Secrets is what the bot needs of *vault.Vault: a place for what a user types,
// for the hints that Telegram gives them, and links to the login page.
type Secrets interface {
	Attempt(ctx context.Context, id events.AttemptID, name string) (vault.Secret, error)
	PutAttempt(ctx context.Context, id events.AttemptID, name string, value vault.Secret, ttl time.Duration) error
	DropAttempt(ctx context.Context, id events.AttemptID, names ...string) error
	NewLink(ctx context.Context, l vault.WebLink, ttl time.Duration) (vault.Secret, error)
}

// Timers is what the bot needs of *journal.Journal for deadlines.
type Timers interface {
	Schedule(context.Context, journal.Timer) error
	Unschedule(ctx context.Context, key string) error
}

// Deps is what the bot works with.
type Deps struct {
	Desk      Desk
	Users     *projections.Users
	Portals   *projections.Portals
	Directory Directory
	Secrets   Secrets
	Turns     *answers.Turns // shared with the other doors
	Timers    Timers
	Log       zerolog.Logger
}

// Bot is the bridge bot. It is safe for concurrent use.
type Bot struct {
	cfg    Config
	client *mautrix.Client
	Deps
	now   func() time.Time
	born  time.Time
	tried sync.Map // events.EventID: a notice that may have been sent, see maybeSaid
}

// New returns the bot. The client acts as the bot; NewClient makes one.
func New(cfg Config, client *mautrix.Client, deps Deps) *Bot {
	if cfg.Ours == nil {
		cfg.Ours = func(id.UserID) bool { return false }
	}
	return &Bot{cfg: cfg, client: client, Deps: deps, now: time.Now, born: time.Now()}
}

// NewClient returns a client that acts as the bot with the as_token. It never
// retries by itself (the journal does) and logs nothing: what it sends and
// receives is the users' own.
func NewClient(homeserver string, bot id.UserID, asToken string) (*mautrix.Client, error) {
	client, err := mautrix.NewClient(homeserver, bot, asToken)
	if err != nil {
		return nil, err
	}
	client.SetAppServiceUserID = true
	client.DefaultHTTPRetries = 0
	client.Log = zerolog.Nop()
	return client, nil
}

func (b *Bot) permitted(user events.MatrixID) bool { return b.cfg.Permission(user) > LevelNone }
