package receipt

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"

	"zhenni"
)

// takeSM2 makes k a key of SM2. Its signer has the identity that GM/T 0009 gives to who has none of his own.
func (k *Key) takeSM2(point []byte) error {
	public, err := sm2.NewPublicKey(point)
	if err != nil || len(point) != 65 {
		return fmt.Errorf("%w: not an uncompressed point of SM2", zhenni.ErrBadValue)
	}
	encode := urlBase64.EncodeToString
	required := fmt.Appendf(nil, `{"crv":"SM2","kty":"EC","x":"%s","y":"%s"}`, encode(point[1:33]), encode(point[33:]))
	thumbprint := sha256.Sum256(required)
	k.id = encode(thumbprint[:])
	k.jwk = fmt.Appendf(required[:len(required)-1], `,"kid":"%s","use":"sig"}`, k.id)
	k.verify = func(message, signature []byte) bool { return verifySM2(public, message, signature) }
	return nil
}

// verifySM2 reports whether signature is r ‖ s of message; the library reads DER.
func verifySM2(public *ecdsa.PublicKey, message, signature []byte) bool {
	if len(signature) != signatureSize {
		return false
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	return err == nil && sm2.VerifyASN1WithSM2(public, nil, message, der)
}

type sm2Signer struct {
	key     Key
	private *sm2.PrivateKey
	scalar  [SecretSize]byte
}

func newSM2Signer(scalar []byte) (Signer, error) {
	private, err := sm2.NewPrivateKey(scalar)
	if err != nil {
		return nil, fmt.Errorf("%w: not a private key of SM2", zhenni.ErrBadValue)
	}
	point := make([]byte, 65)
	point[0] = 4
	private.X.FillBytes(point[1:33])
	private.Y.FillBytes(point[33:])
	key, err := newKey(SM2, point)
	return &sm2Signer{key, private, [SecretSize]byte(scalar)}, err
}

// Key implements Signer.
func (s *sm2Signer) Key() Key { return s.key }

// Sign implements Signer.
func (s *sm2Signer) Sign(message []byte) ([]byte, error) {
	digest, err := sm2.CalculateSM2Hash(&s.private.PublicKey, message, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: SM2: %w", zhenni.ErrUnavailable, err)
	}
	der, err := sm2.SignASN1(newNonces(s.scalar, digest), s.private, digest, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: SM2: %w", zhenni.ErrUnavailable, err)
	}
	return fixed(der, func(s *big.Int) *big.Int { return s })
}

// nonces are the candidates for the nonce of one signature, as RFC 6979 §3.2 draws them with HMAC over SM3 from the
// private key and the digest. The order of the curve has 256 bits, as SM3 has: a candidate is one block.
type nonces struct {
	key, value []byte
	drawn      bool
}

func newNonces(scalar [SecretSize]byte, digest []byte) *nonces {
	n := &nonces{key: make([]byte, sm3.Size), value: make([]byte, sm3.Size)}
	for i := range n.value {
		n.value[i] = 1
	}
	reduced := new(big.Int).SetBytes(digest)
	digest = reduced.Mod(reduced, sm2.P256().Params().N).FillBytes(make([]byte, sm3.Size))
	for _, separator := range []byte{0, 1} {
		n.rekey([]byte{separator}, scalar[:], digest)
	}
	return n
}

func (n *nonces) mac(parts ...[]byte) []byte {
	h := hmac.New(sm3.New, n.key)
	h.Write(n.value)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func (n *nonces) rekey(parts ...[]byte) {
	n.key = n.mac(parts...)
	n.value = n.mac()
}

// Read gives the library one candidate for each read of 32 bytes. It reads a single byte at random times, to keep callers
// from what is done here; that byte, and whatever else it may come to read, is random. A version that reads otherwise
// thus signs by chance, which a test notices, and never by a nonce that somebody knows.
func (n *nonces) Read(b []byte) (int, error) {
	if len(b) != sm3.Size {
		return rand.Read(b)
	}
	if n.drawn {
		n.rekey([]byte{0})
	}
	n.drawn = true
	n.value = n.mac()
	return copy(b, n.value), nil
}
