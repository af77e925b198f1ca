package telegramtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"math/big"

	"github.com/gotd/td/crypto/srp"
	"github.com/gotd/td/tg"
)

const srpG = 3

// srpPrime is the group that Telegram uses; clients know it and so do not have
// to prove it prime.
func srpPrime() *big.Int {
	p, _ := new(big.Int).SetString("C71CAEB9C6B1C9048E6C522F70F13F73980D40238E3E21C14934D037563D930F"+
		"48198A0AA7C14058229493D22530F4DBFA336F6E0AC925139543AED44CCE7C37"+
		"20FD51F69458705AC68CD4FE6B6B13ABDC9746512969328454F18FAF8C595F64"+
		"2477FE96BB2A941D5BCD1D4AC8CC49880708FA9B378E3C4F3A9060BEE67CF9A4"+
		"A4A695811051907E162753B56B0F6B410DBA74D8A84B2A14B3144E0EF1284754"+
		"FD17ED950D5965B4B9DD46582DB1178D169C6BC465B0D6FF9CA3928FEF5B9AE4"+
		"E418FC15E83EBEA0F87FA9FF5EED70050DED2849F47BF959D956850CE929851F"+
		"0D8115F635B105EE2E4E15D04B2454BF6F4FADF034B10403119CD8E3B92FCC5B", 16)
	return p
}

// challenge is the server's half of one password check. It is good for one
// answer.
type challenge struct {
	user UserID
	b, B *big.Int
}

// newVerifier is what a server keeps of a password.
func newVerifier(password string) (verifier, salt1, salt2 []byte, err error) {
	salt2 = randomBytes(16)
	verifier, salt1, err = srp.NewSRP(rand.Reader).NewHash([]byte(password), srp.Input{
		Salt1: randomBytes(8), Salt2: salt2, G: srpG, P: srpPrime().Bytes(),
	})
	return verifier, salt1, salt2, err
}

// SetPassword sets, changes or (with "") removes a user's second factor.
func (s *Server) SetPassword(u UserID, password, hint string) {
	var v, s1, s2 []byte
	if password != "" {
		var err error
		if v, s1, s2, err = newVerifier(password); err != nil {
			panic(err) // the group is good and randomness does not fail
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.mustUser(u)
	acc.Verifier, acc.Salt1, acc.Salt2, acc.Hint = v, s1, s2, hint
	s.change()
}

func (s *Server) onPassword(d *tg.ServerDispatcher) {
	d.OnAccountGetPassword(s.getPassword)
	d.OnAuthCheckPassword(s.checkPassword)
}

func (u *user) algo(salt1, salt2 []byte) *tg.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow {
	return &tg.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow{
		Salt1: salt1, Salt2: salt2, G: srpG, P: srpPrime().Bytes(),
	}
}

func (s *Server) getPassword(ctx context.Context) (*tg.AccountPassword, error) {
	k := callOf(ctx).key
	u := s.w.Users[max(k.Pending, k.User)]
	if u == nil {
		return nil, rpcError(401, "AUTH_KEY_UNREGISTERED")
	}
	out := &tg.AccountPassword{
		NewAlgo:       u.algo(randomBytes(8), randomBytes(16)),
		NewSecureAlgo: &tg.SecurePasswordKdfAlgoPBKDF2HMACSHA512iter100000{Salt: randomBytes(8)},
		SecureRandom:  randomBytes(256),
	}
	if len(u.Verifier) == 0 {
		return out, nil
	}
	// B = k*v + g^b
	p, g := srpPrime(), big.NewInt(srpG)
	ch := &challenge{user: u.ID, b: new(big.Int).SetBytes(randomBytes(256))}
	kv := new(big.Int).Mul(hashInt(pad256(p), pad256(g)), new(big.Int).SetBytes(u.Verifier))
	ch.B = new(big.Int).Exp(g, ch.b, p)
	ch.B.Add(ch.B, kv).Mod(ch.B, p)
	id := randomInt64()
	s.srp[id] = ch

	out.SetHasPassword(true)
	out.SetCurrentAlgo(u.algo(u.Salt1, u.Salt2))
	out.SetSRPB(pad256(ch.B))
	out.SetSRPID(id)
	if u.Hint != "" {
		out.SetHint(u.Hint)
	}
	return out, nil
}

func (s *Server) checkPassword(ctx context.Context, in tg.InputCheckPasswordSRPClass) (tg.AuthAuthorizationClass, error) {
	c := callOf(ctx)
	u := s.w.Users[c.key.Pending]
	if u == nil {
		return nil, rpcError(401, "AUTH_KEY_UNREGISTERED")
	}
	answer, ok := in.(*tg.InputCheckPasswordSRP)
	if !ok {
		return nil, rpcError(400, "PASSWORD_HASH_INVALID")
	}
	ch := s.srp[answer.SRPID]
	delete(s.srp, answer.SRPID)
	if ch == nil || ch.user != u.ID {
		return nil, rpcError(400, "SRP_ID_INVALID")
	}
	if !ch.right(u, answer) {
		return nil, rpcError(400, "PASSWORD_HASH_INVALID")
	}
	return s.authorize(c, u), nil
}

// right checks M1, which only somebody who knows the password can compute.
func (ch *challenge) right(u *user, in *tg.InputCheckPasswordSRP) bool {
	p, g := srpPrime(), big.NewInt(srpG)
	A := new(big.Int).SetBytes(in.A)
	if A.Sign() <= 0 || A.Cmp(p) >= 0 || new(big.Int).Mod(A, p).Sign() == 0 {
		return false
	}
	// S = (A * v^u)^b
	scramble := hashInt(pad256(A), pad256(ch.B))
	S := new(big.Int).Exp(new(big.Int).SetBytes(u.Verifier), scramble, p)
	S.Mul(S, A).Mod(S, p)
	S.Exp(S, ch.b, p)
	hp, hg := sha256.Sum256(pad256(p)), sha256.Sum256(pad256(g))
	for i := range hp {
		hp[i] ^= hg[i]
	}
	K := hash(pad256(S))
	want := hash(hp[:], hash(u.Salt1), hash(u.Salt2), pad256(A), pad256(ch.B), K)
	return subtle.ConstantTimeCompare(want, in.M1) == 1
}

func hash(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func hashInt(parts ...[]byte) *big.Int { return new(big.Int).SetBytes(hash(parts...)) }

func pad256(i *big.Int) []byte { return i.FillBytes(make([]byte, 256)) }
