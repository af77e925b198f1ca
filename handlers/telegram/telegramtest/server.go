package telegramtest

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gotd/td/crypto"
	"github.com/gotd/td/proto"
	"github.com/gotd/td/tg"
	"github.com/rs/zerolog"
)

// Options of a server. The zero value is a server in memory on a free port.
type Options struct {
	// Addr of DC 2; "127.0.0.1:0" by default. With Dir, a server that is
	// started again with port 0 takes its former ports if they are free.
	Addr string
	// Dir keeps keys and state over a restart; "" keeps them in memory.
	Dir string
	Log zerolog.Logger
	// Latency delays every answer.
	Latency time.Duration
	// DCs is how many data centres there are, one port each: 2 (the home of
	// users by default), then 4, 1, 3, 5. Default 1.
	DCs int
	// KeepEvents is how many events an account's and a channel's difference
	// reach back, beyond which they are "too long". Default 10000.
	KeepEvents int
	// ChannelDifferenceTimeout is sent with each channel difference: seconds
	// for which the client must not ask again. Default 0, none.
	ChannelDifferenceTimeout int
	// CodeAttempts is how often a login code may be wrong. Default 5.
	CodeAttempts int
	// QRLife is how long a login token is good for, in whole seconds. Default 30 s.
	QRLife time.Duration
	// CodeTimeout is sent with each code: seconds after which another route
	// may be asked for. Default 60.
	CodeTimeout int
}

// Server is a simulated Telegram. Its methods may be called at any time, from
// any goroutine.
type Server struct {
	opts   Options
	log    zerolog.Logger
	rsa    *rsa.PrivateKey
	cipher crypto.Cipher
	msgID  *proto.MessageIDGen
	rpcs   *tg.ServerDispatcher
	names  map[uint32]string
	dcs    []*dc
	store  *store
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu                sync.Mutex
	w                 *world
	conns             map[*conn]struct{}
	online            map[UserID]map[*conn]struct{}
	faults            []*fault
	calls             []*Call
	arrived, answered map[string]int // by method
	srp               map[int64]*challenge
	parts             map[partKey][]byte
	lose              map[UserID]int // pushes that are not to arrive
	paused            bool
	dirty             bool

	waiting atomic.Int32
	wakeMu  sync.Mutex
	wake    chan struct{}
}

// dc is one data centre: a listener of its own, sharing all else.
type dc struct {
	id   int
	addr string
	ln   net.Listener // nil while paused
}

// Start serves until ctx ends or Close is called; state is stored by Close in
// either case.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	setDefault(&opts.DCs, 1)
	setDefault(&opts.KeepEvents, 10000)
	setDefault(&opts.CodeAttempts, 5)
	setDefault(&opts.CodeTimeout, 60)
	if opts.QRLife == 0 {
		opts.QRLife = loginTokenLife
	}
	s := &Server{
		opts: opts, log: opts.Log, cipher: crypto.NewServerCipher(crypto.DefaultRand()),
		msgID: proto.NewMessageIDGen(time.Now), names: methodNames(),
		conns: map[*conn]struct{}{}, online: map[UserID]map[*conn]struct{}{},
		arrived: map[string]int{}, answered: map[string]int{}, lose: map[UserID]int{}, srp: map[int64]*challenge{}, parts: map[partKey][]byte{}, wake: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := s.open(); err != nil {
		s.cancel()
		return nil, err
	}
	s.rpcs = s.dispatcher()
	for _, id := range []int{2, 4, 1, 3, 5}[:min(opts.DCs, 5)] {
		d, err := s.listen(id)
		if err != nil {
			s.cancel()
			return nil, errors.Join(err, s.closeListeners(), s.store.close())
		}
		s.dcs = append(s.dcs, d)
	}
	s.mu.Lock()
	for _, d := range s.dcs {
		s.accept(d, d.ln)
	}
	s.change()
	s.mu.Unlock()
	if s.store.dir != "" {
		s.wg.Go(s.saveLoop)
	}
	context.AfterFunc(s.ctx, s.shut)
	return s, nil
}

func setDefault(v *int, d int) {
	if *v == 0 {
		*v = d
	}
}

// listen opens the port of a DC: the asked one, else the former one, else any.
func (s *Server) listen(id int) (*dc, error) {
	host, port, err := net.SplitHostPort(s.opts.Addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", s.opts.Addr, err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", s.opts.Addr, err)
	}
	if n != 0 {
		n += len(s.dcs)
	}
	if former := s.w.Ports[id]; n == 0 && former != 0 {
		n = former
	}
	ln, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(n)))
	if err != nil && port == "0" {
		ln, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	if err != nil {
		return nil, err
	}
	s.w.Ports[id] = ln.Addr().(*net.TCPAddr).Port
	return &dc{id: id, addr: ln.Addr().String(), ln: ln}, nil
}

// accept takes connections and does no more: a peer that says nothing keeps
// only its own goroutine waiting.
func (s *Server) accept(d *dc, ln net.Listener) {
	s.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return // closed: paused or shut
			}
			s.wg.Go(func() { s.serve(d, nc) })
		}
	})
}

// Addr is where DC 2 listens.
func (s *Server) Addr() string { return s.dcs[0].addr }

func (s *Server) dc(id int) *dc {
	for _, d := range s.dcs {
		if d.id == id {
			return d
		}
	}
	return s.dcs[0]
}

// Pause makes Telegram unreachable: connections are cut and new ones refused
// until Resume.
func (s *Server) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = true
	_ = s.closeListeners()
	s.cutAll()
}

// Resume listens again on the same ports.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.paused || s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	for _, d := range s.dcs {
		ln, err := net.Listen("tcp", d.addr)
		if err != nil {
			return err
		}
		d.ln = ln
		s.accept(d, ln)
	}
	s.paused = false
	return nil
}

func (s *Server) closeListeners() error {
	var errs []error
	for _, d := range s.dcs {
		if d.ln != nil {
			errs = append(errs, d.ln.Close())
			d.ln = nil
		}
	}
	return errors.Join(errs...)
}

func (s *Server) cutAll() {
	for c := range s.conns {
		c.sever()
	}
}

func (s *Server) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.closeListeners()
	s.cutAll()
}

// Close ends every connection, stores the state and returns when nothing of
// the server runs any more.
func (s *Server) Close() error {
	s.cancel()
	s.shut()
	s.wg.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.save(), s.store.close())
}
