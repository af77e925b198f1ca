package telegram

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/gotd/td/session"
	gotd "github.com/gotd/td/telegram"
	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/tg"
)

// errUnreachable says that there is no connection to Telegram.
var errUnreachable = errors.New("no connection to Telegram")

// maxDials bounds how many clients of the fleet connect at once. Logins do not
// wait for them.
const maxDials = 16

// dialer opens lines.
type dialer struct {
	cfg    Config
	ctx    context.Context // of all lines
	cancel context.CancelFunc
	fresh  limit // key exchanges: each takes 0.7 s of a core
	known  limit
}

func newDialer(cfg Config) *dialer {
	d := &dialer{cfg: cfg, fresh: newLimit(runtime.GOMAXPROCS(0)), known: newLimit(maxDials)}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d
}

func (d *dialer) close() { d.cancel() }

// line is a connection to Telegram that mends itself until it is closed.
type line struct {
	api    *tg.Client
	move   func(ctx context.Context, dc int) error // to another data centre, with another key
	cancel context.CancelFunc
	ready  chan struct{} // closed once the first connection stands
	done   chan struct{} // closed when the line is no more
	err    error         // why, after done
}

// hooks is what a line tells its owner. All may be nil.
type hooks struct {
	updates gotd.UpdateHandler // without it Telegram sends none
	state   func(gotd.ConnectionState)
	failed  func(error) // each error that Telegram answers a call with
	ahead   bool        // it does not wait for those who connect, though it wants updates
}

// open starts a line on a stored session, or on a new one if the storage is
// empty. It does not block.
func (d *dialer) open(storage session.Storage, h hooks) *line {
	ctx, cancel := context.WithCancel(d.ctx)
	opts := gotd.Options{
		PublicKeys: d.cfg.PublicKeys, DCList: d.cfg.DCList, SessionStorage: storage, Device: d.cfg.Device,
		// After a key was forgotten the first call is only answered when it is
		// repeated.
		RetryInterval: min(5*time.Second, d.cfg.Timeout/4),
		DialTimeout:   d.cfg.Timeout, UpdateHandler: h.updates, OnConnectionState: h.state,
	}
	l := &line{cancel: cancel, ready: make(chan struct{}), done: make(chan struct{})}
	opts.Middlewares = []gotd.Middleware{gotd.MiddlewareFunc(l.hold)}
	if h.failed != nil {
		opts.Middlewares = append(opts.Middlewares, watch(h.failed))
		opts.OnSelfError = func(_ context.Context, err error) error { h.failed(err); return nil }
	}
	if list := d.cfg.DCList.Options; len(list) > 0 {
		opts.DC = list[0].ID // of a simulated server; gotd's default is Telegram's
		opts.Resolver = resolver{Resolver: dcs.DefaultResolver(), storage: storage}
	}
	client := gotd.NewClient(d.cfg.APIID, d.cfg.APIHash, opts)
	l.api, l.move = client.API(), client.MigrateTo
	go func() {
		defer close(l.done)
		defer cancel()
		if h.updates != nil && !h.ahead && d.queue(ctx, l) != nil {
			return
		}
		l.err = client.Run(ctx, func(ctx context.Context) error {
			close(l.ready)
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	return l
}

// queue waits for a place among those who connect; it is given back once the
// line stands, or does not for long.
func (d *dialer) queue(ctx context.Context, l *line) error {
	if err := d.known.enter(ctx); err != nil {
		return err
	}
	go func() {
		_ = l.wait(ctx, d.cfg.Timeout)
		d.known.leave()
	}()
	return nil
}

// hold keeps calls until the line stands. Without it gotd gives a call that
// comes too early to a connection that is never opened.
func (l *line) hold(next tg.Invoker) gotd.InvokeFunc {
	return func(ctx context.Context, in encoder, out decoder) error {
		select {
		case <-l.ready:
			return next.Invoke(ctx, in, out)
		case <-l.done:
			return errUnreachable
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch shows the errors of all calls to see.
func watch(see func(error)) gotd.Middleware {
	return gotd.MiddlewareFunc(func(next tg.Invoker) gotd.InvokeFunc {
		return func(ctx context.Context, in encoder, out decoder) error {
			err := next.Invoke(ctx, in, out)
			if err != nil {
				see(err)
			}
			return err
		}
	})
}

// wait returns when the line can be used, and errUnreachable if that takes too long.
func (l *line) wait(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	select {
	case <-l.ready:
		return nil
	case <-l.done:
		if l.err != nil {
			return fmt.Errorf("%w: %w", errUnreachable, l.err)
		}
		return errUnreachable
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errUnreachable, ctx.Err())
	}
}

// close ends the line and waits until nothing of it runs any more, 2 s at most.
func (l *line) close() {
	l.cancel()
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	select {
	case <-l.done:
	case <-t.C:
	}
}
