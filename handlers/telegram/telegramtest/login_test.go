package telegramtest

import (
	"context"
	"errors"
	"testing"

	"github.com/gotd/td/telegram/auth"
	"github.com/gotd/td/telegram/auth/qrlogin"
	"github.com/gotd/td/tg"
)

func sendCode(t *testing.T, ctx context.Context, c *client, phone string) *tg.AuthSentCode {
	t.Helper()
	sent, err := c.Auth().SendCode(ctx, phone, auth.SendCodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return sent.(*tg.AuthSentCode)
}

func TestPhoneLogin(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice := s.AddUser(UserSpec{Phone: "+1 555 0100", FirstName: "Alice", Password: "open sesame", Hint: "cave"})
	c := connect(t, ctx, s, clientOptions{})

	_, err := c.api.MessagesGetDialogs(ctx, &tg.MessagesGetDialogsRequest{OffsetPeer: &tg.InputPeerEmpty{}})
	wantErr(t, err, 401, "AUTH_KEY_UNREGISTERED")
	_, err = c.Auth().SendCode(ctx, "12", auth.SendCodeOptions{})
	wantErr(t, err, 400, "PHONE_NUMBER_INVALID")

	sent := sendCode(t, ctx, c, "15550100")
	code, err := s.WaitCode(ctx, "15550100")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Auth().SignIn(ctx, "15550100", "00000x", sent.PhoneCodeHash)
	wantErr(t, err, 400, "PHONE_CODE_INVALID")
	_, err = c.Auth().SignIn(ctx, "15550100", code, "0123")
	wantErr(t, err, 400, "PHONE_CODE_EXPIRED")
	_, err = c.Auth().SignIn(ctx, "15550100", code, "")
	wantErr(t, err, 400, "PHONE_CODE_HASH_EMPTY")
	_, err = c.Auth().SignIn(ctx, "15550100", "", sent.PhoneCodeHash)
	wantErr(t, err, 400, "PHONE_CODE_EMPTY")

	// A code is bound to the key that asked for it.
	other := connect(t, ctx, s, clientOptions{})
	_, err = other.Auth().SignIn(ctx, "15550100", code, sent.PhoneCodeHash)
	wantErr(t, err, 400, "PHONE_CODE_EXPIRED")

	if _, err = c.Auth().SignIn(ctx, "15550100", code, sent.PhoneCodeHash); !errors.Is(err, auth.ErrPasswordAuthNeeded) {
		t.Fatal("want a password to be needed, got ", err)
	}
	_, err = c.api.UpdatesGetState(ctx)
	wantErr(t, err, 401, "SESSION_PASSWORD_NEEDED")
	pw := must[*tg.AccountPassword](t)(c.api.AccountGetPassword(ctx))
	if pw.Hint != "cave" {
		t.Errorf("hint %q", pw.Hint)
	}
	if _, err = c.Auth().Password(ctx, "open barley"); !errors.Is(err, auth.ErrPasswordInvalid) {
		t.Fatal("want the password to be wrong, got ", err)
	}
	a := must[*tg.AuthAuthorization](t)(c.Auth().Password(ctx, "open sesame"))
	if a.User.GetID() != int64(alice) {
		t.Fatalf("logged in as %d", a.User.GetID())
	}
	if n := len(s.Sessions(alice)); n != 1 {
		t.Fatalf("%d sessions", n)
	}
	must[*tg.AuthLoggedOut](t)(c.api.AuthLogOut(ctx))
	_, err = c.api.UpdatesGetState(ctx)
	wantErr(t, err, 401, "AUTH_KEY_UNREGISTERED")
}

func TestCodeRoutesAndAttempts(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{CodeAttempts: 2})
	s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice", Code: "22222"})
	s.SetCodeRoutes("15550100", ViaSMS, ViaCall, ViaFlashCall, ViaMissedCall, ViaEmail, ViaFragment)
	c := connect(t, ctx, s, clientOptions{})
	sent := sendCode(t, ctx, c, "15550100")
	if _, ok := sent.Type.(*tg.AuthSentCodeTypeSMS); !ok || sent.Timeout != 60 {
		t.Fatalf("sent by %v", sent)
	}
	first := sent.PhoneCodeHash
	for range 5 {
		again := must[tg.AuthSentCodeClass](t)(c.api.AuthResendCode(ctx, &tg.AuthResendCodeRequest{
			PhoneNumber: "15550100", PhoneCodeHash: sent.PhoneCodeHash}))
		if again.(*tg.AuthSentCode).Type.TypeID() == sent.Type.TypeID() {
			t.Fatalf("again by %v", sent.Type)
		}
		sent = again.(*tg.AuthSentCode)
	}
	_, err := c.api.AuthResendCode(ctx, &tg.AuthResendCodeRequest{PhoneNumber: "15550100", PhoneCodeHash: sent.PhoneCodeHash})
	wantErr(t, err, 406, "SEND_CODE_UNAVAILABLE")
	_, err = c.Auth().SignIn(ctx, "15550100", "22222", first)
	wantErr(t, err, 400, "PHONE_CODE_EXPIRED")
	for range 2 {
		_, err = c.Auth().SignIn(ctx, "15550100", "33333", sent.PhoneCodeHash)
		wantErr(t, err, 400, "PHONE_CODE_INVALID")
	}
	_, err = c.Auth().SignIn(ctx, "15550100", "22222", sent.PhoneCodeHash)
	wantErr(t, err, 400, "PHONE_CODE_EXPIRED")

	sent = sendCode(t, ctx, c, "15550100")
	if ok, err := c.api.AuthCancelCode(ctx, &tg.AuthCancelCodeRequest{PhoneNumber: "15550100", PhoneCodeHash: sent.PhoneCodeHash}); !ok || err != nil {
		t.Fatal(ok, err)
	}
	_, err = c.Auth().SignIn(ctx, "15550100", "22222", sent.PhoneCodeHash)
	wantErr(t, err, 400, "PHONE_CODE_EXPIRED")
}

