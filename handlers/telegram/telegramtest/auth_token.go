package telegramtest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/gotd/td/proto"
	"github.com/gotd/td/tg"
)

const loginTokenLife = 30 * time.Second // as at Telegram

// loginToken is what a QR code shows.
type loginToken struct {
	Key     int64 // who shows it
	Expires int
	User    UserID // who accepted it; 0 = nobody yet
}

func (s *Server) onToken(d *tg.ServerDispatcher) {
	d.OnAuthExportLoginToken(s.exportLoginToken)
	d.OnAuthImportLoginToken(s.importLoginToken)
	d.OnAuthAcceptLoginToken(func(ctx context.Context, token []byte) (*tg.Authorization, error) {
		k, err := s.acceptToken(s.me(ctx), token)
		if err != nil {
			return nil, err
		}
		a := s.authorization(k, nil)
		return &a, nil
	})
	d.OnAuthImportBotAuthorization(s.importBot)
}

// ScanQR accepts a login token for u, as the user's telephone does when it
// scans the code. Token is the raw token or the tg://login?token=… link.
func (s *Server) ScanQR(u UserID, token string) error {
	if _, after, ok := strings.Cut(token, "token="); ok {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(after, "="))
		if err != nil {
			return err
		}
		token = string(raw)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.acceptToken(s.mustUser(u), []byte(token))
	s.change()
	return err
}

// ExpireQR makes every login token that nobody accepted too old.
func (s *Server) ExpireQR() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.w.QR {
		if t.User == 0 {
			t.Expires = 0
		}
	}
	s.change()
}

func (s *Server) acceptToken(u *user, token []byte) (*authKey, error) {
	t := s.w.QR[hex.EncodeToString(token)]
	switch {
	case t == nil:
		return nil, rpcError(400, "AUTH_TOKEN_INVALID")
	case t.User != 0:
		return nil, rpcError(400, "AUTH_TOKEN_ALREADY_ACCEPTED")
	case t.Expires <= now():
		return nil, rpcError(400, "AUTH_TOKEN_EXPIRED")
	}
	k := s.w.Keys[t.Key]
	if k == nil {
		return nil, rpcError(400, "AUTH_TOKEN_INVALID")
	}
	t.User = u.ID
	for c := range s.conns {
		if c.key == k {
			c.send(proto.MessageFromServer, true, &tg.UpdateShort{Update: &tg.UpdateLoginToken{}, Date: now()})
		}
	}
	return k, nil
}

func (s *Server) exportLoginToken(ctx context.Context, r *tg.AuthExportLoginTokenRequest) (tg.AuthLoginTokenClass, error) {
	in := callOf(ctx)
	if r.APIID <= 0 || r.APIHash == "" {
		return nil, rpcError(400, "API_ID_INVALID")
	}
	for h, t := range s.w.QR {
		if t.User == 0 && t.Expires <= now() {
			delete(s.w.QR, h)
		}
		u := s.w.Users[t.User]
		if t.Key != in.key.id() || u == nil {
			continue
		}
		delete(s.w.QR, h)
		if u.DC != in.conn.dc.id && s.dc(u.DC).id == u.DC {
			raw, _ := hex.DecodeString(h)
			s.w.QR[h] = t // to be imported there
			return &tg.AuthLoginTokenMigrateTo{DCID: u.DC, Token: raw}, nil
		}
		return s.tokenLogin(in, u)
	}
	raw := randomBytes(32)
	t := &loginToken{Key: in.key.id(), Expires: int(time.Now().Add(s.opts.QRLife).Unix())}
	s.w.QR[hex.EncodeToString(raw)] = t
	return &tg.AuthLoginToken{Expires: t.Expires, Token: raw}, nil
}

func (s *Server) tokenLogin(in *call, u *user) (tg.AuthLoginTokenClass, error) {
	a, err := s.complete(in, u)
	if err != nil {
		return nil, err
	}
	return &tg.AuthLoginTokenSuccess{Authorization: a}, nil
}

// importLoginToken follows loginTokenMigrateTo: the key is another one here.
func (s *Server) importLoginToken(ctx context.Context, token []byte) (tg.AuthLoginTokenClass, error) {
	h := hex.EncodeToString(token)
	t := s.w.QR[h]
	if t == nil || t.User == 0 {
		return nil, rpcError(400, "AUTH_TOKEN_INVALID")
	}
	delete(s.w.QR, h)
	return s.tokenLogin(callOf(ctx), s.w.Users[t.User])
}

func (s *Server) importBot(ctx context.Context, r *tg.AuthImportBotAuthorizationRequest) (tg.AuthAuthorizationClass, error) {
	in := callOf(ctx)
	if r.APIID <= 0 || r.APIHash == "" {
		return nil, rpcError(400, "API_ID_INVALID")
	}
	for _, u := range s.w.Users {
		if !u.Bot || r.BotAuthToken == "" || u.Token != r.BotAuthToken {
			continue
		}
		if u.DC != in.conn.dc.id && s.dc(u.DC).id == u.DC {
			return nil, rpcError(303, fmt.Sprintf("USER_MIGRATE_%d", u.DC))
		}
		return s.authorize(in, u), nil
	}
	return nil, rpcError(400, "ACCESS_TOKEN_INVALID")
}
