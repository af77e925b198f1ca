package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gotd/td/tgerr"
	"maunium.net/go/mautrix/id"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

// actor is a Matrix user with a Telegram account of their own. Whatever is
// secret of it is a text that stands nowhere else.
type actor struct {
	w    *world
	name string
	c    *matrixtest.Client
	room id.RoomID
	user telegramtest.UserID

	phone, code, password, hint, token string
	called                             string // by whoever makes an account

	typed   []id.EventID // what was secret, to be redacted
	secrets []string     // to be found nowhere
	wants   []string     // what the log is to hold of the logins, in order
	active  bool         // is to be logged in at the end
	future  bool         // its account hands out a token at each logout
	spare   bool         // and that is unused

	telephones []telegramtest.UserID // of those who scan QR codes
	scanned    int                   // of the codes in the room
}

// cast makes actors, whose numbers make their secrets.
type cast struct {
	w    *world
	mu   sync.Mutex
	all  []*actor
	gate chan struct{} // how many act at once
	wg   sync.WaitGroup
}

func newCast(w *world, atOnce int) *cast { return &cast{w: w, gate: make(chan struct{}, atOnce)} }

// do has an actor act, beside the others.
func (c *cast) do(act func()) {
	c.wg.Go(func() {
		c.gate <- struct{}{}
		defer func() { <-c.gate }()
		act()
	})
}

// done waits until all have acted.
func (c *cast) done() {
	c.w.t.Helper()
	c.wg.Wait()
	if c.w.t.Failed() {
		c.w.t.FailNow()
	}
}

// actor makes one with the kind of account that a method wants.
func (c *cast) actor(name string, spec telegramtest.UserSpec) *actor {
	a, n := c.somebody(name)
	spec.FirstName, spec.LastName = "Actor", fmt.Sprint("Number", n)
	if spec.Password != "" {
		a.password, a.hint = fmt.Sprintf("canary %d of a password", n), fmt.Sprintf("canary %d of a hint", n)
		spec.Password, spec.Hint = a.password, a.hint
	}
	if spec.Bot {
		a.token = fmt.Sprintf("%d55555:CANARY-of-a-token-that-is-long-%d", n, n)
		spec.Token = a.token
	} else {
		spec.Phone, spec.Code = a.phone, a.code
	}
	a.user, a.future = c.w.tg.AddUser(spec), spec.FutureToken
	a.secrets = append(a.secrets, a.password, a.hint, a.token)
	a.secrets = slices.DeleteFunc(a.secrets, func(s string) bool { return s == "" })
	return a
}

// somebody is an actor without an account.
func (c *cast) somebody(name string) (a *actor, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = len(c.all) + 11
	a = &actor{
		w: c.w, name: strings.ReplaceAll(name, " ", "-"),
		phone: fmt.Sprintf("+4479%02d135%03d", n, n), code: fmt.Sprintf("8%02d6427%02d", n, n),
	}
	a.secrets = []string{strings.TrimPrefix(a.phone, "+"), a.code}
	c.all = append(c.all, a)
	c.w.tg.Inject(telegramtest.Fault{Method: "auth.sendCode", Phone: a.wrong(events.StepPhone), Err: tgerr.New(406, "PHONE_NUMBER_INVALID")})
	return a, n
}

// enter has the actor come to Matrix and open a management room.
func (a *actor) enter() {
	a.w.t.Helper()
	a.c = a.w.register(a.name)
	a.room = a.w.openRoom(a.c)
}

// right and wrong are answers to what a step asks for.
func (a *actor) right(step events.Step) string {
	return map[events.Step]string{
		events.StepPhone: a.phone, events.StepCode: a.code, events.StepPassword: a.password, events.StepToken: a.token,
		events.StepTerms: "accept", events.StepName: a.called,
	}[step]
}

func (a *actor) wrong(step events.Step) string {
	if step == events.StepName {
		return a.badName()
	}
	return map[events.Step]string{
		events.StepPhone: a.phone[:len(a.phone)-3] + "999", events.StepCode: "9" + a.code[1:], events.StepPassword: a.password + " (wrong)",
		events.StepToken: a.token + "-wrong", events.StepTerms: undecided,
	}[step]
}

