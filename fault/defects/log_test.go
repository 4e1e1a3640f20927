//go:build defects

package defects

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// caughtLog names the defects that were caught, a line for each: what it was caught on, its name and how long that took.
// Runs add to it. With -resume, those that an earlier run caught on the same source are not run again.
type caughtLog struct {
	mu   sync.Mutex
	file *os.File
	// seen is by what a defect was caught on.
	seen map[string]bool
}

// openLog opens the log at the path, or none where there is no path. It is read to resume only.
func openLog(t *testing.T, name string, resume bool) *caughtLog {
	t.Helper()
	l := &caughtLog{seen: map[string]bool{}}
	if name == "" {
		return l
	}
	var err error
	if l.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.file.Close() })
	for lines := bufio.NewScanner(l.file); resume && lines.Scan(); {
		on, _, _ := strings.Cut(lines.Text(), " ")
		l.seen[on] = true
	}
	return l
}

// has reports whether the defect was caught on this source.
func (l *caughtLog) has(t *testing.T, d defect) bool {
	return len(l.seen) > 0 && l.seen[d.on(t)]
}

// caught notes a defect that was caught.
func (l *caughtLog) caught(t *testing.T, d defect, took time.Duration) {
	if l.file == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := fmt.Fprintf(l.file, "%s %s %.1f s\n", d.on(t), d.name, took.Seconds()); err != nil {
		t.Error(err)
	}
}

// on says what a defect is caught on: itself, and the Go files of the package that it spoils and of the one that tests it.
func (d defect) on(t *testing.T) string {
	t.Helper()
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q %q %q %q\n", d.file, d.old, d.new, d.caught, d.in, d.tags)
	for _, dir := range slices.Compact([]string{path.Dir(d.file), d.pkg()}) {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(name), len(text), text)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
