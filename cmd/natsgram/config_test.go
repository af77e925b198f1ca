package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
)

// goodConfig is the config.yaml of a bridge that lacks nothing, in a folder of
// its own with all that it names.
func goodConfig(t *testing.T) (path, text string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "nats.conf"), "# the log")
	values := must(configFor(initOptions{
		homeserver: "http://127.0.0.1:8008/", serverName: "example.org", listen: "0.0.0.0:29330", natsListen: "127.0.0.1:4222",
		apiID: "12345", apiHash: "0123456789abcdef", admins: []string{"@admin:example.org"}, users: []string{"example.org", "friends.example"},
	}))(t)
	text = must(renderConfig(values))(t)
	path = filepath.Join(dir, "config.yaml")
	write(t, path, text)
	return path, text
}

func write(t *testing.T, path, text string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o600))
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheTemplateIsAConfig(t *testing.T) {
	path, _ := goodConfig(t)
	c := must(LoadConfig(path))(t)
	dir := filepath.Dir(path)
	for _, f := range []struct {
		name      string
		got, want any
	}{
		{"homeserver.url", c.Homeserver.URL, "http://127.0.0.1:8008"},
		{"homeserver.server_name", c.Homeserver.ServerName, "example.org"},
		{"appservice.address", c.Appservice.Address, "http://127.0.0.1:29330"},
		{"appservice.registration", c.Appservice.Registration, filepath.Join(dir, "registration.yaml")},
		{"telegram.api_id", c.Telegram.APIID, 12345},
		{"telegram.api_hash", c.Telegram.APIHash.Reveal(), "0123456789abcdef"},
		{"telegram.test_server", c.Telegram.TestServer, TestServerConfig{DC: 2}},
		{"portals.member_limit", c.Portals.MemberLimit, 50},
		{"login.attempt_timeout", c.Login.AttemptTimeout, 10 * time.Minute},
		{"login.in_room", c.Login.InRoom, InRoomConfig{Enabled: true, Secrets: true}},
		{"login.max_tries", c.Login.MaxTries, 5},
		{"login.max_per_user", c.Login.MaxPerUser, 5},
		{"login.on_leave", c.Login.OnLeave, "suspend"},
		{"commands.prefix", c.Commands.Prefix, "!tg"},
		{"nats.config", c.NATS.Config, filepath.Join(dir, "nats.conf")},
		{"nats.store", c.NATS.Store, filepath.Join(dir, "nats")},
		{"nats.partitions", c.NATS.Partitions, 8},
		{"nats.chat_retention", c.NATS.ChatRetention, 720 * time.Hour},
		{"keyset", c.Keyset, filepath.Join(dir, "keyset.json")},
		{"logging", c.Logging, LoggingConfig{"info", "console"}},
	} {
		if f.got != f.want {
			t.Errorf("%s is %v, want %v", f.name, f.got, f.want)
		}
	}
	if printed := fmt.Sprintf("%v %+v", c, c); strings.Contains(printed, c.NATS.StoreKey.Reveal()) || strings.Contains(printed, "0123456789abcdef") {
		t.Error("a printed config shows secrets")
	}
}

// TestTheTemplateNamesEverySetting keeps template, settings and defaults together.
func TestTheTemplateNamesEverySetting(t *testing.T) {
	path, text := goodConfig(t)
	root := must(parseYAML(path, []byte(text)))(t)
	var c Config
	r := newConfigReader(&c, filepath.Dir(path))
	r.walk(root, "", &c)
	for _, s := range r.settings {
		if _, ok := r.values[s.path]; !ok {
			t.Errorf("the template lacks %s", s.path)
		}
	}
	full := must(LoadConfig(path))(t)
	short := `
homeserver: {url: "http://127.0.0.1:8008", server_name: example.org}
appservice: {listen: "0.0.0.0:29330", address: "http://127.0.0.1:29330", as_token: a, hs_token: h}
telegram: {api_id: 12345, api_hash: x}
permissions: {"*": user}
nats: {bridge_password: b, auditor_password: a}
`
	write(t, path, short)
	got := must(LoadConfig(path))(t)
	got.Permissions, full.Permissions = nil, nil
	if fmt.Sprint(hideLengths(got)) != fmt.Sprint(hideLengths(full)) {
		t.Errorf("the defaults differ from the template:\n%v\n%v", got, full)
	}
}

// hideLengths takes away what every config has of its own.
func hideLengths(c Config) Config {
	c.NATS.BridgePassword, c.NATS.AuditorPassword, c.NATS.StoreKey = nil, nil, nil
	c.Appservice.ASToken, c.Appservice.HSToken, c.Telegram.APIHash = nil, nil, nil
	return c
}

