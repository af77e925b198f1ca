package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	gotd "github.com/gotd/td/telegram"
	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/tg"
	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/management"
	"github.com/natsgram/natsgram/handlers/matrix"
	"github.com/natsgram/natsgram/handlers/telegram"
	"github.com/natsgram/natsgram/handlers/weblogin"
)

// consumers is the architecture diagram: who reads what, and does what. Each is
// a durable consumer per partition, in order within a user or portal.
func (b *bridge) consumers() []journal.Reactor {
	return []journal.Reactor{
		b.management.Reactor(),         // AUTH    auth.*.*.>               tells the user, joins rooms, redacts secrets
		b.management.DeadlineReactor(), // AUTH    login_started, …_failed  sets and clears the attempt's timer
		b.telegram.LoginReactor(),      // AUTH    phone_submitted, …       takes the step at Telegram, keeps sessions
		b.matrix.PortalReactor(),       // PORTAL  portal_opened, login_…   makes the room, invites
		b.matrix.DressReactor(),        // PORTAL  chat_described, …        picture, topic, ghosts
		b.telegram.PortalReactor(),     // PORTAL  room_created             asks Telegram what the chat looks like
		b.management.ProgressReactor(), // PORTAL  room_created, …          counts rooms for the user
		b.matrix.ChatReactor(),         // CHAT    message_…                copies to Matrix, tells what could not be sent
		b.telegram.ChatReactor(),       // CHAT    message_…                copies to Telegram
	}
}

// startWork starts everything that acts: consumers, timers, Telegram's clients.
func (b *bridge) startWork(ctx context.Context, work *errgroup.Group) {
	for _, r := range b.consumers() {
		work.Go(func() error { return b.journal.React(ctx, r) })
	}
	work.Go(func() error { return b.journal.OnTimer(ctx, "deadlines", b.management.OnDeadline) })
	work.Go(func() error { return b.telegram.Run(ctx) })
}

func (b *bridge) buildWorlds(ctx context.Context) error {
	cursors, err := b.conn.Bucket(ctx, "CURSORS")
	if err != nil {
		return err
	}
	peers, err := b.conn.Bucket(ctx, "PEERS")
	if err != nil {
		return err
	}
	ghosts, err := b.conn.Bucket(ctx, "GHOSTS")
	if err != nil {
		return err
	}
	tg, err := b.cfg.telegram()
	if err != nil {
		return err
	}
	b.telegram = telegram.New(tg, telegram.Deps{
		Log: b.journal, Vault: b.vault, Directory: b.dir,
		Users: b.folds.users, Portals: b.folds.portals, Messages: b.folds.messages,
		Cursors: b.vault.Sealed("CURSORS", cursors), Peers: b.vault.Sealed("PEERS", peers),
		Back: b.journal.WorldIsBack, Logger: b.log.With().Str("world", "telegram").Logger(),
	})
	if err := b.buildManagement(); err != nil {
		return err
	}
	if err := b.buildWeb(); err != nil {
		return err
	}
	b.matrix, err = matrix.New(b.cfg.matrix(), matrix.Deps{
		Log: b.journal, Users: b.folds.users, Portals: b.folds.portals, Messages: b.folds.messages,
		Directory: b.dir, Ghosts: b.vault.Sealed("GHOSTS", ghosts), Pictures: b.telegram,
		Inboxes: []matrix.Inbox{b.management}, Healthy: b.healthy, Back: b.journal.WorldIsBack,
		Logger: b.log.With().Str("world", "matrix").Logger(),
	})
	return err
}

