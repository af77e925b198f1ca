package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.mau.fi/util/exhttp"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/federation"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/provisioning"
	"github.com/natsgram/natsgram/handlers/vault"
)

// ProvisioningConfig is the door for programs. Without a secret it is shut.
type ProvisioningConfig struct {
	SharedSecret vault.Secret
}

// provisioningRelations checks that the secret can't be guessed.
func provisioningRelations(c Config, add func(path, text string)) {
	given := c.Provisioning.SharedSecret
	switch {
	case len(given) == 0:
	case len(given) < provisioning.MinSecret:
		add("provisioning.shared_secret", "it is too short: take at least 16 random characters, such as openssl rand -hex 32 prints; leave it empty to turn the API off")
	case given.Reveal() == c.Appservice.ASToken.Reveal() || given.Reveal() == c.Appservice.HSToken.Reveal():
		add("provisioning.shared_secret", "it must differ from the tokens of appservice")
	}
}

// handler is what the bridge serves at appservice.listen: the homeserver's
// questions and, if it is turned on, the provisioning API.
func (b *bridge) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", b.matrix.Handler())
	if len(b.cfg.Provisioning.SharedSecret) > 0 {
		mux.Handle(provisioning.Prefix, b.provisioning().Handler())
	}
	return mux
}

func (b *bridge) provisioning() *provisioning.Server {
	return provisioning.New(provisioning.Config{
		SharedSecret: b.cfg.Provisioning.SharedSecret, HomeserverURL: b.cfg.Homeserver.URL, ServerName: b.cfg.Homeserver.ServerName,
		Bot:    events.MatrixID(id.NewUserID(b.cfg.Appservice.Bot, b.cfg.Homeserver.ServerName)),
		Prefix: b.cfg.Commands.Prefix, AttemptTimeout: b.cfg.Login.AttemptTimeout, MaxLogins: b.cfg.Login.MaxPerUser,
		Permission: func(user events.MatrixID) bool { return b.cfg.Permissions.Level(user) > LevelNone },
	}, provisioning.Deps{
		Desk: commit.Users(b.journal, b.folds.users), Users: b.folds.users, Directory: b.dir, Vault: b.vault, Turns: &b.turns,
		HTTP: &http.Client{Timeout: 20 * time.Second}, OpenID: openID(), Healthy: b.healthy,
		Log: b.log.With().Str("world", "provisioning").Logger(),
	})
}

// openID asks a homeserver of the federation whose OpenID token it is.
func openID() func(context.Context, string, string) (events.MatrixID, error) {
	client := federation.NewClient("", nil, nil, exhttp.SensibleClientSettings.WithGlobalTimeout(20*time.Second))
	return func(ctx context.Context, server, token string) (events.MatrixID, error) {
		who, err := client.GetOpenIDUserInfo(ctx, server, token)
		switch {
		case isRefusal(err):
			return "", provisioning.ErrNotTheirs
		case err != nil:
			return "", err
		case who == nil || who.Sub.Homeserver() != server:
			return "", provisioning.ErrNotTheirs
		}
		return events.MatrixID(who.Sub), nil
	}
}

// isRefusal reports whether a homeserver has answered, and knows no such token.
func isRefusal(err error) bool {
	var answer mautrix.HTTPError
	return errors.As(err, &answer) && (answer.IsStatus(http.StatusUnauthorized) || answer.IsStatus(http.StatusForbidden))
}
