package provisioning

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/projections"
)

// problem is an answer that says why there is none: what the caller reads, and
// what to do. Code is Matrix's or bridgev2's where they have one, else ours.
type problem struct {
	Status int
	Code   string
	Text   string
	Wait   time.Duration
}

func (p problem) Error() string { return p.Code }

// body is the problem in Matrix's words.
func (p problem) body() any {
	return struct {
		Code string `json:"errcode"`
		Text string `json:"error"`
		Wait int64  `json:"retry_after_ms,omitempty"`
	}{p.Code, p.Text, p.Wait.Milliseconds()}
}

func noEndpoint() problem {
	return problem{http.StatusNotFound, "M_UNRECOGNIZED", "There is no such endpoint: " + Prefix + "v3/openapi.yaml lists them.", 0}
}

func wrongMethod(right string) problem {
	return problem{http.StatusMethodNotAllowed, "M_UNRECOGNIZED", "This endpoint wants the method " + right + ".", 0}
}

func missingToken() problem {
	return problem{http.StatusUnauthorized, "M_MISSING_TOKEN", "Send the header Authorization: Bearer, with the bridge's shared secret or your Matrix access token.", 0}
}

func badToken() problem {
	return problem{http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "This is neither the bridge's shared secret nor a token of the user that user_id names.", 0}
}

func missingUser() problem {
	return problem{http.StatusBadRequest, "M_MISSING_PARAM", "Say in the query for whom: user_id=@alice:example.org.", 0}
}

func badUser() problem {
	return problem{http.StatusBadRequest, "M_INVALID_PARAM", "user_id is no Matrix ID: it looks like @alice:example.org.", 0}
}

func forbidden() problem {
	return problem{http.StatusForbidden, "M_FORBIDDEN", "This user may not use the bridge: whoever runs it names those who may in its configuration.", 0}
}

func slowDown(wait time.Duration) problem {
	return problem{http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Too many requests: wait before the next.", wait}
}

func tooLarge() problem {
	return problem{http.StatusRequestEntityTooLarge, "M_TOO_LARGE", fmt.Sprintf("The body is larger than %d bytes.", maxBody), 0}
}

func notJSON() problem {
	return problem{http.StatusBadRequest, "M_NOT_JSON", "The body is no JSON.", 0}
}

func badJSON(why string) problem {
	return problem{http.StatusBadRequest, "M_BAD_JSON", why, 0}
}

func badState(why string) problem { return problem{http.StatusBadRequest, "M_BAD_STATE", why, 0} }

func unavailable() problem {
	return problem{http.StatusServiceUnavailable, "M_UNKNOWN", "The bridge can't record anything now, so it takes nothing. Try again in a while.", 10 * time.Second}
}

func homeserverSilent() problem {
	return problem{http.StatusBadGateway, "M_UNKNOWN", "The user's homeserver could not be asked whose token this is. Try again in a while.", 10 * time.Second}
}

func fault() problem {
	return problem{http.StatusInternalServerError, "M_UNKNOWN", "Something went wrong in the bridge; its log says more. Try again.", 0}
}

func noLogin() problem {
	return problem{http.StatusNotFound, "M_NOT_FOUND", "There is no such login: GET logins lists those of this user.", 0}
}

func noProcess() problem {
	return problem{http.StatusNotFound, "M_NOT_FOUND", "There is no such login process: start one with POST login/start.", 0}
}

func noFlow() problem {
	return problem{http.StatusNotFound, "M_NOT_FOUND", "There is no such login flow: GET login/flows lists them.", 0}
}

func finished() problem {
	return problem{http.StatusGone, "FI.MAU.BRIDGE.LOGIN_ALREADY_FINISHED", "This login process has come to its end: the user is logged in.", 0}
}

// running says that another login is in the way.
func running(a projections.Attempt) problem {
	return problem{http.StatusConflict, "ORG.NATSGRAM.LOGIN_RUNNING",
		"Another login of this user is under way: go on with it, or end it with POST login/cancel/" + string(a.ID) + ".", 0}
}

func noWay() problem {
	return problem{http.StatusBadRequest, "M_INVALID_PARAM", "An account can't be registered to take up a login: use another flow, or leave out login_id.", 0}
}

// refused puts a decision's refusal into words.
func (s *Server) refused(u projections.User, err error, now time.Time) error {
	var r login.Refused
	if !errors.As(err, &r) {
		return err
	}
	switch r.Reason {
	case events.RefusedLoggedIn:
		return problem{http.StatusForbidden, "FI.MAU.BRIDGE.TOO_MANY_LOGINS", fmt.Sprintf("A user may be logged in to %d accounts at once: log out of one first.", s.cfg.MaxLogins), 0}
	case events.RefusedLoginRunning:
		if u.Attempt != nil {
			return running(*u.Attempt)
		}
		return problem{http.StatusConflict, "ORG.NATSGRAM.LOGIN_RUNNING", "Another login of this user is under way. Try again.", 0}
	case events.RefusedNoSuchLogin, events.RefusedNotLoggedIn:
		return noLogin()
	case events.RefusedNotSuspended:
		return problem{http.StatusConflict, "ORG.NATSGRAM.LOGIN_CONNECTED", "That account is connected: there is nothing to take up. Leave out login_id to add another account.", 0}
	case events.RefusedNoOtherRoute:
		return problem{http.StatusConflict, "ORG.NATSGRAM.NO_OTHER_ROUTE", "Telegram has no other way to send this code: wait for it, or cancel and begin anew.", 0}
	case events.RefusedTooSoon:
		wait := time.Second
		if a := u.Attempt; a != nil {
			wait = max(wait, a.NextAt.Sub(now), a.RetryAt.Sub(now))
		}
		return problem{http.StatusTooManyRequests, "M_LIMIT_EXCEEDED", "Telegram sends no other code yet.", wait}
	default:
		return badState("The login has moved on: ask for its present step.")
	}
}

// failure is how a login process has ended without a login.
func failure(o projections.Over) problem {
	switch o.Reason {
	case events.FailedCancelled:
		return problem{http.StatusGone, "FI.MAU.BRIDGE.LOGIN_CANCELLED", failureWords(o), 0}
	case events.FailedTimeout:
		return problem{http.StatusGone, "FI.MAU.BRIDGE.LOGIN_TIMED_OUT", failureWords(o), 0}
	case events.FailedRefused:
		if o.Refusal != "" {
			return problem{http.StatusForbidden, ours(string(o.Refusal)), failureWords(o), 0}
		}
	}
	return problem{http.StatusForbidden, ours(string(o.Reason)), failureWords(o), 0}
}

// ours is an error code in our own namespace.
func ours(name string) string { return "ORG.NATSGRAM." + strings.ToUpper(name) }
