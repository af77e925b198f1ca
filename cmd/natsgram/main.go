// Command natsgram is the bridge: a thin file for each subcommand, and the
// wiring of what the other folders hold.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is a subcommand. Its run returns a usageError for a wrong call.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, out, errOut io.Writer) error
}

func commands() []command {
	return []command{
		{"init", "write config.yaml, registration.yaml and keyset.json; says what to do next", initCommand},
		{"check", "is everything reachable and consistent? says what to fix", checkCommand},
		{"run", "run the bridge", runCommand},
		{"events", "the log, raw: of a user, a portal, a type, a time; as it happens", eventsCommand},
		{"state", "what the log says of one user or portal, now or at any moment", stateCommand},
		{"replay", "fold the whole log anew; --verify compares with the running bridge", replayCommand},
		{"version", "print which natsgram this is", versionCommand},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := dispatch(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// dispatch runs a subcommand and returns the exit code.
func dispatch(ctx context.Context, args []string, out, errOut io.Writer) int {
	if len(args) == 0 {
		printHelp(errOut)
		return exitUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "--version":
		name = "version"
	case "help", "-h", "--help":
		if len(args) == 0 {
			printHelp(out)
			return exitOK
		}
		name, args = args[0], []string{"-h"}
	}
	for _, c := range commands() {
		if c.name == name {
			return exitCode(c.name, c.run(ctx, args, out, errOut), out, errOut)
		}
	}
	fmt.Fprintf(errOut, "natsgram has no command %q.\n\n", name)
	printHelp(errOut)
	return exitUsage
}

func exitCode(name string, err error, out, errOut io.Writer) int {
	var usage usageError
	var help helpWanted
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &help):
		fmt.Fprint(out, help.text)
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(errOut, "natsgram %s: %v\nnatsgram help %s says how it is called.\n", name, err, name)
		return exitUsage
	default:
		fmt.Fprintf(errOut, "natsgram %s: %v\n", name, err)
		return exitFailed
	}
}

func printHelp(out io.Writer) {
	fmt.Fprint(out, "natsgram bridges Matrix and Telegram.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(out, "  natsgram %-9s %s\n", c.name, c.summary)
	}
	fmt.Fprint(out, "\nnatsgram help COMMAND says more about a command.\n")
}

func versionCommand(_ context.Context, args []string, out, errOut io.Writer) error {
	if err := parseFlags(flagSet("version", "natsgram version\n\nPrints the release, or the commit it was built from.\n"), args, 0); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "natsgram", version())
	return err
}

// version is the release, or the commit that was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "built from source"
}
