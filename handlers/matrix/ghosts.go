package matrix

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"sync"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// ghosts keeps the profiles of ghosts as Telegram has them. What was set last
// is in the bucket GHOSTS, so that neither a message nor a restart asks the
// homeserver again.
type ghosts struct {
	hs       *homeserver
	who      identities
	cache    Cache
	pictures Pictures
	keyOf    []byte // makes bucket keys that say nothing of whom they are about
	log      zerolog.Logger

	locks [64]sync.Mutex // one ghost's changes are made one after the other

	mu    sync.RWMutex
	known map[events.Peer]profile
}

// profile is what was set last, as stored in GHOSTS. An entry says that the
// ghost is registered.
type profile struct {
	Name  string `json:"name"`
	Photo int64  `json:"photo,omitempty"`
	// tried is a photo that can't be had; it is not asked for again until a restart.
	tried int64
}

// fallbackName is for people whose name Telegram no longer tells.
const fallbackName = "Telegram user"

func newGhosts(hs *homeserver, who identities, deps Deps) *ghosts {
	return &ghosts{
		hs: hs, who: who, cache: deps.Ghosts, pictures: deps.Pictures, keyOf: []byte(hs.token),
		log: deps.Logger, known: map[events.Peer]profile{},
	}
}

// ensure returns the ghost of a member, registered and named. It costs nothing
// if both were so before. Someone without a peer is the bot.
func (g *ghosts) ensure(ctx context.Context, m events.Member) (id.UserID, error) {
	user := g.who.ghost(m.Peer)
	if user == g.who.bot {
		return user, nil
	}
	if p, ok := g.recall(m.Peer); ok && (m.Name == "" || m.Name == p.Name) {
		return user, nil
	}
	lock := &g.locks[uint64(m.Peer.ID)%uint64(len(g.locks))]
	lock.Lock()
	defer lock.Unlock()
	p, ok, err := g.load(ctx, m.Peer)
	if err != nil {
		return user, err
	}
	if !ok {
		if err := g.hs.register(ctx, user); err != nil {
			return user, err
		}
	}
	name := m.Name
	if name == "" && p.Name == "" {
		name = fallbackName
	}
	if name != "" && name != p.Name {
		if err := g.hs.setName(ctx, user, name); err != nil {
			return user, err
		}
		p.Name = name
	}
	return user, g.store(ctx, m.Peer, p)
}

// portray gives the ghost its picture, as a login sees it. It reports whether
// the picture is as it should be; an error says that it is worth trying again.
func (g *ghosts) portray(ctx context.Context, login events.LoginID, m events.Member) (bool, error) {
	user := g.who.ghost(m.Peer)
	p, ok := g.recall(m.Peer)
	switch {
	case !ok, user == g.who.bot:
		return false, nil
	case p.Photo == m.Photo:
		return true, nil
	case g.pictures == nil, p.tried == m.Photo && m.Photo != 0:
		return false, nil
	}
	uri, err := g.picture(ctx, login, m.Peer, m.Photo)
	if err == nil {
		err = g.hs.setAvatar(ctx, user, uri)
	}
	lock := &g.locks[uint64(m.Peer.ID)%uint64(len(g.locks))]
	lock.Lock()
	defer lock.Unlock()
	p, _ = g.recall(m.Peer)
	switch {
	case err == nil:
		p.Photo = m.Photo
		return true, g.store(ctx, m.Peer, p)
	case isOutage(err):
		return false, err
	default:
		p.tried = m.Photo
		g.remember(m.Peer, p)
		g.log.Debug().Err(err).Msg("a ghost stays without its picture")
		return false, nil
	}
}

// picture is the address of a picture, uploaded if it was not yet; the zero
// address for no photo.
func (g *ghosts) picture(ctx context.Context, login events.LoginID, peer events.Peer, photo int64) (uri id.ContentURI, err error) {
	if photo == 0 {
		return uri, nil
	}
	if g.pictures == nil {
		return uri, errors.New("no source of pictures")
	}
	key := g.key("photo", strconv.FormatInt(photo, 10))
	stored, _, err := g.cache.Get(ctx, key)
	if err == nil {
		if uri, err = id.ParseContentURI(string(stored)); err == nil {
			return uri, nil
		}
	} else if !errors.Is(err, journal.ErrNoKey) {
		return uri, journal.Down(err)
	}
	data, mime, err := g.pictures.Picture(ctx, login, peer, photo)
	if err != nil {
		return uri, err
	}
	if uri, err = g.hs.upload(ctx, data, mime); err != nil {
		return uri, err
	}
	if _, err := g.cache.Put(ctx, key, []byte(uri.String())); err != nil {
		return uri, journal.Down(err)
	}
	return uri, nil
}

func (g *ghosts) recall(peer events.Peer) (profile, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	p, ok := g.known[peer]
	return p, ok
}

func (g *ghosts) remember(peer events.Peer, p profile) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[peer] = p
}

// load returns what is known of a ghost, from memory or the bucket.
func (g *ghosts) load(ctx context.Context, peer events.Peer) (profile, bool, error) {
	if p, ok := g.recall(peer); ok {
		return p, true, nil
	}
	stored, _, err := g.cache.Get(ctx, g.key("ghost", peer.String()))
	switch {
	case errors.Is(err, journal.ErrNoKey):
		return profile{}, false, nil
	case err != nil:
		return profile{}, false, journal.Down(err)
	}
	var p profile
	if json.Unmarshal(stored, &p) != nil {
		return profile{}, false, nil // of another version: set it all again
	}
	g.remember(peer, p)
	return p, true, nil
}

func (g *ghosts) store(ctx context.Context, peer events.Peer, p profile) error {
	value, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if _, err := g.cache.Put(ctx, g.key("ghost", peer.String()), value); err != nil {
		return journal.Down(err)
	}
	g.remember(peer, p)
	return nil
}

func (g *ghosts) key(kind, name string) string {
	mac := hmac.New(sha256.New, g.keyOf)
	mac.Write([]byte(kind + "\n" + name))
	return kind + "." + hex.EncodeToString(mac.Sum(nil)[:16])
}
