package telegramtest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gotd/td/bin"
	"github.com/gotd/td/mt"
	"github.com/gotd/td/proto"
	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"
)

// maxCalls bounds the log of calls: benchmarks make many.
const maxCalls = 200_000

// call is one request on its way through the server. Handlers get it from
// their context.
type call struct {
	conn  *conn
	key   *authKey
	rec   *Call
	phone string // digits, of login methods
	who   UserID // whose login it is to be, of methods that name no phone
	msgID int64
	body  *bin.Buffer
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// me is the account that calls. The gate in dispatch saw to it that there is one.
func (s *Server) me(ctx context.Context) *user { return s.w.Users[callOf(ctx).key.User] }

func rpcError(code int, message string) error { return tgerr.New(code, message) }

// rpc takes a request, lets faults strike and answers. It returns at once if
// the answer is to come late.
func (s *Server) rpc(c *conn, msgID int64, b *bin.Buffer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.firstTime(msgID) {
		return
	}
	if err := c.unwrap(b); err != nil {
		s.log.Debug().Err(err).Msg("bad request")
		c.result(msgID, asRPCError(rpcError(400, "INPUT_REQUEST_INVALID")))
		return
	}
	id, _ := b.PeekID()
	name := s.names[id]
	if name == "" {
		name = fmt.Sprintf("unknown#%08x", id)
	}
	in := &call{conn: c, key: c.key, msgID: msgID, body: b, phone: phoneOf(id, b),
		who: s.whoIs(id, b, c.key), rec: &Call{Method: name, User: c.key.User, KeyID: c.key.id(), At: time.Now()}}
	if len(s.calls) < maxCalls {
		s.calls = append(s.calls, in.rec)
	}
	s.arrived[name]++
	s.notify()
	f := s.strike(in)
	if d := s.opts.Latency + f.Delay; d > 0 {
		s.wg.Go(func() { s.later(in, f, d) })
		return
	}
	s.answer(in, f)
}

func (s *Server) later(in *call, f Fault, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer(in, f)
}

// answer gives the request its effect and queues the answer, in one critical
// section with the pushes that follow from it.
func (s *Server) answer(in *call, f Fault) {
	s.answered[in.rec.Method]++
	if f.Drop == DropBefore {
		in.rec.Answer = "dropped"
		in.conn.sever()
		s.notify()
		return
	}
	var res bin.Encoder
	var err error
	if f.Err == nil || f.After {
		res, err = s.dispatch(in)
	}
	if f.Err != nil {
		err = f.Err
	}
	in.rec.Answer = "ok"
	if err != nil {
		res = asRPCError(err)
		in.rec.Answer = res.(*mt.RPCError).ErrorMessage
		s.log.Debug().Str("method", in.rec.Method).Str("error", in.rec.Answer).Msg("refused")
	}
	if f.Drop == DropAfter {
		in.rec.Answer = "dropped"
		in.conn.sever()
	} else if in.conn.key == in.key {
		in.conn.result(in.msgID, res)
	}
	s.change()
}

func asRPCError(err error) *mt.RPCError {
	var e *tgerr.Error
	if !errors.As(err, &e) {
		// Only decoding fails in another way.
		return &mt.RPCError{ErrorCode: 400, ErrorMessage: "INPUT_FETCH_ERROR"}
	}
	return &mt.RPCError{ErrorCode: e.Code, ErrorMessage: e.Message}
}

// dispatch runs the handler if the caller may call it.
func (s *Server) dispatch(in *call) (bin.Encoder, error) {
	if err := s.gate(in); err != nil {
		return nil, err
	}
	if in.key.User != 0 && !strings.HasPrefix(in.rec.Method, "help.") {
		in.conn.subscribe()
	}
	return s.rpcs.Handle(context.WithValue(s.ctx, callKey{}, in), in.body)
}

// open methods need no authorisation.
func open(method string) bool {
	switch method {
	case "auth.sendCode", "auth.resendCode", "auth.cancelCode", "auth.signIn", "auth.signUp",
		"auth.importBotAuthorization", "auth.exportLoginToken", "auth.importLoginToken",
		"auth.checkPassword", "auth.importAuthorization", "auth.bindTempAuthKey", "account.getPassword":
		return true
	}
	return strings.HasPrefix(method, "help.")
}

func (s *Server) gate(in *call) error {
	k := in.key
	if u := s.w.Users[k.User]; u != nil && !strings.HasPrefix(in.rec.Method, "help.") {
		switch {
		case u.Banned:
			return rpcError(401, "USER_DEACTIVATED_BAN")
		case u.Gone:
			return rpcError(401, "USER_DEACTIVATED")
		}
	}
	if open(in.rec.Method) || s.w.Users[k.User] != nil {
		return nil
	}
	switch {
	case k.Pending != 0:
		return rpcError(401, "SESSION_PASSWORD_NEEDED")
	case k.Refusal != "":
		return rpcError(401, k.Refusal)
	}
	return rpcError(401, "AUTH_KEY_UNREGISTERED")
}

// unwrap takes off the invoke… wrappers and notes what they say.
func (c *conn) unwrap(b *bin.Buffer) error {
	var inner peekID
	for {
		id, err := b.PeekID()
		if err != nil {
			return err
		}
		switch id {
		case tg.InvokeWithLayerRequestTypeID:
			err = (&tg.InvokeWithLayerRequest{Query: &inner}).Decode(b)
		case tg.InitConnectionRequestTypeID:
			r := tg.InitConnectionRequest{Query: &inner}
			err = r.Decode(b)
			c.key.APIID, c.key.Device, c.key.System, c.key.Version = r.APIID, r.DeviceModel, r.SystemVersion, r.AppVersion
		case tg.InvokeWithoutUpdatesRequestTypeID:
			c.quiet = true
			err = (&tg.InvokeWithoutUpdatesRequest{Query: &inner}).Decode(b)
		case tg.InvokeAfterMsgRequestTypeID:
			err = (&tg.InvokeAfterMsgRequest{Query: &inner}).Decode(b)
		case tg.InvokeAfterMsgsRequestTypeID:
			err = (&tg.InvokeAfterMsgsRequest{Query: &inner}).Decode(b)
		case proto.GZIPTypeID:
			var z proto.GZIP
			err = z.Decode(b)
			b.ResetTo(z.Data)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// peekID stands for the wrapped request and leaves it in the buffer.
type peekID struct{}

func (peekID) Decode(b *bin.Buffer) error { _, err := b.PeekID(); return err }
func (peekID) Encode(*bin.Buffer) error   { return errors.New("never sent") }

// phoneOf looks ahead at the phone of a login method, for faults.
func phoneOf(id uint32, b *bin.Buffer) string {
	peek := &bin.Buffer{Buf: b.Buf}
	var phone string
	switch id {
	case tg.AuthSendCodeRequestTypeID:
		var r tg.AuthSendCodeRequest
		_ = r.Decode(peek)
		phone = r.PhoneNumber
	case tg.AuthResendCodeRequestTypeID:
		var r tg.AuthResendCodeRequest
		_ = r.Decode(peek)
		phone = r.PhoneNumber
	case tg.AuthCancelCodeRequestTypeID:
		var r tg.AuthCancelCodeRequest
		_ = r.Decode(peek)
		phone = r.PhoneNumber
	case tg.AuthSignInRequestTypeID:
		var r tg.AuthSignInRequest
		_ = r.Decode(peek)
		phone = r.PhoneNumber
	case tg.AuthSignUpRequestTypeID:
		var r tg.AuthSignUpRequest
		_ = r.Decode(peek)
		phone = r.PhoneNumber
	}
	return digits(phone)
}

// whoIs looks ahead at the account that a method of a login without a phone is
// about, for faults.
func (s *Server) whoIs(id uint32, b *bin.Buffer, k *authKey) UserID {
	switch id {
	case tg.AuthImportBotAuthorizationRequestTypeID:
		var r tg.AuthImportBotAuthorizationRequest
		_ = r.Decode(&bin.Buffer{Buf: b.Buf})
		for _, u := range s.w.Users {
			if u.Bot && u.Token == r.BotAuthToken {
				return u.ID
			}
		}
		return 0
	case tg.AuthImportLoginTokenRequestTypeID:
		var r tg.AuthImportLoginTokenRequest
		_ = r.Decode(&bin.Buffer{Buf: b.Buf})
		if t := s.w.QR[hex.EncodeToString(r.Token)]; t != nil {
			return t.User
		}
		return 0
	case tg.AuthCheckPasswordRequestTypeID, tg.AccountGetPasswordRequestTypeID:
		return k.Pending
	default:
		return 0
	}
}

// methodNames gives "auth.signIn" for its constructor.
func methodNames() map[uint32]string {
	out := map[uint32]string{}
	for id, name := range tg.TypesMap() {
		out[id], _, _ = strings.Cut(name, "#")
	}
	return out
}

func digits(phone string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, phone)
}

// dispatcher joins methods to handlers.
func (s *Server) dispatcher() *tg.ServerDispatcher {
	d := tg.NewServerDispatcher(func(ctx context.Context, _ *bin.Buffer) (bin.Encoder, error) {
		s.log.Debug().Str("method", callOf(ctx).rec.Method).Msg("not simulated")
		return nil, rpcError(400, "METHOD_INVALID")
	})
	s.onHelp(d)
	s.onCode(d)
	s.onPassword(d)
	s.onToken(d)
	s.onSession(d)
	s.onPeople(d)
	s.onDialogs(d)
	s.onChats(d)
	s.onHistory(d)
	s.onMessages(d)
	s.onUpdates(d)
	s.onFiles(d)
	return d
}
