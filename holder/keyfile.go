package holder

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/crypto/argon2"

	"zhenni"
	"zhenni/engine/rotation"
	"zhenni/storage/disk"
)

// The cost of turning a passphrase into a key: RFC 9106's second recommended choice. A file has no say in it.
const (
	argonPasses  = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	sealKeySize  = 32
	saltSize     = 16
)

// maxKeyFile bounds a file of keys, in bytes.
const maxKeyFile = 16 << 10

// keyFile is a file of keys: its kind and, in the clear or sealed with the other fields as context, its content.
//
//	{"format": 1, "kind": "phone", "content": "base64 of keyContent"}
//	{"format": 1, "kind": "phone", "kdf": "argon2id", "salt": "…", "content": "base64 of nonce | ciphertext | tag"}
type keyFile struct {
	Format  int    `json:"format"`
	Kind    string `json:"kind"`
	KDF     string `json:"kdf,omitempty"`
	Salt    []byte `json:"salt,omitempty"`
	Content []byte `json:"content,omitempty"`
}

// The kinds of files.
const (
	kindPhone    = "phone"
	kindTerminal = "terminal"
	kdfArgon2id  = "argon2id"
)

// keyContent is what a file keeps: of a phone all but Terminal, of a terminal Key and Terminal.
type keyContent struct {
	Key        []byte              `json:"key"`
	Rotation   []byte              `json:"rotation,omitempty"`
	Credential zhenni.CredentialID `json:"credential,omitzero"`
	Terminal   string              `json:"terminal,omitempty"`
}

func (c *keyContent) forget() {
	clear(c.Key)
	clear(c.Rotation)
}

// Save writes the phone's keys to a file of mode 0600, in place of the one that is there, whole and durable when it returns. With an
// empty passphrase they lie in it in the clear. It takes about a tenth of a second and 64 MiB with one.
func (p *Phone) Save(path string, passphrase []byte) error {
	der, err := p.pkcs8()
	if err != nil {
		return fmt.Errorf("%w: a key without a written form", zhenni.ErrBadValue)
	}
	content := keyContent{Key: der, Rotation: bytes.Clone(p.rotation[:]), Credential: p.Credential}
	defer content.forget()
	return writeKeys(path, kindPhone, content, passphrase)
}

// OpenPhone reads what [Phone.Save] wrote. A wrong passphrase, a file that others may read, one of something else and one
// that was changed are zhenni.ErrWrongKey; a newer format is zhenni.ErrFormat.
func OpenPhone(path string, passphrase []byte) (*Phone, error) {
	content, err := readKeys(path, kindPhone, passphrase)
	if err != nil {
		return nil, err
	}
	defer content.forget()
	if len(content.Rotation) != rotation.KeySize || content.Terminal != "" {
		return nil, damaged(path)
	}
	k, err := parseKey(content.Key)
	if err != nil {
		return nil, damaged(path)
	}
	return &Phone{key: k, rotation: rotation.Key(content.Rotation), Credential: content.Credential}, nil
}

// Save writes the terminal's key as [Phone.Save] does.
func (t *Terminal) Save(path string, passphrase []byte) error {
	der, err := t.pkcs8()
	if err != nil {
		return fmt.Errorf("%w: a key without a written form", zhenni.ErrBadValue)
	}
	content := keyContent{Key: der, Terminal: t.id}
	defer content.forget()
	return writeKeys(path, kindTerminal, content, passphrase)
}

// OpenTerminal reads what [Terminal.Save] wrote, as [OpenPhone] does.
func OpenTerminal(path string, passphrase []byte) (*Terminal, error) {
	content, err := readKeys(path, kindTerminal, passphrase)
	if err != nil {
		return nil, err
	}
	defer content.forget()
	k, err := parseKey(content.Key)
	if err != nil || content.Rotation != nil || content.Credential != (zhenni.CredentialID{}) {
		return nil, damaged(path)
	}
	t, err := terminalOf(content.Terminal, k)
	if err != nil {
		return nil, damaged(path)
	}
	return t, nil
}

