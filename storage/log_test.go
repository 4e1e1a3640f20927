package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
	"zhenni/storage/commandlog"
)

// replaceView puts another view in the place of a store's.
func replaceView(t *testing.T, dir, from string) {
	t.Helper()
	remove(t, dir, viewDir)
	if err := os.Rename(filepath.Join(from, viewDir), filepath.Join(dir, viewDir)); err != nil {
		t.Fatal(err)
	}
}

// asAcknowledged checks n credentials, of which the odd ones are revoked.
func asAcknowledged(t *testing.T, s *Store, n int) {
	t.Helper()
	row := make([]int8, testModel.Dim)
	for i := range n {
		want := zhenni.StatusActive
		if i%2 == 1 {
			want = zhenni.StatusRevoked
		}
		ref, err := s.Reference(testID(i), row)
		if err != nil || ref.Status != want || !equalRows(ref.Row, testEnrol(i).Row) {
			t.Errorf("credential %d: %s, %v; want %s", i, ref.Status, err, want)
		}
	}
	if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() || report.Credentials != int64(n) {
		t.Errorf("Check: %+v, %v", report, err)
	}
}

func enrolAndRevoke(t *testing.T, s *Store, first, end int) {
	t.Helper()
	for n := first; n < end; n++ {
		mustApply(t, s, testEnrol(n))
		if n%2 == 1 {
			mustApply(t, s, changed(n, zhenni.StatusRevoked))
		}
	}
}

