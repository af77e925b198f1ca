package telegramtest

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gotd/td/tg"
)

// CodeRoute is a way by which a login code travels.
type CodeRoute string

// The routes of a code.
const (
	ViaApp        CodeRoute = "app" // a message from Telegram in the user's other sessions
	ViaSMS        CodeRoute = "sms"
	ViaCall       CodeRoute = "call"
	ViaFlashCall  CodeRoute = "flash_call"
	ViaMissedCall CodeRoute = "missed_call"
	ViaEmail      CodeRoute = "email"
	ViaFragment   CodeRoute = "fragment"
	ViaSMSWord    CodeRoute = "sms_word" // UserSpec.Code is the word
	ViaSMSPhrase  CodeRoute = "sms_phrase"
	// ViaEmailSetUp sends no code: Telegram wants an address set up first.
	// Nor does ViaPayment: Telegram wants to be paid.
	ViaEmailSetUp CodeRoute = "email_setup"
	ViaPayment    CodeRoute = "payment"
)

// sentCode is a login by phone under way. It belongs to the authorization key
// that asked for it.
type sentCode struct {
	No       int64
	Hash     string
	Phone    string
	Code     string
	Key      int64
	Routes   []CodeRoute
	At       int // in Routes
	Tries    int
	Verified bool // right code, no account: signUp may follow
}

// SetCodeRoutes says how codes for a phone travel: the first route, then one
// more for each auth.resendCode. Phone "" is for all without routes of their
// own. Without any: the app if the user has a session, then SMS, then a call.
func (s *Server) SetCodeRoutes(phone string, routes ...CodeRoute) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Routes[digits(phone)] = routes
	s.change()
}

// SetCode fixes the code for a number that has no account, or whose account was
// made without one.
func (s *Server) SetCode(phone, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w.Fixed[digits(phone)] = code
	s.change()
}

// LastCode is the newest code under way for a phone.
func (s *Server) LastCode(phone string) (code string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.lastCode(digits(phone))
	if c == nil {
		return "", false
	}
	return c.Code, true
}

func (s *Server) lastCode(phone string) *sentCode {
	var last *sentCode
	for _, c := range s.w.Codes {
		if c.Phone == phone && (last == nil || c.No > last.No) {
			last = c
		}
	}
	return last
}

// WaitCode waits until a code is under way for the phone.
func (s *Server) WaitCode(ctx context.Context, phone string) (code string, err error) {
	err = s.Await(ctx, func() (ok bool) { code, ok = s.LastCode(phone); return ok })
	return code, err
}

// ExpireCodes makes all codes under way for a phone worthless, as time does.
func (s *Server) ExpireCodes(phone string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropCodes(digits(phone))
	s.change()
}

func (s *Server) dropCodes(phone string) {
	for h, c := range s.w.Codes {
		if c.Phone == phone {
			delete(s.w.Codes, h)
		}
	}
}

func (s *Server) onCode(d *tg.ServerDispatcher) {
	d.OnAuthSendCode(s.sendCode)
	d.OnAuthResendCode(s.resendCode)
	d.OnAuthCancelCode(func(ctx context.Context, r *tg.AuthCancelCodeRequest) (bool, error) {
		c, err := s.codeOf(callOf(ctx), r.PhoneNumber, r.PhoneCodeHash)
		if err != nil {
			return false, err
		}
		delete(s.w.Codes, c.Hash)
		return true, nil
	})
	d.OnAuthSignIn(s.signIn)
	d.OnAuthSignUp(s.signUp)
	d.OnHelpAcceptTermsOfService(s.acceptTerms)
}

