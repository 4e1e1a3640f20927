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
	// y is the other coordinate of a point of P-256, which follows from point: to find it costs a quarter of a verification.
	y [32]byte
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
		if err := k.setP256(point); err != nil {
			return PublicKey{}, err
		}
	default:
		return PublicKey{}, fmt.Errorf("%w: key algorithm %d is unknown", ErrBadValue, algorithm)
	}
	return k, nil
}

// setP256 checks a point and takes it.
func (k *PublicKey) setP256(point []byte) error {
	var x, y *big.Int
	switch {
	case len(point) == len(k.point):
		x, y = elliptic.UnmarshalCompressed(elliptic.P256(), point)
	case len(point) == p256Size:
		if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err == nil {
			x, y = new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])
		}
	}
	if x == nil {
		return fmt.Errorf("%w: not a point of P-256", ErrBadValue)
	}
	k.point[0] = 2 + byte(y.Bit(0))
	x.FillBytes(k.point[1:])
	y.FillBytes(k.y[:])
	return nil
}

// p256Size is the length of an uncompressed point of P-256 (SEC 1 §2.3.3): 4, x, y.
const p256Size = 65

// uncompressed returns the point of a P-256 key.
func (k *PublicKey) uncompressed() (point [p256Size]byte) {
	point[0] = 4
	copy(point[1:], k.point[1:])
	copy(point[33:], k.y[:])
	return point
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

// KeptPublicKey is [ParsePublicKey] of a key that was checked before it was kept under a seal. The point of an Ed25519 key is not
// checked again, which would take as long as to verify a signature, at each look at a credential.
func KeptPublicKey(encoded []byte) (PublicKey, error) {
	if len(encoded) != PublicKeySize || KeyAlgorithm(encoded[0]) != KeyEd25519 || encoded[PublicKeySize-1] != 0 {
		return ParsePublicKey(encoded)
	}
	return PublicKey{algorithm: KeyEd25519, point: [PublicKeySize - 1]byte(encoded[1:])}, nil
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
	whole := k.uncompressed()
	return whole[:], true
}

// Verify reports whether signature, of [SignatureSize] bytes, is the key's of message.
func (k PublicKey) Verify(message, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	if public, ok := k.Ed25519(); ok {
		return ed25519.Verify(public, message, signature)
	}
	if k.algorithm != KeyP256 {
		return false
	}
	point := k.uncompressed()
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point[:])
	if err != nil {
		return false
	}
	sum := sha256.Sum256(message)
	var der [MaxDER]byte
	return ecdsa.VerifyASN1(public, sum[:], AppendDER(der[:0], signature))
}

// MaxDER is the length of the longest form that [AppendDER] appends, in bytes.
const MaxDER = 2 + 2*(2+33)

// AppendDER appends the DER form of an ECDSA signature, which messages carry as r ‖ s, 64 bytes: the library reads no other.
func AppendDER(dst, signature []byte) []byte {
	dst = append(dst, 0x30, 0)
	start := len(dst)
	dst = appendInteger(dst, signature[:32])
	dst = appendInteger(dst, signature[32:])
	dst[start-1] = byte(len(dst) - start)
	return dst
}

// appendInteger appends a DER integer: no leading zeros, but one where the first bit would be a sign.
func appendInteger(dst, n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	sign := int(n[0] >> 7)
	dst = append(dst, 2, byte(len(n)+sign), 0)
	return append(dst[:len(dst)-1+sign], n...)
}

// Thumbprint names the key: the SHA-256 of its JSON Web Key (RFC 7638).
func (k PublicKey) Thumbprint() [sha256.Size]byte {
	var room [maxRequired]byte
	return sha256.Sum256(k.appendRequired(room[:0]))
}

// ID is the thumbprint in base64url, 43 characters: what a signature names the key by.
func (k PublicKey) ID() string {
	sum := k.Thumbprint()
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// JWK returns the key as a JSON Web Key for signatures (RFC 7517, RFC 8037), nil for the zero key.
func (k PublicKey) JWK() []byte {
	required := k.appendRequired(nil)
	if required == nil {
		return nil
	}
	return fmt.Appendf(nil, `%s,"kid":"%s","use":"sig"}`, required[:len(required)-1], k.ID())
}

// maxRequired is no less than the longest form of appendRequired.
const maxRequired = 160

// appendRequired appends the JSON of the members that make a public key what it is, as its thumbprint takes them (RFC 7638 §3):
// nothing of the zero key.
func (k *PublicKey) appendRequired(dst []byte) []byte {
	encode := base64.RawURLEncoding
	switch k.algorithm {
	case KeyEd25519:
		dst = encode.AppendEncode(append(dst, `{"crv":"Ed25519","kty":"OKP","x":"`...), k.point[:32])
	case KeyP256:
		dst = encode.AppendEncode(append(dst, `{"crv":"P-256","kty":"EC","x":"`...), k.point[1:])
		dst = encode.AppendEncode(append(dst, `","y":"`...), k.y[:])
	default:
		return dst
	}
	return append(dst, `"}`...)
}
