package storage

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"zhenni"
)

// RootKey wraps the keys below it. What it wraps is stored in the clear beside the data, so losing the root key is
// losing the store. Implementations are safe for concurrent use; a key service or a token fits behind it.
type RootKey interface {
	// Wrap seals key, bound to context: the result opens only under the same context.
	Wrap(key, context []byte) ([]byte, error)
	// Unwrap returns the key that Wrap sealed. A wrong root key, a wrong context or a changed wrapping is
	// [zhenni.ErrWrongKey]; a service that can not be reached is [zhenni.ErrUnavailable].
	Unwrap(wrapped, context []byte) ([]byte, error)
}

// localRoot is a root key held in memory.
type localRoot struct {
	aead    cipher.AEAD
	entropy io.Reader
}

// NewRootKey returns a root key held in memory: 32 random bytes. Entropy draws the nonces; nil is crypto/rand.
func NewRootKey(key [32]byte, entropy io.Reader) (RootKey, error) {
	aead, err := newGCM(key[:])
	if err != nil {
		return nil, err
	}
	if entropy == nil {
		entropy = rand.Reader
	}
	return &localRoot{aead, entropy}, nil
}

func (r *localRoot) Wrap(key, context []byte) ([]byte, error) {
	nonce := make([]byte, nonceSize, nonceSize+len(key)+tagSize)
	if _, err := io.ReadFull(r.entropy, nonce); err != nil {
		return nil, fmt.Errorf("%w: no entropy to wrap a key: %w", zhenni.ErrUnavailable, err)
	}
	return r.aead.Seal(nonce, nonce, key, context), nil
}

func (r *localRoot) Unwrap(wrapped, context []byte) ([]byte, error) {
	if len(wrapped) < nonceSize {
		return nil, fmt.Errorf("%w: wrapped key of %d bytes", zhenni.ErrWrongKey, len(wrapped))
	}
	key, err := r.aead.Open(nil, wrapped[:nonceSize], wrapped[nonceSize:], context)
	if err != nil {
		return nil, fmt.Errorf("%w: a key wrapped by the root does not open", zhenni.ErrWrongKey)
	}
	return key, nil
}

// CreateKeyFile writes a new root key to path, which must not exist, as 64 hexadecimal digits readable by the owner
// only, and returns it. Entropy nil is crypto/rand. An existing file is [zhenni.ErrExists].
func CreateKeyFile(path string, entropy io.Reader) (RootKey, error) {
	key, err := drawKey(entropy)
	if err != nil {
		return nil, err
	}
	if err := createSecretFile(path, append(hex.AppendEncode(nil, key[:]), '\n')); err != nil {
		return nil, err
	}
	return NewRootKey(key, entropy)
}

// OpenKeyFile reads the root key that [CreateKeyFile] wrote. A file that others may read is [zhenni.ErrWrongKey], as
// is one that holds no key.
func OpenKeyFile(path string) (RootKey, error) {
	text, err := readSecretFile(path)
	if err != nil {
		return nil, err
	}
	var key [keySize]byte
	text = bytes.TrimSuffix(text, []byte("\n"))
	if len(text) != hex.EncodedLen(len(key)) {
		return nil, fmt.Errorf("%w: %s does not hold 64 hexadecimal digits", zhenni.ErrWrongKey, path)
	}
	if _, err := hex.Decode(key[:], text); err != nil {
		return nil, fmt.Errorf("%w: %s does not hold 64 hexadecimal digits", zhenni.ErrWrongKey, path)
	}
	return NewRootKey(key, nil)
}

// drawKey draws 32 random bytes; a nil entropy is crypto/rand.
func drawKey(entropy io.Reader) (key [keySize]byte, err error) {
	if entropy == nil {
		entropy = rand.Reader
	}
	if _, err := io.ReadFull(entropy, key[:]); err != nil {
		return key, fmt.Errorf("%w: no entropy to make a key: %w", zhenni.ErrUnavailable, err)
	}
	return key, nil
}

// createSecretFile writes a new file of mode 0600 and syncs it.
func createSecretFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: key file %s", zhenni.ErrExists, path)
	}
	if err != nil {
		return fmt.Errorf("storage: key file: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("storage: key file: %w", err)
	}
	return nil
}

const maxSecretFile = 4 << 10

// readSecretFile reads a small file that only its owner may read.
func readSecretFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("storage: key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("storage: key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o, want 0600", zhenni.ErrWrongKey, path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile))
	if err != nil {
		return nil, fmt.Errorf("storage: key file: %w", err)
	}
	return text, nil
}
