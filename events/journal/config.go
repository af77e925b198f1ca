package journal

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"
)

// The users of nats.conf.
const (
	bridgeUser  = "bridge"
	auditorUser = "auditor"
)

// Config says where the log is and how to open it. Without URL the server is
// embedded and reads ConfigFile.
type Config struct {
	ConfigFile string // nats.conf for the embedded server
	StoreDir   string // overrides the store directory of nats.conf
	StoreKey   string // JetStream encryption key; "" = as nats.conf says
	// Listen is host:port for TCP clients (the operator commands).
	// "127.0.0.1:-1" picks a free port, "none" opens none, "" = as nats.conf says.
	Listen string
	// The passwords of nats.conf's two users. Empty and not in the environment
	// either: a random one that nobody knows, so that nobody gets in over TCP.
	BridgePassword  string
	AuditorPassword string

	URL      string // an outside server or cluster
	User     string // for URL, or to connect to a running bridge; default: bridge, or auditor if ReadOnly
	Password string

	Partitions int           // fixed when the streams are made; 0 = as they are, 8 when new
	Replicas   int           // copies of every stream in a cluster; 0 = 1
	ChatAge    time.Duration // how long CHAT keeps a message; 0 = 30 days
	// ReadOnly is for operator commands: nothing is created or changed. It
	// connects to the bridge that has the store open, or opens the store itself.
	ReadOnly bool
	// SyncInterval is how often the embedded server has the disk write; 0 = as
	// nats.conf says. What only reads, or is thrown away, needs it seldom.
	SyncInterval time.Duration
	Log          zerolog.Logger
}

func (cfg Config) withDefaults() Config {
	if cfg.Replicas == 0 {
		cfg.Replicas = 1
	}
	if cfg.ChatAge == 0 {
		cfg.ChatAge = 30 * 24 * time.Hour
	}
	if cfg.User == "" {
		cfg.User = bridgeUser
		if cfg.ReadOnly {
			cfg.User = auditorUser
		}
	}
	return cfg
}

// variables completes what nats.conf asks for by $NAME: from the configuration,
// else from the environment (absent here, so the parser looks there itself),
// else a default that is safe.
func (cfg *Config) variables() (map[string]string, error) {
	vars := map[string]string{}
	given := func(name string, value *string, fallback string) {
		if *value == "" {
			if _, set := os.LookupEnv(name); set {
				return
			}
			*value = fallback
		}
		vars[name] = *value
	}
	given("NATSGRAM_BRIDGE_PASSWORD", &cfg.BridgePassword, uuid.NewString())
	given("NATSGRAM_AUDITOR_PASSWORD", &cfg.AuditorPassword, uuid.NewString())
	given("NATSGRAM_STORE_KEY", &cfg.StoreKey, "")
	given("NATSGRAM_STORE", &cfg.StoreDir, "")
	if dir, set := vars["NATSGRAM_STORE"]; set && dir == "" {
		return nil, fmt.Errorf("no store directory: set it in the configuration or in $NATSGRAM_STORE")
	}
	return vars, nil
}

// define puts the variables that text mentions in front of it as quoted
// definitions. The secrets thus never enter the environment, which child
// processes inherit, and two servers in one process do not disturb each other.
func define(vars map[string]string, text string) string {
	var head strings.Builder
	for name, value := range vars {
		// The server takes an unused definition for an unknown option.
		if mentions(text, name) {
			head.WriteString(name + ": " + quote(value) + "\n")
		}
	}
	return head.String() + text
}

// mentions reports whether text refers to $name outside a comment.
func mentions(text, name string) bool {
	for line := range strings.Lines(text) {
		code, _, _ := strings.Cut(line, "#")
		_, after, found := strings.Cut(code, "$"+name)
		if found && (after == "" || !isNameByte(after[0])) {
			return true
		}
	}
	return false
}

func isNameByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// quote writes s as a double-quoted string of the server's configuration
// language. A password such as `7k}` or `1e5` would otherwise be parsed as code.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
