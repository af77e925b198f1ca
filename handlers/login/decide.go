package login

import (
	"fmt"
	"slices"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/projections"
)

// Decide says what happens when c meets the user's state. No fact and no error
// means that nothing is left to happen: an answer to a question no longer
// asked, or one recorded before.
func Decide(u projections.User, c Command) (events.Fact, error) {
	switch c := c.(type) {
	case Start:
		return start(u, c)
	case Submit:
		return submit(u, c)
	case Cancel:
		if u.Attempt == nil {
			return nil, Refused{events.RefusedNothingRunning}
		}
		return cancel(u.Attempt, c), nil
	case MakeLink:
		return makeLink(u, c)
	case Redeem:
		if fact := redeem(u, c); fact != nil {
			return fact, nil
		}
		return nil, nil
	case Choose:
		return choose(u, c)
	case Resend:
		return resend(u, c)
	case OfferResend:
		return offerResend(u.Attempt, c), nil
	case Abandon:
		if u.Attempt == nil {
			return nil, nil
		}
		return fail(u.Attempt, c.Reason, ""), nil
	case Expire:
		if u.Attempt == nil || u.Attempt.ID != c.Attempt || c.Now.Before(u.Attempt.Deadline) {
			return nil, nil
		}
		return fail(u.Attempt, events.FailedTimeout, ""), nil
	case CodeIsOnItsWay, NeedPassword, NeedSignUp, LetIn, Refuse, Delay:
		return answered(u, c)
	case ShowQR, Scanned, Lapse:
		if fact := qr(u, c); fact != nil {
			return fact, nil
		}
		return nil, nil
	case Logout, End, ListChats, Progress:
		return session(u, c)
	default:
		return nil, fmt.Errorf("login: no decision for %T", c)
	}
}

func start(u projections.User, c Start) (events.Fact, error) {
	switch {
	case u.Attempt != nil:
		return nil, Refused{events.RefusedLoginRunning}
	case len(u.ActiveLogins()) >= c.MaxLogins:
		return nil, Refused{events.RefusedLoggedIn}
	}
	if c.Login != "" {
		switch l, ok := u.Login(c.Login); {
		case !ok:
			return nil, Refused{events.RefusedNoSuchLogin}
		case l.State != projections.LoginSuspended:
			return nil, Refused{events.RefusedNotSuspended}
		}
	}
	method := c.Method
	if method == "" {
		method = events.MethodPhone
	}
	channel := c.Via
	if channel == "" {
		channel = events.ChannelRoom
	}
	return &events.LoginStarted{
		Attempt: c.Attempt, Login: c.Login, Method: method, Channel: channel, Deadline: c.Deadline,
		Answered: c.Answered, Secret: c.Secret,
		Sealed: events.RoomFacts{User: c.User, Room: c.Room},
	}, nil
}

// submit takes an answer only for the step it was read for: one that comes
// while Telegram is being asked, or after the step is over, is no answer.
func submit(u projections.User, c Submit) (events.Fact, error) {
	a := u.Attempt
	if a == nil || a.ID != c.Attempt || a.Step != c.Step {
		return nil, nil
	}
	if !c.Readable {
		reason := c.Reason
		if reason == "" {
			reason = events.NotUnderstood
		}
		return &events.InputRefused{Attempt: a.ID, Step: a.Step, Reason: reason, Via: c.Via}, nil
	}
	switch a.Step {
	case events.StepPhone, events.StepToken, events.StepQR:
		return numberGiven(a, c), nil
	case events.StepTerms, events.StepName, events.StepConfirm:
		return consented(a, c.Via), nil
	case events.StepCode:
		return &events.CodeSubmitted{Attempt: a.ID, Via: c.Via}, nil
	case events.StepPassword:
		return &events.PasswordSubmitted{Attempt: a.ID, Via: c.Via}, nil
	case events.StepPairing:
		return pair(a, c), nil
	default:
		return nil, nil
	}
}

