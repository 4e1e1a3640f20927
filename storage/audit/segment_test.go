package audit

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"zhenni"
)

// appendOne appends one leaf in a group of its own, written by the caller.
func appendOne(t *testing.T, l *Log, n int64) {
	t.Helper()
	if first, err := l.Append(context.Background(), testLeaves(n, 1)); err != nil || first != n {
		t.Fatalf("appended at %d, %v; want %d", first, err, n)
	}
}

func publish(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Who appends where a segment ends waits for its head and its group, and for no file to be made.
func TestNextSegmentIsReady(t *testing.T) {
	m := newMemory()
	l := openLog(t, testOptions(t, m))
	j := &l.sequencer.journal
	for n := int64(0); j.number == 0; n++ {
		before := m.changes
		appendOne(t, l, n)
		if took := m.changes - before; took > 5 { // two writes with their syncs, and a mark
			t.Errorf("entry %d took %d changes of the disk", n, took)
		}
		if before := m.changes; n%100 == 99 {
			publish(t, l)
			if (m.cached[segmentFile(1)] == nil) != (j.offset <= j.length/2) {
				t.Errorf("at offset %d the next segment is there or not, after %d changes", j.offset, m.changes-before)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	mustVerify(t, m, l.Size())
}

// Under way the journal is three files, and room is neither taken nor given back.
func TestRetiredSegmentsAreUsedAgain(t *testing.T) {
	for _, files := range []FS{newMemory(), Folder(t.TempDir())} {
		l := openLog(t, testOptions(t, files))
		most := 0
		for n := int64(0); n < 1024; n++ {
			appendOne(t, l, n)
			if n%64 == 63 {
				publish(t, l)
				names, err := files.List(journalDir)
				if err != nil {
					t.Fatal(err)
				}
				most = max(most, len(names))
				if m, ok := files.(*memory); ok { // killed now
					mustVerify(t, copyOf(m.cached), n+1)
				}
			}
		}
		if most > 4 {
			t.Errorf("%d segments at a time", most)
		}
		if m, ok := files.(*memory); ok && m.renamed < 6 {
			t.Errorf("segments were used again with %d renamings", m.renamed)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		mustVerify(t, files, 1024)
	}
}

// killedBeside is the disk of a log that was killed with 256 entries, the next segment ready.
func killedBeside(t *testing.T) *memory {
	t.Helper()
	m := newMemory()
	l := openLog(t, testOptions(t, m))
	for n := range int64(100) {
		appendOne(t, l, n)
	}
	fill(t, l, 100, 256, 156)
	killed := copyOf(m.cached)
	if len(killed.cached[segmentFile(1)]) == 0 {
		t.Fatal("the next segment is not ready")
	}
	return killed
}

// A segment that was not begun counts for nothing: neither for entries, nor for the journal that it is the last file of.
// One that is not as it was made ready is damage.
//
// FAULTS: S3 S5 S17
func TestSegmentThatWasNotBegun(t *testing.T) {
	killed := killedBeside(t)
	mustVerify(t, copyOf(killed.cached), 256)
	old := bytes.Clone(killed.cached[segmentFile(0)])
	for what, c := range map[string]struct {
		spoil func(files map[string][]byte)
		opens bool
	}{
		"as it was":            {func(map[string][]byte) {}, true},
		"a spare with entries": {func(files map[string][]byte) { files[spareFile] = old }, true},
		"a spare half cleared": {func(files map[string][]byte) { files[spareFile] = append(make([]byte, 1<<10), old[1<<10:]...) }, true},
		"with a mark":          {func(files map[string][]byte) { putMark(files[segmentFile(1)][markFirst:], 0) }, false},
		"with an old group":    {func(files map[string][]byte) { copy(files[segmentFile(1)][groupsStart:], old[groupsStart:]) }, false},
		"with a changed head":  {func(files map[string][]byte) { files[segmentFile(1)][35] ^= 1 }, false},
		"of another place":     {func(files map[string][]byte) { files[segmentFile(2)] = files[segmentFile(1)] }, false},
		"without the journal":  {func(files map[string][]byte) { delete(files, segmentFile(0)) }, false},
		"beside a cleared one": {func(files map[string][]byte) { clear(files[segmentFile(0)]) }, false},
	} {
		m := copyOf(killed.cached)
		c.spoil(m.cached)
		l, err := Open(testOptions(t, m))
		if c.opens && err != nil || !c.opens && !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil {
			continue
		}
		if names, _ := m.List(journalDir); l.Size() != 256 || !slices.Equal(names, []string{segmentFile(2)}) {
			t.Errorf("%s: %d entries, %v", what, l.Size(), names)
		}
		_ = l.Close()
	}
}

// partials are the names of the partial files of a disk.
func (m *memory) partials() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.cached)), func(name string) bool { return !isPartial(name) })
}

// The partial files that no checkpoint has a use for are removed a few at a time, so many for each publication that there
// are never many: all of them at the end, at the next Open after a crash, and with the entries that are deleted.
//
// FAULTS: S17
func TestStalePartialsAreRemovedInTime(t *testing.T) {
	m := newMemory()
	o := testOptions(t, m)
	l := openLog(t, o)
	size, most := int64(0), 0
	for range 8*staleFiles + 3 {
		fill(t, l, size, size+301, 301)
		size += 301
		most = max(most, len(m.partials()))
	}
	if most > 4*staleFiles || m.together > 1+4 {
		t.Errorf("%d files at most, %d removed together", most, m.together)
	}
	crashed := copyOf(m.cached)
	mustVerify(t, copyOf(crashed.cached), size)
	newest := func(m *memory) {
		t.Helper()
		if left := m.partials(); len(left) != len(partialTiles(size)) {
			t.Errorf("left: %v", left)
		}
	}
	again := o
	again.Files = crashed
	openLog(t, again)
	newest(crashed)
	if _, err := l.Prune(size); err != nil {
		t.Fatal(err)
	}
	if left := slices.DeleteFunc(m.partials(), func(name string) bool { return !strings.HasPrefix(name, entriesDir) }); len(left) != 1 {
		t.Errorf("deleted entries are left in %v", left)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	newest(m)
	mustVerify(t, m, size)
}
