package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The errors that callers tell apart with errors.Is.
var (
	// ErrConflict: the aggregate has events that the caller had not seen. Load
	// it again and decide again.
	ErrConflict = errors.New("the log has newer events of this aggregate")
	// ErrUnwritable: nothing can be recorded now (no space, no server, no
	// answer). The event may or may not be stored: append the same one again.
	ErrUnwritable = errors.New("the log can't be written")
	// ErrReadOnly: the connection was opened for reading.
	ErrReadOnly = errors.New("the log was opened read-only")
	// ErrNoKey: the bucket or the snapshots have no such key.
	ErrNoKey = errors.New("no such key")
	// ErrDamaged: a snapshot is not what was saved.
	ErrDamaged = errors.New("it is damaged")
	// ErrKeyExists: Create met a key that is there.
	ErrKeyExists = errors.New("the key exists")
	// ErrRevision: the key was changed by somebody else.
	ErrRevision = errors.New("the key has another revision")
	// ErrNobodyAnswers: Ask found no bridge that answers.
	ErrNobodyAnswers = errors.New("no running bridge answers")
)

// The errors of Connect. Each is one sentence for whoever starts the bridge.
var (
	ErrLocked     = errors.New("another process has the store open")
	ErrStoreKey   = errors.New("the store can't be decrypted: its encryption key is missing or wrong")
	ErrPartitions = errors.New("the log has another number of partitions")
	ErrNoLog      = errors.New("there is no log yet: start the bridge once")
	ErrStore      = errors.New("the store can't be used")
)

// JetStream error codes that nats.go has no name for.
const (
	codeInsufficientResources jetstream.ErrorCode = 10023
	codeStorageExceeded       jetstream.ErrorCode = 10047
	codeNoClusterLeader       jetstream.ErrorCode = 10008
)

func hasCode(err error, codes ...jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode == code {
			return true
		}
	}
	return false
}

// isConflict recognises a failed compare-and-set: one code when the stream
// knew at once, another when the rival was still in flight in a cluster.
func isConflict(err error) bool {
	return hasCode(err, jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// isSilence recognises that no server has answered.
func isSilence(err error) bool {
	for _, known := range []error{
		context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected,
		nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrConnectionDraining, nats.ErrStaleConnection,
		jetstream.ErrNoStreamResponse, jetstream.ErrJetStreamNotEnabled,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return hasCode(err, codeNoClusterLeader)
}

// isFull recognises that the store has no space left.
func isFull(err error) bool {
	return hasCode(err, codeInsufficientResources, codeStorageExceeded) || strings.Contains(fmt.Sprint(err), "no space left")
}

// isUnwritable recognises errors after which nobody knows, or nothing was
// stored and nothing can be for now.
func isUnwritable(err error) bool {
	var api *jetstream.APIError
	return isSilence(err) || isFull(err) || errors.As(err, &api) && api.Code >= 500
}

// downError, laterError and haltError carry a handler's verdict.
type (
	downError  struct{ err error }
	laterError struct {
		at  time.Time
		err error
	}
	haltError struct{ err error }
)

func (e *downError) Error() string { return e.err.Error() }
func (e *downError) Unwrap() error { return e.err }
func (e *laterError) Error() string {
	return fmt.Sprintf("not before %s: %v", e.at.Format(time.RFC3339), e.err)
}
func (e *laterError) Unwrap() error { return e.err }
func (e *haltError) Error() string  { return e.err.Error() }
func (e *haltError) Unwrap() error  { return e.err }

// Down is what a handler returns when the outside world is unreachable: the
// event is tried again for ever, at most 5 s apart, and no try is counted.
// Down(nil) is nil.
func Down(err error) error {
	if err == nil {
		return nil
	}
	return &downError{err}
}

// NotBefore is what a handler returns when the outside world said when to come
// back (FLOOD_WAIT, Retry-After): the event is tried again at t; no try is counted.
func NotBefore(t time.Time, err error) error {
	if err == nil {
		err = errors.New("asked to wait")
	}
	return &laterError{at: t, err: err}
}

// Halt is what a handler returns when going on would do harm: the event stays
// unacknowledged and React returns the error. Halt(nil) is nil.
func Halt(err error) error {
	if err == nil {
		return nil
	}
	return &haltError{err}
}