func TestSignUp(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	c := connect(t, ctx, s, clientOptions{})
	sent := sendCode(t, ctx, c, "15550199")
	code, _ := s.LastCode("15550199")
	_, err := c.Auth().SignIn(ctx, "15550199", code, sent.PhoneCodeHash)
	var need *auth.SignUpRequired
	if !errors.As(err, &need) {
		t.Fatal("want sign-up to be needed, got ", err)
	}
	a, err := c.Auth().SignUp(ctx, auth.SignUp{PhoneNumber: "15550199", PhoneCodeHash: sent.PhoneCodeHash, FirstName: "Nora"})
	if err != nil {
		t.Fatal(err)
	}
	if u := a.User.(*tg.User); u.FirstName != "Nora" || !u.Self {
		t.Fatalf("signed up as %v", u)
	}
}

func TestBotLogin(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	bot := s.AddUser(UserSpec{FirstName: "Robot", Bot: true, Token: "1:token"})
	c := connect(t, ctx, s, clientOptions{})
	_, err := c.Auth().Bot(ctx, "1:wrong")
	wantErr(t, err, 400, "ACCESS_TOKEN_INVALID")
	a, err := c.Auth().Bot(ctx, s.BotToken(bot))
	if err != nil || a.User.GetID() != int64(bot) {
		t.Fatal(a, err)
	}
}

func TestQRLogin(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	c := connect(t, ctx, s, clientOptions{})
	old := must[qrlogin.Token](t)(c.QR().Export(ctx))
	s.ExpireQR()
	wantErr(t, s.ScanQR(alice, old.URL()), 400, "AUTH_TOKEN_EXPIRED")
	token := must[qrlogin.Token](t)(c.QR().Export(ctx))
	wantErr(t, s.ScanQR(alice, "nonsense"), 400, "AUTH_TOKEN_INVALID")
	if err := s.ScanQR(alice, token.URL()); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.ScanQR(alice, token.URL()), 400, "AUTH_TOKEN_ALREADY_ACCEPTED")
	c.await(ctx, "updateLoginToken", func(ups []tg.UpdateClass) bool {
		for _, u := range ups {
			if _, ok := u.(*tg.UpdateLoginToken); ok {
				return true
			}
		}
		return false
	})
	a := must[*tg.AuthAuthorization](t)(c.QR().Import(ctx))
	if a.User.GetID() != int64(alice) {
		t.Fatalf("logged in as %d", a.User.GetID())
	}
}

