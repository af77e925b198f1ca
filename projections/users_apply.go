package projections

import (
	"slices"

	"github.com/natsgram/natsgram/events"
)

// Apply folds one event of AUTH. An event already folded changes nothing.
func (us *Users) Apply(e events.Event) {
	us.mu.Lock()
	defer us.mu.Unlock()
	if !us.advance(e.Seq) {
		return
	}
	u, ok := us.byID[e.Aggregate.UID]
	if !ok {
		u = &User{UID: e.Aggregate.UID}
		us.byID[u.UID] = u
	}
	// Most events change nothing by which a user is found: a replay lives by it.
	room, aside, matrixID, logins := u.Room, u.Aside, u.MatrixID, changesLogins(e.Fact)
	if logins {
		for _, l := range u.Logins {
			delete(us.byLogin, l.ID)
		}
	}
	u.apply(e)
	if !logins && room == u.Room && aside == u.Aside && matrixID == u.MatrixID {
		return
	}
	delete(us.byRoom, room)
	delete(us.byAside, aside)
	us.index(u)
}

// changesLogins reports whether a fact adds logins to a user or takes them away.
func changesLogins(f events.Fact) bool {
	switch f.(type) {
	case *events.LoginSucceeded, *events.SessionEnded:
		return true
	default:
		return false
	}
}

func (u *User) apply(e events.Event) {
	u.Seq = e.Seq
	if e.Origin != "" {
		u.Seen = append(u.Seen, string(e.Origin))
		if len(u.Seen) > seenOrigins {
			u.Seen = slices.Delete(u.Seen, 0, len(u.Seen)-seenOrigins)
		}
	}
	switch f := e.Fact.(type) {
	case *events.BotInvited, *events.ManagementRoomOpened, *events.ManagementRoomRefused,
		*events.ManagementRoomClosed, *events.CommandGiven, *events.CommandRefused:
		u.visit(f)
	case *events.QRShown:
		u.Pictures = append(u.Pictures, Picture{Attempt: f.Attempt, N: f.N, Message: f.Message, Room: f.Sealed.Room})
	case *events.SecretRedacted:
		u.Pictures = slices.DeleteFunc(u.Pictures, func(p Picture) bool { return p.Message == f.Message })
	case *events.WebLinkMade, *events.WebLinkRedeemed, *events.WebLinkReused:
		u.applyWeb(e)
	case *events.PingAnswered, *events.BystanderLeft, *events.LogoutOrdered, *events.LoginOrdered:
		// Outcomes for the reader of the log; nothing depends on them.
	case *events.DevicesListed:
		if f.OK {
			u.Devices = &Devices{Login: f.Login, List: f.Sealed.Devices}
		}
	case *events.DeviceLogoutRequested, *events.DeviceLoggedOut:
		// The numbers stay until the user asks for the list again.
	case *events.LogoutRequested:
		u.login(f.Login, func(l *Login) { l.Ending = e.ID })
	case *events.SessionEnded:
		u.endSession(f)
	case *events.ChatsListed:
		u.login(f.Login, func(l *Login) { l.Rooms, l.Listed = f.Rooms, true })
	case *events.ProgressMade:
		u.login(f.Login, func(l *Login) { l.Told = max(l.Told, f.Made+f.Failed) })
	case *events.LoginStarted:
		u.meet(f.Sealed)
		u.Over = nil
		u.Attempt = &Attempt{
			ID: f.Attempt, Login: f.Login, Method: f.Method, Channel: f.Channel, Room: f.Sealed.Room,
			Step: events.StepPhone, Started: e.Time, Deadline: f.Deadline, Via: f.Channel,
		}
		switch f.Method {
		case events.MethodBot:
			u.Attempt.Step = events.StepToken
		case events.MethodQR:
			u.Attempt.submit(e.ID, events.StepRequestingQR) // nothing is asked of the user yet
		default:
			// It begins with the number.
		}
	case *events.LoginFailed:
		u.end(Over{Attempt: f.Attempt, Method: f.Method, Step: f.Step, At: e.Time, Reason: f.Reason, Refusal: f.Refusal, Error: f.Error})
	case *events.LoginSucceeded:
		u.end(Over{Attempt: f.Attempt, Method: f.Method, At: e.Time, Login: f.Login, Displaces: f.Displaces})
		u.logIn(e, f)
	default:
		if u.Attempt != nil {
			u.Attempt.apply(e)
		}
	}
}

