package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// dial opens both connections: to url, or in-process if it is empty.
func (c *Conn) dial(url, user, password string) (err error) {
	options := []nats.Option{
		nats.UserInfo(user, password), nats.CustomInboxPrefix("_INBOX_" + user),
		nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.Timeout(5 * time.Second),
		// A write that waits in a buffer for the server to come back would be
		// stored after its caller gave up: rather fail at once.
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.log.Debug().Err(err).Msg("nats") }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.log.Warn().Err(err).Msg("lost the connection to the log")
			}
		}),
	}
	if c.nc, err = nats.Connect(url, c.route(options, url, false)...); err != nil {
		return c.dialError(url, user, err)
	}
	// net.Pipe has no buffer: a bulk read over TCP loopback is up to 1.5 times as fast.
	if c.reader, err = nats.Connect(c.readURL(url), c.route(options, url, true)...); err != nil {
		return c.dialError(url, user, err)
	}
	c.js, err = jetstream.New(c.nc)
	return err
}

// route adds the in-process way to options where that is the way to go.
func (c *Conn) route(options []nats.Option, url string, bulk bool) []nats.Option {
	name := "natsgram"
	if bulk {
		name = "natsgram bulk reads"
	}
	options = append(slices.Clone(options), nats.Name(name))
	if url == "" && (!bulk || c.ClientURL() == "") {
		options = append(options, nats.InProcessServer(c.server))
	}
	return options
}

func (c *Conn) readURL(url string) string {
	if url == "" {
		return c.ClientURL()
	}
	return url
}

func (c *Conn) dialError(url, user string, err error) error {
	if url == "" {
		url = "the embedded server"
	}
	// A refused password reads as a closed pipe when in-process.
	if errors.Is(err, nats.ErrAuthorization) || strings.Contains(err.Error(), "closed pipe") {
		return fmt.Errorf("%s does not take the password of user %s", url, user)
	}
	return fmt.Errorf("connect to %s: %w", url, err)
}
