package history

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// namedWrapper wraps under a name: it opens what has its own.
type namedWrapper string

func (n namedWrapper) Wrap(key, context []byte) ([]byte, error) {
	return append([]byte(string(n)+string(context)), key...), nil
}

func (n namedWrapper) Unwrap(wrapped, context []byte) ([]byte, error) {
	key, ok := bytes.CutPrefix(wrapped, []byte(string(n)+string(context)))
	if !ok {
		return nil, zhenni.ErrWrongKey
	}
	return bytes.Clone(key), nil
}

// The key is drawn once, and at every moment of a change of its wrapper one of the two opens it.
func TestKeyIsSharedAndHandedOver(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	first, err := OpenKey(dir, namedWrapper("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(by string, want bool) {
		t.Helper()
		key, err := OpenKey(dir, namedWrapper(by), nil)
		if want != (err == nil && bytes.Equal(key, first)) || !want && !errors.Is(err, zhenni.ErrWrongKey) {
			t.Errorf("%s opens %v, want %v: %v", by, err == nil, want, err)
		}
	}
	opens("a", true)
	opens("b", false)
	if err := ShareKey(dir, namedWrapper("a"), namedWrapper("b")); err != nil {
		t.Fatal(err)
	}
	opens("a", true)
	opens("b", true)
	for range 2 { // interrupted, it is called again
		if err := HandOverKey(dir, namedWrapper("a"), namedWrapper("b")); err != nil && !errors.Is(err, zhenni.ErrWrongKey) {
			t.Fatal(err)
		}
	}
	opens("a", false)
	opens("b", true)
	if err := errors.Join(ShareKey(t.TempDir(), namedWrapper("a"), namedWrapper("b")), HandOverKey(t.TempDir(), namedWrapper("a"), namedWrapper("b"))); err != nil {
		t.Error(err)
	}
}

// A history whose key is lost is not given another, and one without entropy none.
func TestLostKeyIsNotDrawnAnew(t *testing.T) {
	dir := t.TempDir()
	o := someHistory(t, dir)
	if _, err := OpenKey(dir, namedWrapper("a"), nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a key for a history that has one: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a history without its state: %v", err)
	}
	if _, err := OpenKey(t.TempDir(), namedWrapper("a"), bytes.NewReader(nil)); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("a key without entropy: %v", err)
	}
}

// A history that is destroyed is not there any more, and its key is not among what the disk may still have.
func TestDestroy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	if Exists(dir) {
		t.Error("a folder that is not there has a history")
	}
	if _, err := OpenKey(dir, namedWrapper("a"), nil); err != nil {
		t.Fatal(err)
	}
	key, err := os.Open(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close()
	if !Exists(dir) {
		t.Error("it does not exist")
	}
	if err := errors.Join(Destroy(dir), Destroy(dir)); err != nil || Exists(dir) {
		t.Error(err)
	}
	var b [32]byte
	if n, err := key.ReadAt(b[:], 0); n == 0 || b != [32]byte{} {
		t.Errorf("%x is left of the key, %v", b[:n], err)
	}
}