// TestEveryProblemIsNamedWithItsLine changes one line of a good config at a time.
func TestEveryProblemIsNamedWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, old, new, setting, want string }{
		{"unknown setting", "api_id: 12345", "api_ip: 12345", "telegram.api_ip", "no such setting; allowed here: api_hash, api_hash_file, api_id, device_model, test_server"},
		{"unknown section", "commands:", "comands:", "comands", "allowed here: appservice, commands,"},
		{"twice", "bot: telegrambot", "bot: telegrambot\n    bot: other", "appservice.bot", "already"},
		{"section without settings", "portals:", "portals: 7\nlogging:", "portals", "must be a section with settings: member_limit"},
		{"list for a value", "member_limit: 50", "member_limit: [50]", "portals.member_limit", "single value"},
		{"no number", "api_id: 12345", "api_id: abc", "telegram.api_id", "whole number"},
		{"too large", "partitions: 8", "partitions: 1000", "nats.partitions", "from 1 to 256"},
		{"no duration", "attempt_timeout: 10m", "attempt_timeout: 10", "login.attempt_timeout", "no duration such as"},
		{"too short", "attempt_timeout: 10m", "attempt_timeout: 1s", "login.attempt_timeout", "not between"},
		{"neither true nor false", "secrets: true", "secrets: maybe", "login.in_room.secrets", "neither true nor false"},
		{"no level", "level: info", "level: loud", "logging.level", "not one of debug, info, warn, error"},
		{"no format", "format: console", "format: xml", "logging.format", "console, json"},
		{"no URL", `url: "http://127.0.0.1:8008/"`, `url: "127.0.0.1:8008"`, "homeserver.url", "http://host:port"},
		{"no server name", `server_name: "example.org"`, `server_name: "https://example.org"`, "homeserver.server_name", "no Matrix server name"},
		{"no port", `listen: "0.0.0.0:29330"`, `listen: "0.0.0.0"`, "appservice.listen", "host:port"},
		{"bad port", `listen: "0.0.0.0:29330"`, `listen: "0.0.0.0:99999"`, "appservice.listen", "1 to 65535"},
		{"same port", `listen: "127.0.0.1:4222"`, `listen: "0.0.0.0:29330"`, "nats.listen", "takes this port already"},
		{"bad localpart", "bot: telegrambot", "bot: Telegram Bot", "appservice.bot", "a–z"},
		{"bot is a ghost", "bot: telegrambot", "bot: telegram_bot", "appservice.bot", "taken for a ghost"},
		{"missing", "api_id: 12345", "api_id:", "telegram.api_id", "my.telegram.org"},
		{"missing secret", `api_hash: "0123456789abcdef"`, "", "telegram.api_hash", "$NATSGRAM_API_HASH"},
		{"secret file missing", `api_hash: "0123456789abcdef"`, "api_hash_file: nowhere", "telegram.api_hash_file", "no such file"},
		{"bad Matrix ID", `"@admin:example.org": admin`, `"@admin": admin`, "permissions", `"@admin" is neither`},
		{"bad level", `"@admin:example.org": admin`, `"@admin:example.org": root`, "permissions", "none, user, admin"},
		{"nats.conf missing", `config: "nats.conf"`, `config: "other.conf"`, "nats.config", "does not exist"},
		{"NATS URL", `    url: ""`, `    url: "http://x"`, "nats.url", "nats://host:port"},
		{"password in URL", `    url: ""`, `    url: "nats://me:secret@host"`, "nats.url", "do not belong in the URL"},
		{"key missing", `address: "" #`, `address: "127.0.0.1:443" #`, "telegram.test_server.public_key_file", "proves itself"},
		{"key no key", `public_key_file: ""`, "public_key_file: nats.conf", "telegram.test_server.public_key_file", "no RSA public key"},
		{"no quotes", `"@admin:example.org": admin`, "@admin:example.org: admin", "", "wants quotes"},
		{"guessable secret", `shared_secret: ""`, `shared_secret: "0123456789abcde"`, "provisioning.shared_secret", "at least 16"},
		{"not YAML", "portals:", "portals: [", "", "not valid YAML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, text := goodConfig(t)
			if strings.Count(text, c.old) != 1 {
				t.Fatalf("%q stands in the template %d times", c.old, strings.Count(text, c.old))
			}
			write(t, path, strings.Replace(text, c.old, c.new, 1))
			line := 1 + strings.Count(text[:strings.Index(text, c.old)], "\n")
			_, err := LoadConfig(path)
			var problems *ConfigError
			if !errors.As(err, &problems) {
				t.Fatalf("error %v", err)
			}
			for _, p := range problems.Problems {
				if p.Setting == c.setting && strings.Contains(p.Text, c.want) {
					// What is not there is blamed on its section, and YAML counts as it likes.
					if away := p.Line - line; !strings.Contains(c.name, "missing") && c.setting != "" && (away < 0 || away > 1) {
						t.Errorf("line %d, want %d", p.Line, line)
					}
					return
				}
			}
			t.Errorf("no %s: …%s… in\n%v", c.setting, c.want, err)
		})
	}
}

