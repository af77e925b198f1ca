package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/natsgram/natsgram/events"
	"github.com/natsgram/natsgram/handlers/matrix/matrixtest"
	"github.com/natsgram/natsgram/handlers/provisioning/provisioningtest"
	"github.com/natsgram/natsgram/handlers/telegram/telegramtest"
)

const provisioningSecret = "a-shared-secret-that-programs-know"

// newProvisioning is a world whose bridge serves the provisioning API and logs
// all it does.
func newProvisioning(t *testing.T) *world {
	t.Helper()
	t.Setenv("NATSGRAM_PROVISIONING_SECRET", provisioningSecret)
	w := newWorld(t, telegramtest.Options{QRLife: 6 * time.Second})
	w.setConfig(`(?m)^( +)level: info`, "${1}level: debug")
	return w
}

// client calls the API with the user's own Matrix token.
func (w *world) client(c *matrixtest.Client) provisioningtest.Client {
	w.t.Helper()
	return provisioningtest.New(w.ctx(time.Minute), w.t, w.url, c.API().AccessToken, "")
}

// admin calls it with the shared secret.
func (w *world) admin(user string) provisioningtest.Client {
	w.t.Helper()
	return provisioningtest.New(w.ctx(time.Minute), w.t, w.url, provisioningSecret, user)
}

// expect holds an answer against the step that should come, by its short name,
// or against an error code.
func (w *world) expect(a provisioningtest.Answer, want, words string) provisioningtest.Step {
	w.t.Helper()
	got := strings.TrimPrefix(a.Step.ID, "org.natsgram.login.") + a.ErrCode
	if got != want || !contains(a.Instructions+a.Error, words) {
		w.t.Fatalf("%d %s, want %s: …%s…", a.Status, a.Body, want, words)
	}
	return a.Step
}

// TestProvisioning logs in by phone and password, with the bridge killed between
// the steps and every call repeated, and out again.
func TestProvisioning(t *testing.T) {
	w := newProvisioning(t)
	alice := w.addAlice(testPassword)
	w.run()
	ctx, api := w.ctx(3*time.Minute), w.client(w.alice)
	w.strangers(api)

	first := api.Start(ctx, "phone")
	at := w.expect(first, "phone", "with its country code")
	same := func(a, b provisioningtest.Answer) {
		t.Helper()
		if a.Status != b.Status || !bytes.Equal(a.Body, b.Body) {
			t.Errorf("%d %s\nthen\n%d %s", a.Status, a.Body, b.Status, b.Body)
		}
	}
	again := func() {
		w.kill()
		w.run()
	}
	same(first, api.Start(ctx, "phone"))
	w.expect(api.Give(ctx, at, true, "my number"), "phone", "can't be read as a phone number")
	again()
	at = w.expect(api.Start(ctx, "phone"), "phone", "can't be read as a phone number")
	asked := api.Give(ctx, at, false, "+44 7700 900123")
	code := w.expect(asked, "code", "Enter its 5 digits")
	same(asked, api.Give(ctx, at, false, "+44 7700 900123"))
	again()
	same(asked, api.Give(ctx, at, true, "+44 7700 900123"))
	wrong := api.Give(ctx, code, true, "99999")
	w.expect(wrong, "code", "not the code")
	same(wrong, api.Give(ctx, code, true, "99999"))  // named
	same(wrong, api.Give(ctx, code, false, "99999")) // and not: no further try
	again()
	same(wrong, api.Give(ctx, code, false, "99999"))
	code = wrong.Step
	both := make(chan provisioningtest.Answer)
	for range 2 {
		go func() { both <- api.Give(ctx, code, false, aliceCode) }()
	}
	one, other := <-both, <-both
	same(one, other)
	secret := w.expect(one, "password", "“"+testHint+"”")
	w.expect(api.Give(ctx, secret, true, "not this one"), "password", "is wrong")
	again()
	done := api.Give(ctx, w.expect(api.Start(ctx, "phone"), "password", "is wrong"), true, testPassword)
	w.expect(done, "complete", "Logged in as Alice Liddell (@alice_l)")
	again()
	same(done, api.Give(ctx, secret, false, testPassword))
	w.loggedIn(api, done, alice)
	w.stop()
	w.grepAll(t, []string{testHint, "447700900123", "7700 900123", testPassword, aliceCode + `"`, "Liddell", "@alice:", provisioningSecret, w.alice.API().AccessToken})
}

