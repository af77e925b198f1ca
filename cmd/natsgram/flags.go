package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// usageError says that a command was called wrongly: exit code 2.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// helpWanted says that help was asked for, and holds it: exit code 0.
type helpWanted struct{ text string }

func (h helpWanted) Error() string { return h.text }

// flagSet makes the flags of a subcommand; usage stands above them in its help.
func flagSet(name, usage string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // parseFlags returns what there is to say instead
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	return flags
}

// newFlags is flagSet for a subcommand that reads config.yaml, and where that is.
func newFlags(name, usage string) (flags *flag.FlagSet, config *string) {
	flags = flagSet(name, usage)
	return flags, flags.String("config", "config.yaml", "`path` of the configuration")
}

// parseFlags parses flags and exactly that many other arguments, in any order.
// It returns a helpWanted or a usageError.
func parseFlags(flags *flag.FlagSet, args []string, others int) error {
	var positional []string
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			var help strings.Builder
			flags.SetOutput(&help)
			flags.Usage()
			return helpWanted{help.String()}
		} else if err != nil {
			return usageError{err.Error()}
		}
		args = flags.Args()
		if len(args) == 0 {
			break
		}
		positional, args = append(positional, args[0]), args[1:]
	}
	if len(positional) != others {
		return usageError{fmt.Sprintf("it takes %d arguments besides its flags, and got %d", others, len(positional))}
	}
	// The flag set hands them out by Arg.
	return flags.Parse(append([]string{"--"}, positional...))
}
