package vault

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Why a sealed value does not open.
var (
	// ErrWrongKeyset: the key that sealed it is not in the keyset file.
	ErrWrongKeyset = errors.New("the keyset file does not hold the key that sealed this: it is another bridge's, or a copy from before a rotation")
	// ErrDamaged: the key is there, but the value is not what was sealed in this place.
	ErrDamaged = errors.New("a sealed value was changed, or moved from where it was sealed")
)

// tinkPrefix is the length of the key ID that tink puts before a ciphertext.
const tinkPrefix = 5

// Keyset holds the keys of a bridge, as loaded from its file. It is safe for
// concurrent use, and prints as "[secret]".
type Keyset struct {
	sealing *keyset.Handle
	naming  *keyset.Handle
	aead    tink.AEAD
	prf     *prf.Set
	ids     map[uint32]bool // the keys of sealing
}

func newKeyset(sealing, naming *keyset.Handle) (*Keyset, error) {
	sealer, err := aead.New(sealing)
	if err != nil {
		return nil, fmt.Errorf("its sealing keys are no AEAD keys")
	}
	namer, err := prf.NewPRFSet(naming)
	if err != nil {
		return nil, fmt.Errorf("its directory key is no PRF key")
	}
	ids := make(map[uint32]bool)
	for _, key := range sealing.KeysetInfo().GetKeyInfo() {
		ids[key.GetKeyId()] = true
	}
	return &Keyset{sealing: sealing, naming: naming, aead: sealer, prf: namer, ids: ids}, nil
}

// Format hides the keys from every verb of fmt.
func (*Keyset) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// seal encrypts under the primary key.
func (k *Keyset) seal(plain, aad []byte) ([]byte, error) { return k.aead.Encrypt(plain, aad) }

// open decrypts with whichever key sealed the value. It returns ErrWrongKeyset
// or ErrDamaged.
func (k *Keyset) open(sealed, aad []byte) ([]byte, error) {
	plain, err := k.aead.Decrypt(sealed, aad)
	switch {
	case err == nil:
		return plain, nil
	case len(sealed) > tinkPrefix && sealed[0] == 1 && !k.ids[binary.BigEndian.Uint32(sealed[1:tinkPrefix])]:
		return nil, ErrWrongKeyset
	default:
		return nil, ErrDamaged
	}
}

// name is the HMAC-SHA-256 of a value under the directory's key, in hex. The
// domain keeps a chat from ever being taken for a user.
func (k *Keyset) name(domain, value string) (string, error) {
	sum, err := k.prf.ComputePrimaryPRF([]byte("natsgram\n"+domain+"\n"+value), 32)
	if err != nil {
		return "", fmt.Errorf("name a %s: %w", domain, err)
	}
	return hex.EncodeToString(sum), nil
}
