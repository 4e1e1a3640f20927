package storage

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// baseTest is the number of credentials of a base.
const baseTest = 5000

// onBase is a store of baseTest credentials and a relying party on a base, with the snapshot of its import.
func onBase(t *testing.T, opts Options) *Store {
	t.Helper()
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	im := beginBase(t, s)
	addAscending(t, im, baseTest, baseTest)
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	s.truncation.running.Wait()
	return s
}

func beginBase(t *testing.T, s *Store) *Import {
	t.Helper()
	im, err := s.NewImport(t.Context(), ImportOptions{Workers: 2, Base: true})
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// reopened closes a store and opens it again.
func reopened(t *testing.T, s *Store) *Store {
	t.Helper()
	opts := s.opts
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return openStore(t, opts)
}

// revokedOf revokes credentials of the import and one that is enrolled after it.
func revokedOf(t *testing.T, s *Store, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		e := ascending(n, baseTest)
		mustApply(t, s, zhenni.ChangeStatus{ID: e.ID, Tenant: e.Tenant, To: zhenni.StatusRevoked, At: testTime})
	}
}

// changedOnBase checks that of the import those credentials are revoked, and no others.
func changedOnBase(t *testing.T, s *Store, credentials int64, revoked ...int) {
	t.Helper()
	report, err := s.Check(t.Context(), nil)
	if err != nil || !report.OK() || report.Credentials != credentials || s.Count() != credentials {
		t.Fatalf("Check: %+v, %v", report, err)
	}
	row := make([]int8, testModel.Dim)
	for n := range 20 {
		e, want := ascending(n, baseTest), zhenni.StatusActive
		for _, r := range revoked {
			if r == n {
				want = zhenni.StatusRevoked
			}
		}
		if ref, err := s.Reference(e.ID, row); err != nil || ref.Status != want || !equalRows(ref.Row, e.Row) {
			t.Errorf("credential %d: %s, %v, want %s", n, ref.Status, err, want)
		}
	}
}

// A snapshot over a base holds what lies over it, and nothing of the base.
func TestImportOnABase(t *testing.T) {
	t.Parallel()
	s := onBase(t, testOptions(t))
	for range 2 {
		changedOnBase(t, s, baseTest)
		s = reopened(t, s)
	}
	if s.label.Format != baseFormat || s.label.Base == "" {
		t.Errorf("format %d, base %q: an older build would take the store for its own", s.label.Format, s.label.Base)
	}
	revokedOf(t, s, 5)
	mustApply(t, s, testEnrol(1))
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	if held, limit := diskBytes(s.path(logDir+"/snapshots")), diskBytes(s.path(baseDir))/4; held > limit {
		t.Errorf("the snapshots take %d bytes, want at most %d", held, limit)
	}
	changedOnBase(t, s, baseTest+1, 5)
	if _, err := s.NewImport(t.Context(), ImportOptions{Base: true}); !errors.Is(err, zhenni.ErrExists) {
		t.Errorf("a second import: %v, want ErrExists", err)
	}
}

// An import of nothing has nothing to make a base of.
func TestEmptyImportMakesNoBase(t *testing.T) {
	s := openStore(t, testOptions(t))
	if err := beginBase(t, s).Commit(); err != nil {
		t.Fatal(err)
	}
	if s.label.Format != format || s.base != nil {
		t.Error("there is a base")
	}
	im := beginBase(t, s)
	addAscending(t, im, 3, 3)
	if err := im.Commit(); err != nil || s.base == nil {
		t.Errorf("the next import: %v", err)
	}
}

// The layer over a base is made again from snapshot and log, whatever was lost of it.
//
// FAULTS: S3 S5 S6
func TestLayerOverABaseIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := onBase(t, testOptions(t))
	revokedOf(t, s, 3)
	older := crashClone(t, s.opts.Dir)
	revokedOf(t, s, 4)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	revokedOf(t, s, 5)
	mustApply(t, s, testEnrol(1), erasureOf(ascending(6, baseTest)))
	opts := s.opts
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for what, lose := range map[string]func(dir string){
		"lost":    func(dir string) { remove(t, dir, viewDir) },
		"older":   func(dir string) { replaceView(t, dir, crashClone(t, older)) },
		"tallies": func(dir string) { remove(t, dir, slotsFile) },
		"marked":  func(dir string) { _ = os.WriteFile(filepath.Join(dir, damagedFile), nil, 0o600) },
	} {
		opts.Dir = crashClone(t, s.opts.Dir)
		lose(opts.Dir)
		again := openStore(t, opts)
		if report, err := again.Check(t.Context(), nil); err != nil || !report.OK() || report.Credentials != baseTest+1 || report.Erased != 1 {
			t.Errorf("%s: %+v, %v", what, report, err)
		}
		for n, want := range map[int]zhenni.Status{2: zhenni.StatusActive, 3: zhenni.StatusRevoked, 4: zhenni.StatusRevoked, 5: zhenni.StatusRevoked, 6: zhenni.StatusErased} {
			if c, err := again.Credential(ascending(n, baseTest).ID); err != nil || c.Status != want {
				t.Errorf("%s: credential %d is %s, %v; want %s", what, n, c.Status, err, want)
			}
		}
	}
}

