package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// crashed is the folder of a store as a crash leaves it, with a snapshot and entries behind it.
func crashed(t *testing.T) Options {
	t.Helper()
	opts := childOptions(t.TempDir())
	s := openStore(t, opts)
	enrolled(t, s, 0, 8)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	enrolled(t, s, 8, 20)
	opts.Dir = crashClone(t, opts.Dir)
	opts.VerifyOnly = true
	return opts
}

// FAULTS: S1 S8 S10
func TestVerifyOnlyAfterACrash(t *testing.T) {
	t.Parallel()
	opts := crashed(t)
	for _, path := range []string{"view", "log", "."} { // nothing may be made or removed
		if err := os.Chmod(filepath.Join(opts.Dir, path), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	before := everyFile(t, opts.Dir)
	s := openStore(t, opts)
	if count := prefix(t, s); count != 20 {
		t.Errorf("%d credentials, want 20", count)
	}
	seen := 0
	if err := s.References(0, zhenni.Slots-1, func(zhenni.Reference) error { seen++; return nil }); err != nil || seen != 20 {
		t.Errorf("%d references, %v", seen, err)
	}
	refusesChanges(t, "verify-only", s, 20, nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if after := everyFile(t, opts.Dir); after != before {
		t.Error("the folder was changed")
	}
}

// everyFile is the content of every file of a folder, and when it was written.
func everyFile(t *testing.T, dir string) (all string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		all += fmt.Sprint(path, info.ModTime().UnixNano()) + string(content(t, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What can not be proven current is not served: never a credential that was revoked.
//
// FAULTS: S3 S4 S5 S13
func TestVerifyOnlyRefusesWhatIsNotCurrent(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		change func(o *Options)
		want   error
	}{
		"a log cut short": {func(o *Options) {
			segments, err := filepath.Glob(filepath.Join(o.Dir, logDir, "*.wal"))
			if err != nil {
				t.Fatal(err)
			}
			truncate(t, segments[len(segments)-1], 4096)
		}, zhenni.ErrCorrupt},
		"no mark":     {func(o *Options) { remove(t, o.Dir, markFile) }, zhenni.ErrCorrupt},
		"no log":      {func(o *Options) { remove(t, o.Dir, filepath.Join(logDir, "catalog.json")) }, zhenni.ErrNotFound},
		"no snapshot": {func(o *Options) { _ = os.RemoveAll(filepath.Join(o.Dir, logDir, "snapshots")) }, zhenni.ErrCorrupt},
		"no memory":   {func(o *Options) { o.Memory = 1000 }, zhenni.ErrUnavailable},
		"another key": {func(o *Options) { o.Root = otherRoot(t) }, zhenni.ErrWrongKey},
		"a store in use": {func(o *Options) {
			lock, err := lockDir(o.Dir, false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = lock.Close() })
		}, zhenni.ErrLocked},
		"no store": {func(o *Options) { o.Dir = t.TempDir() }, zhenni.ErrNotFound},
	} {
		opts := crashed(t)
		c.change(&opts)
		if s, err := Open(opts); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
			if err == nil {
				_ = s.Close()
			}
		}
	}
}
