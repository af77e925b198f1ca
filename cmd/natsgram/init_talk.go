package main

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"
)

// askIfTerminal asks for what init cannot do without, if somebody is there to
// answer; otherwise it says which flags are missing.
func askIfTerminal(o *initOptions, in *os.File, out io.Writer) error {
	if o.homeserver != "" && o.serverName != "" {
		return nil
	}
	if term.IsTerminal(int(in.Fd())) {
		return ask(o, in, out)
	}
	return usageError{"--homeserver and --server-name are needed"}
}

// ask puts the questions that no flag has answered. An empty answer takes what
// stands in brackets.
func ask(o *initOptions, in io.Reader, out io.Writer) error {
	answers := bufio.NewScanner(in)
	question := func(to *string, text, fallback string) {
		if *to != "" {
			return
		}
		fmt.Fprintf(out, "%s [%s]: ", text, fallback)
		*to = fallback
		if answers.Scan() && strings.TrimSpace(answers.Text()) != "" {
			*to = strings.TrimSpace(answers.Text())
		}
	}
	question(&o.homeserver, "URL of the homeserver", "http://127.0.0.1:8008")
	guess := "example.org"
	if u, err := url.Parse(o.homeserver); err == nil && strings.Contains(u.Hostname(), ".") {
		guess = strings.TrimPrefix(u.Hostname(), "matrix.")
	}
	question(&o.serverName, "Server name, the part of your Matrix ID after the colon", guess)
	if len(o.admins) == 0 {
		admin := ""
		question(&admin, "Your Matrix ID, to be admin of the bridge", "none")
		if admin != "none" {
			o.admins = []string{admin}
		}
	}
	return answers.Err()
}

// say tells what became of a file.
func say(out io.Writer, isNew bool, path string) {
	verb := "kept"
	if isNew {
		verb = "wrote"
	}
	fmt.Fprintf(out, "  %-6s %s\n", verb, path)
}

// sayNext tells the operator what is left to do.
func sayNext(config Config, problems []Problem, out io.Writer) error {
	var steps []string
	if len(problems) > 0 {
		steps = append(steps, "Complete the configuration:\n"+indent(&ConfigError{File: config.File, Problems: problems}))
	}
	if err := CheckRegistration(config); err != nil {
		steps = append(steps, "Make config and registration agree:\n"+indent(err))
	}
	registration, err := filepath.Abs(config.Appservice.Registration)
	if err != nil {
		return err
	}
	steps = append(steps, fmt.Sprintf(`Tell the homeserver of the registration, and start it again. It must be able
     to read the file, which only you can now.
       Synapse, homeserver.yaml:   app_service_config_files: [%q]
       Dendrite, dendrite.yaml:    app_service_api: {config_files: [%q]}`, registration, registration))
	steps = append(steps,
		"Back up the keyset and config.yaml, apart from the store: without them the log is lost.",
		"natsgram check --config "+config.File,
		"natsgram run --config "+config.File)
	fmt.Fprint(out, "\nNext:\n")
	for i, step := range steps {
		fmt.Fprintf(out, "  %d. %s\n", i+1, step)
	}
	return nil
}

// indent puts the lines of an error under a step.
func indent(err error) string {
	return "       " + strings.ReplaceAll(err.Error(), "\n", "\n       ")
}
