package telegram

import (
	"context"
	"errors"
	"strings"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// errNoPassword says that the account has no two-factor password any more.
var errNoPassword = errors.New("the account has no password")

// step is one answer of the user on its way to Telegram.
type step struct {
	w      *World
	e      events.Event // the submission
	at     projections.Attempt
	asking events.Step       // what was asked for
	used   map[string]uint64 // the secrets that were read, and at which revision
}

// tryCode signs in with the code. After a crash Telegram is asked first: the
// code may have been taken.
func (s step) tryCode(ctx context.Context) error {
	a, done, err := s.resume(ctx)
	if err != nil || done {
		return err
	}
	var secrets [3]vault.Secret
	for i, name := range []string{vault.Phone, vault.CodeHash, vault.Code} {
		if secrets[i], err = s.secret(ctx, name); err != nil {
			return err
		}
	}
	res, err := s.w.signIn(ctx, a.line.api, secrets[0], secrets[1], secrets[2])
	switch {
	case tgerr.Is(err, "SESSION_PASSWORD_NEEDED"):
		return s.needPassword(ctx, a)
	case tgerr.Is(err, "PHONE_NUMBER_UNOCCUPIED"):
		return s.signUpRequired(ctx, nil) // as older layers say it
	case err != nil:
		return s.failed(ctx, a, err)
	}
	return s.authorised(ctx, a, res)
}

// tryToken logs a bot in.
func (s step) tryToken(ctx context.Context) error {
	a, done, err := s.resume(ctx)
	if err != nil || done {
		return err
	}
	token, err := s.secret(ctx, vault.BotToken)
	if err != nil {
		return err
	}
	res, err := s.w.importBot(ctx, a.line.api, token)
	if err != nil {
		return s.failed(ctx, a, err)
	}
	return s.authorised(ctx, a, res)
}

// tryPassword proves the two-factor password (core.telegram.org/api/srp).
func (s step) tryPassword(ctx context.Context) error {
	a, done, err := s.resume(ctx)
	if err != nil || done {
		return err
	}
	password, err := s.secret(ctx, vault.Password)
	if err != nil {
		return err
	}
	res, err := s.w.checkPassword(ctx, a.line.api, password)
	switch {
	case errors.Is(err, errNoPassword):
		return s.refuse(ctx, verdict{reason: events.PasswordVanished, next: events.StepPhone}, "")
	case err != nil:
		return s.failed(ctx, a, err)
	}
	return s.authorised(ctx, a, res)
}

// resume connects the attempt. If an earlier try may have come through, it asks
// how far the session is; done says that this was the answer,
// or that there is none.
func (s step) resume(ctx context.Context) (a *attempt, done bool, err error) {
	a, err = s.w.attempts.get(ctx, s.at)
	if err != nil {
		return nil, true, s.failed(ctx, nil, err)
	}
	if !a.unsure {
		return a, false, nil
	}
	where, self, err := s.w.whoAmI(ctx, a.line.api)
	switch {
	case err != nil:
		return a, true, s.failed(ctx, a, err)
	case where == standsInside:
		return a, true, s.letIn(ctx, a, self)
	case where == standsBeforePassword && s.asking != events.StepPassword:
		return a, true, s.needPassword(ctx, a)
	}
	a.unsure = false
	return a, false, nil
}

func (s step) needPassword(ctx context.Context, a *attempt) error {
	if err := s.w.attempts.save(ctx, s.at, a); err != nil {
		return s.failed(ctx, a, err)
	}
	a.unsure = false
	hint := s.w.passwordHint(ctx, a.line.api)
	if err := s.keep(ctx, vault.Hint, hint); err != nil {
		return err
	}
	return s.commit(ctx, login.NeedPassword{Of: s.e.ID, HasHint: len(hint) > 0}, vault.Phone, vault.Code, vault.CodeHash, vault.QRToken, vault.QRMoved)
}

// authorised takes Telegram's answer to a right code or password.
func (s step) authorised(ctx context.Context, a *attempt, res tg.AuthAuthorizationClass) error {
	switch res := res.(type) {
	case *tg.AuthAuthorization:
		if self, ok := res.User.AsNotEmpty(); ok {
			return s.letIn(ctx, a, self)
		}
		a.unsure = true
		return journal.Down(errors.New("auth.authorization without a user"))
	case *tg.AuthAuthorizationSignUpRequired:
		if terms, ok := res.GetTermsOfService(); ok {
			return s.signUpRequired(ctx, &terms)
		}
		return s.signUpRequired(ctx, nil)
	default:
		return s.refuse(ctx, verdict{reason: events.TelegramError}, res.TypeName())
	}
}

// letIn moves the session to its login's place in the vault, then tells the
// log, then lets the attempt go. A crash in between finds the session where it
// was or where it is to be, and does the rest.
func (s step) letIn(ctx context.Context, a *attempt, self *tg.User) error {
	a.unsure = true // until the log has it
	w := s.w
	if s.at.Step == events.StepSigningUp {
		s.acceptTerms(ctx, a)
	}
	settle, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	session, err := a.settled(settle)
	if err != nil {
		return journal.Down(err)
	}
	account, err := w.deps.Directory.EnsureAccount(ctx, self.ID)
	if err != nil {
		return journal.Down(err)
	}
	u := w.deps.Users.Get(s.e.Aggregate.UID)
	who := events.AccountFacts{TelegramID: self.ID, Name: userName(self), Username: self.Username}
	if u.Attempt != nil && !u.Admits(account) {
		// Another account's session: it is no login's, and ends with the attempt.
		return s.commit(ctx, login.LetIn{Of: s.e.ID, Account: account, Who: who})
	}
	if u.Attempt != nil && (u.Attempt.AsksFirst() || u.Attempt.Pairs()) {
		// Nor is this one, unless the user says that it is to be.
		if err := s.keep(ctx, vault.Session, session); err != nil {
			return err
		}
		return s.commit(ctx, login.LetIn{Of: s.e.ID, Account: account, Who: who}, vault.Phone, vault.Code, vault.CodeHash, vault.Password, vault.BotToken, vault.QRToken, vault.QRMoved)
	}
	id := loginFor(s.at.ID)
	if known, ok := u.LoginOf(account); ok {
		id = known.ID
	}
	former, err := w.deps.Vault.Session(ctx, id)
	if err != nil && !errors.Is(err, vault.ErrMissing) {
		return journal.Down(err)
	}
	w.fleet.stop(id) // a client on the session before must not store it again
	if err := w.deps.Vault.PutSession(ctx, id, session); err != nil {
		return journal.Down(err)
	}
	letIn := login.LetIn{Of: s.e.ID, Login: id, Account: account, Who: who, Displaces: w.heldByOthers(u.UID, account)}
	if err := s.commit(ctx, letIn); err != nil {
		return err
	}
	if _, ok := w.deps.Users.Get(s.e.Aggregate.UID).Login(id); !ok {
		// The attempt was ended meanwhile: nobody is to have this session.
		_, _ = w.logOut(ctx, a.line.api)
		_ = w.deps.Vault.DropSession(ctx, id)
	} else if former != nil && !sameKey(ctx, former, session) {
		w.endSession(ctx, former)
	}
	// A token that stood for the code is used up; one that did not was not needed.
	if err := w.deps.Vault.DropToken(ctx, s.e.Aggregate.UID, account); err != nil {
		w.log.Warn().Err(err).Str("attempt", string(s.at.ID)).Msg("token not dropped yet")
	}
	w.attempts.drop(s.at.ID)
	return nil
}

// userName is what a user is called.
func userName(u *tg.User) string {
	name := strings.TrimSpace(u.FirstName + " " + u.LastName)
	switch {
	case u.Deleted:
		return "Deleted Account"
	case name != "":
		return name
	case u.Username != "":
		return u.Username
	default:
		return "Telegram user"
	}
}
