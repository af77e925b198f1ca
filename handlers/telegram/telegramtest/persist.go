package telegramtest

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// store is a directory with three files. server.pem is the RSA key; world.json
// is everything, written from time to time and on Close; keys.jsonl has every
// authorization key since the last world.json, written before the client
// learns that it has one: a key that a client holds is never forgotten by
// accident, even if the server is killed.
type store struct {
	dir  string
	keys *os.File
}

func (s *Server) open() error {
	s.store = &store{dir: s.opts.Dir}
	s.w = newWorld()
	if s.opts.Dir == "" {
		k, err := newRSA()
		s.rsa = k
		return err
	}
	if err := os.MkdirAll(s.opts.Dir, 0o700); err != nil {
		return err
	}
	if err := s.openRSA(); err != nil {
		return err
	}
	data, err := os.ReadFile(s.store.path("world.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(data, s.w); err != nil {
			return fmt.Errorf("%s: %w", s.store.path("world.json"), err)
		}
	}
	return s.openKeys()
}

func (st *store) path(name string) string { return filepath.Join(st.dir, name) }

func (s *Server) openRSA() error {
	path := s.store.path("server.pem")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if s.rsa, err = newRSA(); err != nil {
			return err
		}
		return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{
			Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(s.rsa),
		}), 0o600)
	}
	if err != nil {
		return err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return fmt.Errorf("%s: no PEM block", path)
	}
	s.rsa, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	return err
}

func (s *Server) openKeys() error {
	f, err := os.OpenFile(s.store.path("keys.jsonl"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	s.store.keys = f
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var k authKey
		if err := json.Unmarshal(lines.Bytes(), &k); err != nil {
			break // killed while writing: no client has this key
		}
		s.w.Keys[k.id()] = &k
	}
	return lines.Err()
}

// saveKey writes through what a client would be lost without.
func (s *Server) saveKey(k *authKey) {
	if s.store.keys == nil {
		return
	}
	data, err := json.Marshal(k)
	if err == nil {
		_, err = s.store.keys.Write(append(data, '\n'))
	}
	if err != nil {
		s.log.Error().Err(err).Msg("key not stored")
	}
}

// save writes the world and empties the journal of keys, in this order: dying
// in between leaves both, which is the same state.
func (s *Server) save() error {
	if s.store.dir == "" || !s.dirty {
		return nil
	}
	data, err := json.Marshal(s.w)
	if err != nil {
		return err
	}
	tmp := s.store.path("world.json.tmp")
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, s.store.path("world.json")); err != nil {
		return err
	}
	s.dirty = false
	return s.store.keys.Truncate(0)
}

// saveLoop writes what changed, so seldom that the writing does not slow the
// server down.
func (s *Server) saveLoop() {
	wait := time.Second
	for {
		t := time.NewTimer(wait)
		select {
		case <-s.ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		begin := time.Now()
		s.mu.Lock()
		if err := s.save(); err != nil {
			s.log.Error().Err(err).Msg("state not stored")
		}
		s.mu.Unlock()
		wait = max(time.Second, 30*time.Since(begin))
	}
}

func (st *store) close() error {
	if st.keys == nil {
		return nil
	}
	return st.keys.Close()
}

// saveNow is for changes that the journal of keys cannot express.
func (s *Server) saveNow() {
	s.change()
	if err := s.save(); err != nil {
		s.log.Error().Err(err).Msg("state not stored")
	}
}