// visit folds what happens in and to the rooms where the user meets the bot.
func (u *User) visit(fact events.Fact) {
	switch f := fact.(type) {
	case *events.BotInvited:
		u.meet(f.Sealed)
		u.lookedAt(f.Sealed.Room)
		u.Invited = append(u.Invited, f.Sealed.Room)
		if len(u.Invited) > openInvites {
			u.Invited = slices.Delete(u.Invited, 0, len(u.Invited)-openInvites)
		}
	case *events.ManagementRoomOpened:
		u.meet(f.Sealed)
		u.lookedAt(f.Sealed.Room)
		u.Room, u.Last, u.Aside = f.Sealed.Room, f.Sealed.Room, ""
		u.Former = slices.DeleteFunc(u.Former, func(r events.RoomID) bool { return r == u.Room })
	case *events.ManagementRoomRefused:
		u.lookedAt(f.Sealed.Room)
		if f.Reason == events.RoomCrowded && f.Members <= fewMembers {
			u.Aside = f.Sealed.Room
		}
	case *events.ManagementRoomClosed:
		if u.Room == f.Sealed.Room {
			u.Room = ""
		}
		switch f.Reason {
		case events.RoomThirdPerson:
			u.Aside = f.Sealed.Room
		case events.RoomReplaced:
			u.Former = append(u.Former, f.Sealed.Room)
			if len(u.Former) > formerRooms {
				u.Former = slices.Delete(u.Former, 0, len(u.Former)-formerRooms)
			}
		default:
			// Nobody is there any more.
		}
	case *events.CommandGiven:
		u.meet(f.Sealed)
	case *events.CommandRefused:
		u.meet(f.Sealed)
		if f.Reason == events.RefusedEncrypted {
			u.Encrypted = f.Sealed.Room
		}
	default:
		// Nothing else is sent here.
	}
}

func (u *User) lookedAt(room events.RoomID) {
	u.Invited = slices.DeleteFunc(u.Invited, func(r events.RoomID) bool { return r == room })
}

// apply folds what happens between an attempt's first and last event.
func (a *Attempt) apply(e events.Event) {
	if door, answered := via(e.Fact); answered {
		a.Via = door
	}
	switch f := e.Fact.(type) {
	case *events.PhoneSubmitted:
		a.submit(e.ID, events.StepRequestingCode)
		a.Masked, a.Named = f.Sealed.Masked, a.Named || f.Named
		if a.Method == events.MethodQR {
			a.Method = events.MethodPhone // a number may come where a QR code is shown
		}
	case *events.TokenSubmitted:
		a.submit(e.ID, events.StepCheckingToken)
		a.Method = events.MethodBot // a token may come where a number was asked for
	case *events.TokenRejected:
		a.reject(e, f.Rejection)
	case *events.CodeSent:
		if a.Step != events.StepResendingCode {
			a.Tries = 0 // another code gives no more tries
		}
		a.ask(events.StepCode)
		a.Route, a.Length, a.Next, a.NextAt, a.Offered = f.Route, f.Length, f.Next, f.NextAt, false
		a.Pattern, a.URL = f.Sealed.Pattern, f.Sealed.URL
	case *events.ResendOffered:
		a.Offered = true
	case *events.ResendRequested:
		a.submit(e.ID, events.StepResendingCode)
	case *events.CodeSubmitted:
		a.submit(e.ID, events.StepCheckingCode)
	case *events.PasswordRequired:
		a.ask(events.StepPassword)
		a.Factors, a.Tries = append(a.Factors, f.Factor), 0
	case *events.PasswordSubmitted:
		a.submit(e.ID, events.StepCheckingPassword)
	case *events.PhoneRejected:
		a.reject(e, f.Rejection)
	case *events.CodeRejected:
		a.reject(e, f.Rejection)
	case *events.PasswordRejected:
		a.reject(e, f.Rejection)
	case *events.SignupRequired, *events.TermsAccepted, *events.NameSubmitted, *events.SignupRejected,
		*events.NumberTaken, *events.LoginConfirmed:
		a.signUp(e)
	case *events.QRIssued, *events.QRLapsed, *events.QRScanned, *events.QRRejected:
		a.applyQR(e)
	case *events.InputRefused:
		// Nothing was sent to Telegram: the step stands as it stood.
		if f.Reason != events.NotNow && f.Reason != events.NotAnEdit && f.Reason != events.RoomLeftBehind && f.Step == a.Step {
			a.Rebuff = &Rebuff{Step: f.Step, Reason: f.Reason, At: e.Time}
		}
	case *events.MethodChosen, *events.PairingRequired, *events.PairingRejected, *events.PairingConfirmed:
		a.applyWeb(e)
	case *events.StepDelayed:
		a.Delayed = true
	default:
		// A fact of another aggregate's business, or of a newer version.
	}
}