// answered takes Telegram's answer to a submission, unless the attempt no
// longer waits for it: cancelled meanwhile, or answered by an earlier try.
func answered(u projections.User, c Command) (events.Fact, error) {
	a := u.Attempt
	if a == nil {
		return nil, nil
	}
	waits := func(of events.EventID) bool { return of != "" && a.Awaiting == of }
	switch c := c.(type) {
	case CodeIsOnItsWay:
		if waits(c.Of) {
			return &events.CodeSent{Attempt: a.ID, Route: c.Route, Length: c.Length, Next: c.Next, NextAt: c.NextAt, HasHint: c.HasHint, Sealed: c.What}, nil
		}
	case NeedPassword:
		switch {
		case waits(c.Of) && a.AsksFirst():
			return taken(a, true, events.AccountFacts{}), nil
		case waits(c.Of):
			return &events.PasswordRequired{Attempt: a.ID, Factor: firstFactor(a), HasHint: c.HasHint}, nil
		}
	case NeedSignUp:
		if waits(c.Of) {
			return needSignUp(a, c), nil
		}
	case LetIn:
		if waits(c.Of) {
			return letIn(u, c), nil
		}
	case Refuse:
		if waits(c.Of) {
			return refuse(a, c), nil
		}
	case Delay:
		if waits(c.Of) && !a.Delayed {
			return &events.StepDelayed{Attempt: a.ID, Step: a.Step, Reason: "unreachable"}, nil
		}
	}
	return nil, nil
}

func letIn(u projections.User, c LetIn) events.Fact {
	switch {
	case !u.Admits(c.Account):
		return fail(u.Attempt, events.FailedOtherAccount, "")
	case u.Attempt.AsksFirst():
		return taken(u.Attempt, false, c.Who)
	case u.Attempt.Pairs():
		return &events.PairingRequired{Attempt: u.Attempt.ID, Factor: lastFactor(u.Attempt), Sealed: masked(u.Attempt, c.Who)}
	}
	id := c.Login
	known, revived := u.LoginOf(c.Account)
	if revived {
		id = known.ID
	}
	factors := append(slices.Clip(u.Attempt.Factors), lastFactor(u.Attempt))
	if u.Attempt.Step == events.StepEntering {
		factors = u.Attempt.Factors // what was proved before the user was asked
	}
	method := u.Attempt.Method
	if factors[0] == events.FactorToken {
		method = events.MethodToken
	}
	return &events.LoginSucceeded{
		Attempt: u.Attempt.ID, Login: id, Account: c.Account, Method: method,
		Factors: factors, Revived: revived, Displaces: c.Displaces, Sealed: masked(u.Attempt, c.Who),
	}
}

// cancel ends the attempt, or nothing if it is another one.
func cancel(a *projections.Attempt, c Cancel) events.Fact {
	if c.Attempt != "" && c.Attempt != a.ID {
		return nil
	}
	return &events.LoginFailed{Attempt: a.ID, Login: a.Login, Method: registering(a), Reason: events.FailedCancelled, Step: a.Step, Via: c.Via}
}

// masked is who an account is, with the number that the user gave.
func masked(a *projections.Attempt, who events.AccountFacts) events.AccountFacts {
	if who.Masked == "" {
		who.Masked = a.Masked
	}
	return who
}

// lastFactor is what Telegram has taken when it lets the user in.
func lastFactor(a *projections.Attempt) string {
	if a.Step == events.StepCheckingPassword {
		return events.FactorPassword
	}
	return firstFactor(a)
}

// firstFactor is what Telegram has taken if it lets the user in, or asks for the
// password, at this step.
func firstFactor(a *projections.Attempt) string {
	switch a.Step {
	case events.StepRequestingCode:
		return events.FactorToken // there was no code yet
	case events.StepCheckingToken:
		return events.FactorBotToken
	case events.StepRequestingQR:
		return events.FactorQR
	default:
		return events.FactorCode
	}
}

// resend asks Telegram for another code, if it said that there is another way
// and that way is open by now.
func resend(u projections.User, c Resend) (events.Fact, error) {
	a := u.Attempt
	switch {
	case a == nil || a.Step != events.StepCode && a.Step != events.StepResendingCode:
		return nil, Refused{events.RefusedNoCode}
	case a.Step == events.StepResendingCode:
		return nil, nil // asked already
	case a.Next == "":
		return nil, Refused{events.RefusedNoOtherRoute}
	case c.Now.Before(a.NextAt) || c.Now.Before(a.RetryAt):
		return nil, Refused{events.RefusedTooSoon}
	}
	return &events.ResendRequested{Attempt: a.ID, Via: c.Via}, nil
}

