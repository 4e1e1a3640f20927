package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhenni"
)

// snapshotFile is the path of a file of the one snapshot of a store.
func snapshotFile(t *testing.T, dir, name string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, logDir, "snapshots", "*", name))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

// snapshotStore returns a closed store with a snapshot and two changes behind it.
func snapshotStore(t *testing.T) Options {
	t.Helper()
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, testEnrol(4), changed(4, zhenni.StatusRevoked))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return opts
}

// A snapshot that is damaged while the view is whole is replaced, and the view can be lost after that.
//
// FAULTS: S3 S7
func TestDamagedSnapshotIsTakenAnew(t *testing.T) {
	t.Parallel()
	opts := snapshotStore(t)
	opts.ScrubRate = -1
	if err := overwrite(snapshotFile(t, opts.Dir, "state.bin"), 100, 1); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, opts)
	s.scrubSnapshot(t.Context(), unpaced)
	if met := s.Scrubbed().Damage; met != 1 {
		t.Errorf("%d damages, want the snapshot", met)
	}
	if err := errors.Join(s.Close(), os.RemoveAll(filepath.Join(opts.Dir, viewDir))); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	for n := range 5 {
		if _, err := s.Credential(testID(n)); err != nil {
			t.Errorf("credential %d: %v", n, err)
		}
	}
}

// FAULTS: S3 S4
func TestRefusalsSayHowToRepair(t *testing.T) {
	t.Parallel()
	edit := func(name, old, replacement string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			path := filepath.Join(dir, name)
			if name == "meta.json" {
				path = snapshotFile(t, dir, name)
			}
			text := string(content(t, path))
			if !strings.Contains(text, old) {
				t.Fatalf("%s holds no %q: %s", name, old, text)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(text, old, replacement, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		spoil func(*testing.T, string)
		want  error
		names string
	}{
		"header's id":      {edit(headerFile, `"store": "`, `"store": "0`), zhenni.ErrWrongKey, headerFile},
		"header's shape":   {edit(headerFile, "{", "["), zhenni.ErrCorrupt, headerFile},
		"header's model":   {edit(headerFile, "test-face.1", "test-face.2"), zhenni.ErrCorrupt, headerFile},
		"snapshot's group": {edit("meta.json", `"self"`, `"selg"`), zhenni.ErrCorrupt, "meta.json"},
		"snapshot's term":  {edit("meta.json", `"Term":`, `"Term":1`), zhenni.ErrCorrupt, "meta.json"},
		"catalog":          {edit(logDir+"/catalog.json", `"`, `'`), zhenni.ErrCorrupt, "catalog.json"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := snapshotStore(t)
			c.spoil(t, opts.Dir)
			began := time.Now()
			_, err := Open(opts)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.names) || !strings.Contains(err.Error(), "zhenni restore") {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
	}
}

// What Badger says of a view that does not open is damage to be rebuilt, unless the disk or the process lacks something.
func TestViewThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	opts := snapshotStore(t)
	if err := overwrite(filepath.Join(opts.Dir, viewDir, "KEYREGISTRY"), 20, 1); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, opts)
	if _, err := s.Credential(testID(4)); err != nil || s.aside == 0 {
		t.Errorf("aside %d, %v", s.aside, err)
	}
	for _, lacks := range []error{syscall.ENOSPC, syscall.EMFILE, syscall.EIO} {
		if err := openDamage(lacks); errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%v is taken for damage", lacks)
		}
	}
	level := openDamage(errors.New("Level validation err: Biggest\n00 63 41"))
	if !errors.Is(level, zhenni.ErrCorrupt) || strings.Contains(level.Error(), "Biggest") {
		t.Error(level)
	}
}

// FAULTS: S8
func TestFullDiskAtTheStartIsSaid(t *testing.T) {
	t.Parallel()
	for _, number := range []syscall.Errno{syscall.ENOSPC, syscall.EROFS} {
		err := Options{Dir: "here"}.advise(errors.New("permissions test failed: open log/snapshots/permTest: " + number.Error()))
		if !errors.Is(err, zhenni.ErrUnavailable) || !strings.Contains(err.Error(), "zhenni serve --verify-only") {
			t.Error(err)
		}
	}
}