func erasureOf(e zhenni.Enrol) zhenni.Command {
	return zhenni.Erase{ID: e.ID, Tenant: e.Tenant, At: testTime}
}

// A base is nowhere else in the store: damage of it refuses the store, names the file, and ends with that file of a backup.
//
// FAULTS: S3 S4 S5 S7
func TestDamagedBaseIsRefused(t *testing.T) {
	t.Parallel()
	s, backup := onBase(t, testOptions(t)), t.TempDir()
	backUp(t, s, backup)
	opts, id := s.opts, s.label.Base
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(opts.Dir, baseDir))
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		for what, damage := range map[string]func(path string, b []byte) error{
			"bit":     func(path string, b []byte) error { b[len(b)/2] ^= 4; return os.WriteFile(path, b, 0o600) },
			"cut":     func(path string, b []byte) error { return os.Truncate(path, int64(len(b)-5)) },
			"empty":   func(path string, _ []byte) error { return os.Truncate(path, 0) },
			"removed": func(path string, _ []byte) error { return os.Remove(path) },
		} {
			opts.Dir = crashClone(t, s.opts.Dir)
			path := filepath.Join(opts.Dir, baseDir, f.Name())
			if err := damage(path, content(t, path)); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), f.Name()) {
				t.Errorf("%s, %s: %v, want ErrCorrupt that names it", f.Name(), what, err)
			}
			if err := os.WriteFile(path, content(t, filepath.Join(backup, tablePart(id, f.Name()))), 0o600); err != nil {
				t.Fatal(err)
			}
			again := openStore(t, opts)
			if again.Count() != baseTest {
				t.Errorf("%s, %s: %d credentials after the repair", f.Name(), what, again.Count())
			}
		}
	}
}

// Damage that Open did not look for is met by the scrub, never believed, and refused by the next Open.
//
// FAULTS: S3
func TestDamagedBaseIsMetByTheScrub(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.verifyAtOnce, opts.ScrubRate = 1, -1
	s := onBase(t, opts)
	path := filepath.Join(opts.Dir, baseDir, s.base.seal.Files[0].Name)
	if err := overwrite(path, 64, 64); err != nil {
		t.Fatal(err)
	}
	s.scrubTables(t.Context(), unpaced)
	if s.Scrubbed().Damage != 1 || !s.isMarked() {
		t.Errorf("%d damages, marked %v", s.Scrubbed().Damage, s.isMarked())
	}
	row, refused := make([]int8, testModel.Dim), 0
	for n := range baseTest {
		e := ascending(n, baseTest)
		ref, err := s.Reference(e.ID, row)
		if err != nil && !errors.Is(err, zhenni.ErrCorrupt) || err == nil && !equalRows(ref.Row, e.Row) {
			t.Fatalf("credential %d: %v", n, err)
		}
		if err != nil {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a damaged block was believed")
	}
	if report, err := s.Check(t.Context(), nil); err != nil || report.OK() {
		t.Errorf("Check: %+v, %v", report, err)
	}
	s.base.walked.Store(false)
	if err := s.snapshot(); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a snapshot over the damaged base: %v, want ErrCorrupt", err)
	}
	if _, err := s.Backup(t.Context(), BackupOptions{Dir: t.TempDir()}); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a backup of the damaged base: %v, want ErrCorrupt", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(path)) {
		t.Errorf("the next Open: %v, want ErrCorrupt that names the table", err)
	}
}

// What belongs to another time of the store, or to another store, is not what its header names.
//
// FAULTS: S6 S7
func TestBaseOfAnotherTimeIsRefused(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, zhenni.PutRelyingParty{Party: goldenParty.RelyingParty})
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	before := crashClone(t, opts.Dir)
	twin := opts
	twin.Dir = crashClone(t, opts.Dir)
	for _, s := range []*Store{s, openStore(t, twin)} {
		im := beginBase(t, s)
		addAscending(t, im, 100, 100)
		if err := im.Commit(); err != nil {
			t.Fatal(err)
		}
		s.truncation.running.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for what, from := range map[string]string{
		headerFile: before, baseDir: twin.Dir, logDir + "/snapshots": twin.Dir, baseDir + "/" + baseSealFile: twin.Dir,
	} {
		changed := opts
		changed.Dir = crashClone(t, opts.Dir)
		if remove(t, changed.Dir, what); what == logDir+"/snapshots" {
			remove(t, changed.Dir, viewDir) // so that it is needed
		}
		if err := os.Rename(filepath.Join(crashClone(t, from), what), filepath.Join(changed.Dir, what)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(changed); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", what, err)
		}
	}
}

