package matrix

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"maunium.net/go/mautrix"

	"github.com/natsgram/natsgram/events/journal"
)

// refusal is the homeserver's definite no: the call had no effect.
type refusal struct {
	call   string
	status int
	code   string // errcode
}

func (r *refusal) Error() string { return fmt.Sprintf("%s: %s (HTTP %d)", r.call, r.code, r.status) }

// refusedWith returns the errcode if err is a refusal.
func refusedWith(err error) (code string, ok bool) {
	var r *refusal
	if !errors.As(err, &r) {
		return "", false
	}
	return r.code, true
}

// refused reports whether err is a refusal with one of the codes, or any.
func refused(err error, codes ...mautrix.RespError) bool {
	code, ok := refusedWith(err)
	for _, c := range codes {
		if code == c.ErrCode {
			return true
		}
	}
	return ok && len(codes) == 0
}

// outage is why a call has to be made again later: the homeserver can't be
// reached, is broken, or asks to wait. The journal's marks are around it.
type outage struct {
	err     error
	unknown bool // the call may have had its effect
}

func (o *outage) Error() string { return o.err.Error() }
func (o *outage) Unwrap() error { return o.err }

func isOutage(err error) bool {
	var o *outage
	return errors.As(err, &o)
}

// outcomeUnknown reports whether the failed call may have had its effect.
func outcomeUnknown(err error) bool {
	var o *outage
	return errors.As(err, &o) && o.unknown
}

// verdict turns what a call of the client library failed with into what a
// reactor may return: a refusal, journal.NotBefore or journal.Down. The text
// names the call and the error code alone: addresses hold user IDs.
func verdict(call string, err error) error {
	if err == nil {
		return nil
	}
	var answer mautrix.HTTPError
	if !errors.As(err, &answer) || answer.Response == nil {
		short := fmt.Errorf("%s: %w", call, bare(err))
		return journal.Down(&outage{short, !notSent(err)})
	}
	status := answer.Response.StatusCode
	code := ""
	if answer.RespError != nil {
		code = answer.RespError.ErrCode
	}
	switch {
	case status == http.StatusTooManyRequests || code == mautrix.MLimitExceeded.ErrCode:
		return journal.NotBefore(time.Now().Add(retryAfter(answer)), &outage{fmt.Errorf("%s: rate limit", call), false})
	case status < 300: // the answer was cut off
		return journal.Down(&outage{fmt.Errorf("%s: unreadable answer (HTTP %d)", call, status), true})
	case status >= 500:
		return journal.Down(&outage{fmt.Errorf("%s: HTTP %d %s", call, status, code), true})
	case code == "", code == mautrix.MUnknownToken.ErrCode, code == mautrix.MMissingToken.ErrCode:
		// Not the homeserver's own answer, or it does not know the bridge at the
		// moment: somebody has to put that right, and then nothing is lost.
		return journal.Down(&outage{fmt.Errorf("%s: HTTP %d %s", call, status, code), false})
	default:
		return &refusal{call, status, code}
	}
}

// notSent reports whether the request certainly did not reach the homeserver.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// bare is the error without the address that it was about.
func bare(err error) error {
	var u *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("no answer in time")
	case errors.As(err, &u):
		return u.Err
	}
	return err
}

// retryAfter is how long the homeserver asks to wait.
func retryAfter(answer mautrix.HTTPError) time.Duration {
	const least, most = 100 * time.Millisecond, 5 * time.Minute
	wait := time.Second
	if answer.RespError != nil {
		if ms, ok := answer.RespError.ExtraData["retry_after_ms"].(float64); ok {
			wait = time.Duration(ms) * time.Millisecond
		}
	}
	if d, err := time.ParseDuration(answer.Response.Header.Get("Retry-After") + "s"); err == nil {
		wait = max(wait, d)
	}
	return min(max(wait, least), most)
}
