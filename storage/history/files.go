package history

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"zhenni/storage/disk"
)

// Every file of a history, in its folder.
const (
	stateFile  = "state"   // what is forgotten, gaps, and since when questions are kept
	columnsDir = "columns" // columns/<segment>: as they were noted
	indexDir   = "index"   // index/<first>-<last>-<rewrite>: those of the segments first to last, by credential
	temporary  = ".new"    // ends the name of a file being made; a crash may leave one, which means nothing
)

// span is what the name of an index file says: the segments it has, and how often it was written anew.
type span struct{ first, last, rewrite uint32 }

func columnsName(segment uint32) string { return fmt.Sprintf("%08x", segment) }

func (s span) name() string { return fmt.Sprintf("%08x-%08x-%08x", s.first, s.last, s.rewrite) }

// compare orders spans by their first segment, the widest and newest of a segment first.
func (s span) compare(o span) int {
	return cmp.Or(cmp.Compare(s.first, o.first), cmp.Compare(o.last, s.last), cmp.Compare(o.rewrite, s.rewrite))
}

// replaces reports whether a file of s has all that one of o has, and is newer.
func (s span) replaces(o span) bool {
	return s.first <= o.first && o.last <= s.last && (s.first != o.first || s.last != o.last || s.rewrite > o.rewrite)
}

// parseSpan reads what name writes, and the name of a segment as well, which has one number.
func parseSpan(name string) (s span, ok bool) {
	parts := strings.Split(name, "-")
	for i, field := range []*uint32{&s.first, &s.last, &s.rewrite}[:min(3, len(parts))] {
		n, err := strconv.ParseUint(parts[i], 16, 32)
		if err != nil {
			return s, false
		}
		*field = uint32(n)
	}
	if len(parts) == 1 {
		s.last = s.first
		return s, columnsName(s.first) == name
	}
	return s, s.name() == name && s.first <= s.last
}

// list returns the spans of a folder's files, and removes what a crash left half made.
func list(dir string) ([]span, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range names {
		if strings.HasSuffix(entry.Name(), temporary) {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return nil, err
			}
		}
	}
	return spansOf(names), nil
}

func spansOf(names []fs.DirEntry) (spans []span) {
	for _, entry := range names {
		if s, ok := parseSpan(entry.Name()); ok {
			spans = append(spans, s)
		}
	}
	return spans
}

// The paths of a history's files.

func (h *History) indexDir() string        { return filepath.Join(h.opts.Dir, indexDir) }
func (h *History) indexPath(s span) string { return filepath.Join(h.opts.Dir, indexDir, s.name()) }
func (h *History) columnsPath(n uint32) string {
	return filepath.Join(h.opts.Dir, columnsDir, columnsName(n))
}

// readAt fills b from an offset of a file: [zhenni.ErrCorrupt] where the file ends before, [zhenni.ErrUnavailable].
func readAt(f *os.File, b []byte, at int64) error {
	_, err := f.ReadAt(b, at)
	switch {
	case errors.Is(err, io.EOF):
		return corrupt("%s was cut", filepath.Base(f.Name()))
	case err != nil:
		return unavailable("%w", err)
	}
	return nil
}

// makeDir makes a folder whose name is durable.
func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return disk.SyncDir(filepath.Dir(dir))
}

// shred overwrites the salt of a file, durably, and removes it: what the disk keeps of the rest does not open any more.
func shred(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, saltSize), saltAt)
	return errors.Join(err, disk.SyncData(f), f.Close(), os.Remove(path))
}
