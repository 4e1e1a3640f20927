package storage

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"zhenni"
)

// SecretSize is the size of what a secret file holds, in bytes.
const SecretSize = keySize

// secretMark begins a secret file that is not sealed: "zhenni <purpose> <64 hexadecimal digits>".
const secretMark = "zhenni"

// CreateSecret writes a secret of [SecretSize] bytes to path, which must not exist, for one purpose: a [zhenni.ValidName]
// that whoever opens the file is told. A file of one purpose is no root key and no file of another. The file is readable
// by its owner only; with a passphrase the secret in it is sealed, at the cost of [CreatePassphraseFile]. Entropy nil is
// crypto/rand. An existing file is [zhenni.ErrExists].
func CreateSecret(path, purpose string, secret, passphrase []byte, entropy io.Reader) error {
	if len(secret) != SecretSize || !zhenni.ValidName(purpose) {
		return fmt.Errorf("%w: storage: a secret of %d bytes for %q", zhenni.ErrBadValue, len(secret), purpose)
	}
	if passphrase == nil {
		return createSecretFile(path, fmt.Appendf(nil, "%s %s %x\n", secretMark, purpose, secret))
	}
	if entropy == nil {
		entropy = rand.Reader
	}
	file, err := sealSecret(purpose, secret, passphrase, entropy)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	return createSecretFile(path, append(text, '\n'))
}

// OpenSecret returns the purpose and the secret of a file of [CreateSecret]. A wrong passphrase or none, a file that others
// may read, and one that was changed or is of another kind are [zhenni.ErrWrongKey]; a newer format is [zhenni.ErrFormat].
func OpenSecret(path string, passphrase []byte) (purpose string, secret []byte, err error) {
	text, err := readSecretFile(path)
	if err != nil {
		return "", nil, err
	}
	if bytes.HasPrefix(text, []byte("{")) {
		purpose, secret, err = openSealed(text, passphrase)
	} else {
		purpose, secret, err = parseSecret(text)
	}
	if err != nil {
		return "", nil, fmt.Errorf("%w: %s", err, path)
	}
	return purpose, secret, nil
}

func parseSecret(text []byte) (purpose string, secret []byte, err error) {
	words := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte(" "))
	if len(words) != 3 || string(words[0]) != secretMark || !zhenni.ValidName(string(words[1])) || len(words[2]) != 2*SecretSize {
		return "", nil, fmt.Errorf("%w: not a file with a secret of its own purpose", zhenni.ErrWrongKey)
	}
	if secret, err = hex.DecodeString(string(words[2])); err != nil {
		return "", nil, fmt.Errorf("%w: not a file with a secret of its own purpose", zhenni.ErrWrongKey)
	}
	return string(words[1]), secret, nil
}

func openSealed(text, passphrase []byte) (purpose string, secret []byte, err error) {
	file, err := parsePassphraseFile(text)
	if err != nil {
		return "", nil, err
	}
	if file.Purpose == "" || passphrase == nil {
		return "", nil, fmt.Errorf("%w: a root key, or no passphrase for what is sealed", zhenni.ErrWrongKey)
	}
	secret, err = file.unseal(passphrase)
	return file.Purpose, secret, err
}
