package telegram

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// failed ends a try that brought no answer, or one that says no.
func (s step) failed(ctx context.Context, a *attempt, err error) error {
	code := codeOf(err)
	wait, flood := floodWait(err)
	switch {
	case flood && s.at.Step == events.StepResendingCode:
		return s.commit(ctx, s.wait(wait, code))
	case flood:
		return s.commit(ctx, s.wait(wait, code), s.asked())
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

// wait tells the user to wait as long as Telegram wants.
func (s step) wait(wait time.Duration, code string) login.Refuse {
	reason := events.FloodWait
	if s.at.Step == events.StepResendingCode {
		reason = events.ResendWait
	}
	return login.Refuse{
		Of: s.e.ID, Reason: reason, Error: code, RetryAt: time.Now().Add(wait).UTC().Truncate(time.Second),
		Next: s.asking, MaxTries: s.w.cfg.MaxTries,
	}
}

// doubt asks once more before it believes a refusal: gotd repeats a call whose
// answer was lost, and the second of two right answers is refused.
func (s step) doubt(ctx context.Context, a *attempt, code string) error {
	if a == nil || s.asking == events.StepPhone {
		// Nothing of it is done twice, but for a token, which resume asks about.
		return s.refuseFor(ctx, code)
	}
	where, self, err := s.w.whoAmI(ctx, a.line.api)
	switch {
	case err != nil:
		a.unsure = true
		return journal.Down(err)
	case where == standsInside:
		return s.letIn(ctx, a, self)
	case where == standsBeforePassword && (s.asking == events.StepCode || s.asking == events.StepQR):
		return s.needPassword(ctx, a)
	}
	return s.refuseFor(ctx, code)
}

// refuseFor tells the log what Telegram's error means. One that nobody has
// thought of is for the operator to see, too.
func (s step) refuseFor(ctx context.Context, code string) error {
	v, known := loginVerdict(code)
	if !known {
		s.w.log.Error().Str("attempt", string(s.at.ID)).Str("step", string(s.at.Step)).Str("error", code).Msg("Telegram refused with an error that is not in the table")
	}
	coded := s.at.Step == events.StepSigningUp && v.next == events.StepCode // auth.signUp looks at the code again
	switch {
	case s.asking == events.StepQR && v.reason != events.BadQR:
		v.next = events.StepPhone // to ask for a code again would be answered so again
	case v.next != events.StepPhone && !coded || s.asking == events.StepToken:
		v.next = s.asking // what else it names was not asked for
	}
	if v.reason != events.SessionLost {
		return s.refuse(ctx, v, code)
	}
	// The next try needs another key. If the process dies before the log has the
	// refusal, the step is taken with a new one and refused again.
	s.w.attempts.drop(s.at.ID)
	if err := s.w.deps.Vault.DropAttempt(ctx, s.at.ID, vault.Session); err != nil {
		return journal.Down(err)
	}
	return s.refuse(ctx, v, code)
}

// refuse tells the log that Telegram said no, and drops the secrets that are of
// no use any more.
func (s step) refuse(ctx context.Context, v verdict, code string) error {
	if v.next == "" {
		v.next = s.asking
	}
	drop := []string{s.asked()}
	switch {
	case v.final:
		drop = nil // all goes with the attempt, once onLoginFailed has used it
	case s.at.Step == events.StepEntering:
		drop = nil // gone since the user was asked; what lies there now was sent since
	case s.asking == events.StepQR:
		drop = []string{vault.QRToken, vault.QRMoved}
	case v.next == events.StepPhone:
		drop = []string{vault.Phone, vault.Code, vault.CodeHash, vault.Password}
	case s.at.Step == events.StepResendingCode, s.asking == events.StepName && v.next == events.StepCode:
		drop = nil // a code that lies there now was sent since
	}
	return s.commit(ctx, login.Refuse{
		Of: s.e.ID, Reason: v.reason, Error: code, Next: v.next, Final: v.final, MaxTries: s.w.cfg.MaxTries,
	}, drop...)
}

// asked is the secret that holds the answer to what was asked for.
func (s step) asked() string {
	switch s.asking {
	case events.StepCode, events.StepConfirm:
		return vault.Code
	case events.StepName:
		return vault.Name
	case events.StepToken:
		return vault.BotToken
	case events.StepPassword:
		return vault.Password
	case events.StepQR:
		return vault.QRToken
	default:
		return vault.Phone
	}
}

// commit tells the log the outcome, then drops the secrets that it made useless.
// The user's next answer may be in the vault between the two: only what was
// there before the outcome goes.
func (s step) commit(ctx context.Context, c login.Command, drop ...string) error {
	useless := map[string]uint64{}
	for _, name := range drop {
		revision, used := s.used[name]
		if !used {
			var err error
			if _, revision, err = s.w.deps.Vault.AttemptAt(ctx, s.at.ID, name); err != nil && !errors.Is(err, vault.ErrMissing) {
				return journal.Down(err)
			}
		}
		if revision != 0 {
			useless[name] = revision
		}
	}
	_, err := s.w.desk.users.Do(ctx, s.e.Aggregate.UID, commit.Because(s.e, events.ByTelegram),
		func(u projections.User) (events.Fact, error) { return login.Decide(u, c) })
	if err != nil {
		return journal.Down(err)
	}
	for name, revision := range useless {
		if err := s.w.deps.Vault.DropAttemptAt(ctx, s.at.ID, name, revision); err != nil {
			// It goes with the attempt.
			s.w.log.Warn().Err(err).Str("attempt", string(s.at.ID)).Msg("secret not dropped yet")
		}
	}
	return nil
}

// secret reads a secret of the attempt. vault.ErrMissing ends the attempt.
func (s step) secret(ctx context.Context, name string) (vault.Secret, error) {
	v, revision, err := s.w.deps.Vault.AttemptAt(ctx, s.at.ID, name)
	if err != nil && !errors.Is(err, vault.ErrMissing) {
		return nil, journal.Down(err)
	}
	s.used[name] = revision
	return v, err
}