func TestQRLoginWithPassword(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice", Password: "secret"})
	c := connect(t, ctx, s, clientOptions{})
	token := must[qrlogin.Token](t)(c.QR().Export(ctx))
	if err := s.ScanQR(alice, token.URL()); err != nil {
		t.Fatal(err)
	}
	_, err := c.api.AuthExportLoginToken(ctx, &tg.AuthExportLoginTokenRequest{APIID: 1, APIHash: "hash"})
	wantErr(t, err, 401, "SESSION_PASSWORD_NEEDED")
	must[*tg.AuthAuthorization](t)(c.Auth().Password(ctx, "secret"))
}

func TestMigration(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{DCs: 2})
	phone := s.AddUser(UserSpec{Phone: "15550104", FirstName: "Far", DC: 4, Code: "12345"})
	c := connect(t, ctx, s, clientOptions{})
	sent := sendCode(t, ctx, c, "15550104") // gotd follows PHONE_MIGRATE_4
	a := must[*tg.AuthAuthorization](t)(c.Auth().SignIn(ctx, "15550104", "12345", sent.PhoneCodeHash))
	if a.User.GetID() != int64(phone) {
		t.Fatalf("logged in as %d", a.User.GetID())
	}

	qr := connect(t, ctx, s, clientOptions{})
	token := must[qrlogin.Token](t)(qr.QR().Export(ctx))
	if err := s.ScanQR(phone, token.URL()); err != nil {
		t.Fatal(err)
	}
	a = must[*tg.AuthAuthorization](t)(qr.QR().Import(ctx)) // loginTokenMigrateTo, importLoginToken
	if a.User.GetID() != int64(phone) {
		t.Fatalf("logged in as %d", a.User.GetID())
	}
}

func TestLoginSurvivesClientRestart(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice", FutureToken: true})
	c := connect(t, ctx, s, clientOptions{})
	sent := sendCode(t, ctx, c, "15550100")
	_ = c.stop()
	c = connect(t, ctx, s, clientOptions{store: c.store})
	code, _ := s.LastCode("15550100")
	must[*tg.AuthAuthorization](t)(c.Auth().SignIn(ctx, "15550100", code, sent.PhoneCodeHash))
	out := must[*tg.AuthLoggedOut](t)(c.api.AuthLogOut(ctx))
	if len(out.FutureAuthToken) == 0 {
		t.Fatal("no future auth token")
	}
	again := must[tg.AuthSentCodeClass](t)(c.api.AuthSendCode(ctx, &tg.AuthSendCodeRequest{PhoneNumber: "15550100", APIID: 1, APIHash: "hash",
		Settings: tg.CodeSettings{LogoutTokens: [][]byte{out.FutureAuthToken}}}))
	if _, ok := again.(*tg.AuthSentCodeSuccess); !ok {
		t.Fatalf("got %v", again)
	}
}

func TestSessionShortcut(t *testing.T) {
	ctx := testContext(t)
	s := start(t, Options{})
	alice := s.AddUser(UserSpec{Phone: "15550100", FirstName: "Alice"})
	c := connect(t, ctx, s, clientOptions{as: alice})
	if self := must[*tg.User](t)(c.Self(ctx)); self.ID != int64(alice) || self.Phone != "15550100" {
		t.Fatalf("I am %v", self)
	}
	data, err := c.store.LoadSession(ctx)
	if err != nil || len(data) == 0 {
		t.Fatal(err)
	}
}
