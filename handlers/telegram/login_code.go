package telegram

import (
	"context"
	"time"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
)

// requestCode has Telegram send a code to the phone number. It takes the tokens
// of the user's own logouts along: Telegram may want no code then.
func (s step) requestCode(ctx context.Context) error {
	phone, err := s.secret(ctx, vault.Phone)
	if err != nil {
		return err
	}
	tokens, err := s.w.deps.Vault.Tokens(ctx, s.e.Aggregate.UID)
	if err != nil {
		return journal.Down(err)
	}
	a, done, err := s.resumeIf(ctx, len(tokens) > 0)
	if err != nil || done {
		return err
	}
	sent, err := s.w.sendCode(ctx, a.line.api, phone, tokens)
	switch {
	case tgerr.Is(err, "SESSION_PASSWORD_NEEDED"):
		return s.needPassword(ctx, a) // a token stood for the code
	case err != nil:
		return s.failed(ctx, a, err)
	}
	return s.codeSent(ctx, a, sent)
}

// resumeIf is resume if an earlier try of the step may have let the user in,
// else it only connects.
func (s step) resumeIf(ctx context.Context, mayBeIn bool) (a *attempt, done bool, err error) {
	if mayBeIn {
		return s.resume(ctx)
	}
	a, err = s.w.attempts.get(ctx, s.at)
	if err != nil {
		return nil, true, s.failed(ctx, nil, err)
	}
	return a, false, nil
}

// requestAnother has Telegram send a code by the next route. If the hash is no
// good any more, an earlier try was heard whose answer was lost, and with it
// the new hash: then a code is asked for anew.
func (s step) requestAnother(ctx context.Context) error {
	phone, err := s.secret(ctx, vault.Phone)
	if err != nil {
		return err
	}
	hash, err := s.secret(ctx, vault.CodeHash)
	if err != nil {
		return err
	}
	a, done, err := s.resumeIf(ctx, false)
	if err != nil || done {
		return err
	}
	sent, err := s.w.resendCode(ctx, a.line.api, phone, hash)
	if tgerr.Is(err, "PHONE_CODE_EXPIRED", "PHONE_CODE_HASH_EMPTY", "PHONE_HASH_EXPIRED") {
		sent, err = s.w.sendCode(ctx, a.line.api, phone, nil)
	}
	if err != nil {
		return s.failed(ctx, a, err)
	}
	return s.codeSent(ctx, a, sent)
}

// codeSent takes Telegram's answer to a phone number. The number may have its
// home in another data centre: the session has a new key then.
func (s step) codeSent(ctx context.Context, a *attempt, sent tg.AuthSentCodeClass) error {
	if err := s.w.attempts.save(ctx, s.at, a); err != nil {
		return s.failed(ctx, a, err)
	}
	switch sent := sent.(type) {
	case *tg.AuthSentCode:
		return s.codeOnItsWay(ctx, sent)
	case *tg.AuthSentCodeSuccess:
		return s.authorised(ctx, a, sent.Authorization)
	case *tg.AuthSentCodePaymentRequired:
		if err := s.keep(ctx, vault.CodeHash, vault.Secret(sent.PhoneCodeHash)); err != nil {
			return err
		}
		return s.refuse(ctx, verdict{reason: events.PaymentDemanded, final: true}, sent.TypeName())
	default:
		return s.refuse(ctx, verdict{reason: events.TelegramError}, sent.TypeName())
	}
}

func (s step) codeOnItsWay(ctx context.Context, sent *tg.AuthSentCode) error {
	if err := s.keep(ctx, vault.CodeHash, vault.Secret(sent.PhoneCodeHash)); err != nil {
		return err
	}
	if _, demanded := sent.Type.(*tg.AuthSentCodeTypeSetUpEmailRequired); demanded {
		return s.refuse(ctx, verdict{reason: events.EmailDemanded, final: true}, sent.Type.TypeName())
	}
	c, beginning := onItsWay(sent, time.Now())
	c.Of = s.e.ID
	if err := s.keep(ctx, vault.Hint, beginning); err != nil {
		return err
	}
	return s.commit(ctx, c)
}

// keep puts a secret of Telegram's into the vault; an empty one takes away what
// was there.
func (s step) keep(ctx context.Context, name string, value vault.Secret) error {
	if len(value) == 0 {
		return journal.Down(s.w.deps.Vault.DropAttempt(ctx, s.at.ID, name))
	}
	return journal.Down(s.w.deps.Vault.PutAttempt(ctx, s.at.ID, name, value, ttlOf(s.at)))
}

// onItsWay tells in the log's words how a code travels, and how the next would.
// How a word or phrase begins is part of the code, and told apart.
func onItsWay(sent *tg.AuthSentCode, now time.Time) (c login.CodeIsOnItsWay, beginning vault.Secret) {
	switch t := sent.Type.(type) {
	case *tg.AuthSentCodeTypeApp:
		c.Route, c.Length = events.RouteApp, t.Length
	case *tg.AuthSentCodeTypeSMS:
		c.Route, c.Length = events.RouteSMS, t.Length
	case *tg.AuthSentCodeTypeFirebaseSMS:
		c.Route, c.Length = events.RouteSMS, t.Length
	case *tg.AuthSentCodeTypeCall:
		c.Route, c.Length = events.RouteCall, t.Length
	case *tg.AuthSentCodeTypeFlashCall:
		c.Route, c.What.Pattern = events.RouteFlashCall, t.Pattern
	case *tg.AuthSentCodeTypeMissedCall:
		c.Route, c.Length, c.What.Pattern = events.RouteMissedCall, t.Length, t.Prefix
	case *tg.AuthSentCodeTypeEmailCode:
		c.Route, c.Length, c.What.Pattern = events.RouteEmail, t.Length, t.EmailPattern
	case *tg.AuthSentCodeTypeFragmentSMS:
		c.Route, c.Length, c.What.URL = events.RouteFragment, t.Length, t.URL
	case *tg.AuthSentCodeTypeSMSWord:
		c.Route, beginning = events.RouteSMSWord, vault.Secret(t.Beginning)
	case *tg.AuthSentCodeTypeSMSPhrase:
		c.Route, beginning = events.RouteSMSPhrase, vault.Secret(t.Beginning)
	default:
		c.Route = events.RouteOther
	}
	c.HasHint = len(beginning) > 0
	if c.Next = nextRoute(sent.NextType); c.Next != "" && sent.Timeout > 0 {
		c.NextAt = now.Add(time.Duration(sent.Timeout) * time.Second).UTC().Truncate(time.Second)
	}
	return c, beginning
}

// nextRoute is how another code would come; empty if Telegram names no way.
func nextRoute(t tg.AuthCodeTypeClass) events.Route {
	switch t.(type) {
	case nil:
		return ""
	case *tg.AuthCodeTypeSMS:
		return events.RouteSMS
	case *tg.AuthCodeTypeCall:
		return events.RouteCall
	case *tg.AuthCodeTypeFlashCall:
		return events.RouteFlashCall
	case *tg.AuthCodeTypeMissedCall:
		return events.RouteMissedCall
	case *tg.AuthCodeTypeFragmentSMS:
		return events.RouteFragment
	default:
		return events.RouteOther
	}
}
