package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/natsgram/natsgram/handlers/vault"
)

// runInit runs natsgram init for a folder and returns exit code and output.
func runInit(t *testing.T, dir string, more ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	args := append([]string{"init", "--dir", dir, "--homeserver", "http://127.0.0.1:8008", "--server-name", "example.org"}, more...)
	return dispatch(t.Context(), args, &out, &out), out.String()
}

func TestInitMakesAWholeBridge(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "bridge")
	conf := filepath.Join(t.TempDir(), "nats.conf")
	write(t, conf, "")
	code, out := runInit(t, dir, "--api-id", "12345", "--api-hash", "hash", "--admin", "@admin:example.org", "--nats-conf", conf,
		"--listen", ":29400", "--nats-listen", "127.0.0.1:-1", "--user", "*", "--address", "https://bridge.example.org")
	if code != exitOK {
		t.Fatal(out)
	}
	for _, name := range []string{"config.yaml", "registration.yaml", "keyset.json"} {
		if mode := must(os.Stat(filepath.Join(dir, name)))(t).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %v", name, mode)
		}
	}
	c := must(LoadConfig(filepath.Join(dir, "config.yaml")))(t)
	check(t, CheckRegistration(c))
	must(vault.LoadKeyset(c.Keyset))(t)
	if c.Permissions["@admin:example.org"] != LevelAdmin || c.Permissions["*"] != LevelUser || c.NATS.Config != conf || c.Appservice.Address != "https://bridge.example.org" {
		t.Errorf("the flags did not arrive: %+v", c)
	}
	secrets := map[string]bool{}
	for _, s := range []vault.Secret{c.Appservice.ASToken, c.Appservice.HSToken, c.NATS.BridgePassword, c.NATS.AuditorPassword, c.NATS.StoreKey} {
		if len(s) < 40 || secrets[s.Reveal()] || strings.Contains(out, s.Reveal()) {
			t.Error("a secret is short, used twice or printed")
		}
		secrets[s.Reveal()] = true
	}
	for _, want := range []string{"app_service_config_files", "app_service_api", "natsgram check", "natsgram run", "Back up"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing about %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "Complete the configuration") {
		t.Errorf("it finds fault with what it wrote:\n%s", out)
	}
}

func TestInitSaysWhatIsLeftToFillIn(t *testing.T) {
	dir := t.TempDir()
	code, out := runInit(t, dir)
	if code != exitOK {
		t.Fatal(out)
	}
	for _, want := range []string{"config.yaml:", "telegram.api_id", "telegram.api_hash", "nats.conf"} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing about %s in\n%s", want, out)
		}
	}
	_, problems, err := readConfig(filepath.Join(dir, "config.yaml"))
	check(t, err)
	if len(problems) != 3 {
		t.Errorf("problems: %v", problems)
	}
}

func TestInitOverwritesNothingAndAddsWhatIsMissing(t *testing.T) {
	names := []string{"config.yaml", "registration.yaml", "keyset.json"}
	for _, missing := range names {
		dir := t.TempDir()
		runInit(t, dir)
		before := map[string]string{}
		for _, name := range names {
			before[name] = string(must(os.ReadFile(filepath.Join(dir, name)))(t))
		}
		check(t, os.Remove(filepath.Join(dir, missing)))
		code, out := runInit(t, dir)
		if code != exitOK {
			t.Errorf("without %s: %s", missing, out)
		}
		for _, name := range names {
			after := string(must(os.ReadFile(filepath.Join(dir, name)))(t))
			if name != missing && after != before[name] {
				t.Errorf("without %s, %s was changed", missing, name)
			}
			want := regexp.MustCompile(`kept +\S*` + regexp.QuoteMeta(name))
			if name != missing && !want.MatchString(out) {
				t.Errorf("without %s, it does not say that %s was kept:\n%s", missing, name, out)
			}
		}
		config, _, err := readConfig(filepath.Join(dir, "config.yaml"))
		check(t, err)
		check(t, CheckRegistration(config))
	}
}

func TestInitMakesNoNewKeysetForAnOldLog(t *testing.T) {
	dir := t.TempDir()
	runInit(t, dir)
	check(t, os.Remove(filepath.Join(dir, "keyset.json")))
	check(t, os.MkdirAll(filepath.Join(dir, "nats", "jetstream"), 0o700))
	code, out := runInit(t, dir)
	if _, err := os.Stat(filepath.Join(dir, "keyset.json")); code != exitFailed || err == nil || !strings.Contains(out, "backup") {
		t.Errorf("exit code %d, %v, %s", code, err, out)
	}
}

func TestInitRefusesBadFlagsAndWritesNothing(t *testing.T) {
	for _, flags := range [][]string{
		{"--homeserver", "example.org"}, {"--server-name", "a b"}, {"--listen", "x"}, {"--address", "x"}, {"--api-id", "x"},
		{"--admin", "admin"}, {"--user", "@x"}, {"--nats-listen", "1"}, {"--test-server", "127.0.0.1:443"},
		{"--homeserver", "", "--server-name", ""}, {"--unknown"}, {"extra"},
	} {
		dir := filepath.Join(t.TempDir(), "bridge")
		if code, out := runInit(t, dir, flags...); code != exitUsage {
			t.Errorf("%v: exit code %d\n%s", flags, code, out)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%v: it wrote something", flags)
		}
	}
}

func TestInitAsksOnATerminal(t *testing.T) {
	var o initOptions
	var out bytes.Buffer
	check(t, ask(&o, strings.NewReader("https://matrix.example.com\n\n@me:example.com\n"), &out))
	if o.homeserver != "https://matrix.example.com" || o.serverName != "example.com" || len(o.admins) != 1 || o.admins[0] != "@me:example.com" {
		t.Errorf("asked:\n%s\nunderstood: %+v", out.String(), o)
	}
}

func TestARegistrationThatDiffersIsNamed(t *testing.T) {
	dir := t.TempDir()
	runInit(t, dir)
	config, _, err := readConfig(filepath.Join(dir, "config.yaml"))
	check(t, err)
	text := string(must(os.ReadFile(config.Appservice.Registration))(t))
	for _, c := range []struct{ old, new, want string }{
		{"id: natsgram", "id: other", "id differs from appservice.id"},
		{"as_token: ", "as_token: x", "as_token differs"},
		{"hs_token: ", "hs_token: x", "hs_token differs"},
		{"29330", "29331", "url differs from appservice.address"},
		{"rate_limited: false", "rate_limited: true", "rate_limited must be false"},
		{"@telegram_", "@tg_", "covers @telegram_1:example.org"},
		{"#telegram_", "#tg_", "covers #telegram_1:example.org"},
		{"exclusive: true", "exclusive: false", "no exclusive namespace"},
		{"id: natsgram", "id: [", "no application service registration"},
	} {
		write(t, config.Appservice.Registration, strings.Replace(text, c.old, c.new, 1))
		err := CheckRegistration(config)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), config.Appservice.ASToken.Reveal()) {
			t.Errorf("%s: error %v", c.new, err)
		}
	}
	write(t, config.Appservice.Registration, strings.ReplaceAll(text, "^@telegram_.*", "^@telegram_[0-9]+"))
	check(t, CheckRegistration(config))
}
