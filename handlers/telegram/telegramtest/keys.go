package telegramtest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"net"
	"strconv"

	"github.com/gotd/td/crypto"
	"github.com/gotd/td/exchange"
	"github.com/gotd/td/session"
	"github.com/gotd/td/telegram"
	"github.com/gotd/td/telegram/dcs"
	"github.com/gotd/td/tg"
)

// authKey is one authorization key: a client's identity. To Telegram a session
// of an account is a key with a user.
type authKey struct {
	Key     crypto.AuthKey
	DC      int
	Salt    int64
	User    UserID // 0 = not authorised
	Pending UserID // code accepted, password still to come
	Refusal string // why it is no longer authorised: SESSION_REVOKED and so on
	Hash    int64  // in account.getAuthorizations
	Created int
	Active  int
	APIID   int
	Device  string
	System  string
	Version string
}

func (k *authKey) id() int64 { return k.Key.IntID() }

func (k *authKey) logIn(u UserID) {
	k.User, k.Pending, k.Refusal, k.Created = u, 0, "", now()
	if k.Hash == 0 {
		k.Hash = randomInt64()
	}
}

// PublicKeys is for telegram.Options.PublicKeys.
func (s *Server) PublicKeys() []telegram.PublicKey {
	return []telegram.PublicKey{exchange.PrivateKey{RSA: s.rsa}.Public()}
}

// PublicKeyPEM is the server's key in the form any MTProto client takes.
func (s *Server) PublicKeyPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&s.rsa.PublicKey),
	}))
}

// DCList is for telegram.Options.DCList.
func (s *Server) DCList() dcs.List { return dcs.List{Options: s.dcOptions()} }

func (s *Server) dcOptions() []tg.DCOption {
	var out []tg.DCOption
	for _, l := range s.dcs {
		host, port, _ := net.SplitHostPort(l.addr)
		n, _ := strconv.Atoi(port)
		o := tg.DCOption{ID: l.id, IPAddress: host, Port: n}
		o.SetFlags()
		out = append(out, o)
	}
	return out
}

// Session is a finished login of u as bytes for a gotd session storage. It
// spares a test the key exchange and the login, which cost a second of
// processor time; use the real thing where logging in is what is tested.
func (s *Server) Session(u UserID) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	acc := s.mustUser(u)
	var value crypto.Key
	copy(value[:], randomBytes(len(value)))
	k := &authKey{Key: value.WithID(), DC: acc.DC, Salt: randomInt64(), Device: "telegramtest"}
	k.logIn(u)
	s.w.Keys[k.id()] = k
	s.saveKey(k)

	store := new(session.StorageMemory)
	loader := session.Loader{Storage: store}
	addr := s.dc(acc.DC).addr
	err := loader.Save(s.ctx, &session.Data{
		Config: session.Config{ThisDC: acc.DC, DCOptions: s.dcOptions()},
		DC:     acc.DC, Addr: addr, AuthKey: k.Key.Value[:], AuthKeyID: k.Key.ID[:], Salt: k.Salt,
	})
	if err != nil {
		panic(err) // memory does not fail
	}
	data, err := store.LoadSession(s.ctx)
	if err != nil {
		panic(err)
	}
	return data
}

// accessHash is what viewer must show to name the entity. Deriving it keeps
// hashes the same for ever without storing one for every pair.
func (s *Server) accessHash(viewer UserID, entity int64) int64 {
	m := hmac.New(sha256.New, s.w.Secret)
	_ = binary.Write(m, binary.LittleEndian, []int64{int64(viewer), entity})
	h := int64(binary.LittleEndian.Uint64(m.Sum(nil)))
	if h == 0 {
		h = 1 // zero is how a client says that it has none
	}
	return h
}

func newRSA() (*rsa.PrivateKey, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("make server key: %w", err)
	}
	return k, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func randomInt64() int64 {
	return int64(binary.LittleEndian.Uint64(randomBytes(8)) >> 1)
}

func randomDigits(n int) string {
	b := randomBytes(n)
	for i := range b {
		b[i] = '0' + b[i]%10
	}
	return string(b)
}
