package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"zhenni"
)

// infos are the segment files of a ledger. The next one may be made meanwhile and get its name: then they are listed again.
func infos(t *testing.T, o Options) []os.FileInfo {
	t.Helper()
	for {
		entries, err := os.ReadDir(filepath.Join(o.Dir, segmentDir))
		if err != nil {
			t.Fatal(err)
		}
		files, err := described(entries)
		if err == nil {
			return files
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func described(entries []os.DirEntry) (files []os.FileInfo, err error) {
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		files = append(files, info)
	}
	return files, nil
}

// A dropped segment becomes the next one without what was in it, and whatever a crash leaves of that is none: what was
// answered is answered or refused, and nothing runs again.
//
// FAULTS: S17 R3
func TestDroppedSegmentIsUsedAgain(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	o.Bytes += o.Segment
	l := mustOpen(t, o)
	first, n := infos(t, o), 0
	for ; l.writer.number < 9 || n%5 > 0; n++ {
		settle(t, l, request(name(n)), single("a"))
	}
	kill(l)
	again := false
	for _, file := range infos(t, o) {
		for _, was := range first {
			again = again || os.SameFile(file, was)
		}
		b, err := os.ReadFile(filepath.Join(o.Dir, segmentDir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n - 3*64 { // 63 fit into a segment
			if k := l.secrets.keyOf("desk", name(i)); bytes.Contains(b, k[:]) {
				t.Fatalf("%s holds transaction %d of %d", file.Name(), i, n)
			}
		}
		if err := os.WriteFile(filepath.Join(o.Dir, spareFile), b, 0o600); err != nil { // as a crash leaves it
			t.Fatal(err)
		}
	}
	if !again {
		t.Error("the files of the first segments are not used again")
	}
	l = mustOpen(t, o)
	if _, err := os.Stat(filepath.Join(o.Dir, spareFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a crash left: %v", err)
	}
	answered := 0
	for i := range n {
		switch answer, err := l.Begin(request(name(i))); {
		case answer != nil:
			answered++
		case !errors.Is(err, zhenni.ErrEvicted):
			t.Errorf("transaction %d of %d: %v", i, n, err)
		}
	}
	if answered < 64 {
		t.Errorf("%d answers are left", answered)
	}
	checkBytes(t, l, o)
}

// A segment whose answers are all evicted is dropped once they are not remembered either, however long others would be kept; one of an
// answer that is kept is not.
func TestSegmentOfEvictedAnswersIsDropped(t *testing.T) {
	for title, c := range map[string]struct {
		answers int
		segment bool // most of them stay
	}{"evicted": {3, false}, "kept": {0, true}} {
		t.Run(title, func(t *testing.T) {
			clock := newClock()
			o := small(t.TempDir(), &fakeLog{})
			o.Now, o.Keep, o.Answers = clock.Now, zhenni.SessionRecordKept, c.answers
			o.Bytes += 40 * o.Segment
			l := mustOpen(t, o)
			const n = 500
			for i := range n {
				settle(t, l, request(name(i)), single("a"))
			}
			before := len(infos(t, o))
			clock.advance(25 * 3600 * 1e9)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustOpen(t, o)
			if after := len(infos(t, o)); before < 7 || (after > before/2) != c.segment {
				t.Errorf("%d segments, then %d", before, after)
			}
			if answer, err := l.Begin(request(name(n - 1))); answer == nil || err != nil {
				t.Errorf("the newest: %v", err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// checkBytes holds the bytes that are counted against the files, the one that is being made left out.
func checkBytes(t *testing.T, l *Ledger, o Options) {
	t.Helper()
	bytes := l.Stats().Bytes - o.Segment
	if err := l.Close(); err != nil { // removes the segment that nothing was written to
		t.Fatal(err)
	}
	for _, file := range infos(t, o) {
		bytes -= file.Size()
	}
	if bytes != o.Segment {
		t.Errorf("the files of closed segments take %d bytes less than is counted", bytes-o.Segment)
	}
}

// A segment that was left early gives back the room behind its end.
func TestSegmentLeftEarlyIsCut(t *testing.T) {
	o := small(t.TempDir(), &fakeLog{})
	l := mustOpen(t, o)
	settle(t, l, request("t-1"), single("a"))
	end := l.writer.offset
	kill(l)
	l = mustOpen(t, o)
	if file := infos(t, o)[0]; file.Size() != end {
		t.Errorf("%d bytes for %d", file.Size(), end)
	}
	if answer, err := l.Begin(request("t-1")); answer == nil || err != nil {
		t.Error(err)
	}
	checkBytes(t, l, o)
}
