package commandlog

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zhenni"
)

// reader is a machine that keeps what it inspected.
type reader struct {
	tally
	inspected []string
}

func (r *reader) Inspect(_ uint64, entry []byte) error {
	r.inspected = append(r.inspected, string(entry))
	return nil
}

// Every entry behind the snapshot is shown to the machine before any is applied.
func TestEveryEntryIsInspected(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, new(tally))
	want := []string{"a", "b", "c", "d"}
	propose(t, l, want...)
	closeLog(t, l)
	r := new(reader)
	again, err := Open(dir, r, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer closeLog(t, again)
	if !slices.Equal(r.inspected, want) {
		t.Errorf("inspected %q, want %q", r.inspected, want)
	}
}

// A log whose catalog is missing is refused, and its segments stay: raft-wal would remove them.
//
// FAULTS: S5
func TestMissingCatalogIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := start(t, dir, new(tally))
	propose(t, l, "a")
	closeLog(t, l)
	if err := os.Remove(filepath.Join(dir, catalogFile)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again, err := Open(dir, new(tally), slog.New(slog.DiscardHandler))
		if !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("open: %v", err)
		}
		if err == nil {
			closeLog(t, again)
		}
		if segments, err := filepath.Glob(filepath.Join(dir, "*.wal")); err != nil || len(segments) == 0 {
			t.Fatalf("the segments are gone: %v", err)
		}
	}
}