// A backup has the tables of a base once, and what lies over it anew with each snapshot.
//
// FAULTS: S15
func TestBackupOfABase(t *testing.T) {
	t.Parallel()
	s, dir := onBase(t, testOptions(t)), t.TempDir()
	first := backUp(t, s, dir)
	if table := diskBytes(s.path(baseDir)) / 2; first.Bytes < table {
		t.Errorf("%d bytes written, want the tables", first.Bytes)
	}
	revokedOf(t, s, 7)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, testEnrol(1))
	second := backUp(t, s, dir)
	if !second.Base || second.Bytes > first.Bytes/4 || second.TotalBytes < first.TotalBytes {
		t.Errorf("the first %+v, the second %+v", first, second)
	}
	if done, err := VerifyBackup(t.Context(), dir, s.opts.Root); err != nil || done.Credentials != baseTest+1 {
		t.Errorf("%+v, %v", done, err)
	}
	r, done := restored(t, dir, nil)
	if !done.Report.OK() || r.label.Base != s.label.Base {
		t.Errorf("%+v", done)
	}
	changedOnBase(t, r, baseTest+1, 7)
	revokedOf(t, r, 8)
	changedOnBase(t, reopened(t, r), baseTest+1, 7, 8)
	for what, damage := range map[string]func(path string) error{
		"bit": func(path string) error { return overwrite(path, 100, 8) }, "removed": os.Remove,
	} {
		damaged := t.TempDir()
		if err := os.CopyFS(damaged, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		name := tablePart(s.label.Base, s.base.seal.Files[0].Name)
		if err := damage(filepath.Join(damaged, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyBackup(t.Context(), damaged, s.opts.Root); !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want ErrCorrupt that names the file", what, err)
		}
	}
}

// An erased credential's template lies in the tables of the base, of a backup and of a copy, and opens from none.
//
// FAULTS: C14 S16
func TestErasedTemplateOpensFromNoBase(t *testing.T) {
	t.Parallel()
	s, backup := onBase(t, testOptions(t)), t.TempDir()
	erased, other := ascending(6, baseTest), ascending(9, baseTest) // both of tenant 7
	backUp(t, s, backup)
	copied := crashClone(t, s.opts.Dir)
	remove(t, copied, keysFile)
	mustApply(t, s, erasureOf(erased))
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{s.opts.Dir, backup, copied} {
		if n := templatesIn(t, dir, s, s.vault.keys, erased.ID); n != 0 {
			t.Errorf("the erased template opens from %d records", n)
		}
		if n := templatesIn(t, dir, s, s.vault.keys, other.ID); n != 1 {
			t.Errorf("another template opens from %d records: the search finds nothing, or there is more than one copy", n)
		}
	}
}

// Verification without writing a byte needs the base, and nothing of the layer over it.
//
// FAULTS: S8 S10
func TestVerifyOnlyOnABase(t *testing.T) {
	t.Parallel()
	s := onBase(t, testOptions(t))
	revokedOf(t, s, 3)
	opts := s.opts
	opts.Dir = crashClone(t, opts.Dir)
	opts.VerifyOnly = true
	remove(t, opts.Dir, viewDir)
	for _, path := range []string{baseDir, "log", "."} {
		if err := os.Chmod(filepath.Join(opts.Dir, path), 0o500); err != nil {
			t.Fatal(err)
		}
	}
	before := everyFile(t, opts.Dir)
	only := openStore(t, opts)
	changedOnBase(t, only, baseTest, 3)
	if err := only.Close(); err != nil {
		t.Error(err)
	}
	if everyFile(t, opts.Dir) != before {
		t.Error("the folder was changed")
	}
	if err := os.Chmod(filepath.Join(opts.Dir, "log"), 0o700); err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(opts.Dir, logDir), "snapshots")
	if _, err := Open(opts); err == nil {
		t.Error("a base that no snapshot rests on was served")
	}
}

// A base holds credentials and nothing that a rotation replaces.
func TestRootRotatedOnABase(t *testing.T) {
	t.Parallel()
	s := onBase(t, testOptions(t))
	it := s.base.tables.newCursor(nil)
	for it.Rewind(); it.Valid(); it.Next() {
		if key := it.Item().Key(); key[0] != prefixCredential {
			t.Errorf("the base holds a record of %q", key[0])
		}
	}
	it.Close()
	opts, next := s.opts, otherRoot(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := RotateRoot(opts, next); err != nil {
		t.Fatal(err)
	}
	opts.Root = next
	changedOnBase(t, openStore(t, opts), baseTest)
}

// A store from before an import is opened by its snapshot's records, not by those of a base that it lacks.
func TestSnapshotOverNoBaseIsRefused(t *testing.T) {
	t.Parallel()
	s, other := onBase(t, testOptions(t)), openStore(t, testOptions(t))
	f, err := s.log.OpenSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := content(t, f.Name())
	if err := s.machine.VerifySnapshot(bytes.NewReader(b)); err != nil {
		t.Error(err)
	}
	s.base.held[3].records++ // another base than the one that it was taken over
	if err := s.machine.VerifySnapshot(bytes.NewReader(b)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("over other records: %v, want ErrCorrupt", err)
	}
	s.base.held[3].records--
	if err := other.machine.VerifySnapshot(bytes.NewReader(b)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("over no base: %v, want ErrCorrupt", err)
	}
}
