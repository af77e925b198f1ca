package telegramtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/gotd/td/bin"
	"github.com/gotd/td/crypto"
	"github.com/gotd/td/mt"
	"github.com/gotd/td/proto"
	"github.com/gotd/td/proto/codec"
	"github.com/gotd/td/tg"
)

// recentMessages is how many message IDs of a client are remembered to notice
// that it repeats one.
const recentMessages = 512

// encrypted handles one encrypted message. An error ends the connection.
func (c *conn) encrypted(b *bin.Buffer) error {
	s := c.s
	var m crypto.EncryptedMessage
	if err := m.DecodeWithoutCopy(b); err != nil {
		return err
	}
	s.mu.Lock()
	k := s.w.Keys[int64(binary.LittleEndian.Uint64(m.AuthKeyID[:]))]
	s.mu.Unlock()
	if k == nil || k.DC != c.dc.id {
		return c.transportError(codec.CodeAuthKeyNotFound)
	}
	data, err := s.cipher.Decrypt(k.Key, &m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	c.adopt(k, data.SessionID, data.MessageID)
	s.mu.Unlock()
	return c.message(data.MessageID, data.SeqNo, data.Data())
}

// adopt notes which key and session speak on the connection.
func (c *conn) adopt(k *authKey, session, msgID int64) {
	if c.key != k || c.session != session {
		c.unsubscribe()
		c.key, c.session, c.greeted, c.seq = k, session, false, 0
		c.recent, c.order = map[int64]bool{}, nil
	}
	k.Active = now()
	if !c.greeted {
		c.greeted = true
		c.send(proto.MessageFromServer, true, &mt.NewSessionCreated{
			FirstMsgID: msgID, UniqueID: randomInt64(), ServerSalt: k.Salt,
		})
	}
}

func (c *conn) message(msgID int64, seq int32, body []byte) error {
	b := &bin.Buffer{Buf: body}
	id, err := b.PeekID()
	if err != nil {
		return err
	}
	switch id {
	case proto.MessageContainerTypeID:
		var container proto.MessageContainer
		if err := container.Decode(b); err != nil {
			return err
		}
		for _, m := range container.Messages {
			if err := c.message(m.ID, int32(m.SeqNo), m.Body); err != nil {
				return err
			}
		}
		return nil
	case proto.GZIPTypeID:
		var z proto.GZIP
		if err := z.Decode(b); err != nil {
			return err
		}
		return c.message(msgID, seq, z.Data)
	case mt.MsgsAckTypeID, mt.HTTPWaitRequestTypeID, mt.MsgsStateInfoTypeID, mt.MsgsAllInfoTypeID,
		mt.BadMsgNotificationTypeID, mt.MsgResendReqTypeID:
		return nil
	}
	if done, err := c.service(id, msgID, b); done {
		return err
	}
	c.s.rpc(c, msgID, b)
	return nil
}

// service answers the messages that belong to the protocol and not to the API.
func (c *conn) service(id uint32, msgID int64, b *bin.Buffer) (bool, error) {
	s := c.s
	var answer bin.Encoder
	result := false // wrapped in rpc_result
	var err error
	switch id {
	case mt.PingRequestTypeID:
		var p mt.PingRequest
		err = p.Decode(b)
		answer = &mt.Pong{MsgID: msgID, PingID: p.PingID}
	case mt.PingDelayDisconnectRequestTypeID:
		var p mt.PingDelayDisconnectRequest
		err = p.Decode(b)
		answer = &mt.Pong{MsgID: msgID, PingID: p.PingID}
		s.mu.Lock()
		c.deadline = time.Duration(p.DisconnectDelay) * time.Second
		s.mu.Unlock()
	case mt.GetFutureSaltsRequestTypeID:
		s.mu.Lock()
		salt := c.key.Salt
		s.mu.Unlock()
		answer = &mt.FutureSalts{ReqMsgID: msgID, Now: now(), Salts: []mt.FutureSalt{
			{ValidSince: 1, ValidUntil: math.MaxInt32, Salt: salt}}}
	case mt.RPCDropAnswerRequestTypeID:
		answer, result = &mt.RPCAnswerUnknown{}, true
	case mt.DestroySessionRequestTypeID:
		var d mt.DestroySessionRequest
		err = d.Decode(b)
		answer = &mt.DestroySessionOk{SessionID: d.SessionID}
	case mt.MsgsStateReqTypeID:
		var q mt.MsgsStateReq
		err = q.Decode(b)
		info := make([]byte, len(q.MsgIDs))
		for i := range info {
			info[i] = 4 // received
		}
		answer = &mt.MsgsStateInfo{ReqMsgID: msgID, Info: info}
	default:
		return false, nil
	}
	if err != nil {
		return true, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if result {
		c.result(msgID, answer)
	} else {
		c.send(proto.MessageServerResponse, false, answer)
	}
	return true, nil
}

// firstTime tells whether the message is new on this connection. A client that
// waits long for an answer sends its request again under the same number.
func (c *conn) firstTime(msgID int64) bool {
	if _, seen := c.recent[msgID]; seen {
		c.send(proto.MessageFromServer, false, &mt.MsgsAck{MsgIDs: []int64{msgID}})
		return false
	}
	c.recent[msgID] = true
	c.order = append(c.order, msgID)
	if len(c.order) > recentMessages {
		delete(c.recent, c.order[0])
		c.order = c.order[1:]
	}
	return true
}

// result queues the answer to a request.
func (c *conn) result(msgID int64, answer bin.Encoder) {
	var b bin.Buffer
	if err := answer.Encode(&b); err != nil {
		// A mistake of the simulation; the client must not wait for ever.
		c.s.log.Error().Err(err).Msgf("cannot encode %T", answer)
		b.Reset()
		_ = (&mt.RPCError{ErrorCode: 500, ErrorMessage: "INTERNAL"}).Encode(&b)
	}
	body := b.Buf
	if id, _ := b.PeekID(); len(body) > 64<<10 && id != tg.UploadFileTypeID {
		var z bin.Buffer
		if err := (proto.GZIP{Data: body}).Encode(&z); err == nil && z.Len() < len(body) {
			body = z.Buf
		}
	}
	c.send(proto.MessageServerResponse, true, &proto.Result{RequestMessageID: msgID, Result: body})
}

func (c *conn) send(t proto.MessageType, content bool, m bin.Encoder) {
	var b bin.Buffer
	if err := m.Encode(&b); err != nil {
		c.s.log.Error().Err(err).Msgf("cannot encode %T", m)
		return
	}
	c.sendBytes(t, content, b.Buf)
}

// sendBytes queues an encoded message. Server.mu is held, so that numbers and
// queue have one order.
func (c *conn) sendBytes(t proto.MessageType, content bool, body []byte) {
	f := frame{key: c.key, session: c.session, msgID: c.s.msgID.New(t), seq: c.seq * 2, body: body}
	if content {
		f.seq++ // odd: to be acknowledged
		c.seq++
	}
	c.outMu.Lock()
	if !c.closed {
		c.out = append(c.out, f)
	}
	c.outMu.Unlock()
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *conn) writeLoop() {
	var b bin.Buffer
	for {
		<-c.kick
		c.outMu.Lock()
		out, closed := c.out, c.closed
		c.out = nil
		c.outMu.Unlock()
		if closed {
			return
		}
		for i := range out {
			if err := c.write(&b, &out[i]); err != nil {
				c.cut()
				return
			}
		}
	}
}

func (c *conn) write(b *bin.Buffer, f *frame) error {
	b.Reset()
	err := c.s.cipher.Encrypt(f.key.Key, crypto.EncryptedMessageData{
		Salt: f.key.Salt, SessionID: f.session, MessageID: f.msgID, SeqNo: f.seq,
		MessageDataLen: int32(len(f.body)), MessageDataWithPadding: f.body,
	}, b)
	if err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return c.tr.Send(ctx, b)
}
