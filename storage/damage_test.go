package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sys/unix"

	"zhenni"
)

// crashClone copies a store's folder as a process killed now would leave it. Badger's files are mapped, so reading
// them sees what was written; zeros stay holes. Where a file gets another name meanwhile it copies again.
func crashClone(t testing.TB, dir string) string {
	t.Helper()
	for {
		clone := t.TempDir()
		err := copyFolder(dir, clone)
		if err == nil {
			return clone
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func copyFolder(dir, clone string) error {
	return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(clone, strings.TrimPrefix(path, dir))
		if entry.IsDir() {
			return os.MkdirAll(to, 0o700)
		}
		return copySparse(path, to)
	})
}

// copySparse copies the parts of a file that are not holes.
func copySparse(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	size, err := in.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for at := int64(0); at < size; {
		data, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if err != nil {
			break // only a hole is left
		}
		if at, err = unix.Seek(int(in.Fd()), data, unix.SEEK_HOLE); err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(out, data), io.NewSectionReader(in, data, at-data)); err != nil {
			return err
		}
	}
	return out.Truncate(size)
}

// damagedCredentials is the number of credentials of a store to be damaged; every third is revoked.
const damagedCredentials = 60

// fillForDamage returns a closed store with tables and, beside it, a crash image with changes in the log only.
func fillForDamage(t *testing.T) (opts Options, image string) {
	t.Helper()
	opts = testOptions(t)
	opts.MemTable = minMemTable
	s := openStore(t, opts)
	for n := range damagedCredentials {
		mustApply(t, s, testEnrol(n))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	for n := 0; n < damagedCredentials; n += 3 {
		mustApply(t, s, changed(n, zhenni.StatusRevoked))
	}
	return opts, crashClone(t, opts.Dir)
}

// survives opens a damaged store. It may be refused; when it opens, each credential is as acknowledged or an
// ErrCorrupt, and never something else: not absent, not another row, above all not active after its revocation.
// It returns how many are as acknowledged.
func survives(t *testing.T, opts Options) (whole int) {
	t.Helper()
	s, err := Open(opts)
	if err != nil {
		return 0
	}
	defer s.Close()
	row := make([]int8, testModel.Dim)
	for n := range damagedCredentials {
		ref, err := s.Reference(testID(n), row)
		if errors.Is(err, zhenni.ErrCorrupt) {
			continue
		}
		want := zhenni.StatusActive
		if n%3 == 0 {
			want = zhenni.StatusRevoked
		}
		if err != nil || ref.Status != want || !equalRows(ref.Row, testEnrol(n).Row) {
			t.Errorf("credential %d: %s, %v; want %s", n, ref.Status, err, want)
		}
		whole++
	}
	return whole
}

func equalRows(a, b []int8) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimRight(b, "\x00")
}

// FAULTS: S3 S4 S5 S17
func TestDamagedFilesAreNeverBelieved(t *testing.T) {
	t.Parallel()
	opts, image := fillForDamage(t)
	opts.Dir = crashClone(t, image)
	if whole := survives(t, opts); whole != damagedCredentials {
		t.Fatalf("%d of %d credentials without damage", whole, damagedCredentials)
	}
	files, err := filepath.Glob(filepath.Join(image, viewDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(image, logDir, "*.*"))
	if err != nil || len(logs) < 2 {
		t.Fatalf("no log: %v", err)
	}
	files = append(files, logs...)
	for _, name := range []string{markFile, headerFile, slotsFile, keysFile} {
		files = append(files, filepath.Join(image, name))
	}
	damages := []struct {
		kind string
		do   func(path string, at int64) error
	}{
		{"flipped", func(path string, at int64) error { return overwrite(path, at, 1) }},
		{"torn", func(path string, at int64) error { return overwrite(path, at, 4096) }},
		{"cut", os.Truncate},
		{"deleted", func(path string, _ int64) error { return os.Remove(path) }},
	}
	for i, file := range files {
		used := int64(len(content(t, file)))
		for k, damage := range damages {
			if (i+k)%damageEvery != 0 {
				continue
			}
			t.Run(filepath.Base(file)+"/"+damage.kind, func(t *testing.T) {
				t.Parallel()
				opts := opts
				for _, share := range damageAt {
					opts.Dir = crashClone(t, image)
					path := filepath.Join(opts.Dir, strings.TrimPrefix(file, image))
					if err := damage.do(path, int64(share*float64(used))); err != nil {
						t.Fatal(err)
					}
					survives(t, opts)
					if damage.kind == "deleted" {
						break
					}
				}
			})
		}
	}
}

// overwrite inverts n bytes of a file, fewer at its end.
func overwrite(path string, at int64, n int) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, n)
	got, err := f.ReadAt(b, at)
	if err != nil && err != io.EOF {
		return err
	}
	for i := range got {
		b[i] = ^b[i]
	}
	_, err = f.WriteAt(b[:got], at)
	return err
}

