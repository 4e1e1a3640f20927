package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
	"zhenni/storage/audit"
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

var _ audit.Wrapper = namedWrapper("")

// The key goes from one wrapper to the next; in between both open it, also when the change is begun again, given up for
// another, or cut short before the second file is gone.
//
// FAULTS: A15 S1
func TestKeyIsHandedOver(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenKey(dir, namedWrapper("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(what, by string) {
		t.Helper()
		for _, n := range []string{"a", "b", "c"} {
			key, err := OpenKey(dir, namedWrapper(n), nil)
			if want := bytes.Contains([]byte(by), []byte(n)); want != (err == nil) || err == nil && !bytes.Equal(key, first) || err != nil && !errors.Is(err, zhenni.ErrWrongKey) {
				t.Errorf("%s, %s: %v", what, n, err)
			}
		}
	}
	do := func(change func(string, audit.Wrapper, audit.Wrapper) error, by, next namedWrapper) {
		t.Helper()
		if err := change(dir, by, next); err != nil {
			t.Fatal(err)
		}
	}
	opens("drawn", "a")
	do(ShareKey, "a", "b")
	opens("shared", "ab")
	do(ShareKey, "a", "c")
	opens("shared with another", "ac")
	do(ShareKey, "a", "b")
	left, err := os.ReadFile(filepath.Join(dir, nextKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	do(HandOverKey, "b", "b")
	opens("handed over", "b")
	if err := os.WriteFile(filepath.Join(dir, nextKeyFile), left, 0o600); err != nil {
		t.Fatal(err)
	}
	opens("cut short", "b")
	do(HandOverKey, "b", "b")
	do(ShareKey, "b", "c")
	do(HandOverKey, "c", "c")
	opens("again", "c")
	if err := ShareKey(dir, namedWrapper("a"), namedWrapper("b")); !errors.Is(err, zhenni.ErrWrongKey) {
		t.Errorf("by one that does not open it: %v", err)
	}
	empty := t.TempDir()
	if err := errors.Join(ShareKey(empty, namedWrapper("a"), namedWrapper("b")), HandOverKey(empty, namedWrapper("a"), namedWrapper("b"))); err != nil {
		t.Errorf("no ledger: %v", err)
	}
}