func (s *Server) sendCode(ctx context.Context, r *tg.AuthSendCodeRequest) (tg.AuthSentCodeClass, error) {
	in := callOf(ctx)
	if r.APIID <= 0 || r.APIHash == "" {
		return nil, rpcError(400, "API_ID_INVALID")
	}
	phone := digits(r.PhoneNumber)
	if len(phone) < 7 || len(phone) > 15 {
		return nil, rpcError(400, "PHONE_NUMBER_INVALID")
	}
	u := s.byPhone(phone)
	if u != nil {
		if u.Banned {
			return nil, rpcError(400, "PHONE_NUMBER_BANNED")
		}
		if u.DC != in.conn.dc.id && s.dc(u.DC).id == u.DC {
			return nil, rpcError(303, fmt.Sprintf("PHONE_MIGRATE_%d", u.DC))
		}
		for _, t := range r.Settings.LogoutTokens {
			if s.w.Futures[hex.EncodeToString(t)] == u.ID {
				delete(s.w.Futures, hex.EncodeToString(t))
				a, err := s.complete(in, u)
				if err != nil {
					return nil, err
				}
				return &tg.AuthSentCodeSuccess{Authorization: a}, nil
			}
		}
	}
	s.dropCodes(phone)
	c := &sentCode{No: s.nextNo(), Hash: hex.EncodeToString(randomBytes(9)), Phone: phone,
		Code: randomDigits(5), Key: in.key.id(), Routes: s.routes(phone, u)}
	if u != nil && u.Code != "" {
		c.Code = u.Code
	} else if fixed := s.w.Fixed[phone]; fixed != "" {
		c.Code = fixed
	}
	s.w.Codes[c.Hash] = c
	s.deliverCode(c, u)
	s.saveNow() // a login goes on where it was, even if the server is killed
	return s.sentCode(c), nil
}

func (s *Server) routes(phone string, u *user) []CodeRoute {
	if r := s.w.Routes[phone]; len(r) > 0 {
		return slices.Clone(r)
	}
	if r := s.w.Routes[""]; len(r) > 0 {
		return slices.Clone(r)
	}
	if u != nil && s.hasSession(u.ID) {
		return []CodeRoute{ViaApp, ViaSMS, ViaCall}
	}
	return []CodeRoute{ViaSMS, ViaCall}
}

// deliverCode sends the code where a person can read it without this server's
// own methods.
func (s *Server) deliverCode(c *sentCode, u *user) {
	if u == nil || c.Routes[c.At] != ViaApp || !s.hasSession(u.ID) {
		return
	}
	s.postPM(s.serviceUser(), u, draft{text: "Login code: " + c.Code + ". Do not give this code to anyone, " +
		"even if they say they are from Telegram!"}, nil)
}

func (s *Server) sentCode(c *sentCode) tg.AuthSentCodeClass {
	n := len(c.Code)
	out := &tg.AuthSentCode{PhoneCodeHash: c.Hash}
	switch c.Routes[c.At] {
	case ViaApp:
		out.Type = &tg.AuthSentCodeTypeApp{Length: n}
	case ViaCall:
		out.Type = &tg.AuthSentCodeTypeCall{Length: n}
	case ViaFlashCall:
		out.Type = &tg.AuthSentCodeTypeFlashCall{Pattern: "+999*" + c.Code[:1] + "*"}
	case ViaMissedCall:
		out.Type = &tg.AuthSentCodeTypeMissedCall{Prefix: "99966", Length: n}
	case ViaEmail:
		out.Type = &tg.AuthSentCodeTypeEmailCode{EmailPattern: "a**e@e*****e.org", Length: n}
	case ViaFragment:
		out.Type = &tg.AuthSentCodeTypeFragmentSMS{URL: "https://fragment.com/login", Length: n}
	case ViaSMSWord:
		word := &tg.AuthSentCodeTypeSMSWord{}
		word.SetBeginning(c.Code[:2])
		out.Type = word
	case ViaSMSPhrase:
		phrase := &tg.AuthSentCodeTypeSMSPhrase{}
		first, _, _ := strings.Cut(c.Code, " ")
		phrase.SetBeginning(first)
		out.Type = phrase
	case ViaEmailSetUp:
		out.Type = &tg.AuthSentCodeTypeSetUpEmailRequired{}
	case ViaPayment:
		return &tg.AuthSentCodePaymentRequired{StoreProduct: "org.telegram.login", PhoneCodeHash: c.Hash, Currency: "EUR", Amount: 99}
	default:
		out.Type = &tg.AuthSentCodeTypeSMS{Length: n}
	}
	if c.At+1 < len(c.Routes) {
		if next := nextType(c.Routes[c.At+1]); next != nil {
			out.SetNextType(next)
		}
		out.SetTimeout(s.opts.CodeTimeout)
	}
	return out
}

func nextType(r CodeRoute) tg.AuthCodeTypeClass {
	switch r {
	case ViaSMS:
		return &tg.AuthCodeTypeSMS{}
	case ViaCall:
		return &tg.AuthCodeTypeCall{}
	case ViaFlashCall:
		return &tg.AuthCodeTypeFlashCall{}
	case ViaMissedCall:
		return &tg.AuthCodeTypeMissedCall{}
	case ViaFragment:
		return &tg.AuthCodeTypeFragmentSMS{}
	}
	return nil // Telegram does not announce the others
}

