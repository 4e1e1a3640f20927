package sessions

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync"

	"zhenni"
	"zhenni/storage/wrappedkey"
)

const (
	sealVersion = 1
	saltSize    = 32
	sealHead    = 1 + saltSize + 8
	sealTail    = 16
)

var (
	ofEntry    = []byte("entry")
	ofSnapshot = []byte("snapshot")
)

// epoch is the sealing key of one salt.
type epoch struct {
	salt [saltSize]byte
	aead cipher.AEAD
}

func newEpoch(key []byte, salt [saltSize]byte) (epoch, error) {
	derived, err := hkdf.Expand(sha256.New, key, "zhenni sessions 1 "+string(salt[:]), wrappedkey.Size)
	if err != nil {
		return epoch{}, fmt.Errorf("sessions: %w", err)
	}
	defer clear(derived)
	block, err := aes.NewCipher(derived)
	if err != nil {
		return epoch{}, fmt.Errorf("sessions: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	return epoch{salt, aead}, err
}

func nonceOf(number uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), number)
}

// sealer seals what is numbered in one epoch. It is used by one goroutine at a time.
type sealer struct {
	epoch
	next uint64
}

func newSealer(key []byte, entropy io.Reader) (*sealer, error) {
	var salt [saltSize]byte
	if _, err := io.ReadFull(entropy, salt[:]); err != nil {
		return nil, fmt.Errorf("%w: sessions: no entropy for a salt: %w", zhenni.ErrUnavailable, err)
	}
	e, err := newEpoch(key, salt)
	return &sealer{epoch: e}, err
}

func (s *sealer) seal(plain, associated []byte) []byte {
	out := append(make([]byte, 0, sealHead+len(plain)+sealTail), sealVersion)
	out = binary.BigEndian.AppendUint64(append(out, s.salt[:]...), s.next)
	out = s.aead.Seal(out, nonceOf(s.next), plain, associated)
	s.next++
	return out
}

// opener opens what was sealed in any epoch. It is safe for concurrent use.
type opener struct {
	key []byte

	mu   sync.Mutex
	last epoch // most entries are of the same
}

func (o *opener) epochOf(salt [saltSize]byte) (epoch, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.last.aead != nil && o.last.salt == salt {
		return o.last, nil
	}
	e, err := newEpoch(o.key, salt)
	if err == nil {
		o.last = e
	}
	return e, err
}

// open returns the plaintext, the salt and the number of what was sealed: [zhenni.ErrCorrupt].
func (o *opener) open(sealed, associated []byte) (plain []byte, salt [saltSize]byte, number uint64, err error) {
	if len(sealed) < sealHead+sealTail || sealed[0] != sealVersion {
		return nil, salt, 0, corrupt("not an entry of version %d", sealVersion)
	}
	copy(salt[:], sealed[1:])
	number = binary.BigEndian.Uint64(sealed[1+saltSize:])
	e, err := o.epochOf(salt)
	if err != nil {
		return nil, salt, 0, err
	}
	if plain, err = e.aead.Open(nil, nonceOf(number), sealed[sealHead:], associated); err != nil {
		return nil, salt, 0, corrupt("an entry fails its seal")
	}
	return plain, salt, number, nil
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: sessions: "+format, append([]any{zhenni.ErrCorrupt}, args...)...)
}