// The view is not synced: a power failure leaves any older state of it beside the whole log.
//
// FAULTS: S6
func TestLostTailOfTheViewIsMadeAgain(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.MemTable = minMemTable
	s := openStore(t, opts)
	var older []string
	for n := 0; n < 40; n += 10 {
		older = append(older, crashClone(t, opts.Dir))
		enrolAndRevoke(t, s, n, n+10)
		if n == 10 {
			if err := s.machine.settle(); err != nil { // nothing is being applied
				t.Fatal(err)
			}
		}
	}
	killed := crashClone(t, opts.Dir)
	for _, from := range older {
		opts.Dir = crashClone(t, killed)
		replaceView(t, opts.Dir, from)
		for range 2 {
			s := openStore(t, opts)
			asAcknowledged(t, s, 40)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What the view had not synced may be there page by page.
//
// FAULTS: S17
func TestLostPagesOfTheViewAreMadeAgain(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.MemTable = minMemTable
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 40)
	killed := crashClone(t, opts.Dir)
	logs, err := filepath.Glob(filepath.Join(killed, viewDir, "*.mem"))
	if err != nil || len(logs) == 0 {
		t.Fatal(logs, err)
	}
	const page = 4096
	for at := int64(0); at < int64(len(content(t, logs[0]))); at += page {
		opts.Dir = crashClone(t, killed)
		log, err := os.OpenFile(filepath.Join(opts.Dir, viewDir, filepath.Base(logs[0])), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.WriteAt(make([]byte, page), at); err != nil {
			t.Fatal(err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		s := openStore(t, opts)
		asAcknowledged(t, s, 40)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLostViewIsMadeAgain(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	enrolAndRevoke(t, s, 0, 10)
	for range 3 { // from the log; from a snapshot; from a snapshot and the log
		n := int(s.Count())
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		remove(t, opts.Dir, viewDir)
		s = openStore(t, opts)
		asAcknowledged(t, s, n)
		if _, ok := s.RelyingParty(goldenParty.ID); !ok {
			t.Error("the relying party is lost")
		}
		if n == 10 {
			mustApply(t, s, testEnrol(n))
			if err := s.snapshot(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		enrolAndRevoke(t, s, n, n+4)
	}
}

// Snapshots are taken beside changes and cut the log; nothing is lost between them.
func TestLogIsCutWhileItIsWritten(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	for n := range 40 {
		s.truncation.due = 1 // between two commits the committer rests
		enrolAndRevoke(t, s, n, n+1)
	}
	s.truncation.running.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, opts.Dir, viewDir)
	s = openStore(t, opts)
	asAcknowledged(t, s, 40)
	if s.log.SnapshotIndex() < 2 {
		t.Errorf("the snapshot ends at %d", s.log.SnapshotIndex())
	}
}

// A view older than the first entry of the log is made from the snapshot.
//
// FAULTS: S6
func TestViewOlderThanTheLog(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	older := crashClone(t, opts.Dir)
	enrolAndRevoke(t, s, 4, 8)
	if err := errors.Join(s.snapshot(), s.Close()); err != nil {
		t.Fatal(err)
	}
	replaceView(t, opts.Dir, crashClone(t, older))
	without := crashClone(t, opts.Dir)
	s = openStore(t, opts)
	asAcknowledged(t, s, 8)
	remove(t, filepath.Join(without, logDir), "snapshots")
	opts.Dir = without
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("without the snapshot: %v, want ErrCorrupt", err)
	}
}

// A view whose log is gone stays refused, and is left as it was: what of it is synced is not known.
func TestRefusedViewIsNotTouched(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 4)
	opts.Dir = crashClone(t, opts.Dir)
	remove(t, opts.Dir, logDir)
	for range 2 {
		if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Fatalf("Open: %v, want ErrCorrupt", err)
		}
	}
	db, err := openBadger(opts.withDefaults(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	view := &Store{db: db, keys: s.keys}
	if p, ok, err := view.readProgress(); err != nil || !ok || p.durable != (position{}) || p.applied.sequence != 6 {
		t.Errorf("position %+v, %v, %v; want nothing synced", p, ok, err)
	}
}

// FAULTS: S3 S4 S5
func TestDamagedTableIsQuarantined(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(opts.Dir, viewDir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	if err := overwrite(tables[0], 100, 1); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	asAcknowledged(t, s, 10)
	if kept, err := filepath.Glob(filepath.Join(opts.Dir, quarantineDir, "1", viewDir, "*.sst")); err != nil || len(kept) == 0 {
		t.Errorf("the damaged view is not kept: %v", err)
	}
}

func TestImportIsInTheSnapshot(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginImport(t, s)
	addAscending(t, im, importTest, importTest)
	if err := errors.Join(im.Commit(), s.Close()); err != nil {
		t.Fatal(err)
	}
	remove(t, opts.Dir, viewDir)
	imported(t, openStore(t, opts))
}

// A crash after the log has the import, and before anything after it, leaves it committed.
func TestImportInTheLogIsCommitted(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginImport(t, s)
	marker, err := os.ReadFile(s.path(importFile))
	if err != nil {
		t.Fatal(err)
	}
	addAscending(t, im, importTest, importTest)
	if err := errors.Join(im.send(), im.end()); err != nil {
		t.Fatal(err)
	}
	s.opts.free = func(string) (int64, error) { return 0, nil } // no snapshot
	if err := im.finish(); err != nil {
		t.Fatal(err)
	}
	image := crashClone(t, opts.Dir)
	s.resume()
	if err := os.WriteFile(filepath.Join(image, importFile), marker, 0o600); err != nil {
		t.Fatal(err)
	}
	opts.Dir = image
	imported(t, openStore(t, opts))
	noView := crashClone(t, s.opts.Dir)
	remove(t, noView, viewDir)
	opts.Dir = noView
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), "import again") {
		t.Errorf("an import that nothing holds: %v, want ErrCorrupt and what to do", err)
	}
}

// A store from before there was a log is taken over, and its view can be made again.
func TestStoreWithoutALogIsAdopted(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	enrolAndRevoke(t, s, 0, 6)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	downgrade(t, opts, oldFormat)
	s = openStore(t, opts)
	asAcknowledged(t, s, 6)
	enrolAndRevoke(t, s, 6, 8)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, opts.Dir, viewDir)
	asAcknowledged(t, openStore(t, opts), 8)
}

// FAULTS: S3
func TestSnapshotDamagedAnywhereIsRefused(t *testing.T) {
	t.Parallel()
	s := openStore(t, testOptions(t))
	enrolAndRevoke(t, s, 0, 2)
	snapshot, err := s.machine.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Release()
	var b bytes.Buffer
	if err := errors.Join(snapshot.Write(&b), s.machine.VerifySnapshot(bytes.NewReader(b.Bytes()))); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < b.Len(); at += snapshotStep {
		err := s.machine.VerifySnapshot(bytes.NewReader(set(b.Bytes(), at, b.Bytes()[at]^1)))
		if !errors.Is(err, zhenni.ErrCorrupt) && !errors.Is(err, zhenni.ErrFormat) {
			t.Fatalf("byte %d changed: %v", at, err)
		}
		if err := s.machine.VerifySnapshot(bytes.NewReader(b.Bytes()[:at])); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
	if _, err := s.machine.Snapshot(); !errors.Is(err, commandlog.ErrNothingNew) {
		t.Errorf("a second snapshot: %v, want ErrNothingNew", err)
	}
}

// No template, key or API key hash is in the log in the clear.
func TestLogHoldsNothingInTheClear(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	e, p := testEnrol(1), goldenParty.RelyingParty
	mustApply(t, s, e, zhenni.PutRelyingParty{Party: p})
	if err := errors.Join(s.snapshot(), s.Close()); err != nil {
		t.Fatal(err)
	}
	row := make([]byte, len(e.Row))
	for i, q := range e.Row {
		row[i] = byte(q)
	}
	secrets := map[string][]byte{"template": row[:12], "name": []byte(p.Name), "key hash": p.KeyHash[:]}
	err := filepath.WalkDir(filepath.Join(opts.Dir, logDir), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for what, secret := range secrets {
			if bytes.Contains(b, secret) {
				t.Errorf("%s holds a %s", path, what)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
