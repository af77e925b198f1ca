package telegram

import (
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
)

// verdict is what an error of Telegram means for a login attempt.
type verdict struct {
	reason events.Refusal
	next   events.Step // what to ask for now; empty: the same again
	final  bool
}

// loginVerdict is the one table of the errors of auth.sendCode, auth.signIn,
// account.getPassword and auth.checkPassword. One that is not in it says nothing of
// the user's answer as far as the bridge knows: the same is asked for again.
func loginVerdict(code string) verdict {
	switch code {
	case "PHONE_NUMBER_INVALID":
		return verdict{reason: events.BadPhone, next: events.StepPhone}
	case "PHONE_NUMBER_BANNED", "USER_DEACTIVATED", "USER_DEACTIVATED_BAN":
		return verdict{reason: events.PhoneBanned, next: events.StepPhone}
	case "PHONE_NUMBER_FLOOD", "PHONE_PASSWORD_FLOOD":
		return verdict{reason: events.PhoneFlood, next: events.StepPhone}
	case "PHONE_NUMBER_UNOCCUPIED":
		return verdict{reason: events.PhoneUnknown, final: true}
	case "API_ID_INVALID", "API_ID_PUBLISHED_FLOOD", "UPDATE_APP_TO_LOGIN", "PHONE_NUMBER_APP_SIGNUP_FORBIDDEN",
		"CONNECTION_API_ID_INVALID":
		return verdict{reason: events.ConfigError, final: true}
	case "PHONE_CODE_INVALID", "PHONE_CODE_EMPTY":
		return verdict{reason: events.BadCode, next: events.StepCode}
	case "PHONE_CODE_EXPIRED", "PHONE_CODE_HASH_EMPTY", "PHONE_HASH_EXPIRED":
		return verdict{reason: events.CodeExpired, next: events.StepPhone}
	case "PASSWORD_HASH_INVALID", "PASSWORD_EMPTY":
		return verdict{reason: events.BadPassword, next: events.StepPassword}
	case "AUTH_RESTART", "AUTH_KEY_UNREGISTERED", "SESSION_REVOKED", "SESSION_EXPIRED", "PHONE_PASSWORD_PROTECTED",
		"SMS_CODE_CREATE_FAILED", "SIGN_IN_FAILED":
		// The half-made login is gone: from the start.
		return verdict{reason: events.TelegramError, next: events.StepPhone}
	default:
		return verdict{reason: events.TelegramError}
	}
}

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
// and Telegram's own faults (codes of 500 and more or below 0), are tried again.
func answered(err error) bool {
	e, ok := tgerr.As(err)
	if !ok {
		return err == nil
	}
	if e.IsOneOf("AUTH_RESTART", "SIGN_IN_FAILED", "RANDOM_ID_DUPLICATE") {
		return true
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
