package provisioning

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/answers"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// asked is the step that a call is for, as it names it.
type asked struct {
	process events.AttemptID
	id, txn string
	kind    string
}

// step takes what the user gave at a step, or waits with them, and answers with
// the step that comes then.
func (s *Server) step(ctx context.Context, who caller, r *http.Request) (any, error) {
	at := asked{
		process: events.AttemptID(r.PathValue("process")), id: r.PathValue("step"), kind: r.PathValue("type"), txn: r.URL.Query().Get("txn_id"),
	}
	u := s.Users.Get(who.uid)
	switch {
	case !knows(u, at.process):
		return nil, noProcess()
	case at.kind == typeComplete:
		return nil, finished()
	case at.kind != typeInput && at.kind != typeWait && at.kind != "cookies" && at.kind != "client_http" && at.kind != "webauthn":
		return nil, noEndpoint()
	case !isStep(at.id):
		return nil, badState("The bridge has no step of this ID.")
	}
	now, err := s.present(ctx, u, at.process)
	switch {
	case err != nil:
		return nil, err
	case at.id == now.ID && at.kind != now.Type:
		return nil, badState("This step is of the type " + now.Type + ".")
	case at.id != now.ID || at.txn != "" && at.txn != now.Txn || now.Type == typeComplete:
		return s.next(ctx, who, at.process, "") // a call that comes again: what came of it
	case now.Type == typeWait && at.txn == "" && s.told.missed(now) && settled(u, at.process):
		return now, nil
	case now.Type == typeWait:
		return s.next(ctx, who, at.process, now.Txn)
	}
	if wait := s.taken.take(string(who.uid), s.now()); wait > 0 {
		return nil, slowDown(wait)
	}
	given, err := fields(r.Body, now)
	if err != nil {
		return nil, err
	}
	at.txn = now.Txn
	moved, err := s.submit(ctx, who, at, given, r.URL.Query().Has("txn_id"))
	if err != nil || !moved {
		return orPresent(err, func() (any, error) { return s.present(ctx, s.Users.Get(who.uid), at.process) })
	}
	return s.next(ctx, who, at.process, now.Txn)
}

// orPresent is an error, or what to answer without one.
func orPresent(err error, present func() (any, error)) (any, error) {
	if err != nil {
		return nil, err
	}
	return present()
}

// fields reads what the user filled in at a step.
func fields(body io.Reader, at step) (map[string]string, error) {
	data, err := io.ReadAll(body)
	if err != nil || !json.Valid(data) {
		return nil, notJSON()
	}
	var given map[string]string
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&given); err != nil {
		return nil, badJSON("The body is to be an object whose values are strings.")
	}
	for _, f := range at.Input.Fields {
		if _, there := given[f.ID]; !there && f.ID != fieldLast {
			return nil, badJSON("The field " + f.ID + " is missing.")
		}
	}
	return given, nil
}

// submit takes an answer, unless the process has moved on since it was asked
// for. What is secret of it is in the vault before the log knows of it. It
// reports false if the answer is known to be wrong already: the same was given
// to the same question, by a call that does not say which of its questions it
// is for.
func (s *Server) submit(ctx context.Context, who caller, at asked, given map[string]string, named bool) (bool, error) {
	defer s.Turns.Take(who.uid)()
	a := s.Users.Get(who.uid).Attempt
	if a == nil || a.ID != at.process || txnOf(*a) != at.txn {
		return true, nil
	}
	if !named {
		known, err := s.knownWrong(ctx, *a, given)
		if known || err != nil {
			return false, err
		}
	}
	if err := s.Vault.PutAttempt(ctx, a.ID, vault.Given, mark(*a, given), answers.Life(*a, s.now())); err != nil {
		return false, err
	}
	command, err := s.command(ctx, *a, given)
	if err != nil {
		return false, err
	}
	_, err = s.Desk.Do(ctx, who.uid, commit.Meta{Actor: events.ByUser, Correlation: string(a.ID)}, func(u projections.User) (events.Fact, error) {
		if u.Attempt == nil || txnOf(*u.Attempt) != at.txn {
			return nil, nil
		}
		return login.Decide(u, command)
	})
	return true, s.refused(s.Users.Get(who.uid), err, s.now())
}

