package telegramtest

import (
	"context"
	"encoding/hex"

	"github.com/gotd/td/tg"
)

// SessionInfo is one authorised session of an account.
type SessionInfo struct {
	KeyID   int64 // authorization key
	Hash    int64 // as account.getAuthorizations names it
	Device  string
	Version string
	Online  int // connections open now
}

// Sessions lists where an account is logged in, in a stable order.
func (s *Server) Sessions(u UserID) []SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []SessionInfo
	for _, id := range sortedKeys(s.w.Keys) {
		k := s.w.Keys[id]
		if k.User != u {
			continue
		}
		i := SessionInfo{KeyID: k.id(), Hash: k.Hash, Device: k.Device, Version: k.Version}
		for c := range s.conns {
			if c.key == k {
				i.Online++
			}
		}
		out = append(out, i)
	}
	return out
}

// RevokeSession ends one session, as the user does in another client: it is
// told SESSION_REVOKED.
func (s *Server) RevokeSession(keyID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.w.Keys[keyID]; k != nil {
		s.revoke(k, "SESSION_REVOKED")
	}
	s.change()
}

// RevokeAll ends every session of an account with the given error, by default
// AUTH_KEY_UNREGISTERED.
func (s *Server) RevokeAll(u UserID, refusal string) {
	if refusal == "" {
		refusal = "AUTH_KEY_UNREGISTERED"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.w.Keys {
		if k.User == u {
			s.revoke(k, refusal)
		}
	}
	s.change()
}

// revoke also cuts the key's connections: that is how a client that only
// listens comes to ask, and to be told.
func (s *Server) revoke(k *authKey, refusal string) {
	k.User, k.Pending, k.Refusal = 0, 0, refusal
	s.saveKey(k)
	s.cutKey(k)
}

func (s *Server) cutKey(k *authKey) {
	for c := range s.conns {
		if c.key == k {
			c.sever()
		}
	}
}

// ForgetKeys makes the server forget the authorization keys of an account:
// its clients are told -404, as if they had never been here.
func (s *Server) ForgetKeys(u UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, k := range s.w.Keys {
		if k.User == u {
			delete(s.w.Keys, id)
			s.cutKey(k)
		}
	}
	s.saveNow()
}

// ForgetKey forgets one authorization key.
func (s *Server) ForgetKey(keyID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.w.Keys[keyID]; k != nil {
		delete(s.w.Keys, keyID)
		s.cutKey(k)
	}
	s.saveNow()
}

// DropConnections cuts the connections of the given users, or all.
func (s *Server) DropConnections(users ...UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(users) == 0 {
		s.cutAll()
	}
	for _, u := range users {
		for c := range s.conns {
			if c.key != nil && c.key.User == u {
				c.sever()
			}
		}
	}
	s.notify()
}

// Connections counts the open connections of a user; 0 counts all.
func (s *Server) Connections(u UserID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for c := range s.conns {
		if u == 0 || c.key != nil && c.key.User == u {
			n++
		}
	}
	return n
}

// Listening counts the connections of a user that get updates.
func (s *Server) Listening(u UserID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.online[u])
}

func (s *Server) hasSession(u UserID) bool {
	for _, k := range s.w.Keys {
		if k.User == u {
			return true
		}
	}
	return false
}

// subscribe has the connection get its account's updates, once it called a
// method as that account and did not decline them.
func (c *conn) subscribe() {
	u := c.key.User
	if c.subUser == u || c.quiet || c.closedNow() {
		return
	}
	c.unsubscribe()
	m := c.s.online[u]
	if m == nil {
		m = map[*conn]struct{}{}
		c.s.online[u] = m
	}
	m[c] = struct{}{}
	c.subUser = u
	c.s.notify()
}

func (c *conn) closedNow() bool {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	return c.closed
}

func (c *conn) unsubscribe() {
	if m := c.s.online[c.subUser]; m != nil {
		delete(m, c)
		if len(m) == 0 {
			delete(c.s.online, c.subUser)
		}
	}
	c.subUser = 0
}

func (s *Server) onSession(d *tg.ServerDispatcher) {
	d.OnAuthLogOut(func(ctx context.Context) (*tg.AuthLoggedOut, error) {
		in, u := callOf(ctx), s.me(ctx)
		in.key.User, in.key.Refusal = 0, ""
		s.saveKey(in.key)
		in.conn.unsubscribe()
		out := &tg.AuthLoggedOut{}
		if u.FutureToken {
			t := randomBytes(16)
			s.w.Futures[hex.EncodeToString(t)] = u.ID
			out.SetFutureAuthToken(t)
		}
		return out, nil
	})
	d.OnAccountGetAuthorizations(func(ctx context.Context) (*tg.AccountAuthorizations, error) {
		out := &tg.AccountAuthorizations{AuthorizationTTLDays: 180}
		for _, k := range s.w.Keys {
			if k.User == s.me(ctx).ID {
				out.Authorizations = append(out.Authorizations, s.authorization(k, callOf(ctx).key))
			}
		}
		return out, nil
	})
	d.OnAccountResetAuthorization(func(ctx context.Context, hash int64) (bool, error) {
		for _, k := range s.w.Keys {
			if k.User == s.me(ctx).ID && k.Hash == hash && k != callOf(ctx).key {
				s.revoke(k, "SESSION_REVOKED")
				return true, nil
			}
		}
		return false, rpcError(400, "HASH_INVALID")
	})
	d.OnAuthResetAuthorizations(func(ctx context.Context) (bool, error) {
		me := s.me(ctx).ID
		for _, k := range s.w.Keys {
			if k.User == me && k != callOf(ctx).key {
				s.revoke(k, "SESSION_REVOKED")
			}
		}
		return true, nil
	})
	d.OnAuthExportAuthorization(func(ctx context.Context, dcID int) (*tg.AuthExportedAuthorization, error) {
		if s.dc(dcID).id != dcID {
			return nil, rpcError(400, "DC_ID_INVALID")
		}
		b := randomBytes(32)
		s.w.Exported[hex.EncodeToString(b)] = s.me(ctx).ID
		return &tg.AuthExportedAuthorization{ID: int64(s.me(ctx).ID), Bytes: b}, nil
	})
	d.OnAuthImportAuthorization(func(ctx context.Context, r *tg.AuthImportAuthorizationRequest) (tg.AuthAuthorizationClass, error) {
		h := hex.EncodeToString(r.Bytes)
		u := s.w.Users[s.w.Exported[h]]
		if u == nil || int64(u.ID) != r.ID {
			return nil, rpcError(400, "AUTH_BYTES_INVALID")
		}
		delete(s.w.Exported, h)
		return s.authorize(callOf(ctx), u), nil
	})
	d.OnAuthBindTempAuthKey(func(context.Context, *tg.AuthBindTempAuthKeyRequest) (bool, error) {
		// Perfect forward secrecy is not simulated; this is what a client is
		// told whose binding could not be read.
		return false, rpcError(400, "ENCRYPTED_MESSAGE_INVALID")
	})
}

func (s *Server) authorization(k, current *authKey) tg.Authorization {
	a := tg.Authorization{Current: k == current, Hash: k.Hash, DeviceModel: k.Device, Platform: "", SystemVersion: k.System,
		APIID: k.APIID, AppName: "natsgram", AppVersion: k.Version, DateCreated: k.Created, DateActive: k.Active,
		IP: "127.0.0.1", Country: "Nowhere", Region: ""}
	if a.Current {
		a.Hash = 0
	}
	return a
}
