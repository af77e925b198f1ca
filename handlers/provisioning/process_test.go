package provisioning

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/commit"
	"github.com/natsgram/natsgram/handlers/login"
	"github.com/natsgram/natsgram/handlers/provisioning/provisioningtest"
	"github.com/natsgram/natsgram/handlers/vault"
	"github.com/natsgram/natsgram/projections"
)

const number = "+447700900123"

func codeSent(of events.EventID) login.Command {
	return login.CodeIsOnItsWay{Of: of, Route: events.RouteSMS, Length: 5, Next: events.RouteCall, NextAt: time.Now().Add(time.Hour)}
}

func badCode(of events.EventID) login.Command {
	return login.Refuse{Of: of, Reason: events.BadCode, Error: "PHONE_CODE_INVALID", Next: events.StepCode, MaxTries: 3}
}

func letIn(of events.EventID) login.Command {
	return login.LetIn{Of: of, Login: "l1", Account: "a1", Who: events.AccountFacts{TelegramID: 7, Name: "Alice"}}
}

// atCode brings alice's login to the code.
func (h *house) atCode() (provisioningtest.Client, provisioningtest.Step) {
	h.t.Helper()
	c := h.client(sharedSecret, alice)
	phone := h.expect(c.Start(within(h.t), "phone"), "phone")
	go h.telegram(events.StepRequestingCode, codeSent)
	return c, h.expect(c.Give(within(h.t), phone, true, number), "code")
}

func TestAnswersGoThroughTheVault(t *testing.T) {
	h := newHouse(t)
	c, code := h.atCode()
	holds := func(name, want string) {
		t.Helper()
		got, err := h.vault.Attempt(within(t), events.AttemptID(code.Process), name)
		if err != nil || got.Reveal() != want {
			t.Errorf("%s: %q, %v", name, got.Reveal(), err)
		}
	}
	holds(vault.Phone, number)
	go h.telegram(events.StepCheckingCode, func(of events.EventID) login.Command {
		holds(vault.Code, "12345")
		return letIn(of)
	})
	in := h.expect(c.Give(within(t), code, true, "1 2 3-45"), "complete")
	if in.Complete.Login != "l1" {
		t.Errorf("%+v", in)
	}
}

