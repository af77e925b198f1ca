package telegram

import (
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// codeOf is Telegram's error type, "" if err is none of Telegram's.
func codeOf(err error) string {
	if e, ok := tgerr.As(err); ok {
		return e.Type
	}
	return ""
}

// floodWait says how long Telegram wants the bridge to wait.
func floodWait(err error) (time.Duration, bool) {
	e, ok := tgerr.As(err)
	if !ok || !e.IsOneOf("FLOOD_WAIT", "FLOOD_PREMIUM_WAIT", "SLOWMODE_WAIT", "FLOOD_TEST_PHONE_WAIT") {
		return 0, false
	}
	return max(time.Duration(e.Argument)*time.Second, time.Second), true
}

// answered reports whether Telegram answered for good. What did not come back,
// what belongs elsewhere, and Telegram's own faults (codes of 500 and more or below 0), are tried again.
func answered(err error) bool {
	e, ok := tgerr.As(err)
	if !ok {
		return err == nil
	}
	switch {
	case e.IsType("AUTH_RESTART"):
		return e.Argument == 0 // with a number it asks for the same call again
	case e.IsOneOf("SIGN_IN_FAILED", "RANDOM_ID_DUPLICATE"):
		return true
	case e.Code == 303:
		return false // to another data centre, which gotd could not reach
	}
	return e.Code > 0 && e.Code < 500
}

// notAuthorised reports whether Telegram says that the session is none (any
// more). One that waits for a password is not meant.
func notAuthorised(err error) bool {
	e, ok := tgerr.As(err)
	return ok && (e.Code == 401 && !e.IsType("SESSION_PASSWORD_NEEDED") || e.IsType("AUTH_KEY_DUPLICATED"))
}

// endCause says what ended a session that Telegram no longer takes. keyLost
// says that Telegram did not know its key.
func endCause(code string, keyLost bool) events.EndCause {
	switch code {
	case "USER_DEACTIVATED", "USER_DEACTIVATED_BAN":
		return events.EndedByBan
	case "AUTH_KEY_DUPLICATED":
		return events.EndedByDuplicate
	case "SESSION_REVOKED":
		return events.EndedByRevocation
	case "AUTH_KEY_UNREGISTERED":
		if keyLost {
			return events.EndedByExpiry
		}
		return events.EndedByRevocation
	default: // SESSION_EXPIRED, AUTH_KEY_INVALID, AUTH_KEY_PERM_EMPTY, …
		return events.EndedByExpiry
	}
}

// copyVerdict is the one table of the errors of messages.sendMessage,
// editMessage and deleteMessages. ok says that what was asked for is so.
func copyVerdict(code string) (reason events.CopyFailure, ok bool) {
	switch code {
	case "MESSAGE_NOT_MODIFIED":
		return "", true
	case "CHAT_WRITE_FORBIDDEN", "CHAT_SEND_PLAIN_FORBIDDEN", "CHAT_SEND_WEBPAGE_FORBIDDEN", "CHAT_ADMIN_REQUIRED", "CHAT_FORBIDDEN",
		"CHAT_RESTRICTED", "CHAT_GUEST_SEND_FORBIDDEN", "USER_BANNED_IN_CHANNEL", "CHANNEL_PRIVATE", "USER_IS_BLOCKED",
		"YOU_BLOCKED_USER", "INPUT_USER_DEACTIVATED", "MESSAGE_AUTHOR_REQUIRED", "MESSAGE_DELETE_FORBIDDEN", "TOPIC_CLOSED",
		"PRIVACY_PREMIUM_REQUIRED", "ALLOW_PAYMENT_REQUIRED", "USER_NOT_PARTICIPANT", "PEER_FLOOD", "CHAT_ID_INVALID":
		return events.CopyForbidden, false
	case "MESSAGE_TOO_LONG", "MEDIA_CAPTION_TOO_LONG", "ENTITIES_TOO_LONG":
		return events.CopyTooLong, false
	case "MESSAGE_EMPTY":
		return events.CopyEmpty, false
	case "MESSAGE_ID_INVALID", "MSG_ID_INVALID", "MESSAGE_IDS_EMPTY":
		return events.CopyGone, false
	case "MESSAGE_EDIT_TIME_EXPIRED", "MESSAGE_DELETE_TIME_EXPIRED":
		return events.CopyTooLate, false
	default:
		return events.CopyRefused, false
	}
}

// later is how a reactor takes an error that says nothing of the event: a flood
// wait is waited for, all else is tried again until it goes away.
func later(err error) error {
	if wait, ok := floodWait(err); ok {
		return journal.NotBefore(time.Now().Add(wait), err)
	}
	return journal.Down(err)
}

// outOfReach reports whether Telegram's error says that the account no longer
// sees a chat: it left, was removed, or the chat is gone.
func outOfReach(code string) bool {
	switch code {
	case "CHANNEL_PRIVATE", "CHANNEL_INVALID", "USER_NOT_PARTICIPANT", "CHAT_FORBIDDEN", "CHANNEL_PUBLIC_GROUP_NA":
		return true
	default:
		return false
	}
}
