package zhenni

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
)

// KeyAlgorithm is how a key signs. It is a property of the key; what a message says of it is only compared.
type KeyAlgorithm uint8

// The algorithms of public keys: Ed25519 (RFC 8032), and ECDSA on P-256 with SHA-256 (FIPS 186-5), whose signatures are r ‖ s.
const (
	KeyEd25519 KeyAlgorithm = iota + 1
	KeyP256
)

var keyAlgorithmNames = names[KeyAlgorithm]{KeyEd25519: "ed25519", KeyP256: "p256"}

// String returns the lower-case word for a.
func (a KeyAlgorithm) String() string { return keyAlgorithmNames.name(a, "key algorithm") }

// PublicKeySize is the length of the encoded form of a [PublicKey], in bytes.
const PublicKeySize = 1 + 33

// SignatureSize is the length of a signature by either algorithm, in bytes.
const SignatureSize = 64

// PublicKey verifies signatures of a relying party, a device or a terminal. It is comparable, and checked when it is made;
// the zero value is no key and verifies nothing.
type PublicKey struct {
	algorithm KeyAlgorithm
	// point is the 32 bytes of RFC 8032 and a zero, or a compressed point of P-256 (SEC 1 §2.3.3).
	point [PublicKeySize - 1]byte
}

// NewPublicKey makes a key of the 32 bytes of RFC 8032, or of a point of P-256 in 33 bytes compressed or 65 uncompressed.
// [ErrBadValue] refuses what is no point of the curve and, for Ed25519, what is not in its canonical form and points of
// small order, for which anybody can sign anything.
func NewPublicKey(algorithm KeyAlgorithm, point []byte) (PublicKey, error) {
	k := PublicKey{algorithm: algorithm}
	switch algorithm {
	case KeyEd25519:
		if err := checkEdwards(point); err != nil {
			return PublicKey{}, err
		}
		copy(k.point[:], point)
	case KeyP256:
		compressed, err := compressP256(point)
		if err != nil {
			return PublicKey{}, err
		}
		k.point = compressed
	default:
		return PublicKey{}, fmt.Errorf("%w: key algorithm %d is unknown", ErrBadValue, algorithm)
	}
	return k, nil
}

// compressP256 checks a point and returns its compressed form.
func compressP256(point []byte) (compressed [PublicKeySize - 1]byte, err error) {
	var x, y *big.Int
	switch {
	case len(point) == len(compressed):
		x, y = elliptic.UnmarshalCompressed(elliptic.P256(), point)
	case len(point) == 65:
		if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err == nil {
			x, y = new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
		}
	}
	if x == nil {
		return compressed, fmt.Errorf("%w: not a point of P-256", ErrBadValue)
	}
	compressed[0] = 2 + byte(y.Bit(0))
	x.FillBytes(compressed[1:])
	return compressed, nil
}

// ParsePublicKey reads what [PublicKey.Append] writes: [ErrBadValue]. All zeros are the zero key.
func ParsePublicKey(encoded []byte) (PublicKey, error) {
	if len(encoded) != PublicKeySize {
		return PublicKey{}, fmt.Errorf("%w: public key of %d bytes: want %d", ErrBadValue, len(encoded), PublicKeySize)
	}
	if [PublicKeySize]byte(encoded) == [PublicKeySize]byte{} {
		return PublicKey{}, nil
	}
	algorithm, point := KeyAlgorithm(encoded[0]), encoded[1:]
	if algorithm == KeyEd25519 {
		if point[32] != 0 {
			return PublicKey{}, fmt.Errorf("%w: Ed25519 key is not in its canonical form", ErrBadValue)
		}
		point = point[:32]
	}
	return NewPublicKey(algorithm, point)
}

// Append appends the encoded form, [PublicKeySize] bytes: algorithm u8 | point.
func (k PublicKey) Append(dst []byte) []byte {
	return append(append(dst, byte(k.algorithm)), k.point[:]...)
}

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// Algorithm is the one by which the key verifies, 0 of the zero key.
func (k PublicKey) Algorithm() KeyAlgorithm { return k.algorithm }

// Ed25519 returns the 32 bytes of an Ed25519 key; ok is false for another.
func (k PublicKey) Ed25519() (public ed25519.PublicKey, ok bool) {
	return k.point[:32], k.algorithm == KeyEd25519
}

// P256 returns the uncompressed point of a P-256 key, 65 bytes; ok is false for another.
func (k PublicKey) P256() (point []byte, ok bool) {
	if k.algorithm != KeyP256 {
		return nil, false
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), k.point[:])
	point = make([]byte, 65)
	point[0] = 4
	x.FillBytes(point[1:33])
	y.FillBytes(point[33:])
	return point, true
}

// Verify reports whether signature, of [SignatureSize] bytes, is the key's of message.
func (k PublicKey) Verify(message, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	if public, ok := k.Ed25519(); ok {
		return ed25519.Verify(public, message, signature)
	}
	point, ok := k.P256()
	if !ok {
		return false
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(message)
	return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

// Thumbprint names the key: the SHA-256 of its JSON Web Key (RFC 7638).
func (k PublicKey) Thumbprint() [sha256.Size]byte { return sha256.Sum256(k.required()) }

// ID is the thumbprint in base64url, 43 characters: what a signature names the key by.
func (k PublicKey) ID() string {
	sum := k.Thumbprint()
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// JWK returns the key as a JSON Web Key for signatures (RFC 7517, RFC 8037), nil for the zero key.
func (k PublicKey) JWK() []byte {
	required := k.required()
	if required == nil {
		return nil
	}
	return fmt.Appendf(nil, `%s,"kid":"%s","use":"sig"}`, required[:len(required)-1], k.ID())
}

// required is the JSON of the members that make a public key what it is, as its thumbprint takes them (RFC 7638 §3).
func (k PublicKey) required() []byte {
	encode := base64.RawURLEncoding.EncodeToString
	if public, ok := k.Ed25519(); ok {
		return fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, encode(public))
	}
	if point, ok := k.P256(); ok {
		return fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, encode(point[1:33]), encode(point[33:]))
	}
	return nil
}
