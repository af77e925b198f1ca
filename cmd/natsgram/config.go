package main

import (
	"time"

	"github.com/natsgram/natsgram/handlers/vault"
)

// Config is a whole config.yaml, read and checked. Paths in it are absolute or
// relative to the working directory; secrets print as "[secret]".
type Config struct {
	File        string // where it was read from
	Homeserver  HomeserverConfig
	Appservice  AppserviceConfig
	Telegram    TelegramConfig
	Permissions Permissions
	Portals     PortalsConfig
	Login       LoginConfig
	Web         WebConfig
	Commands    CommandsConfig
	NATS        NATSConfig
	Keyset      string // path of the keyset file
	Logging     LoggingConfig

	Provisioning ProvisioningConfig
}

// HomeserverConfig says where the Matrix homeserver is.
type HomeserverConfig struct {
	URL        string // client-server API, without a slash at its end
	ServerName string // the part of Matrix IDs after the colon
}

// AppserviceConfig is what the homeserver must know of the bridge.
type AppserviceConfig struct {
	Listen       string // host:port
	Address      string // URL at which the homeserver reaches Listen
	ID           string
	Bot          string // localpart
	BotName      string
	GhostPrefix  string // localparts of ghosts begin with it
	ASToken      vault.Secret
	HSToken      vault.Secret
	Registration string // path of registration.yaml
}

// TelegramConfig is how the bridge presents itself to Telegram.
type TelegramConfig struct {
	APIID       int
	APIHash     vault.Secret
	DeviceModel string
	TestServer  TestServerConfig
}

// TestServerConfig names a Telegram server other than Telegram's own; the zero
// value names none.
type TestServerConfig struct {
	Address       string // host:port
	PublicKeyFile string // PEM
	DC            int
}

// PortalsConfig bounds what a chat may bring into a room.
type PortalsConfig struct {
	MemberLimit int // ghosts that join a room when it is made
}

// LoginConfig bounds a login attempt.
type LoginConfig struct {
	AttemptTimeout time.Duration
	InRoom         InRoomConfig
	MaxTries       int    // wrong answers at one step
	MaxPerUser     int    // Telegram accounts of a Matrix user
	OnLeave        string // "keep" or "suspend" the logins of who leaves the management room
}

// InRoomConfig says what may be typed into a management room to log in.
type InRoomConfig struct {
	Enabled bool
	Secrets bool // two-factor passwords and bot tokens
}

// CommandsConfig says how a command is recognised outside the management room.
type CommandsConfig struct {
	Prefix string
}

// NATSConfig says where the log is. Without URL the server is embedded.
type NATSConfig struct {
	Config          string // path of nats.conf
	Store           string // path of the store directory
	Listen          string // host:port, or "none"
	URL             string
	User            string
	BridgePassword  vault.Secret
	AuditorPassword vault.Secret
	StoreKey        vault.Secret
	Partitions      int
	Replicas        int // of each stream, in a cluster
	ChatRetention   time.Duration
}

// LoggingConfig says what is logged, and how.
type LoggingConfig struct {
	Level  string // debug, info, warn, error
	Format string // console, json
}

// LoadConfig reads and checks a config.yaml, with the secrets that come from
// the environment or from files of their own. Its error is a ConfigError that
// lists every problem, unless the file cannot be read at all.
func LoadConfig(path string) (Config, error) {
	config, problems, err := readConfig(path)
	if err == nil && len(problems) > 0 {
		err = &ConfigError{File: path, Problems: problems}
	}
	if err != nil {
		return Config{}, err
	}
	return config, nil
}