func TestAllProblemsAreListedByLine(t *testing.T) {
	path, text := goodConfig(t)
	write(t, path, strings.NewReplacer("api_id: 12345", "api_id: x", "level: info", "level: loud", "bot_name", "bot_title").Replace(text))
	_, err := LoadConfig(path)
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d problems:\n%v", len(lines), err)
	}
	for i, setting := range []string{"appservice.bot_title", "telegram.api_id", "logging.level"} {
		if !strings.HasPrefix(lines[i], path+":") || !strings.Contains(lines[i], ": "+setting+": ") {
			t.Errorf("line %d is %s", i, lines[i])
		}
	}
}

func TestConfigThatIsNotThere(t *testing.T) {
	_, err := LoadConfig(filepath.Join(t.TempDir(), "config.yaml"))
	if err == nil || !strings.Contains(err.Error(), "natsgram init") {
		t.Errorf("error %v", err)
	}
	empty := filepath.Join(t.TempDir(), "config.yaml")
	for _, text := range []string{"", "# nothing\n", "just text", "a: 1\n---\nb: 2\n"} {
		write(t, empty, text)
		if _, err := LoadConfig(empty); err == nil || strings.Contains(err.Error(), "panic") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func TestSecretsFromElsewhere(t *testing.T) {
	path, text := goodConfig(t)
	file := filepath.Join(filepath.Dir(path), "hash")
	write(t, file, "from a file\n")
	write(t, path, strings.Replace(text, `api_hash: "0123456789abcdef"`, "api_hash_file: hash", 1))
	got := func() string { return must(LoadConfig(path))(t).Telegram.APIHash.Reveal() }
	if got() != "from a file" {
		t.Errorf("api_hash_file gives %q", got())
	}
	write(t, file+"2", "from another\n")
	t.Setenv("NATSGRAM_API_HASH_FILE", file+"2")
	if got() != "from another" {
		t.Errorf("NATSGRAM_API_HASH_FILE gives %q", got())
	}
	t.Setenv("NATSGRAM_API_HASH", "from the environment")
	if got() != "from the environment" {
		t.Errorf("NATSGRAM_API_HASH gives %q", got())
	}
	t.Setenv("NATSGRAM_API_HASH", "")
	t.Setenv("NATSGRAM_API_HASH_FILE", file+"3")
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "telegram.api_hash") {
		t.Errorf("error %v", err)
	}
}

func TestAnOutsideServerNeedsNoPasswordsOfOurs(t *testing.T) {
	path, _ := goodConfig(t)
	write(t, path, `
homeserver: {url: "http://127.0.0.1:8008", server_name: example.org}
appservice: {address: "http://127.0.0.1:29330", as_token: a, hs_token: h}
telegram: {api_id: 12345, api_hash: x}
permissions: {"@me:example.org": admin}
nats: {url: "nats://a:4222, tls://b", config: nowhere.conf}
`)
	must(LoadConfig(path))(t)
}

func TestTheMostSpecificPermissionCounts(t *testing.T) {
	p := Permissions{"*": LevelUser, "example.org": LevelNone, "@admin:example.org": LevelAdmin, "host:8448": LevelAdmin, "@out:other.org": LevelNone}
	for id, want := range map[events.MatrixID]Level{
		"@admin:example.org": LevelAdmin, "@bob:example.org": LevelNone, "@bob:other.org": LevelUser,
		"@out:other.org": LevelNone, "@bob:host:8448": LevelAdmin, "@bob:sub.example.org": LevelUser, "*": LevelUser,
	} {
		if got := p.Level(id); got != want {
			t.Errorf("%s is %v, want %v", id, got, want)
		}
	}
	if got := (Permissions{"example.org": LevelUser}).Level("@bob:other.org"); got != LevelNone {
		t.Errorf("without a line: %v", got)
	}
}

func TestServerNamesAndMatrixIDs(t *testing.T) {
	for name, want := range map[string]bool{
		"example.org": true, "localhost": true, "127.0.0.1:8448": true, "[::1]": true, "[::1]:8448": true, "a-b.example": true,
		"": false, "example.org:": false, "example.org:0": false, "exa mple": false, "[::1": false, "[x]": false, "@a:b": false, "ex_a": false, "*": false,
	} {
		if got := isServerName(name); got != want {
			t.Errorf("server name %q: %v", name, got)
		}
	}
	for id, want := range map[string]bool{
		"@a:example.org": true, "@A+b/c=1:host:8448": true, "@a:[::1]": true,
		"a:example.org": false, "@:example.org": false, "@a": false, "@a b:example.org": false, "@a:": false, "@*:example.org": true,
	} {
		if got := isMatrixID(id); got != want {
			t.Errorf("Matrix ID %q: %v", id, got)
		}
	}
}
