package pin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zhenni"
)

// The sizes of a pepper and of its check value, in bytes.
const (
	PepperSize = 32
	CheckSize  = 16
)

// MaxPeppers bounds how many peppers are held at once.
const MaxPeppers = 8

// What is made of a pepper. Frozen: a change closes every verifier.
const (
	sealLabel  = "zhenni PIN verifier"
	checkLabel = "zhenni PIN pepper check"
)

// Pepper is a key that is kept apart from the store, with the number by which verifiers name it. It lives as long as it is
// held.
type Pepper struct {
	redacted
	version uint32
	key     **[PepperSize]byte
}

// NewPepper returns the pepper of that version, from 1 on, with a key of [PepperSize] random bytes: [zhenni.ErrBadValue] for
// another version or size and for a blank key. The slice stays the caller's, to overwrite.
func NewPepper(version uint32, key []byte) (Pepper, error) {
	var blank [PepperSize]byte
	if version == 0 || len(key) != PepperSize || hmac.Equal(key, blank[:]) {
		return Pepper{}, fmt.Errorf("%w: PIN pepper: want a version from 1 on and %d random bytes", zhenni.ErrBadValue, PepperSize)
	}
	held := (*[PepperSize]byte)(append([]byte(nil), key...))
	return Pepper{version: version, key: &held}, nil
}

// Version returns the number by which verifiers name the pepper.
func (p Pepper) Version() uint32 { return p.version }

// Check returns a value by which the pepper is known again, and from which nothing else follows. Stored beside the first
// verifier and compared at every start, it keeps a store from going on under another pepper of that version.
func (p Pepper) Check() (check [CheckSize]byte) {
	sum := p.mac([]byte(checkLabel))
	copy(check[:], sum[:])
	return check
}

// mac returns HMAC-SHA256 over the label, the version and what follows, each behind its length.
func (p Pepper) mac(label []byte, fields ...[]byte) (sum [sha256.Size]byte) {
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], p.version)
	h := hmac.New(sha256.New, (*p.key)[:])
	for _, field := range append([][]byte{label, number[:]}, fields...) {
		h.Write(binary.BigEndian.AppendUint16(nil, uint16(len(field))))
		h.Write(field)
	}
	h.Sum(sum[:0])
	return sum
}

// Peppers are the current pepper, under which verifiers are sealed, and those before it, under which stored ones may still
// be. They are immutable and safe for concurrent use; an exchange makes others and swaps them in.
type Peppers struct {
	redacted
	current Pepper
	all     map[uint32]Pepper
}

// NewPeppers returns at most [MaxPeppers] peppers of different versions: [zhenni.ErrBadValue].
func NewPeppers(current Pepper, before ...Pepper) (*Peppers, error) {
	if len(before) >= MaxPeppers {
		return nil, fmt.Errorf("%w: %d PIN peppers: want at most %d", zhenni.ErrBadValue, len(before)+1, MaxPeppers)
	}
	p := &Peppers{current: current, all: make(map[uint32]Pepper)}
	for _, pepper := range append([]Pepper{current}, before...) {
		if _, twice := p.all[pepper.version]; twice || pepper.key == nil {
			return nil, fmt.Errorf("%w: a PIN pepper that is missing or there twice", zhenni.ErrBadValue)
		}
		p.all[pepper.version] = pepper
	}
	return p, nil
}

// Rewrap returns v sealed under the current pepper, for an exchange: [zhenni.ErrWrongKey] if its own is not held,
// [zhenni.ErrCorrupt] if it does not open. It needs no PIN and does not run Argon2id.
func (p *Peppers) Rewrap(v Verifier, b Binding) (Verifier, error) {
	tag, err := p.open(v, b)
	if err != nil {
		return Verifier{}, err
	}
	defer clear(tag[:])
	return p.seal(v.params, v.salt, tag, b), nil
}
