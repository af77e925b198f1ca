package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	askPrefix   = "natsgram.ask."
	headerError = "Natsgram-Error"
	askTimeout  = 30 * time.Second
)

// askSubject lets a subject be given with or without its prefix.
func askSubject(subject string) string {
	if strings.HasPrefix(subject, askPrefix) {
		return subject
	}
	return askPrefix + subject
}

// Answer answers questions on natsgram.ask.<subject> until ctx ends, each in its
// own goroutine; fn's error is told to the asker. It does not block: it returns
// when questions are taken.
func (c *Conn) Answer(ctx context.Context, subject string, fn func(ctx context.Context, req []byte) ([]byte, error)) error {
	if c.cfg.ReadOnly {
		return ErrReadOnly
	}
	sub, err := c.nc.Subscribe(askSubject(subject), func(m *nats.Msg) {
		go c.answer(ctx, m, fn)
	})
	if err == nil {
		err = c.nc.FlushTimeout(getTimeout)
	}
	if err != nil {
		return fmt.Errorf("answer %s: %w", subject, err)
	}
	context.AfterFunc(ctx, func() { _ = sub.Unsubscribe() })
	return nil
}

func (c *Conn) answer(ctx context.Context, m *nats.Msg, fn func(context.Context, []byte) ([]byte, error)) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	reply := nats.NewMsg(m.Reply)
	body, err := fn(ctx, m.Data)
	if limit := c.nc.MaxPayload(); err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("the answer has %d bytes, more than the %d of a message", len(body), limit)
	}
	if err != nil {
		reply.Header.Set(headerError, oneLine(err.Error()))
		body = nil
	}
	reply.Data = body
	if err := c.nc.PublishMsg(reply); err != nil {
		c.log.Debug().Err(err).Str("subject", m.Subject).Msg("answer")
	}
}

// Ask asks the running bridge and blocks until it has answered, for at most
// 30 s. ErrNobodyAnswers if none runs; else the answerer's error.
func (c *Conn) Ask(ctx context.Context, subject string, req []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	m, err := c.nc.RequestWithContext(ctx, askSubject(subject), req)
	if errors.Is(err, nats.ErrNoResponders) {
		return nil, ErrNobodyAnswers
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", subject, err)
	}
	if text := m.Header.Get(headerError); text != "" {
		return nil, errors.New(text)
	}
	return m.Data, nil
}
