package pin

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"zhenni"
)

// The sizes of a verifier and its parts, in bytes.
const (
	SaltSize     = 16
	VerifierSize = headerSize + tagSize + overhead

	headerSize = 1 + 4 + 1 + 1 + 4 + SaltSize
	tagSize    = 32
	overhead   = 16
)

// format is the first byte of a verifier.
const format = 1

// Params are the parameters of Argon2id. They are stored with each verifier.
type Params struct {
	// MemoryKiB is the memory, 64–262,144 KiB.
	MemoryKiB uint32
	// Passes over the memory, 1–16.
	Passes uint8
	// Lanes that are filled at a time, 1–4.
	Lanes uint8
}

// DefaultParams returns what OWASP's Password Storage Cheat Sheet asks for: 19 MiB, two passes, one lane.
func DefaultParams() Params { return Params{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1} }

// Validate reports a parameter that is out of its range, as [zhenni.ErrBadValue].
func (p Params) Validate() error {
	if p.MemoryKiB < 64 || p.MemoryKiB > 256<<10 || p.Passes < 1 || p.Passes > 16 || p.Lanes < 1 || p.Lanes > 4 {
		return fmt.Errorf("%w: Argon2id with %d KiB, %d passes, %d lanes", zhenni.ErrBadValue, p.MemoryKiB, p.Passes, p.Lanes)
	}
	return nil
}

// Binding is what a verifier is for: the credential, and its generation when the PIN was set.
type Binding struct {
	Credential zhenni.CredentialID
	Generation zhenni.Generation
}

// Verifier is what is kept of a PIN. It is comparable; the zero Verifier is none.
type Verifier struct {
	redacted
	params Params
	pepper uint32
	salt   [SaltSize]byte
	sealed [tagSize + overhead]byte
}

// ParseVerifier reads what [Verifier.Append] writes: [zhenni.ErrCorrupt]. Whether it opens is seen when it is used.
func ParseVerifier(encoded []byte) (Verifier, error) {
	if len(encoded) != VerifierSize || encoded[0] != format {
		return Verifier{}, fmt.Errorf("%w: PIN verifier: want %d bytes of format %d", zhenni.ErrCorrupt, VerifierSize, format)
	}
	v := Verifier{
		params: Params{MemoryKiB: binary.BigEndian.Uint32(encoded[1:]), Passes: encoded[5], Lanes: encoded[6]},
		pepper: binary.BigEndian.Uint32(encoded[7:]),
	}
	copy(v.salt[:], encoded[11:])
	copy(v.sealed[:], encoded[headerSize:])
	if err := v.params.Validate(); err != nil || v.pepper == 0 {
		return Verifier{}, fmt.Errorf("%w: PIN verifier with parameters or a pepper that none is made with", zhenni.ErrCorrupt)
	}
	return v, nil
}

// Append appends the encoded form, [VerifierSize] bytes.
func (v Verifier) Append(dst []byte) []byte { return append(v.header(dst), v.sealed[:]...) }

// IsZero reports whether v is no verifier.
func (v Verifier) IsZero() bool { return v == Verifier{} }

// Params returns the parameters it was made with.
func (v Verifier) Params() Params { return v.params }

// Salt returns the salt it was made with, which is no secret.
func (v Verifier) Salt() [SaltSize]byte { return v.salt }

// Pepper returns the version of the pepper it is sealed under.
func (v Verifier) Pepper() uint32 { return v.pepper }

func (v Verifier) header(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, format), v.params.MemoryKiB)
	dst = binary.BigEndian.AppendUint32(append(dst, v.params.Passes, v.params.Lanes), v.pepper)
	return append(dst, v.salt[:]...)
}

// bound is the associated data of the seal.
func (v Verifier) bound(b Binding) []byte {
	data := append(v.header(make([]byte, 0, headerSize+20)), b.Credential[:]...)
	return binary.BigEndian.AppendUint32(data, uint32(b.Generation))
}

// seal makes the verifier of a tag under the current pepper.
func (p *Peppers) seal(params Params, salt [SaltSize]byte, tag [tagSize]byte, b Binding) Verifier {
	v := Verifier{params: params, pepper: p.current.version, salt: salt}
	aead := p.current.aead(salt)
	aead.Seal(v.sealed[:0], make([]byte, aead.NonceSize()), tag[:], v.bound(b))
	return v
}

// open returns the tag, which the caller overwrites.
func (p *Peppers) open(v Verifier, b Binding) (tag [tagSize]byte, err error) {
	pepper, held := p.all[v.pepper]
	if !held {
		return tag, fmt.Errorf("%w: PIN pepper %d is not held", zhenni.ErrWrongKey, v.pepper)
	}
	aead := pepper.aead(v.salt)
	if _, err := aead.Open(tag[:0], make([]byte, aead.NonceSize()), v.sealed[:], v.bound(b)); err != nil {
		clear(tag[:])
		return tag, fmt.Errorf("%w: PIN verifier does not open", zhenni.ErrCorrupt)
	}
	return tag, nil
}

// aead returns the cipher that seals the one tag of that salt.
func (p Pepper) aead(salt [SaltSize]byte) cipher.AEAD {
	key := p.mac([]byte(sealLabel), salt[:])
	defer clear(key[:])
	block, err := aes.NewCipher(key[:])
	if err == nil {
		var aead cipher.AEAD
		if aead, err = cipher.NewGCM(block); err == nil {
			return aead
		}
	}
	panic("pin: AES-256-GCM refuses a key of 32 bytes: " + err.Error())
}
