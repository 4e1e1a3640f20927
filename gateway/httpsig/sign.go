package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"
	"strconv"
	"time"

	"zhenni"
	"zhenni/simd"
)

// A Signer signs requests with a private key, or with a session key. It does not change and is safe for concurrent use.
type Signer struct {
	key     *Key
	edwards ed25519.PrivateKey
	nist    *ecdsa.PrivateKey
	digests DigestAlgorithm
}

// Digests is what the signer digests bodies by.
func (s *Signer) Digests() DigestAlgorithm { return s.digests }

// Digesting returns a signer by the same key that digests bodies by an algorithm; at first that is SHA-256.
func (s *Signer) Digesting(by DigestAlgorithm) *Signer {
	other := *s
	other.digests = by
	return &other
}

// NewEd25519Signer takes a private key whose two halves fit: with another public half, two signatures give it away.
func NewEd25519Signer(private ed25519.PrivateKey) (*Signer, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("%w: Ed25519 private key of %d bytes: want 64", zhenni.ErrBadValue, len(private))
	}
	own := ed25519.NewKeyFromSeed(private.Seed())
	if !own.Equal(private) {
		return nil, fmt.Errorf("%w: Ed25519 private key with the public key of another", zhenni.ErrBadValue)
	}
	key, err := NewEd25519(own[ed25519.SeedSize:])
	if err != nil {
		return nil, err
	}
	return &Signer{key: key, edwards: own}, nil
}

// NewP256Signer takes a private key on P-256.
func NewP256Signer(private *ecdsa.PrivateKey) (*Signer, error) {
	point, err := private.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%w: not a private key on P-256", zhenni.ErrBadValue)
	}
	key, err := NewP256(point)
	if err != nil {
		return nil, err
	}
	return &Signer{key: key, nist: private}, nil
}

// NewHMACSigner takes a session key, with the rules of [NewHMAC].
func NewHMACSigner(id string, secret []byte) (*Signer, error) {
	key, err := NewHMAC(id, secret)
	if err != nil {
		return nil, err
	}
	return &Signer{key: key}, nil
}

// Key is the one that verifies what s signs.
func (s *Signer) Key() *Key { return s.key }

// A Stamp is what makes one signature differ from the next.
type Stamp struct {
	Created time.Time
	// Expires is zero where the window alone limits the signature.
	Expires time.Time
	// Nonce is 16–64 characters of the base64url alphabet, random and used once.
	Nonce string
}

// Sign sets the fields of r: Signature and Signature-Input and, where there is a body, Content-Digest. It writes over the
// memory of those that r has. The signature covers what it must and every one of r.Fields that has a value. What no
// service of this profile would take is not signed, with the errors of [Claim.Parse].
func (s *Signer) Sign(r *Request, stamp Stamp) error {
	r.ContentDigest, r.Signature = r.ContentDigest[:0], r.Signature[:0]
	if len(r.Body) > 0 {
		r.ContentDigest = s.appendDigestOf(r.ContentDigest, r)
	}
	r.SignatureInput = s.appendInput(r.SignatureInput[:0], r, stamp)
	var c Claim
	if _, err := c.readInput(r.SignatureInput); err != nil {
		return err
	}
	if err := c.check(r, stamp.Created); err != nil {
		return err
	}
	signature, err := s.sign(c.base)
	if err != nil {
		return err
	}
	r.Signature = append(r.Signature, ownLabel+"=:"...)
	r.Signature = canonical.AppendEncode(r.Signature, signature)
	r.Signature = append(r.Signature, ':')
	return nil
}

// ownLabel is the name of the one signature of a request; any other is taken as well.
const ownLabel = "sig"

func (r *Request) bodySHA256() [sha256.Size]byte {
	if r.BodySHA256 != nil {
		return *r.BodySHA256
	}
	return sha256.Sum256(r.Body)
}

// appendDigestOf appends Content-Digest.
func (s *Signer) appendDigestOf(dst []byte, r *Request) []byte {
	if s.digests == BLAKE3 {
		return appendDigest(dst, "blake3", simd.Blake3(r.Body))
	}
	return appendDigest(dst, "sha-256", r.bodySHA256())
}

// appendInput appends Signature-Input.
func (s *Signer) appendInput(dst []byte, r *Request, stamp Stamp) []byte {
	dst = append(dst, ownLabel+`=("@method" "@authority" "@path" "@query"`...)
	if len(r.ContentDigest) > 0 {
		dst = append(dst, ` "content-digest"`...)
	}
	for _, field := range r.Fields {
		if len(field.Value) > 0 {
			dst = append(append(append(dst, ` "`...), field.Name...), '"')
		}
	}
	dst = strconv.AppendInt(append(dst, ");created="...), stamp.Created.Unix(), 10)
	if !stamp.Expires.IsZero() {
		dst = strconv.AppendInt(append(dst, ";expires="...), stamp.Expires.Unix(), 10)
	}
	dst = append(append(dst, `;nonce="`...), stamp.Nonce...)
	dst = append(append(dst, `";keyid="`...), s.key.id...)
	return append(dst, `";tag="zhenni"`...)
}

// SignText returns the signature of a text that is no request's, of 64 bytes, as a proof of possession is: [ErrKey] for a key that
// signs nothing else than requests, as of a session.
func (s *Signer) SignText(text []byte) ([]byte, error) {
	if s.key.algorithm != Ed25519 && s.key.algorithm != P256 {
		return nil, fmt.Errorf("%w: the key is shared, and signs requests alone", ErrKey)
	}
	return s.sign(text)
}

// sign returns the signature of a base. By ECDSA it is the one of RFC 6979, which asks for no randomness.
func (s *Signer) sign(base []byte) ([]byte, error) {
	switch s.key.algorithm {
	case Ed25519:
		return ed25519.Sign(s.edwards, base), nil
	case P256:
		sum := sha256.Sum256(base)
		der, err := s.nist.Sign(nil, sum[:], crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		var numbers struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &numbers); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		signature := make([]byte, 64)
		numbers.R.FillBytes(signature[:32])
		numbers.S.FillBytes(signature[32:])
		return signature, nil
	}
	m := s.key.macs.Get().(*mac)
	defer s.key.macs.Put(m)
	return append([]byte(nil), m.sum(base)...), nil
}
