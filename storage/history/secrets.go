package history

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"zhenni"
)

const (
	secretSize = 32
	saltSize   = 32
	nonceSize  = 12
	tagSize    = 16
)

// secrets is the key of the history; every file has a key of its own, derived from it and the file's salt.
type secrets struct{ root []byte }

func newSecrets(root []byte) (secrets, error) {
	if len(root) != secretSize {
		return secrets{}, fmt.Errorf("%w: history: a key of %d bytes, want %d", zhenni.ErrBadValue, len(root), secretSize)
	}
	return secrets{root}, nil
}

// aead makes the cipher of a file of a kind.
func (s secrets) aead(kind string, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Expand(sha256.New, s.root, "zhenni history 1 "+kind+" "+string(salt), secretSize)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	return cipher.NewGCM(block)
}

// newSalt draws the salt of a file.
func newSalt() (salt [saltSize]byte, err error) {
	if _, err = rand.Read(salt[:]); err != nil {
		err = unavailable("no salt: %w", err)
	}
	return salt, err
}

// nonceOf numbers what is sealed in a file; no number is used twice under its key.
func nonceOf(n uint64) (nonce [nonceSize]byte) {
	binary.BigEndian.PutUint64(nonce[4:], n)
	return nonce
}
