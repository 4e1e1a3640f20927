package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/go-jose/go-jose/v4"

	"zhenni"
)

// PrivateKeySize is the size of a private key's written form, in bytes.
const PrivateKeySize = 32

// maxTries bounds how often a scalar is drawn: one in 2³² is none of P-256.
const maxTries = 4

// PrivateKey opens what was sealed to its public half. It is on the curve P-256. It is immutable and safe for concurrent
// use.
type PrivateKey struct {
	redacted
	key    *ecdsa.PrivateKey
	public PublicKey
}

// NewPrivateKey draws a key from a cryptographic source. Where the source fails or yields no key, neither is there one:
// [zhenni.ErrUnavailable].
func NewPrivateKey(entropy io.Reader) (*PrivateKey, error) {
	var scalar [PrivateKeySize]byte
	defer clear(scalar[:])
	for range maxTries {
		if _, err := io.ReadFull(entropy, scalar[:]); err != nil {
			return nil, fmt.Errorf("%w: no entropy for a sealing key: %w", zhenni.ErrUnavailable, err)
		}
		if k, err := ParsePrivateKey(scalar[:]); err == nil {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w: no key comes of the entropy", zhenni.ErrUnavailable)
}

// ParsePrivateKey reads the form that [PrivateKey.Bytes] writes: [zhenni.ErrBadValue], in whose text nothing of it
// appears. The slice stays the caller's, to overwrite.
func ParsePrivateKey(scalar []byte) (*PrivateKey, error) {
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, fmt.Errorf("%w: sealing key: want the %d bytes of a P-256 scalar", zhenni.ErrBadValue, PrivateKeySize)
	}
	public, err := newPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &PrivateKey{key: key, public: public}, nil
}

// Bytes returns the key's written form, [PrivateKeySize] bytes, for the caller to seal and overwrite.
func (k *PrivateKey) Bytes() ([]byte, error) {
	scalar, err := k.key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: sealing key has no written form", zhenni.ErrBadValue)
	}
	return scalar, nil
}

// Public returns the public half.
func (k *PrivateKey) Public() PublicKey { return k.public }

// PublicKey is what identities are sealed to. It is no secret. The zero PublicKey is none.
type PublicKey struct {
	key *ecdsa.PublicKey
	id  string
}

// newPublicKey names a key by its thumbprint (RFC 7638, SHA-256).
func newPublicKey(key *ecdsa.PublicKey) (PublicKey, error) {
	jwk := jose.JSONWebKey{Key: key}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: sealing key without a thumbprint", zhenni.ErrBadValue)
	}
	return PublicKey{key: key, id: base64.RawURLEncoding.EncodeToString(thumbprint)}, nil
}

// ID is the key's thumbprint, 43 characters of base64url: what kid has to say.
func (k PublicKey) ID() string { return k.id }

// MarshalJSON writes the key as a JWK (RFC 7517) for publication.
func (k PublicKey) MarshalJSON() ([]byte, error) {
	if k.key == nil {
		return nil, fmt.Errorf("%w: no sealing key to write", zhenni.ErrBadValue)
	}
	jwk := jose.JSONWebKey{Key: k.key, KeyID: k.id, Algorithm: string(jose.ECDH_ES_A256KW), Use: "enc"}
	return jwk.MarshalJSON()
}

// ParsePublicKey reads a published JWK: [zhenni.ErrBadValue] unless it is a public key on P-256 for encryption, under
// the name of its thumbprint.
func ParsePublicKey(jwk []byte) (PublicKey, error) {
	bad := fmt.Errorf("%w: sealing key: want a JWK of a public key on P-256, use enc, kid its thumbprint", zhenni.ErrBadValue)
	var read jose.JSONWebKey
	if len(jwk) > MaxSealed || read.UnmarshalJSON(jwk) != nil {
		return PublicKey{}, bad
	}
	key, ok := read.Key.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() || read.Use != "enc" {
		return PublicKey{}, bad
	}
	public, err := newPublicKey(key)
	if err != nil || public.id != read.KeyID {
		return PublicKey{}, bad
	}
	return public, nil
}