func (a *Attempt) submit(id events.EventID, step events.Step) {
	a.Step, a.Awaiting, a.Delayed, a.Rebuff = step, id, false, nil
}

func (a *Attempt) ask(step events.Step) {
	a.Step, a.Awaiting, a.Delayed, a.Rebuff = step, "", false, nil
}

func (a *Attempt) reject(e events.Event, r events.Rejection) {
	from := a.Step
	if a.Step != r.Next && !isCheckOf(a.Step, r.Next) {
		a.Tries = 0
	}
	a.ask(r.Next)
	a.Rebuff = &Rebuff{Step: from, Reason: r.Reason, Error: r.Error, At: e.Time}
	if r.Reason.IsTry() {
		a.Tries++
	}
	if r.Reason == events.ResendWait {
		a.NextAt = r.RetryAt // a code may be given meanwhile
		return
	}
	a.RetryAt = r.RetryAt
}

// isCheckOf reports whether checking is the step that checks what asking asks for.
func isCheckOf(checking, asking events.Step) bool {
	switch asking {
	case events.StepPhone:
		return checking == events.StepRequestingCode
	case events.StepToken:
		return checking == events.StepCheckingToken
	case events.StepCode:
		return checking == events.StepCheckingCode || checking == events.StepResendingCode
	case events.StepPassword:
		return checking == events.StepCheckingPassword
	case events.StepName:
		return checking == events.StepSigningUp
	case events.StepQR:
		return checking == events.StepRequestingQR
	case events.StepPairing:
		return checking == events.StepPairing
	default:
		return false
	}
}

// meet takes the user's Matrix ID from a fact that names it.
func (u *User) meet(f events.RoomFacts) {
	if f.User != "" {
		u.MatrixID = f.User
	}
}

func (u *User) login(id events.LoginID, change func(*Login)) {
	for i := range u.Logins {
		if u.Logins[i].ID == id {
			change(&u.Logins[i])
		}
	}
}

func (u *User) logIn(e events.Event, f *events.LoginSucceeded) {
	l := Login{
		ID: f.Login, Account: f.Account, TelegramID: f.Sealed.TelegramID, Name: f.Sealed.Name,
		Username: f.Sealed.Username, Masked: f.Sealed.Masked, Method: f.Method, Since: e.Time, State: LoginActive,
		Revived: f.Revived,
	}
	if i := slices.IndexFunc(u.Logins, func(old Login) bool { return old.ID == f.Login }); i >= 0 {
		u.Logins[i] = l
		return
	}
	u.Logins = append(u.Logins, l)
}

func (u *User) endSession(f *events.SessionEnded) {
	switch f.Cause {
	case events.EndedByUser, events.EndedByOperator, events.EndedByDisplacing:
		if l, ok := u.Login(f.Login); ok {
			u.Gone = append(u.Gone, l)
			if len(u.Gone) > goneLogins {
				u.Gone = slices.Delete(u.Gone, 0, len(u.Gone)-goneLogins)
			}
		}
		u.Logins = slices.DeleteFunc(u.Logins, func(l Login) bool { return l.ID == f.Login })
	default:
		u.login(f.Login, func(l *Login) { l.State, l.Cause, l.Ending = LoginSuspended, f.Cause, "" })
	}
}
