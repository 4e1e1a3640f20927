package receipt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"

	"zhenni"
)

// A Signer signs results under one private key; a hardware module fits behind it. It is safe for concurrent use.
type Signer interface {
	// Key is the one that verifies what is signed.
	Key() Key
	// Sign returns the signature of message, 64 bytes, the same for the same message. [zhenni.ErrUnavailable] is a module
	// that can not be reached.
	Sign(message []byte) ([]byte, error)
}

// SecretSize is the size of a private key, in bytes: the seed of Ed25519, the scalar of the others.
const SecretSize = 32

const signatureSize = zhenni.SignatureSize

// NewSecret draws a private key. Entropy nil is crypto/rand; one that ends is [zhenni.ErrUnavailable].
func NewSecret(a Algorithm, entropy io.Reader) ([]byte, error) {
	if entropy == nil {
		entropy = rand.Reader
	}
	for range 8 { // a scalar of 256 bits is out of range once in four billion times
		secret := make([]byte, SecretSize)
		if _, err := io.ReadFull(entropy, secret); err != nil {
			return nil, fmt.Errorf("%w: no entropy to make a key: %w", zhenni.ErrUnavailable, err)
		}
		if _, err := NewSigner(a, secret); err == nil {
			return secret, nil
		} else if !a.known() {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: the entropy makes no key", zhenni.ErrUnavailable)
}

// NewSigner makes a signer of a private key held in memory: [zhenni.ErrBadValue] where it is none of the algorithm. The
// slice stays the caller's.
func NewSigner(a Algorithm, secret []byte) (Signer, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("%w: private key of %d bytes, want %d", zhenni.ErrBadValue, len(secret), SecretSize)
	}
	switch a {
	case Ed25519:
		return newEdwardsSigner(secret)
	case ES256:
		return newNISTSigner(secret)
	case SM2:
		return newSM2Signer(secret)
	}
	return nil, fmt.Errorf("%w: %s is unknown", zhenni.ErrBadValue, a)
}

type edwardsSigner struct {
	key     Key
	private ed25519.PrivateKey
}

func newEdwardsSigner(seed []byte) (Signer, error) {
	private := ed25519.NewKeyFromSeed(seed)
	key, err := newKey(Ed25519, private[ed25519.SeedSize:])
	return edwardsSigner{key, private}, err
}

// Key implements Signer.
func (s edwardsSigner) Key() Key { return s.key }

// Sign implements Signer.
func (s edwardsSigner) Sign(message []byte) ([]byte, error) {
	return ed25519.Sign(s.private, message), nil
}

type nistSigner struct {
	key     Key
	private *ecdsa.PrivateKey
}

func newNISTSigner(scalar []byte) (Signer, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, fmt.Errorf("%w: not a private key on P-256", zhenni.ErrBadValue)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: not a private key on P-256", zhenni.ErrBadValue)
	}
	key, err := newKey(ES256, point)
	return nistSigner{key, private}, err
}

// Key implements Signer.
func (s nistSigner) Key() Key { return s.key }

// Sign implements Signer. Without a source of randomness the library signs as RFC 6979 has it.
func (s nistSigner) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	der, err := s.private.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%w: P-256: %w", zhenni.ErrUnavailable, err)
	}
	return fixed(der, lower)
}

// halfOrder is ⌊n/2⌋ of P-256: of s and n − s, which verify alike, the lower is the signature.
var halfOrder = new(big.Int).Rsh(elliptic.P256().Params().N, 1)

func lowHalf(s []byte) bool { return new(big.Int).SetBytes(s).Cmp(halfOrder) <= 0 }

func lower(s *big.Int) *big.Int {
	if s.Cmp(halfOrder) > 0 {
		s.Sub(elliptic.P256().Params().N, s)
	}
	return s
}

// fixed turns the DER form of a signature into r ‖ s, as JOSE writes it, after change was made to s.
func fixed(der []byte, change func(s *big.Int) *big.Int) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("%w: the library made no signature", zhenni.ErrUnavailable)
	}
	signature := make([]byte, signatureSize)
	pair.R.FillBytes(signature[:32])
	change(pair.S).FillBytes(signature[32:])
	return signature, nil
}
