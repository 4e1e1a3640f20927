package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// backupOf makes a backup of a store and returns its folder with the name of its file of entries.
func backupOf(t *testing.T, s *Store) (dir, tail string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), "log-") {
			tail = f.Name()
		}
	}
	return dir, tail
}

// A file of another history of the store, sealed by the same keys, as long and with the same commits, is not the one
// that the manifest names.
//
// FAULTS: S6 S15
func TestPartOfAnotherBackupIsRefused(t *testing.T) {
	opts := closedStore(t)
	another := opts
	another.Dir = crashClone(t, opts.Dir)
	s, o := openStore(t, opts), openStore(t, another)
	mustApply(t, s, testEnrol(2))
	mustApply(t, o, testEnrol(3))
	dir, tail := backupOf(t, s)
	foreign, same := backupOf(t, o)
	if tail == "" || tail != same {
		t.Fatalf("the files are %q and %q", tail, same)
	}
	b := content(t, filepath.Join(foreign, tail))
	if len(b) != len(content(t, filepath.Join(dir, tail))) {
		t.Fatal("the files differ in length")
	}
	if err := os.WriteFile(filepath.Join(dir, tail), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyBackup(t.Context(), dir, opts.Root); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}

// A backup that has lost a file, or the end of one, is not added to: what is added would be of no use.
//
// FAULTS: S4 S5
func TestBackupOfLostPartsIsNotAddedTo(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	for what, lose := range map[string]func(path string) error{
		"missing": os.Remove, "cut": func(path string) error { return os.Truncate(path, 20) },
	} {
		dir, tail := backupOf(t, s)
		if err := lose(filepath.Join(dir, tail)); err != nil {
			t.Fatal(err)
		}
		mustApply(t, s, testEnrol(2+len(what)))
		if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir}); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", what, err)
		}
	}
}