// command is what an answer amounts to.
func (s *Server) command(ctx context.Context, a projections.Attempt, given map[string]string) (login.Command, error) {
	switch {
	case answers.ConsentAsked(a.Step) && answers.Declines(given[fieldConsent]):
		return login.Cancel{Attempt: a.ID, Via: events.ChannelAPI}, nil
	case a.Step == events.StepCode && strings.EqualFold(strings.TrimSpace(given[fieldCode]), "resend"):
		return login.Resend{Now: s.now(), Via: events.ChannelAPI}, nil
	}
	if why := answers.Hindrance(a, s.now()); why != "" {
		return login.Submit{Attempt: a.ID, Step: a.Step, Reason: why, Via: events.ChannelAPI}, nil
	}
	read := readFields(a, given)
	if err := read.Keep(ctx, a, s.now(), s.Vault.PutAttempt); err != nil {
		return nil, err
	}
	return read.Submit(a, events.ChannelAPI), nil
}

// readFields reads an answer from its fields.
func readFields(a projections.Attempt, given map[string]string) answers.Answer {
	switch a.Step {
	case events.StepName:
		return answers.Name(given[fieldFirst], given[fieldLast])
	case events.StepTerms, events.StepConfirm:
		return answers.Read(a, given[fieldConsent], false)
	case events.StepToken:
		return answers.Read(a, given[fieldToken], false)
	case events.StepCode:
		return answers.Read(a, given[fieldCode], false)
	case events.StepPassword:
		return answers.Read(a, given[fieldPassword], false)
	default:
		return answers.Read(a, given[fieldPhone], false)
	}
}

// knownWrong reports whether Telegram has just said of this very answer that it
// is wrong: a call repeated without its transaction's ID costs no further try.
func (s *Server) knownWrong(ctx context.Context, a projections.Attempt, given map[string]string) (bool, error) {
	if a.Rebuff == nil || !a.Rebuff.Reason.IsTry() {
		return false, nil
	}
	last, err := s.Vault.Attempt(ctx, a.ID, vault.Given)
	if errors.Is(err, vault.ErrMissing) {
		return false, nil
	}
	return err == nil && last.Reveal() == mark(a, given).Reveal(), err
}

// mark tells an answer from others without being it.
func mark(a projections.Attempt, given map[string]string) vault.Secret {
	text, _ := json.Marshal(given) // its keys are sorted
	return vault.Secret(digest(string(a.ID), string(a.Step), string(text)))
}

// next waits until the process waits for its user again, at another question
// than the one named, and answers with where it stands. It waits no longer than
// callWait: then the process stands where it stood, and the caller asks again.
func (s *Server) next(ctx context.Context, who caller, process events.AttemptID, than string) (any, error) {
	over := time.NewTimer(s.wait)
	defer over.Stop()
	u, err := s.await(ctx, who.uid, over.C, func(u projections.User) bool {
		return settled(u, process) && (u.Attempt == nil || u.Attempt.ID != process || txnOf(*u.Attempt) != than)
	})
	if err != nil {
		return nil, err
	}
	return s.present(ctx, u, process)
}

// await returns the user as soon as they are as wanted, or as they are when the
// time is over. Its error is that the caller has gone.
func (s *Server) await(ctx context.Context, uid events.UID, over <-chan time.Time, wanted func(projections.User) bool) (projections.User, error) {
	for {
		changed := s.Users.Changed()
		u := s.Users.Get(uid)
		if wanted(u) {
			return u, nil
		}
		select {
		case <-changed:
		case <-over:
			return u, nil
		case <-ctx.Done():
			return u, ctx.Err()
		}
	}
}

// present is where a process stands, with what the vault holds for its user.
func (s *Server) present(ctx context.Context, u projections.User, process events.AttemptID) (step, error) {
	var known asides
	a := u.Attempt
	if a != nil && a.ID == process {
		var err error
		switch {
		case a.Step == events.StepQR:
			known.qr, err = s.aside(ctx, process, vault.QRToken)
		case a.Step == events.StepPassword, a.Step == events.StepCode && answers.WordRoute(a.Route):
			known.hint, err = s.aside(ctx, process, vault.Hint)
		}
		if err != nil {
			return step{}, err
		}
	}
	return stepOf(u, process, known)
}

// aside is nothing if the vault no longer holds it.
func (s *Server) aside(ctx context.Context, process events.AttemptID, name string) (vault.Secret, error) {
	value, err := s.Vault.Attempt(ctx, process, name)
	if errors.Is(err, vault.ErrMissing) {
		return nil, nil
	}
	return value, err
}
