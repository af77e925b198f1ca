package main

import (
	"net/netip"
	"path/filepath"
	"time"

	"github.com/natsgram/natsgram/handlers/vault"
)

// setting is one value of config.yaml: where it stands and how it is read.
type setting struct {
	path   string
	read   reader
	needed string // why it must be given and how to come by it; "" if it need not
	env    string // the environment variable of a secret; "" if it is none
}

// reader takes a value's text into the config, or says what is allowed.
type reader func(text string) error

// settings is the whole of config.yaml but the permissions, in the order of the
// file. Readers write into c, which holds the defaults.
func settings(c *Config, dir string) []setting {
	path := func(p *string) reader { return filePath(p, dir) }
	return []setting{
		{path: "homeserver.url", read: httpURL(&c.Homeserver.URL), needed: "the address of the homeserver, such as http://127.0.0.1:8008"},
		{path: "homeserver.server_name", read: serverName(&c.Homeserver.ServerName), needed: "the part of your Matrix IDs after the colon"},

		{path: "appservice.listen", read: hostPort(&c.Appservice.Listen)},
		{path: "appservice.address", read: httpURL(&c.Appservice.Address), needed: "the URL at which the homeserver reaches the bridge"},
		{path: "appservice.id", read: word(&c.Appservice.ID)},
		{path: "appservice.bot", read: localpart(&c.Appservice.Bot)},
		{path: "appservice.bot_name", read: line(&c.Appservice.BotName)},
		{path: "appservice.ghost_prefix", read: localpart(&c.Appservice.GhostPrefix)},
		{path: "appservice.as_token", read: secret(&c.Appservice.ASToken), needed: "the same as in registration.yaml", env: "NATSGRAM_AS_TOKEN"},
		{path: "appservice.hs_token", read: secret(&c.Appservice.HSToken), needed: "the same as in registration.yaml", env: "NATSGRAM_HS_TOKEN"},
		{path: "appservice.registration", read: path(&c.Appservice.Registration)},

		{path: "telegram.api_id", read: number(&c.Telegram.APIID, 1, 1<<31-1), needed: "get one at https://my.telegram.org/apps"},
		{path: "telegram.api_hash", read: secret(&c.Telegram.APIHash), needed: "get one at https://my.telegram.org/apps", env: "NATSGRAM_API_HASH"},
		{path: "telegram.device_model", read: line(&c.Telegram.DeviceModel)},
		{path: "telegram.test_server.address", read: hostPort(&c.Telegram.TestServer.Address)},
		{path: "telegram.test_server.public_key_file", read: path(&c.Telegram.TestServer.PublicKeyFile)},
		{path: "telegram.test_server.dc", read: number(&c.Telegram.TestServer.DC, 1, 5)},

		{path: "portals.member_limit", read: number(&c.Portals.MemberLimit, 0, 10_000)},

		{path: "login.attempt_timeout", read: duration(&c.Login.AttemptTimeout, 10*time.Second, 24*time.Hour)},
		{path: "login.in_room.enabled", read: boolean(&c.Login.InRoom.Enabled)},
		{path: "login.in_room.secrets", read: boolean(&c.Login.InRoom.Secrets)},
		{path: "login.max_tries", read: number(&c.Login.MaxTries, 1, 100)},
		{path: "login.max_per_user", read: number(&c.Login.MaxPerUser, 1, 100)},
		{path: "login.on_leave", read: oneOf(&c.Login.OnLeave, "keep", "suspend")},

		{path: "web.public_url", read: publicURL(&c.Web.PublicURL)},
		{path: "web.listen", read: hostPort(&c.Web.Listen)},
		{path: "web.trusted_proxies", read: networks(&c.Web.TrustedProxies)},
		{path: "web.pairing", read: boolean(&c.Web.Pairing)},
		{path: "web.posts_per_address", read: number(&c.Web.PostsPerAddress, 5, 100_000)},

		{path: "commands.prefix", read: word(&c.Commands.Prefix)},

		{path: "provisioning.shared_secret", read: secret(&c.Provisioning.SharedSecret), env: "NATSGRAM_PROVISIONING_SECRET"},

		{path: "nats.config", read: path(&c.NATS.Config)},
		{path: "nats.store", read: path(&c.NATS.Store)},
		{path: "nats.listen", read: natsListen(&c.NATS.Listen)},
		{path: "nats.url", read: natsURL(&c.NATS.URL)},
		{path: "nats.user", read: word(&c.NATS.User)},
		{path: "nats.bridge_password", read: secret(&c.NATS.BridgePassword), env: "NATSGRAM_BRIDGE_PASSWORD"},
		{path: "nats.auditor_password", read: secret(&c.NATS.AuditorPassword), env: "NATSGRAM_AUDITOR_PASSWORD"},
		{path: "nats.store_key", read: secret(&c.NATS.StoreKey), env: "NATSGRAM_STORE_KEY"},
		{path: "nats.partitions", read: number(&c.NATS.Partitions, 1, 256)},
		{path: "nats.replicas", read: number(&c.NATS.Replicas, 1, 5)},
		{path: "nats.chat_retention", read: duration(&c.NATS.ChatRetention, time.Hour, 100*365*24*time.Hour)},

		{path: "keyset", read: path(&c.Keyset)},

		{path: "logging.level", read: oneOf(&c.Logging.Level, "debug", "info", "warn", "error")},
		{path: "logging.format", read: oneOf(&c.Logging.Format, "console", "json")},
	}
}

// defaults is the config of a file that sets only what it must.
func defaults(dir string) Config {
	in := func(name string) string { return filepath.Join(dir, name) }
	return Config{
		Appservice: AppserviceConfig{
			Listen: "127.0.0.1:29330", ID: "natsgram", Bot: "telegrambot", BotName: "Telegram bridge",
			GhostPrefix: "telegram_", Registration: in("registration.yaml"),
		},
		Telegram: TelegramConfig{DeviceModel: "natsgram", TestServer: TestServerConfig{DC: 2}},
		Portals:  PortalsConfig{MemberLimit: 50},
		Login:    LoginConfig{AttemptTimeout: 10 * time.Minute, MaxTries: 5, MaxPerUser: 5, OnLeave: "suspend", InRoom: InRoomConfig{Enabled: true, Secrets: true}},
		Web: WebConfig{
			Listen: "127.0.0.1:29331", PostsPerAddress: 30,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
		Commands: CommandsConfig{Prefix: "!tg"},
		NATS: NATSConfig{
			Config: in("nats.conf"), Store: in("nats"), Listen: "127.0.0.1:4222",
			Partitions: 8, Replicas: 1, ChatRetention: 720 * time.Hour,
		},
		Keyset:  in("keyset.json"),
		Logging: LoggingConfig{Level: "info", Format: "console"},
	}
}

func secret(to *vault.Secret) reader {
	return func(text string) error {
		*to = vault.Secret(text)
		return nil
	}
}
