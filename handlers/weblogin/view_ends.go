package weblogin

import (
	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// done shows a login that has succeeded.
func (v *view) done(in input, over projections.Over) {
	account, l := any(say("done.unnamed")), projections.Login{}
	if known, ok := in.User.Known(over.Login); ok {
		l, account = known, accountName(facts(known))
	}
	v.show("done", "done.title", say("done.lead", "account", account))
	switch {
	case l.Revived:
		v.Lead = append(v.Lead, say("done.revived"))
	case over.Method == events.MethodBot:
		v.Lead = append(v.Lead, say("done.bot"))
	default:
		v.Lead = append(v.Lead, say("done.next"))
	}
	if over.Method == events.MethodRegister {
		v.Lead = append(v.Lead, say("done.registered"))
	}
	if over.Displaces {
		v.Lead = append(v.Lead, say("done.displaced"))
	}
	v.Next = []text{say("done.close"), say("done.undo")}
}

// failed shows why a login has ended without success, and what to do.
func (v *view) failed(_ input, over projections.Over) {
	v.show("failed", "failed.title", failureText(over))
	v.Next = []text{say("failed.login")}
	switch {
	case over.Reason == events.FailedOtherAccount:
		v.Next = []text{say("failed.relogin")}
	case over.Revives != "":
		v.Next = []text{say("failed.revive")}
	case over.Method == events.MethodRegister:
		v.Next = []text{say("failed.register")}
	}
}

// failureText is the words for the end of an attempt.
func failureText(over projections.Over) text {
	key := "failure." + string(over.Reason)
	switch over.Reason {
	case events.FailedCancelled, events.FailedTimeout, events.FailedRoomShared, events.FailedRoomLeft, events.FailedTooManyTries, events.FailedTooManyTurns,
		events.FailedSecretsGone, events.FailedOtherAccount, events.FailedRoomPublic, events.FailedRoomReadable,
		events.FailedRoomEncrypted, events.FailedRoomBarred:
		return say(key)
	default:
		key = "failure.refused"
	}
	switch over.Refusal {
	case events.EmailDemanded, events.PaymentDemanded, events.ConfigError, events.SignUpForbidden, events.PhoneOccupied,
		events.PhoneUnknown, events.AccountClosed, events.PhoneBanned:
		key = "ended." + string(over.Refusal)
	default:
		// Telegram's own name for it has to do.
	}
	code := over.Error
	if code == "" {
		code = string(over.Refusal)
	}
	return say(key, "error", errorText(code))
}

// worded reports whether the page has words for a refusal: one that is newer
// than them gets others.
func worded(r events.Refusal) bool {
	switch r {
	case events.BadPhone, events.PhoneBanned, events.PhoneUnknown, events.PhoneFlood, events.BadCode, events.CodeExpired,
		events.BadToken, events.BadPassword, events.FloodWait, events.TelegramError, events.ConfigError, events.NotUnderstood,
		events.SecretsMissing, events.PasswordVanished, events.NotNow, events.NotAnEdit, events.RoomBarred, events.LoginBarred, events.RoomLeftBehind,
		events.CountryMissing, events.CountryUnknown, events.PhoneTooShort, events.PhoneTooLong, events.NoOtherRoute,
		events.ResendWait, events.CodeNotMade, events.LoginRestarted, events.SessionLost, events.ChallengeExpired,
		events.SignUpForbidden, events.AccountClosed, events.EmailDemanded, events.PaymentDemanded, events.BadName,
		events.NameTooLong, events.PhoneOccupied, events.BadQR, events.BadPairing:
		return true
	default:
		return false
	}
}

// occasion is why a page shows no login.
type occasion string

// The occasions. A link that can't be used looks the same whatever is wrong with
// it: it tells nobody whether it ever was one.
const (
	kindLanding     occasion = "landing"
	kindDeadLink    occasion = "dead"
	kindClosed      occasion = "closed"
	kindLeft        occasion = "left"
	kindTooMany     occasion = "busy"
	kindUnwell      occasion = "down"
	kindNotFound    occasion = "missing"
	kindMethod      occasion = "method"
	kindForeignForm occasion = "forbidden"
)

// special says what a page without a login shows. Of kindTooMany, the caller
// says in Wait for how long.
func special(why occasion) view {
	v := view{Kind: "special"}
	key := string(why)
	v.Title, v.Lead = say(key+".title"), []text{say(key + ".lead")}
	switch why {
	case kindLanding:
		v.Kind = "landing"
		v.Next = []text{say("landing.ready")}
	case kindLeft:
		v.Kind = "left"
		v.Next = []text{say("left.next")}
	case kindForeignForm, kindUnwell:
		v.Kind = "detour"
		v.Next = []text{say(key + ".next")}
	default:
		v.Next = []text{say(key + ".next")}
	}
	return v
}
