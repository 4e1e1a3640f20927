package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// Views are damaged one after another: the newest damaged one stays aside, the older ones go once there is a new view.
func TestOlderQuarantinesAreRemoved(t *testing.T) {
	opts := childOptions(t.TempDir())
	for round := 1; round <= 3; round++ {
		s := openStore(t, opts)
		mustApply(t, s, testEnrol(round))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		truncate(t, filepath.Join(opts.Dir, viewDir, "MANIFEST"), 5)
		s = openStore(t, opts)
		report, err := s.Check(t.Context(), nil)
		if err != nil || report.Quarantined != 1 || report.QuarantineBytes == 0 || s.Count() != int64(round) {
			t.Errorf("round %d: %+v, %v, %d credentials", round, report, err, s.Count())
		}
		if numbers, err := quarantines(opts.Dir); err != nil || fmt.Sprint(numbers) != fmt.Sprintf("[%d]", round) {
			t.Errorf("round %d: %v, %v", round, numbers, err)
		}
		if _, err := PruneQuarantine(opts.Dir, 0); !errors.Is(err, zhenni.ErrLocked) {
			t.Errorf("pruned under an open store: %v, want ErrLocked", err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	freed, err := PruneQuarantine(opts.Dir, 0)
	if numbers, _ := quarantines(opts.Dir); err != nil || freed == 0 || len(numbers) != 0 {
		t.Errorf("%d bytes, %v; %v left", freed, err, numbers)
	}
	if _, err := PruneQuarantine(opts.Dir, -1); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("keep −1: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(opts.Dir, quarantineDir)); err != nil {
		t.Error(err)
	}
}
