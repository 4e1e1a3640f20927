package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// baseSteps is a store that imports onto a base, as a crash leaves it between any two steps. The last is behind the entry in
// the log.
func baseSteps(t *testing.T, opts Options, snapshot bool) (images []string) {
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	if snapshot {
		if err := s.snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	im := beginBase(t, s)
	addAscending(t, im, baseTest, baseTest)
	s.hook = func() { images = append(images, crashClone(t, opts.Dir)) }
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	s.hook = nil
	if len(images) != 6 {
		t.Fatalf("%d steps", len(images))
	}
	return images
}

// The process dies between any two steps of an import onto a base: it is there or not.
//
// FAULTS: S1 S17
func TestImportOnABaseHalfDone(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	images := baseSteps(t, opts, false)
	last := len(images) - 1
	for i, image := range images {
		damaged := crashClone(t, image)
		opts.Dir = image
		s := openStore(t, opts)
		if i == last {
			changedOnBase(t, s, baseTest)
		} else {
			withoutBase(t, s)
		}
		opts.Dir = damaged
		manifest := filepath.Join(damaged, viewDir, badger.ManifestFilename)
		if err := os.WriteFile(manifest, []byte("damaged"), 0o600); err != nil {
			continue // there is no view at this step
		}
		if i < last {
			withoutBase(t, openStore(t, opts))
		} else if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("an import that no snapshot holds: %v, want ErrCorrupt", err)
		}
	}
}

// withoutBase checks that an import has left nothing.
func withoutBase(t *testing.T, s *Store) {
	t.Helper()
	backAsBefore(t, s)
	if _, err := os.Stat(s.path(baseDir)); !errors.Is(err, os.ErrNotExist) || s.label.Base != "" || s.label.Format != format {
		t.Errorf("something of the base is left: %v", err)
	}
}

// A view in memory shows nothing of an import that the log does not have.
//
// FAULTS: S1
func TestVerifyOnlyOfAHalfDoneBase(t *testing.T) {
	t.Parallel()
	for _, snapshot := range []bool{false, true} {
		opts := testOptions(t)
		for i, image := range baseSteps(t, opts, snapshot) {
			only := opts
			only.Dir, only.VerifyOnly = image, true
			s, err := Open(only)
			if err != nil {
				continue
			}
			if n, err := s.Check(t.Context(), nil); err != nil || n.Credentials != 0 {
				t.Errorf("step %d: %d credentials, %v", i, n.Credentials, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A step that fails puts the store back as it was before, without closing it.
//
// FAULTS: S10
func TestImportOnABaseFails(t *testing.T) {
	t.Parallel()
	for _, inTheWay := range []string{baseDir, headerFile + ".new"} {
		opts := testOptions(t)
		s := openStore(t, opts)
		mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
		im := beginBase(t, s)
		addAscending(t, im, 100, 100)
		obstacle := filepath.Join(opts.Dir, inTheWay, "obstacle")
		if err := os.MkdirAll(obstacle, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := im.Commit(); err == nil {
			t.Fatal("the import was committed")
		}
		if err := os.RemoveAll(filepath.Join(opts.Dir, inTheWay)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(t.Context(), []zhenni.Command{testEnrol(2)}); err != nil { // perhaps only once it is opened again
			s = reopened(t, s)
		}
		if s.base != nil || s.label.Base != "" {
			t.Errorf("%s: the store has a base", inTheWay)
		}
		if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() || report.RelyingParties != 1 {
			t.Errorf("%s: %+v, %v", inTheWay, report, err)
		}
	}
}