// TestARepeatedCallIsTakenOnce: one that names its transaction, one that does
// not, many at once, and one of a step long over.
func TestARepeatedCallIsTakenOnce(t *testing.T) {
	h := newHouse(t)
	c, code := h.atCode()
	var calls sync.WaitGroup
	bodies := make([]string, 8)
	go h.telegram(events.StepCheckingCode, badCode)
	for i := range bodies {
		calls.Go(func() { bodies[i] = string(c.Give(within(t), code, i%2 == 0, "11111").Body) })
	}
	calls.Wait()
	for _, body := range bodies {
		if body != bodies[0] || !strings.Contains(body, "not the code") {
			t.Errorf("%s\nand\n%s", bodies[0], body)
		}
	}
	if u, _ := h.users.ByMatrixID(alice); u.Attempt.Tries != 1 {
		t.Errorf("%d tries", u.Attempt.Tries)
	}
	phone := code
	phone.ID = stepPhone
	h.expect(c.Give(within(t), phone, true, number), "code") // long over
	go h.telegram(events.StepCheckingCode, badCode)
	h.expect(c.Give(within(t), code, false, "22222"), "code")
	if u, _ := h.users.ByMatrixID(alice); u.Attempt.Tries != 2 {
		t.Errorf("%d tries", u.Attempt.Tries)
	}
	again := h.expect(c.Start(within(t), "phone"), "code")
	go h.telegram(events.StepCheckingCode, badCode)
	h.expect(c.Give(within(t), again, true, "33333"), "ORG.NATSGRAM.TOO_MANY_TRIES")
	h.expect(c.Give(within(t), again, true, "33333"), "ORG.NATSGRAM.TOO_MANY_TRIES")
	if a := c.Do(within(t), http.MethodPost, "login/cancel/"+again.Process, nil); a.Status != http.StatusOK {
		t.Errorf("%s", a.Body)
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	h := newHouse(t)
	c, code := h.atCode()
	path := "login/step/" + code.Process + "/" + code.ID + "/"
	for _, r := range []struct{ path, body, want string }{
		{path + typeInput, "{", "M_NOT_JSON"},
		{path + typeInput, "", "M_NOT_JSON"},
		{path + typeInput, `["12345"]`, "M_BAD_JSON"},
		{path + typeInput, `{"code":12345}`, "M_BAD_JSON"},
		{path + typeInput, `{"phone_number":"1"}`, "M_BAD_JSON"},
		{path + typeInput, `{"code":"` + strings.Repeat("1", maxBody) + `"}`, "M_TOO_LARGE"},
		{path + typeWait, "", "M_BAD_STATE"},
		{path + "cookies", "{}", "M_BAD_STATE"},
		{path + typeComplete, "", "FI.MAU.BRIDGE.LOGIN_ALREADY_FINISHED"},
		{path + "dance", "", "M_UNRECOGNIZED"},
		{"login/step/" + code.Process + "/org.natsgram.login.dance/user_input", "{}", "M_BAD_STATE"},
		{"login/step/" + string(events.NewAttemptID()) + "/" + code.ID + "/user_input", "{}", "M_NOT_FOUND"},
		{"login/start/dance", "", "M_NOT_FOUND"},
		{"login/start/phone?login_id=l9", "", "M_NOT_FOUND"},
		{"logout/l9", "", "M_NOT_FOUND"},
		{"login/cancel/x", "", "M_NOT_FOUND"},
	} {
		if a := c.Do(within(t), http.MethodPost, r.path, []byte(r.body)); a.ErrCode != r.want {
			t.Errorf("%s %.40s: %d %s, want %s", r.path, r.body, a.Status, a.Body, r.want)
		}
	}
	other := h.client(sharedSecret, "@bob:example.test")
	h.expect(other.Give(within(t), code, true, "12345"), "M_NOT_FOUND")
	h.expect(other.Do(within(t), http.MethodPost, "login/cancel/"+code.Process, nil), "M_NOT_FOUND")
	h.expect(c.Give(within(t), code, true, "resend"), "M_LIMIT_EXCEEDED")
	h.expect(c.Give(within(t), code, true, "not digits"), "code")
}

// TestAWaitEnds: with its step if nothing comes, with the caller if they go.
func TestAWaitEnds(t *testing.T) {
	h := newHouse(t)
	c := h.client(sharedSecret, alice)
	h.server.wait = time.Millisecond
	wait := h.expect(c.Start(within(t), "qr"), "wait") // Telegram says nothing yet
	h.expect(c.Wait(within(t), wait, true), "wait")
	h.server.wait = patience
	gone, cancel := context.WithCancel(within(t))
	u, _ := h.users.ByMatrixID(alice)
	left := make(chan error, 1)
	go func() {
		_, err := h.server.next(gone, caller{alice, u.UID}, u.Attempt.ID, wait.Txn)
		left <- err
	}()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	check(t, h.vault.PutAttempt(within(t), u.Attempt.ID, vault.QRToken, vault.Secret("token"), time.Minute))
	shown := func(of events.EventID) login.Command { return login.ShowQR{Of: of, Until: time.Now()} }
	go h.telegram(events.StepRequestingQR, shown)
	qr := h.expect(c.Wait(within(t), wait, true), "qr")
	go func() {
		h.telegram(events.StepQR, func(events.EventID) login.Command { return login.Lapse{Attempt: u.Attempt.ID, Now: time.Now()} })
		h.telegram(events.StepRequestingQR, shown)
	}()
	if next := h.expect(c.Wait(within(t), qr, false), "qr"); next.Txn == qr.Txn {
		t.Error("it did not wait for the next code")
	}
	h.expect(c.Wait(within(t), qr, true), "qr") // of the code before: at once
}

func TestInputIsLimited(t *testing.T) {
	h := newHouse(t)
	c, code := h.atCode()
	h.server.taken = newLimiter(rate.Every(time.Hour), 3)
	for range 3 {
		code = h.expect(c.Give(within(t), code, true, "no code"), "code")
	}
	h.expect(c.Give(within(t), code, true, "no code"), "M_LIMIT_EXCEEDED")
	h.expect(c.Start(within(t), "phone"), "M_LIMIT_EXCEEDED")
}

// TestOpenCallsAreLimited: who waits too often at once is told so, others are not.
func TestOpenCallsAreLimited(t *testing.T) {
	h := newHouse(t)
	c := h.client(sharedSecret, alice)
	h.server.wait = time.Millisecond
	at := h.expect(c.Start(within(t), "qr"), "wait")
	h.server.wait = patience
	u, _ := h.users.ByMatrixID(alice)
	for range maxOpen {
		if !h.server.doors.enter(u.UID) {
			t.Fatal("no room")
		}
	}
	h.expect(c.Wait(within(t), at, true), "M_LIMIT_EXCEEDED")
	h.expect(h.client(sharedSecret, "@bob:example.test").Get(within(t), "logins"), "")
	for range maxOpen {
		h.server.doors.leave(u.UID)
	}
	h.expect(c.Get(within(t), "logins"), "")
	if len(h.server.doors.open) != 0 {
		t.Errorf("%v", h.server.doors.open)
	}
}

func TestHowManyLogins(t *testing.T) {
	h := newHouse(t)
	c := h.client(sharedSecret, alice)
	for _, id := range []string{"1", "2"} {
		at := h.expect(c.Start(within(t), "phone"), "phone")
		go func() {
			h.telegram(events.StepRequestingCode, func(of events.EventID) login.Command {
				return login.LetIn{Of: of, Login: events.LoginID("l" + id), Account: events.AccountID("a" + id), Who: events.AccountFacts{Name: id}}
			})
		}()
		h.expect(c.Give(within(t), at, true, number), "complete")
	}
	h.expect(c.Start(within(t), "phone"), "FI.MAU.BRIDGE.TOO_MANY_LOGINS")
	h.expect(c.Start(within(t), "register?login_id=l1"), "M_INVALID_PARAM")
	if a := c.Get(within(t), "whoami"); strings.Count(string(a.Body), `"CONNECTED"`) != 4 || !strings.Contains(string(a.Body), `"id":"l2","name":"2 (+44 `) {
		t.Errorf("%s", a.Body)
	}
	go h.ended("l1")
	if a := c.Do(within(t), http.MethodPost, "logout/l1", nil); a.Status != http.StatusOK {
		t.Errorf("%s", a.Body)
	}
	h.expect(c.Do(within(t), http.MethodPost, "logout/l1", nil), "M_NOT_FOUND")
	if a := c.Get(within(t), "logins"); string(a.Body) != "{\"login_ids\":[\"l2\"]}\n" {
		t.Errorf("%s", a.Body)
	}
}

// ended has Telegram end a login once that is asked for.
func (h *house) ended(id events.LoginID) {
	ctx := within(h.t)
	for {
		changed := h.users.Changed()
		u, _ := h.users.ByMatrixID(alice)
		if l, ok := u.Login(id); !ok {
			return
		} else if l.Ending != "" {
			_, err := h.desk.Do(ctx, u.UID, commit.Meta{Actor: events.ByTelegram}, func(u projections.User) (events.Fact, error) {
				return login.Decide(u, login.End{Login: id, Cause: events.EndedByUser, Remote: true})
			})
			if err != nil {
				h.t.Error(err)
			}
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