func damaged(path string) error {
	return fmt.Errorf("%w: %s is damaged, or no file of such keys", zhenni.ErrWrongKey, path)
}

func writeKeys(path, kind string, content keyContent, passphrase []byte) error {
	plain, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("holder: %w", err)
	}
	defer clear(plain)
	file := keyFile{Format: 1, Kind: kind}
	if len(passphrase) == 0 {
		file.Content = plain
	} else {
		file.KDF, file.Salt = kdfArgon2id, make([]byte, saltSize)
		_, _ = rand.Read(file.Salt) // never returns an error
		over, context, err := file.sealing(passphrase)
		if err != nil {
			return err
		}
		file.Content = over.Seal(nil, nil, plain, context)
	}
	text, err := json.Marshal(file)
	if err != nil {
		return fmt.Errorf("holder: %w", err)
	}
	defer clear(text)
	if err := disk.Replace(path, append(text, '\n')); err != nil {
		return fmt.Errorf("holder: keys: %w", err)
	}
	return nil
}

func readKeys(path, kind string, passphrase []byte) (content keyContent, err error) {
	text, err := readPrivate(path)
	if err != nil {
		return content, err
	}
	defer clear(text)
	file, err := parseKeyFile(text)
	switch {
	case err != nil:
		return content, fmt.Errorf("%w: %s", err, path)
	case file.Kind != kind:
		return content, damaged(path)
	case (file.KDF == "") != (len(passphrase) == 0):
		return content, fmt.Errorf("%w: %s is sealed and there is no passphrase, or the other way round", zhenni.ErrWrongKey, path)
	}
	plain := file.Content
	if file.KDF != "" {
		sealed := file.Content
		file.Content = nil
		over, context, err := file.sealing(passphrase)
		if err != nil {
			return content, err
		}
		if plain, err = over.Open(nil, nil, sealed, context); err != nil {
			return content, fmt.Errorf("%w: the passphrase does not open %s", zhenni.ErrWrongKey, path)
		}
	}
	defer clear(plain)
	if err := decodeStrictly(plain, &content); err != nil {
		return keyContent{}, damaged(path)
	}
	return content, nil
}

// readPrivate reads a small file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("holder: keys: %w", err)
	case info.Mode()&(fs.ModeType|0o077) != 0:
		return nil, fmt.Errorf("%w: %s is readable by others, or no file; make it 0600", zhenni.ErrWrongKey, path)
	case info.Size() > maxKeyFile:
		return nil, damaged(path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("holder: keys: %w", err)
	}
	return text, nil
}

func parseKeyFile(text []byte) (file keyFile, err error) {
	if err := decodeStrictly(text, &file); err != nil {
		return keyFile{}, fmt.Errorf("%w: not a file of keys", zhenni.ErrWrongKey)
	}
	if file.Format != 1 || file.KDF != "" && file.KDF != kdfArgon2id {
		return keyFile{}, fmt.Errorf("%w: keys of format %d", zhenni.ErrFormat, file.Format)
	}
	if (file.KDF == "") != (len(file.Salt) == 0) || file.KDF != "" && len(file.Salt) != saltSize {
		return keyFile{}, fmt.Errorf("%w: not a file of keys", zhenni.ErrWrongKey)
	}
	return file, nil
}

// decodeStrictly reads one JSON value of the form of into and nothing after it.
func decodeStrictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if len(bytes.TrimSpace(text[decoder.InputOffset():])) > 0 {
		return zhenni.ErrBadValue
	}
	return nil
}

// sealing is what seals and opens the content under a passphrase, and the context that binds it to the other fields.
func (f keyFile) sealing(passphrase []byte) (cipher.AEAD, []byte, error) {
	context, err := json.Marshal(f)
	if err != nil {
		return nil, nil, fmt.Errorf("holder: %w", err)
	}
	derived := argon2.IDKey(passphrase, f.Salt, argonPasses, argonMemory, argonThreads, sealKeySize)
	defer clear(derived)
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, nil, fmt.Errorf("holder: %w", err)
	}
	over, err := cipher.NewGCMWithRandomNonce(block)
	return over, context, err
}