// offerResend tells once that the next route is open to who still waits.
func offerResend(a *projections.Attempt, c OfferResend) events.Fact {
	if a == nil || a.ID != c.Attempt || a.Step != events.StepCode || a.Next == "" || a.Offered || c.Now.Before(a.NextAt) {
		return nil
	}
	return &events.ResendOffered{Attempt: a.ID, Route: a.Next}
}

func refuse(a *projections.Attempt, c Refuse) events.Fact {
	switch {
	case c.Final && c.Reason == events.SecretsMissing:
		return fail(a, events.FailedSecretsGone, c.Error)
	case c.Final:
		return &events.LoginFailed{Attempt: a.ID, Method: registering(a), Reason: events.FailedRefused, Step: a.Step, Refusal: c.Reason, Error: c.Error}
	}
	if c.Reason.IsTry() && a.Tries+1 >= c.MaxTries {
		return fail(a, events.FailedTooManyTries, c.Error)
	}
	r := events.Rejection{Attempt: a.ID, Reason: c.Reason, Error: c.Error, RetryAt: c.RetryAt, Next: c.Next}
	switch a.Step {
	case events.StepCheckingCode, events.StepResendingCode:
		return &events.CodeRejected{Rejection: r}
	case events.StepCheckingToken:
		return &events.TokenRejected{Rejection: r}
	case events.StepRequestingQR:
		return &events.QRRejected{Rejection: r}
	case events.StepCheckingPassword:
		return &events.PasswordRejected{Rejection: r}
	case events.StepSigningUp, events.StepEntering:
		return &events.SignupRejected{Rejection: r}
	default:
		return &events.PhoneRejected{Rejection: r}
	}
}

func fail(a *projections.Attempt, why events.Failure, code string) events.Fact {
	return &events.LoginFailed{Attempt: a.ID, Login: a.Login, Method: registering(a), Reason: why, Step: a.Step, Error: code}
}

// registering is the method of an attempt that is to make an account, empty of
// any other.
func registering(a *projections.Attempt) events.Method {
	if a.Method == events.MethodRegister {
		return a.Method
	}
	return ""
}

func session(u projections.User, c Command) (events.Fact, error) {
	switch c := c.(type) {
	case Logout:
		l, ok := u.Login(c.Login)
		if !ok {
			return nil, Refused{events.RefusedNotLoggedIn}
		}
		if l.Ending != "" || c.Keep && l.State == projections.LoginSuspended {
			return nil, nil
		}
		return &events.LogoutRequested{Login: l.ID, Keep: c.Keep, Secret: c.Secret}, nil
	case End:
		l, ok := u.Login(c.Login)
		suspends := c.Cause != events.EndedByUser && c.Cause != events.EndedByOperator && c.Cause != events.EndedByDisplacing
		if !ok || suspends && l.State == projections.LoginSuspended {
			return nil, nil
		}
		return &events.SessionEnded{Login: l.ID, Cause: c.Cause, Evidence: c.Evidence, Remote: c.Remote}, nil
	case ListChats:
		l, ok := u.Login(c.Login)
		if !ok || l.State != projections.LoginActive || l.Listed && l.Rooms == c.Rooms {
			return nil, nil
		}
		return &events.ChatsListed{Login: l.ID, Rooms: c.Rooms, Private: c.Private}, nil
	case Progress:
		l, ok := u.Login(c.Login)
		if !ok || l.State != projections.LoginActive || !l.Listed || milestone(c.Made+c.Failed, l.Rooms) <= l.Told {
			return nil, nil
		}
		return &events.ProgressMade{Login: l.ID, Made: c.Made, Failed: c.Failed, Of: l.Rooms}, nil
	default:
		return nil, fmt.Errorf("login: no decision for %T", c)
	}
}

// milestone is the last one reached of those at which progress is told: the
// first room, each quarter, all.
func milestone(done, of int) int {
	last := 0
	for _, m := range []int{1, of / 4, of / 2, of * 3 / 4, of} {
		if m <= done && m <= of {
			last = max(last, m)
		}
	}
	return last
}