func (b *bridge) buildManagement() error {
	bot := id.NewUserID(b.cfg.Appservice.Bot, b.cfg.Homeserver.ServerName)
	client, err := management.NewClient(b.cfg.Homeserver.URL, bot, b.cfg.Appservice.ASToken.Reveal())
	if err != nil {
		return err
	}
	b.management = management.New(management.Config{
		Bot: bot, Prefix: b.cfg.Commands.Prefix, Version: version(), Public: b.cfg.Web.PublicURL,
		AttemptTimeout: b.cfg.Login.AttemptTimeout, MaxLogins: b.cfg.Login.MaxPerUser, Permission: b.cfg.permission, Ours: b.cfg.isGhost,
		SuspendOnLeave: b.cfg.Login.OnLeave == "suspend",
		NoRoom:         !b.cfg.Login.InRoom.Enabled, BarSecrets: !b.cfg.Login.InRoom.Secrets,
	}, client, management.Deps{
		Desk: commit.Users(b.journal, b.folds.users), Users: b.folds.users, Portals: b.folds.portals,
		Directory: b.dir, Secrets: b.vault, Turns: &b.turns, Timers: b.journal,
		Log: b.log.With().Str("world", "management").Logger(),
	})
	return nil
}

// buildWeb makes the login page, if there is to be one.
func (b *bridge) buildWeb() (err error) {
	if b.cfg.Web.PublicURL == nil {
		return nil
	}
	b.web, err = weblogin.New(weblogin.Config{
		Public: b.cfg.Web.PublicURL, Proxies: b.cfg.Web.TrustedProxies, Pairing: b.cfg.Web.Pairing, PerAddress: b.cfg.Web.PostsPerAddress,
	}, weblogin.Deps{
		Desk: commit.Users(b.journal, b.folds.users), Users: b.folds.users, Vault: b.vault, Turns: &b.turns,
		Log: b.log.With().Str("world", "weblogin").Logger(),
	})
	return err
}

// permission says what a Matrix user may do, in management's words.
func (c Config) permission(user events.MatrixID) management.Level {
	switch c.Permissions.Level(user) {
	case LevelAdmin:
		return management.LevelAdmin
	case LevelUser:
		return management.LevelUser
	default:
		return management.LevelNone
	}
}

// isGhost reports whether a Matrix ID is one of the bridge's ghosts.
func (c Config) isGhost(user id.UserID) bool {
	localpart, server, err := user.Parse()
	return err == nil && server == c.Homeserver.ServerName && strings.HasPrefix(localpart, c.Appservice.GhostPrefix)
}

func (c Config) matrix() matrix.Config {
	return matrix.Config{
		HomeserverURL: c.Homeserver.URL, ServerName: c.Homeserver.ServerName,
		ASToken: c.Appservice.ASToken.Reveal(), HSToken: c.Appservice.HSToken.Reveal(),
		BotLocalpart: c.Appservice.Bot, BotName: c.Appservice.BotName, GhostPrefix: c.Appservice.GhostPrefix,
		AppserviceID: c.Appservice.ID, MemberLimit: c.Portals.MemberLimit, CommandsPrefix: c.Commands.Prefix,
	}
}

func (c Config) telegram() (telegram.Config, error) {
	t := telegram.Config{
		APIID: c.Telegram.APIID, APIHash: c.Telegram.APIHash.Reveal(),
		Device:   gotd.DeviceConfig{DeviceModel: c.Telegram.DeviceModel, SystemVersion: "Matrix bridge", AppVersion: version()},
		MaxTries: c.Login.MaxTries, MemberLimit: c.Portals.MemberLimit,
	}
	test := c.Telegram.TestServer
	if test.Address == "" {
		return t, nil
	}
	host, portText, err := net.SplitHostPort(test.Address)
	if err != nil {
		return t, fmt.Errorf("telegram.test_server.address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return t, fmt.Errorf("telegram.test_server.address: %w", err)
	}
	key, err := readPublicKey(test.PublicKeyFile)
	if err != nil {
		return t, fmt.Errorf("telegram.test_server.public_key_file: %w", err)
	}
	t.PublicKeys = []gotd.PublicKey{{RSA: key}}
	t.DCList = dcs.List{Options: []tg.DCOption{{ID: test.DC, IPAddress: host, Port: port}}}
	return t, nil
}

// readPublicKey reads an RSA public key in PEM form, PKCS #1 or PKIX.
func readPublicKey(path string) (*rsa.PublicKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	rsaKey, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("%s holds no RSA key", path)
	}
	return rsaKey, nil
}
