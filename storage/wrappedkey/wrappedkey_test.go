package wrappedkey_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
	"zhenni/storage/wrappedkey"
)

// namedWrapper wraps by writing its name in front.
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

var kind = wrappedkey.Kind{Of: "thing", Context: "zhenni thing 1 key", Beside: "state", Without: "it begins anew"}

// The key goes from one wrapper to the next; in between both open it, also when the change is begun again, given up for
// another, or cut short before the second file is gone.
//
// FAULTS: A15 S1
func TestKeyIsHandedOver(t *testing.T) {
	dir := t.TempDir()
	first, err := kind.Open(dir, namedWrapper("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(what, by string) {
		t.Helper()
		for _, n := range []string{"a", "b", "c"} {
			key, err := kind.Open(dir, namedWrapper(n), nil)
			if want := bytes.Contains([]byte(by), []byte(n)); want != (err == nil) || err == nil && !bytes.Equal(key, first) || err != nil && !errors.Is(err, zhenni.ErrWrongKey) {
				t.Errorf("%s, %s: %v", what, n, err)
			}
		}
	}
	do := func(change func(string, wrappedkey.Wrapper, wrappedkey.Wrapper) error, by, next namedWrapper) {
		t.Helper()
		if err := change(dir, by, next); err != nil {
			t.Fatal(err)
		}
	}
	opens("drawn", "a")
	do(kind.Share, "a", "b")
	opens("shared", "ab")
	do(kind.Share, "a", "c")
	opens("shared with another", "ac")
	do(kind.Share, "a", "b")
	left, err := os.ReadFile(filepath.Join(dir, wrappedkey.NextFile))
	if err != nil {
		t.Fatal(err)
	}
	do(kind.HandOver, "b", "b")
	opens("handed over", "b")
	if err := os.WriteFile(filepath.Join(dir, wrappedkey.NextFile), left, 0o600); err != nil {
		t.Fatal(err)
	}
	opens("cut short", "b")
	do(kind.HandOver, "b", "b")
	do(kind.Share, "b", "c")
	do(kind.HandOver, "c", "c")
	opens("again", "c")
	if err := kind.Share(dir, namedWrapper("a"), namedWrapper("b")); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("by one that does not open it: %v", err)
	}
	empty := t.TempDir()
	if err := errors.Join(kind.Share(empty, namedWrapper("a"), namedWrapper("b")), kind.HandOver(empty, namedWrapper("a"), namedWrapper("b"))); err != nil {
		t.Errorf("no key: %v", err)
	}
}

// A folder whose key is lost is not given another, and without entropy there is none.
func TestLostKeyIsNotDrawnAnew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	if _, err := kind.Open(dir, namedWrapper("a"), bytes.NewReader(nil)); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("a key without entropy: %v", err)
	}
	if _, err := kind.Open(dir, namedWrapper("a"), nil); err != nil {
		t.Fatal(err)
	}
	err := errors.Join(os.Remove(filepath.Join(dir, wrappedkey.File)), os.WriteFile(filepath.Join(dir, "state"), nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kind.Open(dir, namedWrapper("a"), nil); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a key for what has one: %v", err)
	}
	if _, err := kind.Read(dir, namedWrapper("a")); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a look at it: %v", err)
	}
}
