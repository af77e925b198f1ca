package telegramtest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gotd/td/session"
	"github.com/gotd/td/telegram"
	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/telegram/updates"
	"github.com/gotd/td/telegram/updates/hook"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"
)

// testContext ends before the test does, so that a hang tells where it hangs.
func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// client is an unmodified gotd client that runs until the test ends.
type client struct {
	*telegram.Client
	t     *testing.T
	api   *tg.Client
	store *session.StorageMemory
	stop  func() error
	done  chan error

	mu   sync.Mutex
	wake chan struct{}
	got  []tg.UpdateClass
	user map[int64]*tg.User
	chat map[int64]tg.ChatClass
}

type clientOptions struct {
	as      UserID // logged in already
	store   *session.StorageMemory
	manager bool
	state   *memState
	dc      int
	plain   dcs.PlainOptions
}

func connect(t *testing.T, ctx context.Context, s *Server, o clientOptions) *client {
	t.Helper()
	c := &client{t: t, store: o.store, wake: make(chan struct{}), user: map[int64]*tg.User{}, chat: map[int64]tg.ChatClass{}}
	if c.store == nil {
		c.store = new(session.StorageMemory)
	}
	if o.as != 0 {
		_ = c.store.StoreSession(ctx, s.Session(o.as))
	}
	opts := telegram.Options{PublicKeys: s.PublicKeys(), DCList: s.DCList(), DC: o.dc, SessionStorage: c.store, UpdateHandler: c,
		OnSelfError: func(_ context.Context, err error) error {
			if tgerr.Is(err, "AUTH_KEY_UNREGISTERED") || tgerr.Is(err, "SESSION_PASSWORD_NEEDED") {
				return nil
			}
			return err
		}}
	opts.Resolver = dcs.Plain(o.plain)
	opts.RetryInterval = 200 * time.Millisecond
	var mgr *updates.Manager
	if o.manager {
		if o.state == nil {
			o.state = &memState{}
		}
		mgr = updates.New(updates.Config{Handler: c, Storage: o.state, AccessHasher: o.state, UserAccessHasher: o.state})
		opts.UpdateHandler = mgr
		opts.Middlewares = []telegram.Middleware{hook.UpdateHook(mgr.Handle), hook.AffectedHook(mgr)}
	}
	c.Client = telegram.NewClient(1, "hash", opts)
	c.api = c.Client.API()
	ctx, cancel := context.WithCancel(ctx)
	before := s.Calls("updates.getDifference")
	ready, done := make(chan struct{}), make(chan error, 2)
	c.done = make(chan error, 1)
	go func() {
		err := c.Run(ctx, func(ctx context.Context) error {
			if mgr == nil {
				close(ready)
				<-ctx.Done()
				return ctx.Err()
			}
			self, err := c.Self(ctx)
			if err != nil {
				return err
			}
			return mgr.Run(ctx, c.api, self.ID, updates.AuthOptions{OnStart: func(context.Context) { close(ready) }})
		})
		done <- err
		c.done <- err
	}()
	var once sync.Once
	var end error
	c.stop = func() error {
		once.Do(func() { cancel(); end = <-done })
		return end
	}
	t.Cleanup(func() { _ = c.stop() })
	select {
	case <-ready:
	case err := <-done:
		done <- err
		t.Fatal("client ended: ", err)
	case <-ctx.Done():
		t.Fatal("client not ready")
	}
	if o.as != 0 {
		if err := s.Await(ctx, func() bool { return s.Listening(o.as) > 0 }); err != nil {
			t.Fatal(err)
		}
	}
	if o.manager {
		if err := s.WaitAnswer(ctx, "updates.getDifference", before+1); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// Handle implements telegram.UpdateHandler.
func (c *client) Handle(_ context.Context, u tg.UpdatesClass) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch u := u.(type) {
	case *tg.Updates:
		c.got = append(c.got, u.Updates...)
		c.learn(u.Users, u.Chats)
	case *tg.UpdateShort:
		c.got = append(c.got, u.Update)
	}
	close(c.wake)
	c.wake = make(chan struct{})
	return nil
}

func (c *client) learn(users []tg.UserClass, chats []tg.ChatClass) {
	for _, u := range users {
		if u, ok := u.(*tg.User); ok {
			c.user[u.ID] = u
		}
	}
	for _, ch := range chats {
		c.chat[ch.GetID()] = ch
	}
}

// await returns the updates so far when ok says that they are enough.
func (c *client) await(ctx context.Context, what string, ok func([]tg.UpdateClass) bool) []tg.UpdateClass {
	c.t.Helper()
	for {
		c.mu.Lock()
		got, wake := append([]tg.UpdateClass(nil), c.got...), c.wake
		c.mu.Unlock()
		if ok(got) {
			return got
		}
		select {
		case <-wake:
		case <-ctx.Done():
			c.t.Fatalf("no %s; got %v", what, got)
		}
	}
}

// texts are the new messages among updates, in order.
func texts(ups []tg.UpdateClass) []string {
	var out []string
	for _, u := range ups {
		var m tg.MessageClass
		switch u := u.(type) {
		case *tg.UpdateNewMessage:
			m = u.Message
		case *tg.UpdateNewChannelMessage:
			m = u.Message
		}
		if m, ok := m.(*tg.Message); ok {
			out = append(out, m.Message)
		}
	}
	return out
}

func (c *client) awaitText(ctx context.Context, want ...string) []tg.UpdateClass {
	c.t.Helper()
	return c.await(ctx, "messages", func(ups []tg.UpdateClass) bool {
		got := texts(ups)
		for _, w := range want {
			found := false
			for _, g := range got {
				found = found || g == w
			}
			if !found {
				return false
			}
		}
		return true
	})
}

func wantErr(t *testing.T, err error, code int, message string) {
	t.Helper()
	var e *tgerr.Error
	if !errors.As(err, &e) || e.Code != code || e.Message != message {
		t.Fatalf("got %v, want %d %s", err, code, message)
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// peerOf is how account u names another user or chat.
func (s *Server) peerOf(u UserID, p Peer) tg.InputPeerClass {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := p.key()
	if id, ok := k.user(); ok {
		return &tg.InputPeerUser{UserID: int64(id), AccessHash: s.accessHash(u, int64(id))}
	}
	id, _ := k.chat()
	if s.w.Chats[id].Kind == Group {
		return &tg.InputPeerChat{ChatID: int64(id)}
	}
	return &tg.InputPeerChannel{ChannelID: int64(id), AccessHash: s.accessHash(u, int64(id))}
}

func (s *Server) channelOf(u UserID, c ChatID) *tg.InputChannel {
	p := s.peerOf(u, c).(*tg.InputPeerChannel)
	return &tg.InputChannel{ChannelID: p.ChannelID, AccessHash: p.AccessHash}
}