// asked are the words by which the bot asks for a step's answer, or says that
// the login is done.
func asked(step events.Step) string {
	switch step {
	case events.StepPhone:
		return "phone number"
	case events.StepToken:
		return "bot's token"
	case events.StepCode:
		return "send me the code"
	case events.StepPassword:
		return "verification password"
	case events.StepTerms:
		return "terms of service"
	case events.StepName:
		return "first and last, such as"
	default:
		return "Logged in as"
	}
}

// noes are the words by which the bot says that a step's answer was wrong, and
// what the log says of it.
func noes(step events.Step) (words, event string) {
	switch step {
	case events.StepTerms:
		return "did not understand", "input_refused not_understood"
	case events.StepName:
		return "does not take this as a name", "signup_rejected name_invalid FIRSTNAME_INVALID name"
	case events.StepPhone:
		return "does not take this as a phone number", "phone_rejected phone_invalid PHONE_NUMBER_INVALID phone"
	case events.StepToken:
		return "does not know this token", "token_rejected token_invalid ACCESS_TOKEN_INVALID token"
	case events.StepCode:
		return "not the code", "code_rejected code_invalid PHONE_CODE_INVALID code"
	default:
		return "password is wrong", "password_rejected password_invalid PASSWORD_HASH_INVALID password"
	}
}

// type types a secret.
func (a *actor) give(text string) {
	a.w.t.Helper()
	said := a.w.say(a.c, a.room, text)
	if text == undecided || text == a.right(events.StepTerms) {
		return // no secret
	}
	if a.called == "" || !strings.Contains(strings.ToLower(text), strings.ToLower(a.called)) {
		a.typed = append(a.typed, said) // a name others see: it is not deleted in the room
	}
	secret := strings.TrimPrefix(text, "+")
	if !slices.Contains(a.secrets, secret) {
		a.secrets = append(a.secrets, secret)
	}
}

// tell gives an answer, hears what the bot says to it, and notes what the log
// is to hold.
func (a *actor) tell(text, words string, wants ...string) {
	a.w.t.Helper()
	a.give(text)
	a.w.hear(a.c, a.room, words)
	a.note(wants...)
}

// note is what the log is to hold next.
func (a *actor) note(wants ...string) {
	a.wants = append(a.wants, slices.DeleteFunc(wants, func(want string) bool { return want == "" })...)
}

// order gives a command, likewise.
func (a *actor) order(text, words string, wants ...string) {
	a.w.t.Helper()
	a.w.ask(a.c, a.room, text, words)
	a.wants = append(a.wants, wants...)
}

// vocabulary are the events of logins; others are not compared.
func vocabulary() []string {
	return []string{
		"login_started", "phone_submitted", "phone_rejected", "token_submitted", "token_rejected", "code_sent", "resend_requested",
		"code_submitted", "code_rejected", "password_required", "password_submitted", "password_rejected", "input_refused",
		"login_succeeded", "login_failed", "logout_requested", "session_ended",
		"signup_required", "terms_accepted", "name_submitted", "signup_rejected", "number_taken", "login_confirmed", "qr_rejected",
	}
}

// telling is what an event of a login says, without IDs and times.
func telling(e events.Event) string {
	words := []string{e.Fact.Type().Name()}
	rejected := func(r events.Rejection) { words = append(words, string(r.Reason), r.Error, string(r.Next)) }
	switch f := e.Fact.(type) {
	case *events.LoginStarted:
		words = append(words, string(f.Method))
	case *events.PhoneRejected:
		rejected(f.Rejection)
	case *events.TokenRejected:
		rejected(f.Rejection)
	case *events.CodeRejected:
		rejected(f.Rejection)
	case *events.PasswordRejected:
		rejected(f.Rejection)
	case *events.SignupRejected:
		rejected(f.Rejection)
	case *events.QRRejected:
		rejected(f.Rejection)
	case *events.InputRefused:
		words = append(words, string(f.Reason))
	case *events.LoginSucceeded:
		words = append(words, string(f.Method), strings.Join(f.Factors, "+"))
	case *events.LoginFailed:
		words = append(words, string(f.Reason), string(f.Refusal), f.Error, string(f.Step))
	case *events.SessionEnded:
		words = append(words, string(f.Cause))
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// untilTime waits for a moment that the bridge named.
func (a *actor) untilTime(at time.Time) {
	a.w.t.Helper()
	if err := waitUntil(a.w.ctx(time.Minute), func() bool { return time.Now().After(at) }); err != nil {
		a.w.t.Fatal(err)
	}
}