func (s *Server) resendCode(ctx context.Context, r *tg.AuthResendCodeRequest) (tg.AuthSentCodeClass, error) {
	c, err := s.codeOf(callOf(ctx), r.PhoneNumber, r.PhoneCodeHash)
	if err != nil {
		return nil, err
	}
	if c.At+1 >= len(c.Routes) {
		return nil, rpcError(406, "SEND_CODE_UNAVAILABLE")
	}
	c.At++
	delete(s.w.Codes, c.Hash)
	c.Hash, c.No = hex.EncodeToString(randomBytes(9)), s.nextNo()
	s.w.Codes[c.Hash] = c
	s.deliverCode(c, s.byPhone(c.Phone))
	return s.sentCode(c), nil
}

// codeOf finds a code by phone and hash. A hash that is wrong, spent or was
// made for another authorization key is "expired" at Telegram.
func (s *Server) codeOf(in *call, phone, hash string) (*sentCode, error) {
	if digits(phone) == "" {
		return nil, rpcError(400, "PHONE_NUMBER_INVALID")
	}
	if hash == "" {
		return nil, rpcError(400, "PHONE_CODE_HASH_EMPTY")
	}
	c := s.w.Codes[hash]
	if c == nil || c.Phone != digits(phone) || c.Key != in.key.id() {
		return nil, rpcError(400, "PHONE_CODE_EXPIRED")
	}
	return c, nil
}

func (s *Server) signIn(ctx context.Context, r *tg.AuthSignInRequest) (tg.AuthAuthorizationClass, error) {
	in := callOf(ctx)
	c, err := s.codeOf(in, r.PhoneNumber, r.PhoneCodeHash)
	if err != nil {
		return nil, err
	}
	code := r.PhoneCode
	if v, ok := r.GetEmailVerification(); ok {
		if e, ok := v.(*tg.EmailVerificationCode); ok && c.Routes[c.At] == ViaEmail {
			code = e.Code
		}
	}
	if strings.TrimSpace(code) == "" {
		return nil, rpcError(400, "PHONE_CODE_EMPTY")
	}
	if code != c.Code {
		if c.Tries++; c.Tries >= s.opts.CodeAttempts {
			delete(s.w.Codes, c.Hash) // the next try finds it expired
		}
		return nil, rpcError(400, "PHONE_CODE_INVALID")
	}
	u := s.byPhone(c.Phone)
	if u == nil {
		c.Verified = true
		return s.signUpRequired(), nil
	}
	delete(s.w.Codes, c.Hash)
	return s.complete(in, u)
}

func (s *Server) signUp(ctx context.Context, r *tg.AuthSignUpRequest) (tg.AuthAuthorizationClass, error) {
	in := callOf(ctx)
	c, err := s.codeOf(in, r.PhoneNumber, r.PhoneCodeHash)
	if err != nil {
		return nil, err
	}
	switch {
	case !c.Verified:
		return nil, rpcError(400, "PHONE_CODE_INVALID")
	case s.byPhone(c.Phone) != nil:
		return nil, rpcError(400, "PHONE_NUMBER_OCCUPIED")
	case strings.TrimSpace(r.FirstName) == "" || utf8.RuneCountInString(r.FirstName) > 64:
		return nil, rpcError(400, "FIRSTNAME_INVALID")
	case utf8.RuneCountInString(r.LastName) > 64:
		return nil, rpcError(400, "LASTNAME_INVALID")
	}
	delete(s.w.Codes, c.Hash)
	u := s.newUser(UserSpec{Phone: c.Phone, FirstName: r.FirstName, LastName: r.LastName, DC: in.conn.dc.id})
	s.saveNow()
	return s.complete(in, u)
}

// complete ends a login whose first factor was right.
func (s *Server) complete(in *call, u *user) (tg.AuthAuthorizationClass, error) {
	switch {
	case u.Banned:
		return nil, rpcError(400, "PHONE_NUMBER_BANNED")
	case len(u.Verifier) > 0:
		in.key.User, in.key.Pending, in.key.Refusal = 0, u.ID, ""
		s.saveKey(in.key)
		return nil, rpcError(401, "SESSION_PASSWORD_NEEDED")
	}
	return s.authorize(in, u), nil
}

func (s *Server) authorize(in *call, u *user) *tg.AuthAuthorization {
	in.key.logIn(u.ID)
	s.saveKey(in.key)
	in.conn.subscribe()
	return &tg.AuthAuthorization{User: s.tgUser(u, u)}
}
