package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"zhenni"
)

// keysCopy is where the tests keep the copy of the keys that belongs to a backup.
func keysCopy(backup string) string { return filepath.Clean(backup) + ".keys" }

func backUp(t testing.TB, s *Store, dir string) zhenni.Backup {
	t.Helper()
	done, err := s.Backup(context.Background(), BackupOptions{Dir: dir, KeysCopy: keysCopy(dir), At: testTime})
	if err != nil {
		t.Fatalf("Backup: %v", err)
	}
	return done
}

// restored makes a store of a backup and opens it.
func restored(t testing.TB, from string, change func(*RestoreOptions)) (*Store, Restored) {
	t.Helper()
	o := RestoreOptions{Options: childOptions(filepath.Join(t.TempDir(), "store")), From: from, KeysCopy: keysCopy(from)}
	if change != nil {
		change(&o)
	}
	done, err := Restore(context.Background(), o)
	if err != nil {
		t.Fatalf("Restore: %v", err)
	}
	return openStore(t, o.Options), done
}

// enrolled applies the changes of credentials first … end−1, an entry or two each: enrolled, and revoked where odd.
func enrolled(t testing.TB, s *Store, first, end int) {
	t.Helper()
	for n := first; n < end; n++ {
		mustApply(t, s, testEnrol(n))
		if n%2 == 1 {
			mustApply(t, s, changed(n, zhenni.StatusRevoked))
		}
	}
}

// prefix reports the number of credentials of a store written by enrolled, and fails unless it is one of its states.
func prefix(t testing.TB, s *Store) int {
	t.Helper()
	count := int(s.Count())
	row := make([]int8, testModel.Dim)
	for n := range count {
		ref, err := s.Reference(testID(n), row)
		want := zhenni.StatusActive
		if n%2 == 1 {
			want = zhenni.StatusRevoked
		}
		if err != nil || ref.Status != want && n != count-1 {
			t.Errorf("credential %d of %d: %s, %v; want %s", n, count, ref.Status, err, want)
		}
	}
	return count
}

// Backups are taken one after another, and the log is cut, while changes go on.
//
// FAULTS: S15
func TestBackupDuringWritesRestoresAPrefix(t *testing.T) {
	t.Parallel()
	s := openStore(t, childOptions(t.TempDir()))
	dir := filepath.Join(t.TempDir(), "backup")
	var writing sync.WaitGroup
	writing.Go(func() { enrolled(t, s, 0, 120) })
	acknowledged := 0
	for round := range 6 {
		acknowledged = int(s.Count())
		done := backUp(t, s, dir)
		if done.Credentials < int64(acknowledged) {
			t.Errorf("round %d: %d credentials in the backup, %d acknowledged before it", round, done.Credentials, acknowledged)
		}
		if round%2 == 1 {
			if err := s.snapshot(); err != nil {
				t.Error(err)
			}
		}
	}
	middle, done := restored(t, dir, nil)
	if count := prefix(t, middle); count < acknowledged || int64(count) != done.Credentials {
		t.Errorf("%d credentials restored, %d reported, %d acknowledged", count, done.Credentials, acknowledged)
	}
	writing.Wait()
	backUp(t, s, dir)
	last, _ := restored(t, dir, nil)
	if count := prefix(t, last); count != 120 {
		t.Errorf("%d credentials, want 120", count)
	}
	enrolled(t, last, 120, 125) // it goes on from there
}

