package history

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
	"zhenni/storage/wrappedkey"
)

// plainWrapper wraps nothing.
type plainWrapper struct{}

func (plainWrapper) Wrap(key, _ []byte) ([]byte, error)   { return key, nil }
func (plainWrapper) Unwrap(key, _ []byte) ([]byte, error) { return key, nil }

// A history whose key is lost is not given another.
func TestLostKeyIsNotDrawnAnew(t *testing.T) {
	dir := t.TempDir()
	o := someHistory(t, dir)
	if _, err := Key.Open(dir, plainWrapper{}, nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a key for a history that has one: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, stateFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a history without its state: %v", err)
	}
}

// A history that is destroyed is not there any more, and its key is not among what the disk may still have.
func TestDestroy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	if Exists(dir) {
		t.Error("a folder that is not there has a history")
	}
	if _, err := Key.Open(dir, plainWrapper{}, nil); err != nil {
		t.Fatal(err)
	}
	key, err := os.Open(filepath.Join(dir, wrappedkey.File))
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
