package storage

import (
	"errors"
	"os"
	"testing"

	"zhenni"
)

var errInjected = errors.New("injected")

// The folder's own lock excludes a second writer, whatever Badger does.
//
// FAULTS: S13
func TestFolderLockExcludes(t *testing.T) {
	dir := t.TempDir()
	first, err := lockDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for _, shared := range []bool{false, true} {
		if second, err := lockDir(dir, shared); !errors.Is(err, zhenni.ErrLocked) {
			t.Errorf("shared %t: %v", shared, err)
			_ = second.Close()
		}
	}
}

// An entry that could not be applied stops every later change, also when the next one could be.
func TestFailedProposalLatches(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	s.machine.failed = errInjected // nothing is being applied
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(2)}); err == nil {
		t.Error("an entry that was not applied is acknowledged")
	}
	s.machine.failed = nil
	if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(3)}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("after a failed proposal: %v", err)
	}
}

// The file that marks an import stays until the log has the import: without it nobody could put the store back.
func TestImportStaysMarkedUntilItIsLogged(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	im := beginImport(t, s)
	addAscending(t, im, 3, 100)
	s.machine.failed = errInjected
	if err := im.Commit(); err == nil {
		t.Error("an import that the log does not have is committed")
	}
	if _, err := os.Stat(s.path(importFile)); err != nil {
		t.Error("the mark of the import:", err)
	}
	s.machine.failed = nil
}

// The position of a view in the log is believed under its seal only.
func TestPositionIsSealed(t *testing.T) {
	key := make([]byte, keySize)
	p := progress{position{7, 5}, position{6, 4}}
	sealed := p.seal(key).value
	if got, err := openProgress(sealed, key); err != nil || got != p {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range sealed {
		damaged := append([]byte(nil), sealed...)
		damaged[i] ^= 1
		if _, err := openProgress(damaged, key); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
}

// A commit that does not follow the last one is not applied.
func TestCommitsHaveNoGap(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	m := s.machine // nothing is being applied
	before := m.progress
	e := entry{kind: entryChange, sequence: m.applied.sequence + 2, records: []record{{[]byte("k"), []byte("v")}}}
	if err := m.Apply(m.applied.index+1, e.append(nil, s.keys.log)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a commit after a gap: %v", err)
	}
	if m.progress != before || m.failed == nil {
		t.Errorf("at %+v, was at %+v; failed: %v", m.progress, before, m.failed)
	}
	m.failed = nil
}

// Without entropy a tenant has no key, not a key of zeros.
//
// FAULTS: R12
func TestNoEntropyMakesNoTenantKey(t *testing.T) {
	opts := testOptions(t)
	source := new(tap)
	opts.Entropy = source
	s := openStore(t, opts)
	source.shut.Store(true)
	if by, _, err := s.newTenantKey(9, 1); !errors.Is(err, zhenni.ErrUnavailable) || by != nil {
		t.Errorf("a tenant key: %v", err)
	}
}
