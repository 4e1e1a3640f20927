package storage

import (
	"os"
	"path/filepath"
	"testing"
)

// twoLogs is what a process leaves that is killed while a full memtable is written out: the revocations are in the older
// of two logs, and the high-water record that the mark asks for is in the newer.
func twoLogs(t *testing.T) (opts Options, image, older string) {
	t.Helper()
	opts, image = fillForDamage(t)
	logs, err := filepath.Glob(filepath.Join(image, viewDir, "*.mem"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("logs %q, %v", logs, err)
	}
	opts.Dir = crashClone(t, image)
	s := openStore(t, opts)
	mustApply(t, s, testEnrol(1000))
	names := []string{filepath.Join(viewDir, "00002.mem"), markFile, keysFile}
	remove(t, image, logDir)
	if err := os.MkdirAll(filepath.Join(image, logDir, "snapshots"), 0o700); err != nil {
		t.Fatal(err)
	}
	commands, err := filepath.Glob(filepath.Join(opts.Dir, logDir, "*.*"))
	if err != nil || len(commands) != 2 {
		t.Fatalf("command log %q, %v", commands, err)
	}
	for _, path := range commands {
		names = append(names, filepath.Join(logDir, filepath.Base(path)))
	}
	for _, name := range names {
		if err := copySparse(filepath.Join(opts.Dir, name), filepath.Join(image, name)); err != nil {
			t.Fatal(err)
		}
	}
	return opts, image, filepath.Join(viewDir, filepath.Base(logs[0]))
}

// Damage to a log that is not the newest would bring back the status before a revocation, without a word from Badger.
// The view is set aside and made again.
//
// FAULTS: S3 S4 S17
func TestDamagedOlderLogIsNoticed(t *testing.T) {
	t.Parallel()
	opts, image, older := twoLogs(t)
	opts.Dir = crashClone(t, image)
	if whole := survives(t, opts); whole != damagedCredentials {
		t.Fatalf("%d of %d credentials without damage", whole, damagedCredentials)
	}
	used := float64(len(content(t, filepath.Join(image, older))))
	for kind, damage := range map[string]func(path string, at int64) error{
		"flipped": func(path string, at int64) error { return overwrite(path, at, 1) },
		"torn":    func(path string, at int64) error { return overwrite(path, at, 4096) },
		"cut":     os.Truncate,
	} {
		for _, share := range olderLogAt {
			opts.Dir = crashClone(t, image)
			if err := damage(filepath.Join(opts.Dir, older), int64(share*used)); err != nil {
				t.Fatal(err)
			}
			// What the tables hold as well, a log that is kept for a reader may have lost.
			if err := verifyLogs(filepath.Join(opts.Dir, viewDir), 1<<40); err != nil {
				t.Errorf("%s at %v, all in tables: %v", kind, share, err)
			}
			if whole := survives(t, opts); whole != damagedCredentials {
				t.Errorf("%s at %v: %d of %d credentials", kind, share, whole, damagedCredentials)
			}
			if _, err := os.Stat(filepath.Join(opts.Dir, quarantineDir)); err != nil {
				t.Errorf("%s at %v: not noticed: %v", kind, share, err)
			}
		}
	}
}
