package telegram

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/events/journal"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// onAuth reacts to what happens to logins.
func (w *World) onAuth(ctx context.Context, e events.Event) error {
	switch f := e.Fact.(type) {
	case *events.LoginStarted:
		return w.onQRWanted(ctx, e, f.Attempt)
	case *events.QRLapsed:
		return w.onQRWanted(ctx, e, f.Attempt)
	case *events.QRScanned:
		return w.onQRWanted(ctx, e, f.Attempt)
	case *events.PhoneSubmitted:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepPhone, step.requestCode)
	case *events.ResendRequested:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepCode, step.requestAnother)
	case *events.TokenSubmitted:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepToken, step.tryToken)
	case *events.CodeSubmitted:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepCode, step.tryCode)
	case *events.PasswordSubmitted:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepPassword, step.tryPassword)
	case *events.SignupRequired:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepName, step.trySignUp)
	case *events.TermsAccepted:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepName, step.trySignUp)
	case *events.NameSubmitted:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepName, step.trySignUp)
	case *events.LoginConfirmed:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepConfirm, step.enter)
	case *events.MethodChosen:
		return w.onMethodChosen(ctx, e, f)
	case *events.PairingConfirmed:
		return w.onSubmitted(ctx, e, f.Attempt, events.StepPairing, step.enter)
	case *events.LoginFailed:
		return w.onLoginFailed(ctx, e, f)
	case *events.LoginSucceeded:
		return w.onLoginSucceeded(ctx, e, f)
	case *events.LogoutRequested:
		return w.onLogoutRequested(ctx, e, f)
	case *events.SessionEnded:
		return w.onSessionEnded(ctx, e, f)
	case *events.CommandGiven:
		switch f.Command {
		case events.CommandPing:
			return w.onPing(ctx, e)
		case events.CommandSessions:
			return w.onSessions(ctx, e, f)
		default:
			return nil
		}
	case *events.DeviceLogoutRequested:
		return w.onDeviceLogoutRequested(ctx, e, f)
	default:
		return nil
	}
}

// onSubmitted takes the step that a submission asks for, unless the attempt no
// longer waits for it: answered by an earlier try, cancelled, or timed out.
func (w *World) onSubmitted(ctx context.Context, e events.Event, id events.AttemptID, asking events.Step, take func(step, context.Context) error) error {
	u := w.deps.Users.Get(e.Aggregate.UID)
	if u.Attempt == nil || u.Attempt.ID != id || u.Attempt.Awaiting != e.ID {
		return nil
	}
	s := step{w: w, e: e, at: *u.Attempt, asking: asking, used: map[string]uint64{}}
	err := take(s, ctx)
	if errors.Is(err, vault.ErrMissing) {
		return s.commit(ctx, login.Refuse{Of: e.ID, Reason: events.SecretsMissing, Final: true})
	}
	return err
}

// onLoginFailed clears up after an attempt: Telegram is told as far as it can be
// reached, then the secrets go.
func (w *World) onLoginFailed(ctx context.Context, e events.Event, f *events.LoginFailed) error {
	if stored, err := w.deps.Vault.Attempt(ctx, f.Attempt, vault.Session); err == nil && stored != nil {
		at := projections.Attempt{ID: f.Attempt, Deadline: time.Now().Add(secretSlack)}
		short, cancel := context.WithTimeout(ctx, min(w.cfg.Timeout, 10*time.Second))
		defer cancel()
		if a, err := w.attempts.get(short, at); err == nil {
			w.abandon(short, a, f.Attempt, f.Step)
		}
	}
	w.attempts.drop(f.Attempt)
	if err := w.dropStray(ctx, e.Aggregate.UID, loginFor(f.Attempt)); err != nil {
		return journal.Down(err)
	}
	return journal.Down(w.deps.Vault.DropAttempt(ctx, f.Attempt))
}

