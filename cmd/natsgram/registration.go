package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"gopkg.in/yaml.v3"
)

// registration is a registration.yaml: what the Matrix application service
// specification lets a homeserver know of a bridge.
type registration struct {
	ID              string     `yaml:"id"`
	URL             string     `yaml:"url"`
	ASToken         string     `yaml:"as_token"`
	HSToken         string     `yaml:"hs_token"`
	SenderLocalpart string     `yaml:"sender_localpart"`
	RateLimited     bool       `yaml:"rate_limited"`
	Ephemeral       bool       `yaml:"receive_ephemeral"`
	EphemeralOld    bool       `yaml:"de.sorunome.msc2409.push_ephemeral"` // the name before Matrix 1.13
	Namespaces      namespaces `yaml:"namespaces"`
}

type namespaces struct {
	Users   []namespace `yaml:"users"`
	Aliases []namespace `yaml:"aliases"`
	Rooms   []namespace `yaml:"rooms"`
}

type namespace struct {
	Exclusive bool   `yaml:"exclusive"`
	Regex     string `yaml:"regex"`
}

// registrationFor is the registration that a config asks for. The expressions
// are anchored: some homeservers search with them instead of matching.
func registrationFor(c Config) registration {
	server, ghosts := regexp.QuoteMeta(c.Homeserver.ServerName), regexp.QuoteMeta(c.Appservice.GhostPrefix)
	return registration{
		ID: c.Appservice.ID, URL: c.Appservice.Address,
		ASToken: c.Appservice.ASToken.Reveal(), HSToken: c.Appservice.HSToken.Reveal(),
		SenderLocalpart: c.Appservice.Bot, RateLimited: false, Ephemeral: true, EphemeralOld: true,
		Namespaces: namespaces{
			Users: []namespace{
				{Exclusive: true, Regex: "^@" + ghosts + ".*:" + server + "$"},
				{Exclusive: true, Regex: "^@" + regexp.QuoteMeta(c.Appservice.Bot) + ":" + server + "$"},
			},
			Aliases: []namespace{{Exclusive: true, Regex: "^#" + ghosts + ".*:" + server + "$"}},
			Rooms:   []namespace{},
		},
	}
}

func renderRegistration(c Config) (string, error) {
	data, err := yaml.Marshal(registrationFor(c))
	return "# Tell the homeserver of this file; it and config.yaml must agree.\n" + string(data), err
}

// CheckRegistration compares the registration file with the config. It returns
// all differences, or why there is nothing to compare; one sentence each, and
// no token in any. What the homeserver itself has read is not checked here.
func CheckRegistration(c Config) error {
	path := c.Appservice.Registration
	have, err := readRegistration(path)
	if err != nil {
		return err
	}
	want := registrationFor(c)
	var problems []error
	differs := func(field, setting string) {
		problems = append(problems, fmt.Errorf("%s: %s differs from %s in %s", path, field, setting, c.File))
	}
	for _, f := range []struct{ field, have, want, setting string }{
		{"id", have.ID, want.ID, "appservice.id"},
		{"url", have.URL, want.URL, "appservice.address"},
		{"as_token", have.ASToken, want.ASToken, "appservice.as_token"},
		{"hs_token", have.HSToken, want.HSToken, "appservice.hs_token"},
		{"sender_localpart", have.SenderLocalpart, want.SenderLocalpart, "appservice.bot"},
	} {
		if f.have != f.want {
			differs(f.field, f.setting)
		}
	}
	if have.RateLimited {
		problems = append(problems, fmt.Errorf("%s: rate_limited must be false: a bridge speaks for many", path))
	}
	problems = append(problems, coverage(path, "users", have.Namespaces.Users,
		"@"+c.Appservice.GhostPrefix+"1:"+c.Homeserver.ServerName, "@"+c.Appservice.Bot+":"+c.Homeserver.ServerName)...)
	problems = append(problems, coverage(path, "aliases", have.Namespaces.Aliases,
		"#"+c.Appservice.GhostPrefix+"1:"+c.Homeserver.ServerName)...)
	return errors.Join(problems...)
}

// coverage says which names no exclusive namespace covers. How an operator
// writes the expressions is up to them.
func coverage(path, kind string, have []namespace, names ...string) []error {
	var problems []error
	for _, name := range names {
		covered := false
		for _, n := range have {
			expression, err := regexp.Compile("^(?:" + n.Regex + ")$")
			covered = covered || err == nil && n.Exclusive && expression.MatchString(name)
		}
		if !covered {
			problems = append(problems, fmt.Errorf("%s: no exclusive namespace under %s covers %s", path, kind, name))
		}
	}
	return problems
}

// readRegistration quotes nothing of a file that it cannot read: tokens stand
// in it.
func readRegistration(path string) (registration, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return registration{}, fmt.Errorf("%s does not exist: run natsgram init to write it: %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return registration{}, err
	}
	var have registration
	if yaml.Unmarshal(data, &have) != nil {
		return registration{}, fmt.Errorf("%s is no application service registration in YAML", path)
	}
	return have, nil
}