func TestBackupAddsWhatIsNew(t *testing.T) {
	t.Parallel()
	s := openStore(t, childOptions(t.TempDir()))
	dir := t.TempDir()
	enrolled(t, s, 0, 10)
	if done := backUp(t, s, dir); !done.Base || done.Credentials != 10 || done.Files != 2 {
		t.Errorf("the first: %+v", done)
	}
	if done := backUp(t, s, dir); done.Base || done.Entries != 0 || done.Bytes != 0 {
		t.Errorf("nothing new: %+v", done)
	}
	enrolled(t, s, 10, 12)
	if done := backUp(t, s, dir); done.Base || done.Entries != 3 || done.Files != 3 {
		t.Errorf("three changes: %+v", done)
	}
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	enrolled(t, s, 12, 13)
	if done := backUp(t, s, dir); !done.Base || done.Files != 3 || done.Credentials != 13 {
		t.Errorf("the log was cut: %+v", done)
	}
	if done, err := VerifyBackup(t.Context(), dir, s.opts.Root); err != nil || done.Credentials != 13 {
		t.Errorf("%+v, %v", done, err)
	}
	r, _ := restored(t, dir, nil)
	if count := prefix(t, r); count != 13 {
		t.Errorf("%d credentials, want 13", count)
	}
	if report, err := r.Check(t.Context(), nil); err != nil || !report.OK() {
		t.Errorf("%+v, %v", report, err)
	}
}

// A backup that is nothing but a snapshot is added to while the log begins behind that snapshot.
func TestBackupAddsToASnapshot(t *testing.T) {
	t.Parallel()
	s, dir := openStore(t, childOptions(t.TempDir())), t.TempDir()
	enrolled(t, s, 0, 4)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	if done := backUp(t, s, dir); !done.Base || done.Files != 2 || done.Entries != 0 {
		t.Errorf("the snapshot: %+v", done)
	}
	if done := backUp(t, s, dir); done.Base || done.Bytes != 0 {
		t.Errorf("nothing new: %+v", done)
	}
	enrolled(t, s, 4, 5)
	if done := backUp(t, s, dir); done.Base || done.Entries != 1 {
		t.Errorf("one more: %+v", done)
	}
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	if done := backUp(t, s, dir); !done.Base || done.Credentials != 5 {
		t.Errorf("another snapshot: %+v", done)
	}
	if r, _ := restored(t, dir, nil); prefix(t, r) != 5 {
		t.Errorf("%d credentials, want 5", r.Count())
	}
}

func TestBackupOfAnImport(t *testing.T) {
	t.Parallel()
	s := openStore(t, childOptions(t.TempDir()))
	full := s.opts.free
	s.opts.free = func(string) (int64, error) { return s.opts.Reserve + 1<<12, nil } // no room for a snapshot
	im := beginImport(t, s)
	addAscending(t, im, 300, 300)
	if err := im.Commit(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir}); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("an import that no snapshot holds: %v, want ErrUnavailable", err)
	}
	s.opts.free = full
	if done := backUp(t, s, dir); !done.Base || done.Credentials != 300 {
		t.Errorf("%+v", done)
	}
	if r, _ := restored(t, dir, nil); r.Count() != 300 {
		t.Errorf("%d credentials, want 300", r.Count())
	}
}

// backedUp makes a backup of a snapshot and two runs of entries.
func backedUp(t *testing.T) (s *Store, dir string) {
	t.Helper()
	s, dir = openStore(t, childOptions(t.TempDir())), t.TempDir()
	enrolled(t, s, 0, 8)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	enrolled(t, s, 8, 10)
	backUp(t, s, dir)
	enrolled(t, s, 10, 12)
	backUp(t, s, dir)
	return s, dir
}

