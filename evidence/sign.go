package evidence

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"

	"zhenni"
)

// Sign makes the token of the claims, with their KeyID that of the private key: of Ed25519, or of ECDSA on P-256, in memory or
// behind a crypto.Signer. Claims that no one would take, and keys that are neither, are [zhenni.ErrBadValue].
func Sign(c Claims, private crypto.Signer) ([]byte, error) {
	key, err := publicOf(private)
	if err != nil {
		return nil, err
	}
	c.KeyID = key.Thumbprint()
	if !c.valid() {
		return nil, fmt.Errorf("%w: evidence: claims that no one takes", zhenni.ErrBadValue)
	}
	token := append(append(make([]byte, 0, MaxToken), header(key.Algorithm())...), '.')
	token = base64url.AppendEncode(token, c.appendTo(make([]byte, 0, maxClaims)))
	signature, err := sign(token, key.Algorithm(), private)
	if err != nil {
		return nil, err
	}
	if !key.Verify(token, signature) { // a signer that errs may give its key away
		return nil, fmt.Errorf("%w: evidence: the signer's signature does not verify", ErrSignature)
	}
	return base64url.AppendEncode(append(token, '.'), signature), nil
}

func publicOf(private crypto.Signer) (zhenni.PublicKey, error) {
	if e, ok := private.(ed25519.PrivateKey); ok && len(e) != ed25519.PrivateKeySize {
		return zhenni.PublicKey{}, fmt.Errorf("%w: Ed25519 private key of %d bytes: want 64", zhenni.ErrBadValue, len(e))
	}
	switch public := private.Public().(type) {
	case ed25519.PublicKey:
		return zhenni.NewPublicKey(zhenni.KeyEd25519, public)
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return zhenni.PublicKey{}, fmt.Errorf("%w: not a key on P-256", zhenni.ErrBadValue)
		}
		return zhenni.NewPublicKey(zhenni.KeyP256, point)
	}
	return zhenni.PublicKey{}, fmt.Errorf("%w: a key of neither Ed25519 nor P-256", zhenni.ErrBadValue)
}

// sign returns the signature as tokens have it.
func sign(message []byte, a zhenni.KeyAlgorithm, private crypto.Signer) ([]byte, error) {
	if a == zhenni.KeyEd25519 {
		signature, err := private.Sign(rand.Reader, message, crypto.Hash(0))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSignature, err)
		}
		return signature, nil
	}
	sum := sha256.Sum256(message)
	der, err := private.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	var numbers struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &numbers); err != nil || len(rest) > 0 || numbers.R.BitLen() > 256 || numbers.S.BitLen() > 256 {
		return nil, fmt.Errorf("%w: the signer's signature is none of ECDSA", ErrSignature)
	}
	signature := make([]byte, zhenni.SignatureSize)
	numbers.R.FillBytes(signature[:32])
	numbers.S.FillBytes(signature[32:])
	return signature, nil
}
