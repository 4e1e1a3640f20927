//go:build !race

package labelled

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A reader that takes memory without end, or shows no rows, is killed. The hooks are files of these names.
// FAULTS: L5
func TestParquetReaderIsKilled(t *testing.T) {
	for _, c := range []struct {
		hook     string
		patience time.Duration
		want     string
	}{
		{hangHook, 100 * time.Millisecond, "no rows for 100ms"},
		{swellHook, time.Minute, "its reader ended: exit status 2"}, // 2 is what the Go runtime dies of
	} {
		if c.hook == swellHook && runtime.GOOS != "linux" {
			t.Log("not tried: only Linux limits the memory of a process by itself")
			continue
		}
		path := filepath.Join(t.TempDir(), c.hook)
		if err := os.WriteFile(path, []byte("PAR1"), 0o600); err != nil {
			t.Fatal(err)
		}
		err := readParquetWithin(t.Context(), c.patience, path, Columns{Vector: "v"}, nil)
		if !errors.Is(err, ErrBadFile) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.hook, err)
		}
	}
}
