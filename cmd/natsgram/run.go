package main

import (
	"context"
	"io"
)

const runUsage = `natsgram run [--config config.yaml]

Runs the bridge until it is interrupted (SIGINT, SIGTERM); it then stops in
order within five seconds. What a kill leaves behind, the next start takes up.

`

func runCommand(ctx context.Context, args []string, _, errOut io.Writer) error {
	flags, path := newFlags("run", runUsage)
	if err := parseFlags(flags, args, 0); err != nil {
		return err
	}
	cfg, err := LoadConfig(*path)
	if err != nil {
		return err
	}
	log, err := cfg.logger(errOut)
	if err != nil {
		return err
	}
	b, err := newBridge(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer b.close()
	return b.run(ctx)
}
