package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
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
	const newer = "00002.mem"
	for _, name := range []string{filepath.Join(viewDir, newer), markFile} {
		if err := copySparse(filepath.Join(opts.Dir, name), filepath.Join(image, name)); err != nil {
			t.Fatal(err)
		}
	}
	return opts, image, filepath.Join(viewDir, filepath.Base(logs[0]))
}

// Damage to a log that is not the newest would bring back the status before a revocation, without a word from Badger.
//
// FAULTS: S3 S4 S17
func TestDamagedOlderLogIsRefused(t *testing.T) {
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
		for _, share := range []float64{0.02, 0.3, 0.9, 0.999} {
			opts.Dir = crashClone(t, image)
			if err := damage(filepath.Join(opts.Dir, older), int64(share*used)); err != nil {
				t.Fatal(err)
			}
			if s, err := Open(opts); !errors.Is(err, zhenni.ErrCorrupt) {
				t.Errorf("%s at %v: %v, want ErrCorrupt", kind, share, err)
				if s != nil {
					s.Close()
				}
			}
			// What the tables hold as well, a log that is kept for a reader may have lost.
			if err := verifyLogs(filepath.Join(opts.Dir, viewDir), 1<<40); err != nil {
				t.Errorf("%s at %v, all in tables: %v", kind, share, err)
			}
		}
	}
}
