package audit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"

	"zhenni"
)

// xaesNonce is the length of a nonce of XAES-256-GCM: long enough to be drawn at random for each of 2⁸⁰ messages.
const xaesNonce = 24

// xaes is a [Sealer] by C2SP XAES-256-GCM: a key of AES-256-GCM derived for each message from the first half of a random
// nonce. A log seals more openings under one key than plain GCM allows. Sealed is nonce [24] | ciphertext | tag [16].
type xaes struct {
	block cipher.Block
	mask  [aes.BlockSize]byte // the first subkey of CMAC
}

func newXAES(key []byte) (Sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil || len(key) != keySize {
		return nil, corrupt("a key of openings of %d bytes", len(key))
	}
	x := &xaes{block: block}
	block.Encrypt(x.mask[:], x.mask[:])
	carry := byte(0)
	for i := len(x.mask) - 1; i >= 0; i-- {
		x.mask[i], carry = x.mask[i]<<1|carry, x.mask[i]>>7
	}
	x.mask[len(x.mask)-1] ^= carry * 0x87
	return x, nil
}

// derive returns the AEAD of one nonce, used with the rest of it.
func (x *xaes) derive(nonce []byte) (cipher.AEAD, error) {
	var key [keySize]byte
	defer clear(key[:])
	for half := range 2 {
		m := key[half*aes.BlockSize:][:aes.BlockSize]
		m[1], m[2] = byte(half+1), 'X'
		copy(m[4:], nonce[:12])
		subtle.XORBytes(m, m, x.mask[:])
		x.block.Encrypt(m, m)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (x *xaes) Seal(plain, associated []byte) ([]byte, error) {
	sealed := make([]byte, xaesNonce, xaesNonce+len(plain)+16)
	if _, err := io.ReadFull(rand.Reader, sealed); err != nil {
		return nil, fmt.Errorf("%w: no entropy to seal an opening: %w", zhenni.ErrUnavailable, err)
	}
	aead, err := x.derive(sealed)
	if err != nil {
		return nil, err
	}
	return aead.Seal(sealed, sealed[12:xaesNonce], plain, associated), nil
}

func (x *xaes) Open(sealed, associated []byte) ([]byte, error) {
	if len(sealed) < xaesNonce {
		return nil, corrupt("an opening of %d bytes", len(sealed))
	}
	aead, err := x.derive(sealed)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, sealed[12:xaesNonce], sealed[xaesNonce:], associated)
	if err != nil {
		return nil, corrupt("an opening fails its seal")
	}
	return plain, nil
}

// publicOf returns the public half of an Ed25519 key.
func publicOf(seed []byte) ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
}
