package telegramtest

import (
	"context"
	"errors"
	"math/big"

	"github.com/gotd/td/bin"
	"github.com/gotd/td/exchange"
	"github.com/gotd/td/mt"
	"github.com/gotd/td/proto"
	"github.com/gotd/td/transport"
)

// exchange makes an authorization key. b is the client's first message.
func (c *conn) exchange(b *bin.Buffer) error {
	s := c.s
	replay := &replayConn{Conn: c.tr, first: b}
	res, err := exchange.NewExchanger(replay, c.dc.id).WithTimeout(helloTimeout).
		Server(exchange.PrivateKey{RSA: s.rsa}).Run(s.ctx)
	var refused *exchange.ServerExchangeError
	var other *exchange.UnexpectedEncryptedError
	switch {
	case errors.As(err, &refused):
		_ = c.transportError(refused.Code)
		return err
	case errors.As(err, &other):
		return c.encrypted(&bin.Buffer{Buf: other.Frame})
	case err != nil:
		return err
	}
	k := &authKey{Key: res.Key, DC: c.dc.id, Salt: res.ServerSalt, Created: now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Keys[k.id()] = k
	s.saveKey(k)
	s.change()
	return nil
}

// replayConn gives back the message that told that an exchange begins.
type replayConn struct {
	transport.Conn
	first *bin.Buffer
}

func (r *replayConn) Recv(ctx context.Context, b *bin.Buffer) error {
	if r.first != nil {
		b.ResetTo(r.first.Buf)
		r.first = nil
		return nil
	}
	return r.Conn.Recv(ctx, b)
}

// Send makes the puzzle that a client must solve an easy one: its cost is
// meant to hold off floods, and here the tests would pay it.
func (r *replayConn) Send(ctx context.Context, b *bin.Buffer) error {
	var m proto.UnencryptedMessage
	var puzzle mt.ResPQ
	if m.Decode(&bin.Buffer{Buf: b.Buf}) == nil && puzzle.Decode(&bin.Buffer{Buf: m.MessageData}) == nil {
		puzzle.Pq = big.NewInt(65519 * 65521).Bytes()
		m.MessageData = encode(&puzzle)
		b.Reset()
		if err := m.Encode(b); err != nil {
			return err
		}
	}
	return r.Conn.Send(ctx, b)
}
