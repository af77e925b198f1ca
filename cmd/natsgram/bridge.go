package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/management"
	"github.com/natsgram/natsgram/handlers/matrix"
	"github.com/natsgram/natsgram/handlers/telegram"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/handlers/weblogin"
)

// stopWithin is how long an orderly stop may take.
const stopWithin = 5 * time.Second

// leaseName is the lease that the bridge holds while it works.
const leaseName = "bridge"

// leaseTime is after how long another natsgram on the same NATS takes over
// from one that died.
const leaseTime = 5 * time.Second

// bridge is everything that natsgram run runs.
type bridge struct {
	cfg     Config
	log     zerolog.Logger
	conn    *journal.Conn
	lease   *journal.Lease
	journal *journal.Journal
	vault   *vault.Vault
	dir     *vault.Directory
	folds   *folds
	shelf   shelf

	management *management.Bot
	matrix     *matrix.Bridge
	telegram   *telegram.World
	web        *weblogin.Site // nil if there is no login page
	turns      answers.Turns  // of all who give answers to a login's questions

	ready atomic.Bool // the projections are at the end of the log
}

// newBridge opens the log and folds it. After it the bridge knows what it knew
// when it stopped, and nothing has happened yet.
func newBridge(ctx context.Context, cfg Config, log zerolog.Logger) (*bridge, error) {
	keys, err := vault.LoadKeyset(cfg.Keyset)
	if err != nil {
		return nil, err
	}
	b := &bridge{cfg: cfg, log: log, folds: newFolds()}
	if b.conn, err = journal.Connect(ctx, cfg.journal(log)); err != nil {
		return nil, err
	}
	if err := b.open(ctx, keys); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bridge) open(ctx context.Context, keys *vault.Keyset) error {
	secrets, err := b.conn.Bucket(ctx, "VAULT")
	if err != nil {
		return err
	}
	rows, err := b.conn.Bucket(ctx, "DIRECTORY")
	if err != nil {
		return err
	}
	b.vault = vault.Open(keys, secrets)
	if err := b.vault.Claim(ctx); err != nil {
		return err
	}
	b.dir = b.vault.DirectoryFor(rows)
	b.journal = journal.New(b.conn, b.vault)
	b.shelf = shelf{conn: b.conn, vault: b.vault, log: b.log}
	if b.lease, err = b.holdLease(ctx); err != nil {
		return err
	}
	start := time.Now()
	if err := b.folds.restore(ctx, b.shelf, b.journal); err != nil {
		return err
	}
	users, logins := b.folds.users.Count()
	portals, _ := b.folds.portals.Count()
	b.log.Info().Int("users", users).Int("logins", logins).Int("portals", portals).
		Dur("took", time.Since(start)).Msg("Projections are folded")
	return b.buildWorlds(ctx)
}

// holdLease waits until no other natsgram works on the same log: a Telegram
// session used twice at once is ended by Telegram.
func (b *bridge) holdLease(ctx context.Context) (*journal.Lease, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return b.conn.Lease(ctx, leaseName, fmt.Sprintf("%s:%d", host, os.Getpid()), leaseTime)
}

// run serves until ctx ends or a part fails, and then stops in order: no more
// input, no more effects, the projections stored, the log closed.
func (b *bridge) run(ctx context.Context) error {
	listener, err := net.Listen("tcp", b.cfg.Appservice.Listen)
	if err != nil {
		return fmt.Errorf("can't listen for the homeserver at appservice.listen: %w", err)
	}
	var webListener net.Listener
	if b.web != nil {
		if webListener, err = net.Listen("tcp", b.cfg.Web.Listen); err != nil {
			_ = listener.Close()
			return fmt.Errorf("can't listen for the login page at web.listen: %w", err)
		}
	}
	server := &http.Server{Handler: b.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	folding, stopFolding := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFolding()
	folded := make(chan error, 1)
	go func() { folded <- b.folds.follow(folding, b.shelf, b.journal) }()
	if err := b.conn.Answer(folding, digestSubject, b.folds.answerDigests); err != nil {
		return err
	}

	work, working := errgroup.WithContext(ctx)
	serve(working, work, server, listener)
	if b.web != nil {
		pages := b.web.Server()
		pages.BaseContext = func(net.Listener) context.Context { return working } // ends the pages' streams
		serve(working, work, pages, webListener)
	}
	work.Go(func() error { return b.watch(working, folded) })
	work.Go(func() error {
		if err := b.matrix.EnsureBot(working); err != nil {
			return err
		}
		b.startWork(working, work)
		b.ready.Store(true)
		b.log.Info().Str("listen", listener.Addr().String()).Msg("The bridge runs")
		return nil
	})
	err = work.Wait()
	b.ready.Store(false)
	stopFolding()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		b.log.Info().Msg("Stopping")
		return nil
	}
	return err
}

// serve serves until ctx ends; requests that are under way have a second then.
func serve(ctx context.Context, work *errgroup.Group, server *http.Server, at net.Listener) {
	work.Go(func() error { return closed(server.Serve(at)) })
	work.Go(func() error {
		<-ctx.Done()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return server.Shutdown(closing)
	})
}

// watch ends the work when the projections can no longer be folded (without
// them nothing can be decided) or when another natsgram took the lease.
func (b *bridge) watch(ctx context.Context, folded <-chan error) error {
	select {
	case err := <-folded:
		if err == nil {
			err = errors.New("the projections stopped folding")
		}
		return err
	case <-b.conn.Broken():
		return errors.New("the store refuses to write and must be opened anew: is the disk full? Start the bridge again when there is room")
	case <-b.lease.Lost():
		return errors.New("lost the lease on the log: another natsgram may work on it now")
	case <-ctx.Done():
		return nil
	}
}

// healthy says why the bridge takes no input now, or nil.
func (b *bridge) healthy() error {
	if !b.ready.Load() {
		return errors.New("starting or stopping")
	}
	return b.conn.Healthy()
}

// close stores what saves time at the next start and closes the log.
func (b *bridge) close() {
	if b.journal != nil && b.lease != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin/2)
		defer cancel()
		err := b.folds.each(func(p foldOf) error {
			if p.Seq() == 0 {
				return nil
			}
			return b.shelf.save(ctx, p)
		})
		if err != nil {
			b.log.Warn().Err(err).Msg("Snapshots not stored; the next start takes longer")
		}
	}
	if b.lease != nil {
		b.lease.Close()
	}
	b.conn.Close()
}

func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