// Badger opens a manifest that ends early and removes the tables it does not name. Where the log can not make the view
// again, the store stays refused, and the tables stay.
//
// FAULTS: S4
func TestShortenedManifestIsRefused(t *testing.T) {
	opts := closedStore(t)
	manifest := filepath.Join(opts.Dir, viewDir, badger.ManifestFilename)
	const magic = 8
	truncate(t, manifest, magic)
	remove(t, opts.Dir, logDir)
	remove(t, opts.Dir, slotsFile)
	for range 2 {
		if _, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Fatalf("Open: %v, want ErrCorrupt", err)
		}
	}
	kept, err := filepath.Glob(filepath.Join(opts.Dir, orphanDir, "*.sst"))
	if err != nil || len(kept) == 0 {
		t.Errorf("no table is kept: %v", err)
	}
}

// A table whose records are all in the view is what a crash in a compaction leaves: it is no damage.
func TestHarmlessOrphanIsRemoved(t *testing.T) {
	opts := closedStore(t)
	tables, err := filepath.Glob(filepath.Join(opts.Dir, viewDir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("no tables: %v", err)
	}
	if err := copySparse(tables[0], filepath.Join(opts.Dir, viewDir, "000099.sst")); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, opts)
	if _, err := s.Credential(testID(1)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.path(orphanDir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the orphan is kept: %v", err)
	}
}

// An older view is shown as such, and brought up to the end of the log by the next writing Open.
//
// FAULTS: S6
func TestOlderViewIsCaughtUp(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1))
	older := crashClone(t, opts.Dir)
	mustApply(t, s, changed(1, zhenni.StatusRevoked))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, opts.Dir, viewDir)
	if err := os.Rename(filepath.Join(older, viewDir), filepath.Join(opts.Dir, viewDir)); err != nil {
		t.Fatal(err)
	}
	if c := mustCredential(t, openStore(t, opts), 1); c.Status != zhenni.StatusRevoked {
		t.Errorf("after the log was applied: %+v", c)
	}
}

// rawGet and rawSet go to Badger below the store, as an attacker with the disk would.
func rawGet(t *testing.T, s *Store, key []byte) []byte {
	t.Helper()
	sc := scratch{key: key}
	if err := s.look(func(txn reading) error { return get(txn, &sc) }); err != nil {
		t.Fatal(err)
	}
	return sc.value
}

// rawSet has the log agree with what it writes, so that a test is about the record.
func rawSet(t *testing.T, s *Store, key, value []byte) {
	t.Helper()
	rawWrite(t, s, key, func(txn *badger.Txn) error { return txn.Set(key, value) })
}

func rawDelete(t *testing.T, s *Store, key []byte) {
	t.Helper()
	rawWrite(t, s, key, func(txn *badger.Txn) error { return txn.Delete(key) })
}

func rawWrite(t *testing.T, s *Store, key []byte, write func(*badger.Txn) error) {
	t.Helper()
	before, after := tallyAt(t, s, key), tally{}
	if err := s.db.Update(write); err != nil {
		t.Fatal(err)
	}
	after = tallyAt(t, s, key)
	after.subtract(before)
	s.agreement.held[slotOf(key)].add(after)
}

