package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	empty, full := t.TempDir(), closedStore(t).Dir
	for what, c := range map[string]struct {
		from, to string
		root     RootKey
		want     error
	}{
		"no backup":       {empty, filepath.Join(empty, "store"), s.opts.Root, zhenni.ErrNotFound},
		"a store's place": {dir, full, s.opts.Root, zhenni.ErrExists},
		"another key":     {dir, filepath.Join(empty, "store"), otherRoot(t), zhenni.ErrWrongKey},
		"a store in use":  {dir, s.opts.Dir, s.opts.Root, zhenni.ErrLocked},
	} {
		o := RestoreOptions{Options: childOptions(c.to), From: c.from, KeysCopy: keysCopy(dir)}
		o.Root = c.root
		if _, err := Restore(t.Context(), o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	o := RestoreOptions{Options: childOptions(t.TempDir()), From: dir, KeysCopy: keysCopy(dir)}
	o.free = func(string) (int64, error) { return 100, nil }
	if _, err := Restore(t.Context(), o); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("no room: %v, want ErrUnavailable", err)
	}
	if _, err := Open(o.Options); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("a restore half done is opened: %v, want ErrUnavailable", err)
	}
	o.free = nil
	if done, err := Restore(t.Context(), o); err != nil || done.Credentials != 12 {
		t.Errorf("begun again: %+v, %v", done, err)
	}
}

// FAULTS: S15
func TestRestoreFollowsTheLostLog(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	enrolled(t, s, 12, 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(s.opts.Dir, logDir)
	r, done := restored(t, dir, func(o *RestoreOptions) { o.Log, o.KeysCopy = log, s.opts.KeysPath() })
	if count := prefix(t, r); count != 20 || done.Stopped != "" || done.Commit <= done.Backup {
		t.Errorf("%d credentials, %+v", count, done)
	}
	segments, err := filepath.Glob(filepath.Join(log, "*.wal"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	image := content(t, segments[len(segments)-1])
	end := len(image)
	for end > 0 && image[end-1] == 0 {
		end--
	}
	image[end-1200] ^= 1
	if err := os.WriteFile(segments[len(segments)-1], image, 0o600); err != nil {
		t.Fatal(err)
	}
	r, done = restored(t, dir, func(o *RestoreOptions) { o.Log, o.KeysCopy = log, s.opts.KeysPath() })
	if count := prefix(t, r); count < 12 || count >= 20 {
		t.Errorf("a damaged log: %d credentials, %+v", count, done)
	}
}

func TestRestoreKeepsToTheLogThatWasBackedUp(t *testing.T) {
	t.Parallel()
	_, dir := backedUp(t)
	other, _ := backedUp(t)
	enrolled(t, other, 12, 20)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	o := RestoreOptions{Options: childOptions(t.TempDir()), From: dir, KeysCopy: keysCopy(dir), Log: filepath.Join(other.opts.Dir, logDir)}
	if _, err := Restore(t.Context(), o); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("another store's log: %v, want ErrBadValue", err)
	}
	o.Log = t.TempDir()
	if _, err := Restore(t.Context(), o); !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("no log: %v, want ErrNotFound", err)
	}
}
