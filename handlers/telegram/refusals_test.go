package telegram

import (
	"slices"
	"testing"
	"time"

	"github.com/gotd/td/tgerr"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

// TestRefusalsTable has Telegram answer each method with each row of the table
// that it documents; what any method may answer, and errors that are not in the
// table, come as answers to auth.signIn.
func TestRefusalsTable(t *testing.T) {
	for method, step := range map[string]events.Step{
		sendCode: events.StepPhone, resendCode: events.StepCode, signIn: events.StepCode, signUp: events.StepName, importBot: events.StepToken,
		checkPassword: events.StepPassword, exportToken: events.StepQR,
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			h, p, _ := withAlice(t, "open sesame")
			h.server.SetCodeRoutes(alicePhone, telegramtest.ViaSMS, telegramtest.ViaCall)
			bot := h.server.AddUser(telegramtest.UserSpec{FirstName: "Robot", Bot: true})
			p.token = h.server.BotToken(bot)
			h.stop()
			h.cfg.MaxTries, h.cfg.Timeout = 1000, 20*time.Second // three password checks in a row take long
			h.open()
			rows := append(refusals(), refusal{"NEVER_HEARD_OF", 400, nil, verdict{events.TelegramError, "", false}},
				refusal{"NOT_ACCEPTABLE_EITHER", 406, nil, verdict{events.TelegramError, "", false}})
			for _, row := range rows {
				if row.methods == nil && method == signIn || slices.Contains(row.methods, method) {
					p.isRefused(method, step, row)
				}
			}
		})
	}
}

// isRefused brings the person to a step and has Telegram refuse it.
func (p *person) isRefused(method string, step events.Step, row refusal) {
	p.h.t.Helper()
	p.reach(step)
	cancel, _ := p.h.server.Inject(telegramtest.Fault{Method: method, Err: tgerr.New(row.code, row.error)})
	before := p.outcomes()
	if method == resendCode {
		p.do(login.Resend{Now: p.h.users.Get(p.uid).Attempt.NextAt})
	} else {
		p.give(step)
	}
	wanted := row.next
	if wanted == "" {
		wanted = step
	}
	p.await(func(projections.User) bool { return len(p.outcomes()) > len(before) })
	cancel()
	switch f := p.outcomes()[len(before)].(type) {
	case *events.LoginFailed:
		if !row.final || f.Reason != events.FailedRefused || f.Refusal != row.reason || f.Error != row.error {
			p.h.t.Errorf("%s %s: %+v", method, row.error, f)
		}
	case events.Rejection:
		if row.final || f.Reason != row.reason || f.Error != row.error || f.Next != wanted {
			p.h.t.Errorf("%s %s: %+v", method, row.error, f)
		}
	}
	p.await(func(u projections.User) bool {
		return row.final && u.Attempt == nil || !row.final && u.Attempt != nil && u.Attempt.Step == wanted
	})
}

// outcomes are the refusals in the log.
func (p *person) outcomes() []any {
	p.h.life.mu.Lock()
	defer p.h.life.mu.Unlock()
	var all []any
	for _, e := range p.h.life.log {
		switch f := e.Fact.(type) {
		case *events.LoginFailed:
			all = append(all, f)
		case *events.PhoneRejected:
			all = append(all, f.Rejection)
		case *events.QRRejected:
			all = append(all, f.Rejection)
		case *events.TokenRejected:
			all = append(all, f.Rejection)
		case *events.CodeRejected:
			all = append(all, f.Rejection)
		case *events.PasswordRejected:
			all = append(all, f.Rejection)
		case *events.SignupRejected:
			all = append(all, f.Rejection)
		}
	}
	return all
}

// reach goes through the login up to a step.
func (p *person) reach(step events.Step) {
	p.h.t.Helper()
	for {
		a := p.h.users.Get(p.uid).Attempt
		switch {
		case a == nil && step == events.StepToken:
			p.attempt = events.NewAttemptID()
			p.do(login.Start{Attempt: p.attempt, User: p.id, Room: "!room:test", Deadline: time.Now().Add(5 * time.Minute), MaxLogins: 5, Method: events.MethodBot})
		case a == nil && step == events.StepName:
			p.attempt = events.NewAttemptID()
			p.do(login.Start{Attempt: p.attempt, User: p.id, Room: "!room:test", Deadline: time.Now().Add(5 * time.Minute), MaxLogins: 5, Method: events.MethodRegister})
		case a == nil && step == events.StepQR:
			p.beginQR()
		case a != nil && step == events.StepQR && !a.ByQR():
			p.do(login.Cancel{}) // no code is shown any more
		case a == nil:
			p.begin()
		case a.Step == step && a.Next == "" && step == events.StepCode && a.Route == events.RouteCall:
			p.do(login.Cancel{}) // all routes are used
		case a.Named && a.Step != step:
			p.do(login.Cancel{}) // the account would be made at the next step, unrefused
		case a.Step == step:
			return
		default:
			p.give(a.Step)
		}
		p.await(func(u projections.User) bool { return u.Attempt == nil || u.Attempt.Awaiting == "" })
	}
}

// give gives the right answer.
func (p *person) give(step events.Step) {
	p.h.t.Helper()
	switch step {
	case events.StepPhone:
		if p.h.users.Get(p.uid).Attempt.Method == events.MethodRegister {
			p.phone(freePhone)
			return
		}
		p.phone(alicePhone)
	case events.StepToken:
		p.botToken(p.token)
	case events.StepCode:
		if p.h.users.Get(p.uid).Attempt.Method == events.MethodRegister {
			code, _ := p.h.server.LastCode(freePhone)
			p.code(code)
			return
		}
		p.code("12345")
	case events.StepName:
		p.answer(step, vault.Name, "Alice")
	case events.StepPassword:
		p.password("open sesame")
	case events.StepQR:
		p.scan()
	}
}

// await waits for a state of the person.
func (p *person) await(holds func(projections.User) bool) {
	p.h.t.Helper()
	for {
		p.h.life.mu.Lock()
		changed := p.h.life.wake
		p.h.life.mu.Unlock()
		if holds(p.h.users.Get(p.uid)) {
			return
		}
		select {
		case <-changed:
		case <-p.h.ctx.Done():
			p.h.t.Fatalf("it is %+v, the log has %v", p.h.users.Get(p.uid).Attempt, p.h.names())
		}
	}
}

// What says nothing of the answer is tried again, and comes through.
func TestWhatIsTriedAgain(t *testing.T) {
	for _, fault := range []telegramtest.Fault{
		{Err: tgerr.New(500, "AUTH_RESTART_4711")}, {Err: tgerr.New(500, "AUTH_KEY_UNSYNCHRONIZED")},
		{Err: tgerr.New(500, "INTERNAL")}, {Err: tgerr.New(-503, "Timeout")}, {Drop: telegramtest.DropBefore},
	} {
		name := "a lost connection"
		if fault.Err != nil {
			name = fault.Err.Message
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p, _ := withAlice(t, "")
			fault.Method, fault.Times = signIn, 2
			_, hits := h.server.Inject(fault)
			p.begin()
			p.phone(alicePhone)
			await[*events.CodeSent](h, 1, nil)
			p.code("12345")
			await[*events.LoginSucceeded](h, 1, nil)
			if hits() != 2 || count[*events.CodeRejected](h, nil) != 0 {
				t.Errorf("%d hits, log %v", hits(), h.names())
			}
		})
	}
}