// tallyAt is the tally of the record at a key, zero where there is none.
func tallyAt(t *testing.T, s *Store, key []byte) (sum tally) {
	t.Helper()
	d := s.digest
	if d.block == nil {
		return sum // a store without keys, see TestStoreWithoutALogIsAdopted
	}
	sc := scratch{key: key}
	switch err := s.look(func(txn reading) error { return get(txn, &sc) }); {
	case errors.Is(err, zhenni.ErrNotFound):
		return sum
	case err != nil:
		t.Fatal(err)
	}
	_, sum = d.one(key, sc.value)
	return sum
}

// FAULTS: Z6 S7
func TestSwappedRecordsDoNotOpen(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3))
	status := func(n int) []byte { return appendStatusKey(nil, testID(n)) }
	template := func(n int) []byte { return appendTemplateKey(nil, testID(n), testModel.Factor) }
	first, second := rawGet(t, s, template(1)), rawGet(t, s, template(2))
	rawSet(t, s, template(1), second)
	rawSet(t, s, template(2), first)
	rawSet(t, s, status(3), rawGet(t, s, status(1)))
	row := make([]int8, testModel.Dim)
	for n := 1; n <= 3; n++ {
		if ref, err := s.Reference(testID(n), row); !errors.Is(err, zhenni.ErrCorrupt) || ref.Row != nil {
			t.Errorf("credential %d: %+v, %v; want ErrCorrupt", n, ref, err)
		}
	}
	err := s.References(0, zhenni.Slots-1, func(ref zhenni.Reference) error {
		t.Errorf("visited %s", ref.ID)
		return nil
	})
	if !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("References: %v, want ErrCorrupt", err)
	}
}

// FAULTS: C14 S16
func TestCompactionBringsNothingBack(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	party := goldenParty.RelyingParty
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1), zhenni.PutRelyingParty{Party: party})
	for _, change := range [][]zhenni.Command{
		{changed(1, zhenni.StatusSuspended)}, {changed(1, zhenni.StatusRevoked), zhenni.RemoveRelyingParty{ID: party.ID}},
	} {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
		mustApply(t, s, change...)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	if err := s.db.Flatten(1); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if c := mustCredential(t, s, 1); c.Status != zhenni.StatusRevoked || c.Generation != 3 {
			t.Errorf("credential %+v", c)
		}
		if _, ok := s.RelyingParty(party.ID); ok {
			t.Error("the relying party came back")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = openStore(t, opts)
	}
}

func TestOlderTemplateDoesNotPass(t *testing.T) {
	s := openStore(t, testOptions(t))
	mustApply(t, s, testEnrol(1))
	st := status{Credential: mustCredential(t, s, 1), template: 2}
	st.Generation = 2
	r, err := s.sealStatus((*s.ring.Load())[7], st, new(scratch))
	if err != nil {
		t.Fatal(err)
	}
	rawSet(t, s, r.key, r.value)
	if _, err := s.Reference(testID(1), make([]int8, testModel.Dim)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("a template of generation 1 under a status that names 2: %v, want ErrCorrupt", err)
	}
}

func mustCredential(t *testing.T, s *Store, n int) zhenni.Credential {
	t.Helper()
	c, err := s.Credential(testID(n))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// FAULTS: S14
func TestOneTenantsKeyLost(t *testing.T) {
	opts := testOptions(t)
	s := openStore(t, opts)
	other := testEnrol(2)
	other.Tenant = 8
	mustApply(t, s, testEnrol(1), other)
	key := appendTenantKey(nil, 7, 1)
	value := rawGet(t, s, key)
	rawSet(t, s, key, set(value, len(value)-1, value[len(value)-1]^1))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openStore(t, opts)
	if _, err := s.Credential(testID(1)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("its credential: %v, want ErrCorrupt", err)
	}
	if _, err := s.Credential(testID(2)); err != nil {
		t.Errorf("the other tenant's credential: %v", err)
	}
	if r := apply(t, s, testEnrol(3)); !errors.Is(r.Err, zhenni.ErrCorrupt) {
		t.Errorf("enrolment under the lost key: %v, want ErrCorrupt", r.Err)
	}
}