// Every file of a backup is changed in a bit, cut short, removed and taken from another place of it.
//
// FAULTS: S3 S4 S5 S7
func TestDamagedBackupIsRefused(t *testing.T) {
	t.Parallel()
	s, whole := backedUp(t)
	files, err := os.ReadDir(whole)
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	for i, f := range files {
		for what, damage := range map[string]func(path string, b []byte) error{
			"bit": func(path string, b []byte) error {
				b[len(b)/2] ^= 4
				return os.WriteFile(path, b, 0o600)
			},
			"first bit": func(path string, b []byte) error { b[0] ^= 1; return os.WriteFile(path, b, 0o600) },
			"last bit":  func(path string, b []byte) error { b[len(b)-2] ^= 1; return os.WriteFile(path, b, 0o600) },
			"cut":       func(path string, b []byte) error { return os.WriteFile(path, b[:len(b)-5], 0o600) },
			"empty":     func(path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
			"longer":    func(path string, b []byte) error { return os.WriteFile(path, append(b, 0, 1), 0o600) },
			"removed":   func(path string, _ []byte) error { return os.Remove(path) },
			"swapped": func(path string, _ []byte) error {
				return os.WriteFile(path, content(t, filepath.Join(whole, files[(i+1)%len(files)].Name())), 0o600)
			},
		} {
			if f.Name() == manifestFile && (what == "last bit" || what == "longer") && what == "longer" {
				continue // white space behind a JSON document says nothing
			}
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, f.Name())
			if err := damage(path, content(t, path)); err != nil {
				t.Fatal(err)
			}
			o := RestoreOptions{Options: childOptions(filepath.Join(t.TempDir(), "store")), From: dir}
			_, err := Restore(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), f.Name()) {
				t.Errorf("%s, %s: %v, want a refusal that names the file", f.Name(), what, err)
			}
			if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s, %s: something was written", f.Name(), what)
			}
			if f.Name() == manifestFile || what == "cut" || what == "removed" {
				if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir}); err == nil && what != "removed" {
					t.Errorf("%s, %s: the damaged backup was added to", f.Name(), what)
				}
			}
		}
	}
}

// FAULTS: S8
func TestBackupWithoutRoomLeavesTheLastOne(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	enrolled(t, s, 12, 20)
	if err := s.snapshot(); err != nil {
		t.Fatal(err)
	}
	free := s.opts.free
	for looks := range 3 {
		left := looks
		s.opts.free = func(dir string) (int64, error) {
			if left--; left < 0 {
				return 0, nil
			}
			return free(dir)
		}
		if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir}); looks < 2 && !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("no room after %d looks: %v, want ErrUnavailable", looks, err)
		}
		if looks == 1 {
			if r, _ := restored(t, dir, nil); r.Count() != 12 {
				t.Errorf("%d credentials, want those of the last backup", r.Count())
			}
		}
	}
	s.opts.free = free
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Backup(ctx, BackupOptions{Dir: t.TempDir()}); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("given up: %v, want ErrDeadline", err)
	}
}

func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	other := openStore(t, childOptions(t.TempDir()))
	strange := t.TempDir()
	if err := os.WriteFile(filepath.Join(strange, "letters"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	readOnly := closedStore(t)
	readOnly.ReadOnly = true
	for what, c := range map[string]struct {
		store *Store
		dir   string
		want  error
	}{
		"no folder":         {s, "", zhenni.ErrBadValue},
		"something else":    {s, strange, zhenni.ErrBadValue},
		"another store's":   {other, dir, zhenni.ErrExists},
		"a read-only store": {openStore(t, readOnly), t.TempDir(), zhenni.ErrUnavailable},
	} {
		if _, err := c.store.Backup(t.Context(), BackupOptions{Dir: c.dir}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	lock, err := lockDir(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir}); !errors.Is(err, zhenni.ErrLocked) {
		t.Errorf("two at a time: %v, want ErrLocked", err)
	}
	_ = lock.Close()
}

// A store that was restored goes its own way: it does not write over the backups of the one it was made of.
func TestBackupKeepsToOneHistory(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	early := t.TempDir()
	if err := os.CopyFS(early, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	r, _ := restored(t, early, func(o *RestoreOptions) { o.KeysCopy = keysCopy(dir) })
	enrolled(t, s, 12, 20)
	backUp(t, s, dir)
	if _, err := r.Backup(t.Context(), BackupOptions{Dir: dir}); !errors.Is(err, zhenni.ErrExists) {
		t.Errorf("behind the backup: %v, want ErrExists", err)
	}
	enrolled(t, r, 12, 30)
	if _, err := r.Backup(t.Context(), BackupOptions{Dir: dir}); !errors.Is(err, zhenni.ErrExists) {
		t.Errorf("beside the backup: %v, want ErrExists", err)
	}
	if done := backUp(t, r, early); done.Base {
		t.Errorf("its own backup: %+v", done)
	}
}
