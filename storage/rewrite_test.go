package storage

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zhenni"
)

// downgrade makes the store of opts one of an older format: templates carry their keys, and so do log and snapshot.
func downgrade(t *testing.T, opts Options, to int) {
	t.Helper()
	s := openStore(t, opts)
	if err := s.seize(); err != nil {
		t.Fatal(err)
	}
	var sc scratch
	var records []record
	err := s.viewScan([]byte{prefixCredential}, func(key, value []byte) error {
		if !isKeyed(value) {
			return nil
		}
		ring := *s.ring.Load()
		h, body, err := s.vault.open(ring, key, value, &sc)
		if err != nil {
			return err
		}
		value, err = s.vault.seal(ring[h.tenant], h.tenant, h.generation, key, bytes.Clone(body), &sc)
		records = append(records, record{bytes.Clone(key), value})
		return err
	})
	state, stateErr := s.sealKeyState(keyState{}, &sc)
	records = append(records, state)
	if err := errors.Join(err, stateErr, s.commitRecords(records), s.snapshot(), s.commitRecords(records)); err != nil {
		t.Fatal(err)
	}
	s.resume()
	s.label.Format = to
	if err := errors.Join(s.rewriteLabel(), s.Close()); err != nil {
		t.Fatal(err)
	}
	db, err := openBadger(opts.withDefaults(), true)
	if err != nil {
		t.Fatal(err)
	}
	if to < slotsFormat {
		remove(t, opts.Dir, slotsFile)
	}
	if to == 1 {
		rawDelete(t, &Store{db: db}, progressKey)
		remove(t, opts.Dir, logDir)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, opts.Dir, keysFile)
}

// A store of an older format is upgraded: no file keeps a template with its key, and an erasure reaches all of them.
func TestOlderFormatIsUpgraded(t *testing.T) {
	t.Parallel()
	for from := oldFormat; from < format; from++ {
		opts := testOptions(t)
		s := openStore(t, opts)
		enrolAndRevoke(t, s, 0, 6)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		downgrade(t, opts, from)
		if report := checked(t, opts); report.Keys != 0 || slices.ContainsFunc(report.Problems, func(p Problem) bool { return p.Class != "tallies" }) {
			t.Errorf("format %d, read-only: %+v", from, report)
		}
		if n := templatesIn(t, opts.Dir, s, nil, testID(4)); n < 1 {
			t.Errorf("format %d: the template opens from %d records: the search finds nothing", from, n)
		}
		s = openStore(t, opts)
		asAcknowledged(t, s, 6)
		if held, err := s.survey(); err != nil || *held != s.agreement.held || !s.agreement.known {
			t.Errorf("format %d: the tallies are not those of a walk; %v", from, err)
		}
		if text := content(t, s.path(headerFile)); !bytes.Contains(text, []byte(`"format": 4`)) {
			t.Errorf("the header is still %s", text)
		}
		if n := templatesIn(t, opts.Dir, s, nil, testID(4)); n != 0 {
			t.Errorf("format %d: after the upgrade the template opens without the key file from %d records", from, n)
		}
		enrolAndRevoke(t, s, 6, 8)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		remove(t, opts.Dir, viewDir)
		asAcknowledged(t, openStore(t, opts), 8)
	}
}

// A crash anywhere in an upgrade is taken up by the next Open.
//
// FAULTS: S1
func TestInterruptedUpgrade(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	downgrade(t, opts, 3)
	images := map[string]string{"before": crashClone(t, opts.Dir)}
	s = openOlder(t, opts)
	s.hook = func() { images["while the view is made"] = crashClone(t, opts.Dir) }
	if err := s.writeUpgraded(); err != nil {
		t.Fatal(err)
	}
	images["view made"] = crashClone(t, opts.Dir)
	s.label.Format, s.label.Upgraded = format, true
	if err := errors.Join(s.rewriteLabel(), s.release()); err != nil {
		t.Fatal(err)
	}
	images["header written"] = crashClone(t, opts.Dir)
	for _, gone := range []string{logDir, slotsFile, viewDir} {
		remove(t, opts.Dir, gone)
		images[gone+" removed"] = crashClone(t, opts.Dir)
	}
	if err := os.Rename(filepath.Join(opts.Dir, upgradeDir, viewDir), filepath.Join(opts.Dir, viewDir)); err != nil {
		t.Fatal(err)
	}
	images["view in place"] = crashClone(t, opts.Dir)
	for name, image := range images {
		opts.Dir = image
		s, err := Open(opts)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		asAcknowledged(t, s, 4)
		if err := s.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(image, upgradeDir)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the folder of the upgrade is still there: %v", name, err)
		}
	}
}

// openOlder opens a store of an older format as Open does, up to its upgrade.
func openOlder(t *testing.T, opts Options) *Store {
	t.Helper()
	s := &Store{opts: opts.withDefaults()}
	s.scratch.New = func() any { return new(scratch) }
	for _, step := range []func() error{s.openFolder, s.openState, s.load} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// An older header beside a view of the newest format starts no upgrade, which would begin with an empty key file.
//
// FAULTS: S6
func TestOlderHeaderIsRefused(t *testing.T) {
	t.Parallel()
	opts := closedStore(t)
	s := openOlder(t, opts)
	s.label.Format = slotsFormat
	if err := errors.Join(s.rewriteLabel(), s.release()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("Open: %v, want ErrCorrupt", err)
	}
	s = openOlder(t, opts)
	s.label.Format = format
	if err := errors.Join(s.rewriteLabel(), s.release()); err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(t, opts).Reference(testID(1), make([]int8, testModel.Dim)); err != nil {
		t.Error(err)
	}
}

// FAULTS: S8
func TestUpgradeNeedsRoom(t *testing.T) {
	t.Parallel()
	opts := closedStore(t)
	downgrade(t, opts, 2)
	full := opts
	full.free = func(string) (int64, error) { return 1, nil }
	if _, err := Open(full); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("Open: %v, want ErrUnavailable", err)
	}
	if c := mustCredential(t, openStore(t, opts), 1); c.Status != zhenni.StatusActive {
		t.Errorf("%+v", c)
	}
}
