package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// dry is an entropy source that has failed.
type dry struct{}

func (dry) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

var rootContext = []byte("context")

// sameRoot checks that b opens what a wrapped.
func sameRoot(t *testing.T, a, b RootKey) {
	t.Helper()
	wrapped, err := a.Wrap([]byte("a key"), rootContext)
	if err != nil {
		t.Fatal(err)
	}
	key, err := b.Unwrap(wrapped, rootContext)
	if err != nil || string(key) != "a key" {
		t.Fatalf("unwrapped %q, %v", key, err)
	}
	if _, err := b.Unwrap(wrapped, []byte("another")); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("another context: %v, want ErrWrongKey", err)
	}
	for i := range wrapped {
		if _, err := b.Unwrap(set(wrapped, i, wrapped[i]^1), rootContext); !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("byte %d: %v, want ErrWrongKey", i, err)
		}
	}
	if _, err := b.Unwrap(nil, rootContext); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("nothing wrapped: %v, want ErrWrongKey", err)
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root")
	created, err := CreateKeyFile(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sameRoot(t, created, opened)
	if _, err := CreateKeyFile(path, nil); !errors.Is(err, zhenni.ErrExists) {
		t.Errorf("created twice: %v, want ErrExists", err)
	}
}

func TestKeyFileRefuses(t *testing.T) {
	dir := t.TempDir()
	digits := "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"readable by others": {digits, 0o644},
		"short":              {digits[1:], 0o600},
		"long":               {digits + "00", 0o600},
		"not hexadecimal":    {"x" + digits[1:], 0o600},
		"empty":              {"", 0o600},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(file.text), file.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeyFile(path); !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("%s: %v, want ErrWrongKey", name, err)
		}
	}
	if _, err := OpenKeyFile(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

func TestPassphraseFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "root.json")
	created, err := CreatePassphraseFile(path, []byte("correct horse"), nil)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenPassphraseFile(path, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	sameRoot(t, created, opened)
	if _, err := OpenPassphraseFile(path, []byte("wrong horse")); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("wrong passphrase: %v, want ErrWrongKey", err)
	}
	edit(t, path, `"passes": 3`, `"passes": 2`)
	if _, err := OpenPassphraseFile(path, []byte("correct horse")); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("changed cost: %v, want ErrWrongKey", err)
	}
	edit(t, path, `"passes": 2`, `"passes": 2000`)
	if _, err := OpenPassphraseFile(path, []byte("correct horse")); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("unbounded cost: %v, want ErrWrongKey", err)
	}
	edit(t, path, `"format": 1`, `"format": 2`)
	if _, err := OpenPassphraseFile(path, []byte("correct horse")); !errors.Is(err, zhenni.ErrFormat) {
		t.Errorf("newer format: %v, want ErrFormat", err)
	}
}

// FAULTS: R12
func TestNoEntropyMakesNoKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "root")
	if _, err := CreateKeyFile(path, dry{}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("key file: %v, want ErrUnavailable", err)
	}
	if _, err := CreatePassphraseFile(path, []byte("x"), dry{}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("passphrase file: %v, want ErrUnavailable", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a key file was left behind")
	}
	root, err := NewRootKey([32]byte{}, dry{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.Wrap([]byte("key"), nil); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("wrap: %v, want ErrUnavailable", err)
	}
}
