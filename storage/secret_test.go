package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// A secret comes back for its own purpose and in its own file only, sealed or not.
func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	secret, passphrase := bytes.Repeat([]byte{5}, SecretSize), []byte("correct horse")
	plain, sealed := filepath.Join(dir, "plain"), filepath.Join(dir, "sealed")
	for path, passphrase := range map[string][]byte{plain: nil, sealed: passphrase} {
		if err := CreateSecret(path, "pseudonyms", secret, passphrase, nil); err != nil {
			t.Fatal(err)
		}
		purpose, got, err := OpenSecret(path, passphrase)
		if err != nil || purpose != "pseudonyms" || !bytes.Equal(got, secret) {
			t.Errorf("%s: %q %x %v", path, purpose, got, err)
		}
		if err := CreateSecret(path, "pseudonyms", secret, passphrase, nil); !errors.Is(err, zhenni.ErrExists) {
			t.Errorf("%s, made again: %v", path, err)
		}
		if _, err := OpenKeyFile(path); !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("%s as a root key: %v", path, err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other := strings.Replace(string(text), "pseudonyms", "pseudonymz", 1)
		if purpose, _, err := openText(t, other, passphrase); path == sealed && !errors.Is(err, zhenni.ErrWrongKey) || path == plain && purpose != "pseudonymz" {
			t.Errorf("%s for another purpose: %q %v", path, purpose, err)
		}
	}
	if _, err := OpenPassphraseFile(sealed, passphrase); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("as a root key: %v", err)
	}
	for _, wrong := range [][]byte{nil, []byte("incorrect horse")} {
		if _, got, err := OpenSecret(sealed, wrong); got != nil || !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("passphrase %q: %v", wrong, err)
		}
	}
	if err := os.Chmod(plain, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenSecret(plain, nil); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("readable by others: %v", err)
	}
}

// openText opens a secret file of that text.
func openText(t *testing.T, text string, passphrase []byte) (purpose string, secret []byte, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return OpenSecret(path, passphrase)
}

func TestSecretFilesThatAreRefused(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	if _, err := CreatePassphraseFile(root, []byte("p"), nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenSecret(root, []byte("p")); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("a root key: %v", err)
	}
	digits := strings.Repeat("0a", SecretSize)
	for _, text := range []string{"", digits, digits + "\n", "zhenni " + digits, "zhenni a b " + digits, "zhenni A " + digits, "zhenni a " + digits[1:], "zhenni a " + digits[2:] + "zz", "{}"} {
		if _, secret, err := openText(t, text, nil); secret != nil || !errors.Is(err, zhenni.ErrWrongKey) && !errors.Is(err, zhenni.ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, e := range []struct {
		purpose string
		secret  []byte
	}{{"", make([]byte, SecretSize)}, {"two words", make([]byte, SecretSize)}, {"a", nil}} {
		if err := CreateSecret(filepath.Join(t.TempDir(), "x"), e.purpose, e.secret, nil, nil); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%q: %v", e.purpose, err)
		}
	}
}
