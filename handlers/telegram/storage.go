package telegram

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/gotd/td/bin"
	"github.com/gotd/td/session"
	gotd "github.com/gotd/td/telegram"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/vault"
)

type (
	encoder = bin.Encoder
	decoder = bin.Decoder
)

// draft is the session of a login attempt: in memory, and taken to the vault by
// the step that made it. gotd stores a session some time after the connection
// can be used, so settled tells when what is here is the newest.
type draft struct {
	mu     sync.Mutex
	bytes  []byte
	stored int           // sessions stored
	ready  int           // connections made
	change chan struct{} // closed at each change
}

func newDraft(bytes []byte) *draft { return &draft{bytes: bytes, change: make(chan struct{})} }

// LoadSession is called by gotd when it connects.
func (d *draft) LoadSession(context.Context) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.bytes) == 0 {
		return nil, session.ErrNotFound
	}
	return bytes.Clone(d.bytes), nil
}

// StoreSession is called by gotd after each connect.
func (d *draft) StoreSession(_ context.Context, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bytes = bytes.Clone(data)
	d.stored++
	d.wake()
	return nil
}

// onState counts the connections.
func (d *draft) onState(s gotd.ConnectionState) {
	if s != gotd.ConnectionStateReady {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ready++
	d.wake()
}

func (d *draft) wake() {
	close(d.change)
	d.change = make(chan struct{})
}

// settled returns the session once that of every connection made is stored. A
// login may move to another data centre, and its key with it.
func (d *draft) settled(ctx context.Context) ([]byte, error) {
	for {
		d.mu.Lock()
		if d.stored > 0 && d.stored >= d.ready {
			defer d.mu.Unlock()
			return bytes.Clone(d.bytes), nil
		}
		change := d.change
		d.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// movedTo returns once the session of a data centre is here: the line is there a
// little before its session is.
func (d *draft) movedTo(ctx context.Context, dc int) error {
	for {
		d.mu.Lock()
		now, change := bytes.Clone(d.bytes), d.change
		d.mu.Unlock()
		if data, err := parseSession(ctx, now); err == nil && data.DC == dc {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// kept is the session of a login, in the vault. When Telegram has forgotten the
// key (−404), gotd makes a new one and stores it over the old: a key that
// nobody is logged in with. That is refused here, so that a mistake of
// Telegram's, or of the way there, never ends a login.
type kept struct {
	vault *vault.Vault
	login events.LoginID

	mu   sync.Mutex
	key  []byte // ID of the good key
	salt int64
}

// LoadSession returns the session from the vault.
func (k *kept) LoadSession(ctx context.Context) ([]byte, error) {
	secret, err := k.vault.Session(ctx, k.login)
	if errors.Is(err, vault.ErrMissing) {
		return nil, session.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	data, err := parseSession(ctx, secret)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key == nil {
		k.key, k.salt = data.AuthKeyID, data.Salt
	}
	return secret, nil
}

// StoreSession stores a new salt, and never a new key.
func (k *kept) StoreSession(ctx context.Context, raw []byte) error {
	data, err := parseSession(ctx, raw)
	if err != nil {
		return err
	}
	k.mu.Lock()
	if k.key == nil || !bytes.Equal(k.key, data.AuthKeyID) {
		k.mu.Unlock()
		return nil
	}
	changed := data.Salt != k.salt
	k.salt = data.Salt
	k.mu.Unlock()
	if !changed {
		return nil
	}
	return k.vault.PutSession(ctx, k.login, raw)
}

// parseSession reads what gotd stores.
func parseSession(ctx context.Context, raw []byte) (*session.Data, error) {
	mem := new(session.StorageMemory)
	if err := mem.StoreSession(ctx, raw); err != nil {
		return nil, err
	}
	return (&session.Loader{Storage: mem}).Load(ctx)
}

// sameKey reports whether two sessions are one to Telegram.
func sameKey(ctx context.Context, a, b []byte) bool {
	x, errX := parseSession(ctx, a)
	y, errY := parseSession(ctx, b)
	return errX == nil && errY == nil && bytes.Equal(x.AuthKeyID, y.AuthKeyID)
}
