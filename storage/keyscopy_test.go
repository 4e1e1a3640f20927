package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
)

// erasedAfter makes a backup of credentials 1 to 3 with a copy of the keys, erases the first two, and copies the keys anew.
func erasedAfter(t *testing.T) (s *Store, backup, current string) {
	t.Helper()
	s, backup = openStore(t, childOptions(t.TempDir())), filepath.Join(t.TempDir(), "backup")
	mustApply(t, s, testEnrol(1), testEnrol(2), testEnrol(3))
	backUp(t, s, backup)
	mustApply(t, s, erasure(1))
	mustApply(t, s, erasure(2))
	current = filepath.Join(t.TempDir(), "current")
	if _, err := s.Backup(t.Context(), BackupOptions{Dir: backup + "-2", KeysCopy: current}); err != nil {
		t.Fatal(err)
	}
	return s, backup, current
}

// refused expects that no template of a credential opens.
func refused(t *testing.T, s *Store, n int) {
	t.Helper()
	if _, err := s.Reference(testID(n), make([]int8, testModel.Dim)); !errors.Is(err, zhenni.ErrCorrupt) && !errors.Is(err, zhenni.ErrNotFound) {
		t.Errorf("credential %d: %v, want a refusal", n, err)
	}
}

func readable(t *testing.T, s *Store, n int) {
	t.Helper()
	if _, err := s.Reference(testID(n), make([]int8, testModel.Dim)); err != nil {
		t.Errorf("credential %d: %v", n, err)
	}
}

// A backup from before an erasure does not bring the template back, given the keys of now. What is refused so can be
// erased again.
//
// FAULTS: C14
func TestErasedDoesNotComeBackFromABackup(t *testing.T) {
	t.Parallel()
	_, backup, current := erasedAfter(t)
	s, done := restored(t, backup, func(o *RestoreOptions) { o.KeysCopy = current })
	if done.Keyless != 2 || done.Credentials != 3 {
		t.Errorf("%+v, want 2 of 3 without a key", done)
	}
	refused(t, s, 1)
	refused(t, s, 2)
	readable(t, s, 3)
	mustApply(t, s, erasure(1), erasure(2), testEnrol(4))
	readable(t, s, 4)
	if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() {
		t.Errorf("%+v, %v", report, err)
	}
}

// Keys older than the data are refused; adopted, what was erased since is erased in them again.
//
// FAULTS: S6 C14
func TestOlderKeysAreAdoptedOnRequest(t *testing.T) {
	t.Parallel()
	_, backup, _ := erasedAfter(t)
	older := keysCopy(backup)
	o := RestoreOptions{Options: childOptions(filepath.Join(t.TempDir(), "store")), From: backup + "-2", KeysCopy: older}
	if _, err := Restore(t.Context(), o); !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), "--adopt-keys") {
		t.Fatalf("older keys: %v, want ErrCorrupt", err)
	}
	before := content(t, older)
	o.AdoptKeys = true
	done, err := Restore(t.Context(), o)
	if err != nil || done.Keyless != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	s := openStore(t, o.Options)
	refused(t, s, 1)
	refused(t, s, 2)
	readable(t, s, 3)
	if report, err := s.Check(t.Context(), nil); err != nil || !report.OK() || report.Keys != 1 {
		t.Errorf("%+v, %v; want one key left", report, err)
	}
	if string(content(t, older)) != string(before) {
		t.Error("the copy was changed")
	}
}

// A copy that is newer by enrolments only keeps what the log that is followed needs, also by way of a restore without it.
//
// FAULTS: S15
func TestNewerKeysOutlastARestore(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	enrolled(t, s, 12, 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, content(t, s.opts.KeysPath()), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, log := range []string{"", filepath.Join(s.opts.Dir, logDir)} {
		o := RestoreOptions{Options: childOptions(filepath.Join(t.TempDir(), "store")), From: dir, Log: log}
		o.Keys = keys // as it lies, by both
		done, err := Restore(t.Context(), o)
		if err != nil || log != "" && (done.Keyless != 0 || done.Credentials != 20) {
			t.Fatalf("%+v, %v", done, err)
		}
	}
}

func TestRestoreAsksForKeys(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	other, _ := backedUp(t)
	for what, c := range map[string]struct {
		copied, keys string
		want         error
		says         string
	}{
		"none":            {"", "", zhenni.ErrBadValue, "--keys-copy"},
		"none there":      {dir + "-none", "", zhenni.ErrNotFound, "-none"},
		"another store's": {other.opts.KeysPath(), "", zhenni.ErrCorrupt, "no header"},
		"one too many":    {keysCopy(dir), s.opts.KeysPath(), zhenni.ErrExists, "already"},
	} {
		o := RestoreOptions{Options: childOptions(filepath.Join(t.TempDir(), "store")), From: dir, KeysCopy: c.copied}
		o.Keys = c.keys
		if _, err := Restore(t.Context(), o); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		if _, err := os.Stat(o.Dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was written", what)
		}
	}
}

func TestBackupKeepsKeysApart(t *testing.T) {
	t.Parallel()
	s, dir := backedUp(t)
	letters := filepath.Join(t.TempDir(), "letters")
	if err := os.WriteFile(letters, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]error{
		filepath.Join(dir, "keys"):         zhenni.ErrBadValue,
		filepath.Join(link, "keys"):        zhenni.ErrBadValue,
		filepath.Join(s.opts.Dir, "copy"):  zhenni.ErrBadValue,
		s.opts.KeysPath():                  zhenni.ErrBadValue,
		letters:                            zhenni.ErrExists,
		filepath.Join(dir, "deep", "keys"): zhenni.ErrBadValue,
	} {
		if _, err := s.Backup(t.Context(), BackupOptions{Dir: dir, KeysCopy: to}); !errors.Is(err, want) {
			t.Errorf("keys to %s: %v, want %v", to, err, want)
		}
	}
	if text, err := os.ReadFile(letters); err != nil || string(text) != "dear" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := VerifyBackup(t.Context(), dir, s.opts.Root); err != nil {
		t.Error(err)
	}
}
