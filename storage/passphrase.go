package storage

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/crypto/argon2"

	"zhenni"
)

// The cost of turning a passphrase into a key, written into each file: RFC 9106's second recommended choice.
const (
	argonPasses  = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	saltSize     = 16
)

// What a passphrase file may ask for; a larger cost is a refusal, not an exhausted machine.
const (
	maxArgonPasses  = 16
	maxArgonMemory  = 1 << 20 // KiB
	maxArgonThreads = 16
)

// passphraseFile is the content of a passphrase file. Root is the root key, or the secret of the purpose, sealed under the
// derived key, with the other fields as context.
type passphraseFile struct {
	Format  int    `json:"format"`
	KDF     string `json:"kdf"`
	Passes  uint32 `json:"passes"`
	Memory  uint32 `json:"memory_kib"`
	Threads uint8  `json:"threads"`
	Salt    []byte `json:"salt"`
	Purpose string `json:"purpose,omitempty"`
	Root    []byte `json:"root,omitempty"`
}

// CreatePassphraseFile draws a root key and writes it to path, which must not exist, sealed under a key derived from
// the passphrase with Argon2id. Entropy nil is crypto/rand. It takes about a tenth of a second and 64 MiB.
func CreatePassphraseFile(path string, passphrase []byte, entropy io.Reader) (RootKey, error) {
	if entropy == nil {
		entropy = rand.Reader
	}
	root, err := drawKey(entropy)
	if err != nil {
		return nil, err
	}
	file, err := sealSecret("", root[:], passphrase, entropy)
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	if err := createSecretFile(path, append(text, '\n')); err != nil {
		return nil, err
	}
	return NewRootKey(root, entropy)
}

// sealSecret makes the file of a secret; without a purpose it is a root key.
func sealSecret(purpose string, secret, passphrase []byte, entropy io.Reader) (passphraseFile, error) {
	file := passphraseFile{
		Format: 1, KDF: "argon2id", Passes: argonPasses, Memory: argonMemory, Threads: argonThreads, Purpose: purpose,
		Salt: make([]byte, saltSize),
	}
	if _, err := io.ReadFull(entropy, file.Salt); err != nil {
		return file, fmt.Errorf("%w: no entropy for a salt: %w", zhenni.ErrUnavailable, err)
	}
	over, context, err := file.derive(passphrase, entropy)
	if err != nil {
		return file, err
	}
	file.Root, err = over.Wrap(secret, context)
	return file, err
}

// unseal returns the secret in the file.
func (f passphraseFile) unseal(passphrase []byte) ([]byte, error) {
	sealed := f.Root
	f.Root = nil
	over, context, err := f.derive(passphrase, rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := over.Unwrap(sealed, context)
	if err != nil || len(secret) != keySize {
		return nil, fmt.Errorf("%w: the passphrase does not open it", zhenni.ErrWrongKey)
	}
	return secret, nil
}

// OpenPassphraseFile returns the root key in a file of [CreatePassphraseFile]. A wrong passphrase, a file that others
// may read and a file that was changed are [zhenni.ErrWrongKey]; a newer format is [zhenni.ErrFormat].
func OpenPassphraseFile(path string, passphrase []byte) (RootKey, error) {
	text, err := readSecretFile(path)
	if err != nil {
		return nil, err
	}
	file, err := parsePassphraseFile(text)
	if err != nil {
		return nil, err
	}
	if file.Purpose != "" {
		return nil, fmt.Errorf("%w: %s holds a secret for %s", zhenni.ErrWrongKey, path, file.Purpose)
	}
	root, err := file.unseal(passphrase)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return NewRootKey([keySize]byte(root), nil)
}

func parsePassphraseFile(text []byte) (passphraseFile, error) {
	var file passphraseFile
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&file); err != nil {
		return file, fmt.Errorf("%w: not a passphrase file", zhenni.ErrWrongKey)
	}
	if file.Format != 1 || file.KDF != "argon2id" {
		return file, fmt.Errorf("%w: passphrase file of format %d with %q", zhenni.ErrFormat, file.Format, file.KDF)
	}
	cheap := file.Passes >= 1 && file.Passes <= maxArgonPasses && file.Threads >= 1 && file.Threads <= maxArgonThreads
	if !cheap || file.Memory < 8*uint32(file.Threads) || file.Memory > maxArgonMemory || len(file.Salt) != saltSize {
		return file, fmt.Errorf("%w: passphrase file asks for a cost out of range", zhenni.ErrWrongKey)
	}
	return file, nil
}

// derive returns the key over the root key and the context that binds the root key to the file's parameters.
func (f passphraseFile) derive(passphrase []byte, entropy io.Reader) (RootKey, []byte, error) {
	context, err := json.Marshal(f)
	if err != nil {
		return nil, nil, fmt.Errorf("storage: %w", err)
	}
	derived := argon2.IDKey(passphrase, f.Salt, f.Passes, f.Memory, f.Threads, keySize)
	over, err := NewRootKey([keySize]byte(derived), entropy)
	return over, context, err
}
