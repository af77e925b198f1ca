package telegram

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/rs/zerolog"

	gotd "github.com/gotd/td/telegram"
	"github.com/gotd/td/telegram/dcs"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// Config is what an operator says about Telegram.
type Config struct {
	APIID   int
	APIHash string
	// DCList and PublicKeys are Telegram's own if empty; a simulated server
	// brings its own.
	DCList     dcs.List
	PublicKeys []gotd.PublicKey
	// Device is what the user sees in Telegram's list of sessions.
	Device gotd.DeviceConfig
	// MaxTries is how often a phone number, code or password may be wrong. Default 5.
	MaxTries int
	// MemberLimit is how many members of a chat are shown in its room. Default 100.
	MemberLimit int
	// Timeout bounds one call, connecting included. Default 20 s.
	Timeout time.Duration
	// LogoutTimeout is how long a logout tries to reach Telegram. Default 1 min.
	LogoutTimeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.MaxTries == 0 {
		c.MaxTries = 5
	}
	if c.MemberLimit == 0 {
		c.MemberLimit = 100
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	if c.LogoutTimeout == 0 {
		c.LogoutTimeout = time.Minute
	}
	return c
}

// Deps is what the world of Telegram stands on. The projections must be folded
// to the end of the log before Run is called.
type Deps struct {
	Log       commit.Log
	Vault     *vault.Vault
	Directory *vault.Directory
	Users     *projections.Users
	Portals   *projections.Portals
	Messages  *projections.Messages
	Cursors   vault.Bucket // sealed; of its own
	Peers     vault.Bucket // sealed; of its own
	// Back is called when a connection to Telegram stands again; nil for nobody.
	Back   func()
	Logger zerolog.Logger
}

// desks are the ways into the log.
type desks struct {
	users   *commit.Desk[projections.User]
	portals *commit.Desk[projections.Portal]
	chats   *commit.Desk[projections.Thread]
}

// World is the Telegram side of the bridge.
type World struct {
	cfg      Config
	deps     Deps
	log      zerolog.Logger
	desk     desks
	dial     *dialer
	attempts *attempts
	fleet    *fleet
	sends    *sends
	srp      limit // password checks under way: each takes half a second of a core
}

// New returns the world, at rest until Run. Its reactors may be started at any
// time; what needs a client waits for Run.
func New(cfg Config, deps Deps) *World {
	cfg = cfg.withDefaults()
	w := &World{cfg: cfg, deps: deps, log: deps.Logger, srp: newLimit(runtime.GOMAXPROCS(0)), sends: newSends()}
	w.desk = desks{
		users:   commit.Users(deps.Log, deps.Users),
		portals: commit.Portals(deps.Log, deps.Portals),
		chats:   commit.Messages(deps.Log, deps.Messages),
	}
	w.dial = newDialer(cfg)
	w.attempts = newAttempts(w)
	w.fleet = newFleet(w)
	return w
}

// Run starts a client for every active login and keeps them until ctx ends.
// Then it stops taking updates, stores the cursors and returns, within 5 s.
func (w *World) Run(ctx context.Context) error {
	w.listen(ctx)
	w.fleet.startAll(ctx)
	w.fleet.tend(ctx)
	w.Close()
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil
	}
	return ctx.Err()
}

// Close ends every client: first no more updates are taken, then the cursors
// are stored, then the connections closed. It returns within 5 s and may be
// called twice.
func (w *World) Close() {
	w.fleet.close()
	w.attempts.close()
	w.dial.close()
}

// LoginReactor carries out what the log asks of Telegram about logins and
// sessions.
func (w *World) LoginReactor() journal.Reactor {
	return journal.Reactor{
		Name: "telegram-login", Stream: events.Auth, Ready: w.deps.Users.WaitFor, Handle: w.onAuth,
		Only: []events.Type{
			(&events.TokenSubmitted{}).Type(), (&events.ResendRequested{}).Type(), (&events.PhoneSubmitted{}).Type(), (&events.CodeSubmitted{}).Type(), (&events.PasswordSubmitted{}).Type(),
			(&events.SignupRequired{}).Type(), (&events.TermsAccepted{}).Type(), (&events.NameSubmitted{}).Type(), (&events.LoginConfirmed{}).Type(),
			(&events.LoginSucceeded{}).Type(), (&events.LoginFailed{}).Type(), (&events.LogoutRequested{}).Type(),
			(&events.LoginStarted{}).Type(), (&events.QRLapsed{}).Type(), (&events.QRScanned{}).Type(),
			(&events.MethodChosen{}).Type(), (&events.PairingConfirmed{}).Type(),
			(&events.SessionEnded{}).Type(), (&events.CommandGiven{}).Type(), (&events.DeviceLogoutRequested{}).Type(),
		},
	}
}

// PortalReactor describes a chat once its room is made.
func (w *World) PortalReactor() journal.Reactor {
	return journal.Reactor{
		Name: "telegram-portal", Stream: events.Portal, Ready: w.deps.Portals.WaitFor, Handle: w.onPortal,
		Only: []events.Type{(&events.RoomCreated{}).Type()},
	}
}

// ChatReactor carries what is said, edited and deleted on Matrix to Telegram.
func (w *World) ChatReactor() journal.Reactor {
	return journal.Reactor{
		Name: "telegram-chat", Stream: events.Chat, Ready: w.deps.Messages.WaitFor, Handle: w.onChat,
		Only: []events.Type{
			(&events.MessagePosted{}).Type(), (&events.MessageEdited{}).Type(), (&events.MessageDeleted{}).Type(),
		},
	}
}

// limit bounds how many do something at once.
type limit chan struct{}

func newLimit(n int) limit { return make(limit, n) }

// enter waits for a place; leave gives it back.
func (l limit) enter(ctx context.Context) error {
	select {
	case l <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l limit) leave() { <-l }