// strangers tries what does not open the API, and who may not use it.
func (w *world) strangers(own provisioningtest.Client) {
	w.t.Helper()
	ctx, bob := w.ctx(time.Minute), w.client(w.register("bob"))
	nobody, guess := own, own
	nobody.Token, guess.Token = "", "a-guess"
	w.expect(nobody.Get(ctx, "whoami"), "M_MISSING_TOKEN", "Authorization")
	w.expect(guess.Get(ctx, "whoami"), "M_UNKNOWN_TOKEN", "")
	bob.User = w.alice.UserID().String()
	w.expect(bob.Get(ctx, "whoami"), "M_UNKNOWN_TOKEN", "")
	admin := w.admin("")
	w.expect(admin.Get(ctx, "whoami"), "M_MISSING_PARAM", "user_id")
	admin.User = "@eve:elsewhere.example"
	w.expect(admin.Get(ctx, "whoami"), "M_FORBIDDEN", "may not use")
	admin.User = w.alice.UserID().String()
	for _, c := range []provisioningtest.Client{own, admin} {
		if a := c.Get(ctx, "whoami"); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"bridge_bot":"@telegrambot:localhost"`) {
			w.t.Errorf("%d %s", a.Status, a.Body)
		}
	}
}

// loggedIn looks at the login that came of a process, as its user and as
// somebody else, and ends it.
func (w *world) loggedIn(api provisioningtest.Client, done provisioningtest.Answer, user telegramtest.UserID) {
	w.t.Helper()
	ctx, bob, id := w.ctx(time.Minute), w.admin("@bob:"+homeName), done.Complete.Login
	w.expect(bob.Wait(ctx, done.Step, true), "M_NOT_FOUND", "")
	w.expect(bob.Do(ctx, http.MethodPost, "login/cancel/"+done.Process, nil), "M_NOT_FOUND", "")
	w.expect(bob.Do(ctx, http.MethodPost, "logout/"+id, nil), "M_NOT_FOUND", "")
	w.expect(api.Do(ctx, http.MethodPost, "login/cancel/"+done.Process, nil), "FI.MAU.BRIDGE.LOGIN_ALREADY_FINISHED", "")
	w.expect(api.Start(ctx, "phone?login_id="+id), "ORG.NATSGRAM.LOGIN_CONNECTED", "nothing to take up")
	if a := api.Get(ctx, "whoami"); !strings.Contains(string(a.Body), `"state_event":"CONNECTED"`) || !strings.Contains(string(a.Body), id) {
		w.t.Errorf("%s", a.Body)
	}
	if a := api.Get(ctx, "logins"); string(a.Body) != fmt.Sprintf("{\"login_ids\":[%q]}\n", id) {
		w.t.Errorf("%s", a.Body)
	}
	if a := api.Do(ctx, http.MethodPost, "logout/"+id, nil); a.Status != http.StatusOK {
		w.t.Errorf("%d %s", a.Status, a.Body)
	}
	w.expect(api.Do(ctx, http.MethodPost, "logout/"+id, nil), "M_NOT_FOUND", "")
	if n := len(w.tg.Sessions(user)); n != 0 {
		w.t.Errorf("%d sessions are left at Telegram", n)
	}
}

// TestProvisioningAndRoom begins logins at one door and ends them at the other.
func TestProvisioningAndRoom(t *testing.T) {
	w := newProvisioning(t)
	alice := w.addAlice("")
	w.run()
	ctx, api, room := w.ctx(3*time.Minute), w.admin(w.alice.UserID().String()), w.openRoom(w.alice)

	// Begun by the API, ended in the room.
	at := w.expect(api.Start(ctx, "phone"), "phone", "")
	w.hear(w.alice, room, "begun in another app of yours")
	code := w.expect(api.Give(ctx, at, true, alicePhone), "code", "")
	w.hear(w.alice, room, "in the app where you began the login")
	w.ask(w.alice, room, aliceCode, "Logged in as")
	in := w.expect(api.Give(ctx, code, false, aliceCode), "complete", "Logged in as Alice")
	if in.Complete.Login == "" || in.Process != at.Process {
		t.Errorf("%+v", in)
	}
	w.tg.RevokeAll(alice, "")
	w.hear(w.alice, room, "session was ended")
	if a := api.Get(ctx, "whoami"); !strings.Contains(string(a.Body), `"error":"natsgram-session-revoked"`) {
		t.Errorf("%s", a.Body)
	}

	// Begun in the room, ended by the API, to take the login up again.
	w.ask(w.alice, room, "relogin", "phone number")
	w.ask(w.alice, room, alicePhone, "send me the code")
	w.expect(api.Start(ctx, "phone"), "ORG.NATSGRAM.LOGIN_RUNNING", "login/cancel/")
	code = w.expect(api.Start(ctx, "phone?login_id="+in.Complete.Login), "code", "")
	again := w.expect(api.Give(ctx, code, true, aliceCode), "complete", "")
	if again.Complete.Login != in.Complete.Login {
		t.Errorf("%+v, want login %s", again, in.Complete.Login)
	}
	w.hear(w.alice, room, "Logged in as")
	if a := api.Do(ctx, http.MethodPost, "logout/all", nil); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	w.hear(w.alice, room, "You are logged out")

	// Cancelled at either door.
	at = w.expect(api.Start(ctx, "phone"), "phone", "")
	for range 2 {
		if a := api.Do(ctx, http.MethodPost, "login/cancel/"+at.Process, nil); a.Status != http.StatusOK {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	w.hear(w.alice, room, "cancelled")
	w.expect(api.Give(ctx, at, true, alicePhone), "FI.MAU.BRIDGE.LOGIN_CANCELLED", "")
	at = w.expect(api.Start(ctx, "bot"), "token", "")
	w.hear(w.alice, room, "begun in another app of yours")
	w.ask(w.alice, room, "cancel", "cancelled")
	w.expect(api.Give(ctx, at, true, "1"), "FI.MAU.BRIDGE.LOGIN_CANCELLED", "")

	// Without a secret there is no API, and no secret opens it.
	t.Setenv("NATSGRAM_PROVISIONING_SECRET", "")
	w.kill()
	w.run()
	w.expect(api.Get(ctx, "whoami"), "M_UNRECOGNIZED", "no such endpoint")
}

// TestProvisioningFlows goes the other ways to log in.
func TestProvisioningFlows(t *testing.T) {
	w := newProvisioning(t)
	w.tg.SetTerms(telegramtest.Terms{ID: `{"v":7}`, Text: "Do not send spam.", MinAge: 16})
	const token = "4455555:CANARY-of-a-token-that-is-long-enough"
	w.tg.AddUser(telegramtest.UserSpec{FirstName: "Robot", Bot: true, Token: token})
	alice := w.addAlice(testPassword)
	w.run()
	ctx, api := w.ctx(3*time.Minute), w.client(w.alice)

	// Another flow begins the same process anew.
	at := w.expect(api.Start(ctx, "phone"), "phone", "")
	at2 := w.expect(api.Start(ctx, "bot"), "token", "BotFather")
	if at2.Process != at.Process {
		t.Errorf("%+v then %+v", at, at2)
	}
	w.expect(api.Give(ctx, at2, true, token+"-wrong"), "token", "does not know this token")
	w.expect(api.Give(ctx, at2, false, token), "complete", "Logged in as Robot")

	// By QR code, after a number was asked for: one is renewed, the next scanned.
	w.expect(api.Start(ctx, "phone"), "phone", "")
	qr := w.expect(api.Start(ctx, "qr"), "qr", "Link Desktop Device")
	next := w.expect(api.Wait(ctx, qr, true), "qr", "")
	if next.Show.Data == qr.Show.Data || next.Txn == qr.Txn {
		t.Errorf("%+v", next)
	}
	moved := make(chan provisioningtest.Answer)
	go func() { moved <- api.Wait(ctx, next, true) }()
	if err := w.tg.ScanQR(alice, next.Show.Data); err != nil {
		t.Fatal(err)
	}
	secret := w.expect(<-moved, "password", "two-step verification")
	w.expect(api.Give(ctx, secret, false, testPassword), "complete", "Alice Liddell")

	// A new account.
	at = w.expect(api.Start(ctx, "register"), "phone", "new account")
	code := w.expect(api.Give(ctx, at, true, newPhone), "code", "")
	terms := w.expect(api.Give(ctx, code, true, w.code(newPhone)), "terms", "Do not send spam.")
	w.expect(api.Give(ctx, terms, true, "perhaps"), "terms", "neither a yes nor a no")
	w.kill()
	w.run()
	name := w.expect(api.Give(ctx, terms, false, "accept"), "name", "")
	w.expect(api.Give(ctx, name, true, "Wilhelmina", "van der Tester"), "complete", "Wilhelmina van der Tester")
	var methods []string
	for _, in := range w.succeeded() {
		methods = append(methods, string(in.Method))
	}
	if got := strings.Join(methods, " "); got != "bot qr register" {
		t.Errorf("the log has %s", got)
	}
	for _, e := range w.events(events.Auth) {
		if f, ok := e.Fact.(*events.LoginStarted); ok && f.Channel != events.ChannelAPI {
			t.Errorf("%+v", f)
		}
	}
	w.stop()
	tokens := []string{strings.TrimPrefix(qr.Show.Data, "tg://login?token="), strings.TrimPrefix(next.Show.Data, "tg://login?token=")}
	w.grepAll(t, append(tokens, token, testPassword, testHint, "447700900199", "Wilhelmina", url.QueryEscape("@alice:"), w.alice.API().AccessToken))
}
