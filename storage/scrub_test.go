package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dgraph-io/badger/v4"

	"zhenni"
)

// largeTest credentials take several blocks of a table: the last is read when a table is opened.
const largeTest = 100

// largeStore returns a closed store that Open takes for a large one, whose tables it does not read first.
func largeStore(t *testing.T) Options {
	t.Helper()
	opts := testOptions(t)
	opts.verifyAtOnce, opts.ScrubRate = 1, -1
	s := openStore(t, opts)
	var cmds []zhenni.Command
	for n := range largeTest {
		cmds = append(cmds, testEnrol(n))
		if n%2 == 1 {
			cmds = append(cmds, changed(n, zhenni.StatusRevoked))
		}
	}
	mustApply(t, s, cmds...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return opts
}

// spoilTables changes a byte of a record in every table.
func spoilTables(t *testing.T, dir string) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, viewDir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	for _, path := range tables {
		if err := overwrite(path, int64(len(content(t, path))/2), 1); err != nil {
			t.Fatal(err)
		}
	}
}

// FAULTS: S3 S5
func TestDamagedTableOfALargeView(t *testing.T) {
	opts := largeStore(t)
	spoilTables(t, opts.Dir)
	s := openStore(t, opts)
	row := make([]int8, testModel.Dim)
	for n := range largeTest { // before, while or after the table is read in the background
		ref, err := s.Reference(testID(n), row)
		if !errors.Is(err, zhenni.ErrCorrupt) && (err != nil || n%2 == 1 && ref.Status != zhenni.StatusRevoked) {
			t.Errorf("credential %d: %s, %v", n, ref.Status, err)
		}
	}
	<-s.scrub.ended
	if got := s.Scrubbed(); !got.Tables || got.Damage == 0 {
		t.Errorf("scrubbed %+v", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	asAcknowledged(t, openStore(t, opts), largeTest)
}

// A process that died while the tables were read in the background has the next one read them first.
func TestTablesAreReadFirstAfterADeath(t *testing.T) {
	opts := largeStore(t)
	spoilTables(t, opts.Dir)
	if err := os.WriteFile(filepath.Join(opts.Dir, verifyingFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, opts)
	asAcknowledged(t, s, largeTest)
	if !s.Scrubbed().Tables {
		t.Error("the tables were not read")
	}
	if _, err := os.Stat(s.path(verifyingFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the mark of it stays: %v", err)
	}
}

// FAULTS: S3 S7
func TestScrubMeetsDamage(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.ScrubRate = -1
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	pass := func() int64 {
		s.scrubTables(t.Context(), unpaced)
		s.scrubLog(t.Context(), unpaced)
		if !s.scrubSlots(t.Context(), unpaced) {
			t.Error("the pass did not end")
		}
		return s.Scrubbed().Damage
	}
	if met := pass(); met != 0 {
		t.Fatalf("%d damages in a sound store", met)
	}
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, testEnrol(4))
	if met := pass(); met != 0 {
		t.Fatalf("%d damages behind a snapshot", met)
	}
	snapshots, err := filepath.Glob(filepath.Join(opts.Dir, logDir, "snapshots", "*", "state.bin"))
	if err != nil || len(snapshots) != 1 {
		t.Fatal(snapshots, err)
	}
	if err := overwrite(snapshots[0], 100, 1); err != nil {
		t.Fatal(err)
	}
	if met := pass(); met != 1 {
		t.Errorf("%d damages, want the snapshot", met)
	}
	s.truncation.running.Wait()
	if met := pass(); met != 1 {
		t.Errorf("%d damages, want none in the snapshot taken in place of it", met)
	}
	mustApply(t, s, testEnrol(5))
	behindTheLog(t, s, func(txn *badger.Txn) error { return txn.Delete(appendStatusKey(nil, testID(1))) })
	if met := pass(); met != 2 {
		t.Errorf("%d damages, want a slot", met)
	}
	segments, err := filepath.Glob(filepath.Join(opts.Dir, logDir, "*.wal"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	last := segments[len(segments)-1]
	if err := overwrite(last, int64(len(content(t, last)))-200, 1); err != nil {
		t.Fatal(err)
	}
	if met := pass(); met != 4 {
		t.Errorf("%d damages, want the log and the slot again", met)
	}
}

// A table that rots under an open store has every slot walked again, and the next start make the view anew.
//
// FAULTS: S3
func TestScrubbedTableIsDoubted(t *testing.T) {
	opts := largeStore(t)
	s := openStore(t, opts)
	<-s.scrub.ended
	s.agreement.agreed.add(0)
	spoilTables(t, opts.Dir)
	s.scrubTables(t.Context(), unpaced)
	if s.Scrubbed().Damage == 0 || s.agreement.agreed.has(0) || !s.isMarked() {
		t.Errorf("scrubbed %+v, slot 0 believed: %v, marked: %v", s.Scrubbed(), s.agreement.agreed.has(0), s.isMarked())
	}
}

func TestScrubKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s scrub
		p := &pacer{rate: 1000, began: time.Now(), read: &s.bytes}
		for range 50 {
			p.pace(t.Context(), 100)
		}
		if took := time.Since(p.began); took != 5*time.Second || s.bytes.Load() != 5000 {
			t.Errorf("%d bytes in %v, want 5 s", s.bytes.Load(), took)
		}
	})
}
