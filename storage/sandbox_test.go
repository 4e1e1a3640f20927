package storage

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zhenni"
)

// What is cleared is the store of a sandbox that nobody has open, with what is named beside it: a real store keeps every byte, and so does
// one that may be real.
func TestClearSandboxTakesNoRealStore(t *testing.T) {
	t.Parallel()
	real, fake := closedStore(t).Dir, sandboxStore(t).Dir
	headless := crashClone(t, fake)
	if err := os.Remove(filepath.Join(headless, headerFile)); err != nil {
		t.Fatal(err)
	}
	damaged := crashClone(t, fake)
	edit(t, filepath.Join(damaged, headerFile), `"format"`, `"format`)
	for _, c := range []struct {
		name, dir string
		want      error
	}{
		{"a real store", real, ErrSandbox}, {"no header", headless, zhenni.ErrCorrupt}, {"a damaged header", damaged, zhenni.ErrCorrupt},
		{"a sandbox's", fake, nil}, {"no store", t.TempDir(), nil},
	} {
		for _, name := range []string{"audit", "notes.txt"} {
			if err := os.WriteFile(filepath.Join(c.dir, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before := namesIn(t, c.dir)
		err := ClearSandbox(c.dir, "audit")
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) || !errors.Is(CheckSandbox(c.dir), c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		want := []string{"notes.txt"}
		if c.want != nil {
			want = before
		}
		if after := namesIn(t, c.dir); !slices.Equal(after, want) {
			t.Errorf("%s: %v is left, want %v", c.name, after, want)
		}
	}
}

// A sandbox that is open anywhere is not cleared, and one that a crash left half cleared is by the next call.
func TestClearSandboxLocksAndResumes(t *testing.T) {
	t.Parallel()
	dir := sandboxStore(t).Dir
	lock, err := lockDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	before := namesIn(t, dir)
	if err := ClearSandbox(dir); !errors.Is(err, zhenni.ErrLocked) || !slices.Equal(namesIn(t, dir), before) {
		t.Errorf("of a store in use: %v, %v is left", err, namesIn(t, dir))
	}
	if err := errors.Join(lock.Close(), os.RemoveAll(filepath.Join(dir, viewDir)), os.Remove(filepath.Join(dir, markFile))); err != nil {
		t.Fatal(err)
	}
	if err := ClearSandbox(dir); err != nil || len(namesIn(t, dir)) > 0 {
		t.Errorf("half cleared: %v, %v is left", err, namesIn(t, dir))
	}
}

// sandboxStore makes and closes the store of a sandbox.
func sandboxStore(t *testing.T) Options {
	t.Helper()
	o := testOptions(t)
	o.Sandbox = true
	s := openStore(t, o)
	mustApply(t, s, testEnrol(1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return o
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
