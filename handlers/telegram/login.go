package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gotd/td/tg"
	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
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
	asking events.Step // what was asked for
	used   map[string]vault.Secret
}

// requestCode has Telegram send a code to the phone number.
func (s step) requestCode(ctx context.Context) error {
	phone, err := s.secret(ctx, vault.Phone)
	if err != nil {
		return err
	}
	a, err := s.w.attempts.get(ctx, s.at)
	if err != nil {
		return s.failed(ctx, nil, err)
	}
	sent, err := s.w.sendCode(ctx, a.line.api, phone)
	if err != nil {
		return s.failed(ctx, a, err)
	}
	// The number may have its home in another data centre: a new key.
	if err := s.w.attempts.save(ctx, s.at, a); err != nil {
		return s.failed(ctx, a, err)
	}
	switch sent := sent.(type) {
	case *tg.AuthSentCode:
		if err := s.w.deps.Vault.PutAttempt(ctx, s.at.ID, vault.CodeHash, vault.Secret(sent.PhoneCodeHash), ttlOf(s.at)); err != nil {
			return journal.Down(err)
		}
		how, length := route(sent.Type)
		return s.commit(ctx, login.CodeIsOnItsWay{Of: s.e.ID, Route: how, Length: length})
	case *tg.AuthSentCodeSuccess:
		return s.authorised(ctx, a, sent.Authorization)
	default:
		return s.refuse(ctx, verdict{reason: events.TelegramError}, sent.TypeName())
	}
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
	case err != nil:
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
// how far the session is; done says that this was the answer.
func (s step) resume(ctx context.Context) (a *attempt, done bool, err error) {
	a, err = s.w.attempts.get(ctx, s.at)
	if err != nil {
		return nil, false, s.failed(ctx, nil, err)
	}
	if !a.unsure {
		return a, false, nil
	}
	where, self, err := s.w.whoAmI(ctx, a.line.api)
	switch {
	case err != nil:
		return a, false, s.failed(ctx, a, err)
	case where == standsInside:
		return a, true, s.letIn(ctx, a, self)
	case where == standsBeforePassword && s.asking == events.StepCode:
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
	return s.commit(ctx, login.NeedPassword{Of: s.e.ID, HasHint: s.w.hasHint(ctx, a.line.api)}, vault.Phone, vault.Code, vault.CodeHash)
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
		return s.refuse(ctx, loginVerdict("PHONE_NUMBER_UNOCCUPIED"), "PHONE_NUMBER_UNOCCUPIED")
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
	settle, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	session, err := a.draft.settled(settle)
	if err != nil {
		return journal.Down(err)
	}
	account, err := w.deps.Directory.EnsureAccount(ctx, self.ID)
	if err != nil {
		return journal.Down(err)
	}
	id := loginFor(s.at.ID)
	if known, ok := w.deps.Users.Get(s.e.Aggregate.UID).LoginOf(account); ok {
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
	who := events.AccountFacts{TelegramID: self.ID, Name: userName(self), Username: self.Username}
	if err := s.commit(ctx, login.LetIn{Of: s.e.ID, Login: id, Account: account, Who: who}); err != nil {
		return err
	}
	if _, ok := w.deps.Users.Get(s.e.Aggregate.UID).Login(id); !ok {
		// The attempt was ended meanwhile: nobody is to have this session.
		_ = w.logOut(ctx, a.line.api)
		_ = w.deps.Vault.DropSession(ctx, id)
	} else if former != nil && !sameKey(ctx, former, session) {
		w.endSession(ctx, former)
	}
	w.attempts.drop(s.at.ID)
	return nil
}

// failed ends a try that brought no answer, or one that says no.
func (s step) failed(ctx context.Context, a *attempt, err error) error {
	code := codeOf(err)
	wait, flood := floodWait(err)
	switch {
	case flood:
		return s.commit(ctx, login.Refuse{
			Of: s.e.ID, Reason: events.FloodWait, Error: code, RetryAt: time.Now().Add(wait).UTC().Truncate(time.Second),
			Next: s.asking, MaxTries: s.w.cfg.MaxTries,
		}, s.asked())
	case answered(err):
		return s.doubt(ctx, a, code)
	}
	if a != nil {
		a.unsure = true // it may have had its effect
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.commit(ctx, login.Delay{Of: s.e.ID}); err != nil {
		return err
	}
	return journal.Down(fmt.Errorf("%s: %w", s.at.Step, err))
}

// doubt asks once more before it believes a refusal: gotd repeats a call whose
// answer was lost, and the second of two right answers is refused.
func (s step) doubt(ctx context.Context, a *attempt, code string) error {
	if a == nil || s.asking == events.StepPhone {
		return s.refuse(ctx, loginVerdict(code), code)
	}
	where, self, err := s.w.whoAmI(ctx, a.line.api)
	switch {
	case err != nil:
		a.unsure = true
		return journal.Down(err)
	case where == standsInside:
		return s.letIn(ctx, a, self)
	case where == standsBeforePassword && s.asking == events.StepCode:
		return s.needPassword(ctx, a)
	}
	return s.refuse(ctx, loginVerdict(code), code)
}

// refuse tells the log that Telegram said no, and drops the secrets that are of
// no use any more.
func (s step) refuse(ctx context.Context, v verdict, code string) error {
	if v.next == "" {
		v.next = s.asking
	}
	drop := []string{s.asked()}
	if v.next == events.StepPhone {
		drop = []string{vault.Phone, vault.Code, vault.CodeHash, vault.Password}
	}
	return s.commit(ctx, login.Refuse{
		Of: s.e.ID, Reason: v.reason, Error: code, Next: v.next, Final: v.final, MaxTries: s.w.cfg.MaxTries,
	}, drop...)
}

// asked is the secret that holds the answer to what was asked for.
func (s step) asked() string {
	switch s.asking {
	case events.StepCode:
		return vault.Code
	case events.StepPassword:
		return vault.Password
	default:
		return vault.Phone
	}
}

// commit tells the log the outcome, then drops the secrets that it made useless.
func (s step) commit(ctx context.Context, c login.Command, drop ...string) error {
	_, err := s.w.desk.users.Do(ctx, s.e.Aggregate.UID, commit.Because(s.e, events.ByTelegram),
		func(u projections.User) (events.Fact, error) { return login.Decide(u, c) })
	if err != nil {
		return journal.Down(err)
	}
	for _, name := range drop {
		if err := s.drop(ctx, name); err != nil {
			// It goes with the attempt.
			s.w.log.Warn().Err(err).Str("attempt", string(s.at.ID)).Msg("secret not dropped yet")
		}
	}
	return nil
}

// drop removes a secret that this step used, unless the user has given another
// meanwhile: the outcome is in the log, and the next answer may be quick.
func (s step) drop(ctx context.Context, name string) error {
	if used, ok := s.used[name]; ok {
		now, err := s.w.deps.Vault.Attempt(ctx, s.at.ID, name)
		if errors.Is(err, vault.ErrMissing) || err == nil && !bytes.Equal(now, used) {
			return nil
		}
	}
	return s.w.deps.Vault.DropAttempt(ctx, s.at.ID, name)
}

// secret reads a secret of the attempt. vault.ErrMissing ends the attempt.
func (s step) secret(ctx context.Context, name string) (vault.Secret, error) {
	v, err := s.w.deps.Vault.Attempt(ctx, s.at.ID, name)
	if err != nil && !errors.Is(err, vault.ErrMissing) {
		return nil, journal.Down(err)
	}
	s.used[name] = v
	return v, err
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
