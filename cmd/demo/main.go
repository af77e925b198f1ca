// Command demo plays the bridge's main job on loopback: a real homeserver, a
// simulated Telegram, the bridge itself as an operator runs it, and a Matrix
// user who logs in, gets rooms and talks. It tells the story as it happens:
// what the user types and the bot answers on the left, each event as it is
// stored on the right.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	once     bool
	data     string
	groups   int
	natsgram string
	telegram string // run only the simulated Telegram, at this address
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	if o.telegram != "" {
		err = telegramAlone(ctx, o)
	} else {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.BoolVar(&o.once, "once", false, "check every step and end; exit status 0 only if all were right")
	flags.StringVar(&o.data, "data", "", "keep the data in this directory: natsgram/, homeserver/, telegram/")
	flags.IntVar(&o.groups, "groups", 12, "how many groups, supergroups and channels the Telegram account has")
	flags.StringVar(&o.natsgram, "natsgram", "", "the bridge's binary (found beside the demo's otherwise)")
	flags.StringVar(&o.telegram, "telegram", "", "run only the simulated Telegram, at this address, e.g. 127.0.0.1:4430")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.groups < 1 || o.groups > 1000 {
		fmt.Fprintln(os.Stderr, "demo: --groups is a number from 1 to 1000")
		return o, errors.New("usage")
	}
	return o, nil
}

// run sets the stage, plays the story and, unless once, waits to be played with.
func run(ctx context.Context, o options) (err error) {
	start := time.Now()
	st, err := setStage(ctx, o)
	defer func() { err = errors.Join(err, st.close()) }()
	if err != nil {
		return err
	}
	if err := st.play(ctx); err != nil {
		return err
	}
	link, _, err := st.askForLink(ctx, st.room, st.last)
	if err != nil {
		return err
	}
	st.screen.say("")
	st.screen.say(fmt.Sprintf("Every step was right. It took %.1f s.", time.Since(start).Seconds()))
	if o.once {
		return nil
	}
	st.invite(link)
	<-ctx.Done()
	st.screen.say("\nStopping.")
	return nil
}
