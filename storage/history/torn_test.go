package history

import (
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// What a crash left is no damage, neither at the next Open nor at those after it, though other segments stand behind it then: a
// block that is not whole, and a segment that has no head yet.
//
// FAULTS: S1 S4
func TestWhatACrashLeftIsNoDamage(t *testing.T) {
	dir, clock := t.TempDir(), newClock()
	note := func(h *History, i int) {
		t.Helper()
		h.Note(desk("hotel"), clock.Now(), []zhenni.CredentialID{testID(i)}, []zhenni.Outcome{zhenni.Match})
		if err := h.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h := mustOpen(t, small(dir, clock))
	note(h, 0)
	kill(h)
	for round := 1; round < 6; round++ {
		tear(t, filepath.Join(dir, columnsDir), round%2 == 0)
		h := mustOpen(t, small(dir, clock))
		note(h, round)
		for i := range round + 1 {
			if entries, _ := all(t, h, 1, testID(i), 10); len(entries) != 1 {
				t.Errorf("round %d: %d entries of %d, want 1", round, len(entries), i)
			}
		}
		if damaged := h.Stats().Damaged; damaged != 0 {
			t.Errorf("round %d: %d files are taken for damaged", round, damaged)
		}
		kill(h)
	}
}

// tear leaves the newest segment as a crash may: with half a block at its end, or with another behind it that was only created.
func tear(t *testing.T, folder string, begun bool) {
	t.Helper()
	spans, err := list(folder)
	if err != nil {
		t.Fatal(err)
	}
	last := uint32(0)
	for _, s := range spans {
		last = max(last, s.last)
	}
	name, flags, left := columnsName(last), os.O_WRONLY|os.O_APPEND, make([]byte, 17)
	if begun {
		name, flags, left = columnsName(last+1), os.O_WRONLY|os.O_CREATE|os.O_EXCL, nil
	}
	f, err := os.OpenFile(filepath.Join(folder, name), flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(left); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
