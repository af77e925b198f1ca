package telegramtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gotd/td/bin"
	"github.com/gotd/td/proto/codec"
	"github.com/gotd/td/transport"
)

const (
	helloTimeout = 30 * time.Second // to name the transport and make a key
	writeTimeout = 30 * time.Second
)

// conn is one TCP connection. One goroutine reads it and answers; another
// writes, so that what is queued under Server.mu reaches the client in the
// order in which it happened and a slow client delays nobody.
type conn struct {
	s  *Server
	dc *dc
	nc net.Conn
	tr transport.Conn

	// Guarded by Server.mu.
	key      *authKey
	session  int64
	greeted  bool // new_session_created was sent
	seq      int32
	quiet    bool // invokeWithoutUpdates
	subUser  UserID
	recent   map[int64]bool // msg_id -> answered
	order    []int64        // of recent
	deadline time.Duration  // from ping_delay_disconnect

	outMu  sync.Mutex
	out    []frame
	kick   chan struct{}
	closed bool
}

// frame is an encoded message on its way out.
type frame struct {
	key     *authKey
	session int64
	msgID   int64
	seq     int32
	body    []byte
}

func (s *Server) serve(d *dc, nc net.Conn) {
	c := &conn{s: s, dc: d, nc: nc, recent: map[int64]bool{}, kick: make(chan struct{}, 1)}
	s.mu.Lock()
	if s.paused || s.ctx.Err() != nil {
		s.mu.Unlock()
		_ = nc.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	defer func() {
		c.cut()
		s.mu.Lock()
		delete(s.conns, c)
		c.unsubscribe()
		s.notify()
		s.mu.Unlock()
	}()

	_ = nc.SetDeadline(time.Now().Add(helloTimeout))
	tr, err := handshake(nc)
	if err != nil {
		return
	}
	_ = nc.SetDeadline(time.Time{})
	c.tr = tr
	s.wg.Go(c.writeLoop)
	if err := c.readLoop(); !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
		s.log.Debug().Err(err).Msg("connection ended")
	}
}

// cut closes the connection at once; what is queued is lost.
func (c *conn) cut() {
	c.outMu.Lock()
	c.closed, c.out = true, nil
	c.outMu.Unlock()
	select {
	case c.kick <- struct{}{}:
	default:
	}
	_ = c.nc.Close()
}

// sever cuts the connection and forgets it at once, so that nothing counts on
// it from now on. Server.mu is held.
func (c *conn) sever() {
	c.unsubscribe()
	delete(c.s.conns, c)
	c.cut()
}

// handshake finds out which transport the client speaks: abridged,
// intermediate, padded intermediate, full, or one of them obfuscated.
func handshake(nc net.Conn) (transport.Conn, error) {
	r := bufio.NewReaderSize(nc, 1024)
	first, err := r.Peek(1)
	if err != nil {
		return nil, err
	}
	var ln net.Listener = &once{conn: peeked{nc, r}}
	if first[0] != codec.AbridgedClientStart[0] {
		head, err := r.Peek(8)
		if err != nil {
			return nil, err
		}
		plain := bytes.Equal(head[:4], codec.IntermediateClientStart[:]) ||
			bytes.Equal(head[:4], codec.PaddedIntermediateClientStart[:]) ||
			binary.LittleEndian.Uint32(head[4:]) == 0 // full: sequence number 0
		if !plain {
			ln = transport.ObfuscatedListener(ln)
		}
	}
	return transport.Listen(ln).Accept()
}

// peeked reads what was peeked at first.
type peeked struct {
	net.Conn
	r *bufio.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.r.Read(b) }

// once is a listener of one connection: gotd detects transports in Accept, and
// there a silent peer would keep all others waiting.
type once struct{ conn net.Conn }

func (o *once) Accept() (net.Conn, error) { return o.conn, nil }
func (o *once) Close() error              { return nil }
func (o *once) Addr() net.Addr            { return o.conn.LocalAddr() }

// readLoop ends with the error that ended the connection.
func (c *conn) readLoop() error {
	for {
		b := new(bin.Buffer) // messages are kept by goroutines that answer late
		if err := c.recv(b); err != nil {
			return err
		}
		if len(b.Buf) < 8 {
			return errors.New("short message")
		}
		if binary.LittleEndian.Uint64(b.Buf) != 0 {
			if err := c.encrypted(b); err != nil {
				return err
			}
			continue
		}
		if err := c.exchange(b); err != nil {
			return err
		}
	}
}

// recv waits for ever, unless the client asked to be dropped when it is silent.
func (c *conn) recv(b *bin.Buffer) error {
	c.s.mu.Lock()
	d := c.deadline
	c.s.mu.Unlock()
	ctx := context.Background()
	if d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	return c.tr.Recv(ctx, b)
}

func (c *conn) transportError(code int32) error {
	var b bin.Buffer
	b.PutInt32(-code)
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return c.tr.Send(ctx, &b)
}
