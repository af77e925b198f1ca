package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/natsgram/natsgram/handlers/vault"
)

const initUsage = `natsgram init [--dir DIR] --homeserver URL --server-name NAME [flags]

Writes config.yaml, registration.yaml and keyset.json, which only you can read,
with fresh random tokens and passwords. It overwrites nothing: what is there
stays, what is missing is added. On a terminal it asks for what it needs.

`

// initOptions is what init is told. Empty strings stand for defaults, or for
// what the operator has yet to fill in.
type initOptions struct {
	dir                       string
	homeserver, serverName    string
	listen, address           string
	apiID, apiHash            string
	testServer, testServerKey string
	admins, users             []string
	natsConf, natsListen      string
	webURL, webListen         string
}

func initCommand(_ context.Context, args []string, out, errOut io.Writer) error {
	var o initOptions
	flags := flagSet("init", initUsage)
	initFlags(flags, &o)
	if err := parseFlags(flags, args, 0); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(o.dir, "config.yaml")); errors.Is(err, fs.ErrNotExist) {
		if err := askIfTerminal(&o, os.Stdin, out); err != nil {
			return err
		}
	}
	var unused []string
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "dir" {
			unused = append(unused, "--"+f.Name)
		}
	})
	return initBridge(o, unused, out)
}

func initFlags(flags *flag.FlagSet, o *initOptions) {
	list := func(to *[]string) func(string) error {
		return func(text string) error {
			*to = append(*to, text)
			return nil
		}
	}
	flags.StringVar(&o.dir, "dir", ".", "`folder` to write to")
	flags.StringVar(&o.homeserver, "homeserver", "", "`URL` of the homeserver")
	flags.StringVar(&o.serverName, "server-name", "", "`name` of the homeserver: the part of Matrix IDs after the colon")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:29330", "`host:port` where the bridge listens for the homeserver")
	flags.StringVar(&o.address, "address", "", "`URL` at which the homeserver reaches the bridge (default: http:// and --listen)")
	flags.StringVar(&o.webURL, "web-url", "", "`URL` at which browsers reach the login page (default: there is none)")
	flags.StringVar(&o.webListen, "web-listen", "127.0.0.1:29331", "`host:port` where the bridge listens for the login page")
	flags.StringVar(&o.apiID, "api-id", "", "Telegram api_id, a `number`")
	flags.StringVar(&o.apiHash, "api-hash", "", "Telegram api_hash")
	flags.StringVar(&o.testServer, "test-server", "", "`host:port` of a Telegram server other than Telegram's own")
	flags.StringVar(&o.testServerKey, "test-server-key", "", "`file` with its RSA public key in PEM form")
	flags.Func("admin", "`Matrix ID` that may command the bridge; may be repeated", list(&o.admins))
	flags.Func("user", "`Matrix ID`, server or * that may use it (default: the homeserver); may be repeated", list(&o.users))
	flags.StringVar(&o.natsConf, "nats-conf", "", "`path` of nats.conf (default: beside config.yaml)")
	flags.StringVar(&o.natsListen, "nats-listen", "127.0.0.1:4222", "`host:port` where the embedded NATS server listens; none for no port")
}

// initBridge adds what is missing in the folder. Dying half-way leaves whole
// files, and the next init adds the rest. The names of flags given are for a
// config.yaml that exists and does not take them up.
func initBridge(o initOptions, given []string, out io.Writer) error {
	path := filepath.Join(o.dir, "config.yaml")
	_, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew {
		err = writeConfig(o, path)
	}
	if err != nil {
		return err
	}
	say(out, isNew, path)
	if !isNew && len(given) > 0 {
		fmt.Fprintf(out, "         it stays as it is: %s changed nothing\n", strings.Join(given, ", "))
	}
	config, problems, err := readConfig(path)
	if err != nil {
		return err
	}
	if err := addRegistration(config, problems, out); err != nil {
		return err
	}
	if err := addKeyset(config, out); err != nil {
		return err
	}
	return sayNext(config, problems, out)
}

// writeConfig writes a new config.yaml, unless the options make a bad one. Tokens
// that a registration beside it has already are taken over.
func writeConfig(o initOptions, path string) error {
	values, err := configFor(o)
	if err != nil {
		return err
	}
	have, err := readRegistration(filepath.Join(o.dir, "registration.yaml"))
	switch {
	case err == nil && have.ASToken != "" && have.HSToken != "":
		values.ASToken, values.HSToken = quoted(have.ASToken), quoted(have.HSToken)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	text, err := renderConfig(values)
	if err != nil {
		return err
	}
	_, problems, err := parseConfig(path, []byte(text))
	if err != nil {
		return err
	}
	var wrong []string
	for _, p := range problems {
		if !isToDo(p) {
			wrong = append(wrong, p.Setting+": "+p.Text)
		}
	}
	if len(wrong) > 0 {
		return usageError{strings.Join(wrong, "\n")}
	}
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	return writeNewFile(path, text)
}

// addRegistration writes the registration that the config asks for, if there is none.
func addRegistration(config Config, problems []Problem, out io.Writer) error {
	path := config.Appservice.Registration
	_, err := os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew {
		blocking := &ConfigError{File: config.File}
		for _, p := range problems {
			if strings.HasPrefix(p.Setting, "homeserver") || strings.HasPrefix(p.Setting, "appservice") {
				blocking.Problems = append(blocking.Problems, p)
			}
		}
		if len(blocking.Problems) > 0 {
			return fmt.Errorf("registration.yaml cannot be written yet:\n%w", blocking)
		}
		var text string
		if text, err = renderRegistration(config); err == nil {
			err = writeNewFile(path, text)
		}
	}
	if err != nil {
		return err
	}
	say(out, isNew, path)
	return nil
}

// addKeyset makes a keyset, if there is none and no log either: a new keyset
// opens nothing of an old log.
func addKeyset(config Config, out io.Writer) error {
	_, err := os.Stat(config.Keyset)
	isNew := errors.Is(err, fs.ErrNotExist)
	if isNew {
		if entries, _ := os.ReadDir(config.NATS.Store); len(entries) > 0 {
			return fmt.Errorf("%s is missing, but %s holds a log that was sealed with it: restore it from your backup (for a new bridge, move the store away)", config.Keyset, config.NATS.Store)
		}
		err = vault.CreateKeyset(config.Keyset)
	}
	if err != nil {
		return err
	}
	say(out, isNew, config.Keyset)
	return nil
}

// writeNewFile writes a file that only its owner can read, and overwrites none.
func writeNewFile(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}