// onMethodChosen takes back what the attempt did at Telegram so far, and begins
// anew. The session stays if it is nobody's yet; what the user may have typed
// since stays, too.
func (w *World) onMethodChosen(ctx context.Context, e events.Event, f *events.MethodChosen) error {
	at := w.deps.Users.Get(e.Aggregate.UID).Attempt
	if at == nil || at.ID != f.Attempt {
		return nil // it has ended meanwhile, and that takes back all of it
	}
	spent := []string{vault.CodeHash, vault.Hint, vault.Terms, vault.QRToken, vault.QRMoved}
	if stored, err := w.deps.Vault.Attempt(ctx, f.Attempt, vault.Session); err == nil && stored != nil && inside(f.From) {
		short, cancel := context.WithTimeout(ctx, min(w.cfg.Timeout, 10*time.Second))
		defer cancel()
		if a, err := w.attempts.get(short, *at); err == nil {
			w.abandon(short, a, f.Attempt, f.From)
		}
		if f.From != events.StepCode {
			spent = append(spent, vault.Session) // Telegram has let it in, as far as it goes
		}
	}
	// Another line listens for a scan than for anything else.
	w.attempts.drop(f.Attempt)
	if err := w.deps.Vault.DropAttempt(ctx, f.Attempt, spent...); err != nil {
		return journal.Down(err)
	}
	if f.Method == events.MethodQR {
		return w.onQRWanted(ctx, e, f.Attempt)
	}
	return nil
}

// inside reports whether something of the attempt is at Telegram at a step of
// the user's: a code that was sent, or a session that is half or wholly let in.
func inside(s events.Step) bool {
	return s != events.StepPhone && s != events.StepToken && s != events.StepQR
}

// abandon takes back what the attempt did at Telegram. Best effort: a code
// expires by itself, and a session that is let in here belongs to nobody.
func (w *World) abandon(ctx context.Context, a *attempt, id events.AttemptID, at events.Step) {
	switch at {
	case events.StepCode, events.StepRequestingCode, events.StepResendingCode, events.StepTerms, events.StepName:
		phone, errPhone := w.deps.Vault.Attempt(ctx, id, vault.Phone)
		hash, errHash := w.deps.Vault.Attempt(ctx, id, vault.CodeHash)
		if errPhone == nil && errHash == nil {
			_ = w.cancelCode(ctx, a.line.api, phone, hash)
		}
	case events.StepCheckingToken, events.StepCheckingCode, events.StepCheckingPassword, events.StepQR, events.StepRequestingQR,
		events.StepConfirm, events.StepEntering, events.StepSigningUp, events.StepPairing:
		_, _ = w.logOut(ctx, a.line.api)
	default:
		// Nothing of it is left at Telegram.
	}
}

// dropStray removes a session that was moved to its login's place before the
// log had the login, if the log will never have it.
func (w *World) dropStray(ctx context.Context, user events.UID, id events.LoginID) error {
	if _, ok := w.deps.Users.Get(user).Login(id); ok {
		return nil
	}
	session, err := w.deps.Vault.Session(ctx, id)
	if errors.Is(err, vault.ErrMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	w.endSession(ctx, session)
	return w.deps.Vault.DropSession(ctx, id)
}

// endSession logs a session out that has no client, best effort.
func (w *World) endSession(ctx context.Context, session vault.Secret) (token vault.Secret, ended bool) {
	ctx, cancel := context.WithTimeout(ctx, min(w.cfg.Timeout, 10*time.Second))
	defer cancel()
	d := newDraft(session)
	l := w.dial.open(d, hooks{})
	defer l.close()
	if l.wait(ctx, w.cfg.Timeout) != nil {
		return nil, false
	}
	token, err := w.logOut(ctx, l.api)
	return token, err == nil
}

// onPing answers a ping once for each login.
func (w *World) onPing(ctx context.Context, e events.Event) error {
	for _, l := range w.deps.Users.Get(e.Aggregate.UID).ActiveLogins() {
		answer := &events.PingAnswered{Login: l.ID}
		c, err := w.fleet.client(l.ID)
		if err == nil {
			var took time.Duration
			took, err = w.ping(ctx, c.line().api)
			answer.Millis = took.Milliseconds()
		}
		switch code := codeOf(err); {
		case err == nil:
			answer.OK = true
		case code != "":
			answer.Error = code
		default:
			answer.Error = "unreachable"
		}
		m := commit.Because(e, events.ByTelegram)
		// The same ID for the same ping and login: a repeat is no second answer.
		m.ID = events.EventIDFor(e.Time, string(e.ID)+string(l.ID))
		if _, err := w.desk.users.Do(ctx, e.Aggregate.UID, m, func(projections.User) (events.Fact, error) { return answer, nil }); err != nil {
			return journal.Down(err)
		}
	}
	return nil
}

// loginFor derives the ID of a new login from its attempt, so that a repeated
// step puts the session in the same place.
func loginFor(id events.AttemptID) events.LoginID {
	return events.LoginID(uuid.NewSHA1(uuid.NameSpaceOID, []byte("natsgram login "+string(id))).String())
}
