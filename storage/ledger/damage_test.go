package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenni"
)

// wreck is a ledger folder in which transactions were answered, some in a closed segment and some in the last.
type wreck struct {
	options Options
	n       int
}

// newWreck settles transactions, singles and batches, from two runs; the last of them ends with a crash or in order.
func newWreck(t testing.TB, clean bool) *wreck {
	t.Helper()
	w := &wreck{options: small(t.TempDir(), &fakeLog{})}
	w.options.Bytes = 1 << 30
	for run := range 2 {
		l, err := Open(w.options)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			d := single(name(w.n))
			if w.n%3 == 0 {
				d = batch(60, name(w.n))
			}
			settle(t, l, request(name(w.n)), d)
			w.n++
		}
		if run == 0 || clean {
			err = l.Close()
		} else {
			kill(l)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *wreck) files(t testing.TB) (names []string) {
	t.Helper()
	for _, dir := range []string{segmentDir, indexDir, ""} {
		entries, err := os.ReadDir(filepath.Join(w.options.Dir, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !e.IsDir() {
				names = append(names, filepath.Join(w.options.Dir, dir, e.Name()))
			}
		}
	}
	return names
}

// check opens the folder and asks for everything that was answered: nothing may run again. It reports whether the
// ledger opened, and how many answers it gave.
func (w *wreck) check(t testing.TB, what string) (opened bool, answered int) {
	t.Helper()
	l, err := Open(w.options)
	if err != nil {
		if !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
		return false, 0
	}
	defer func() { _ = l.Close() }()
	for i := range w.n {
		answer, err := l.Begin(request(name(i)))
		switch {
		case err == nil && answer == nil:
			t.Errorf("%s: transaction %d runs again", what, i)
		case err == nil && string(answer.Answer) != name(i):
			t.Errorf("%s: transaction %d is answered %q", what, i, answer.Answer)
		case err == nil:
			answered++
		case !errors.Is(err, zhenni.ErrEvicted):
			t.Errorf("%s: transaction %d: %v", what, i, err)
		}
	}
	return true, answered
}

// Bits are flipped and files cut and removed, one at a time: no transaction runs again, and none gets another answer.
//
// FAULTS: S3 S4 S5
func TestDamageNeverRunsATransactionAgain(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, clean := range []bool{false, true} {
		w := newWreck(t, clean)
		whole := w.content(t)
		refused, damaged := 0, 0
		for range damages {
			for _, file := range slices.Sorted(maps.Keys(whole)) { // in order: the same damages in every run
				b := whole[file]
				var what string
				bad := append([]byte(nil), b...)
				switch random.IntN(6) {
				case 0:
					what, bad = "cut "+file, bad[:random.IntN(len(bad))]
				case 1:
					what, bad = "removed "+file, nil
				case 2:
					what = "zeroed " + file
					clear(bad)
				default:
					what = "flipped in " + file
					bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
				}
				w.restore(t, whole)
				if bad == nil {
					_ = os.Remove(file)
				} else if err := os.WriteFile(file, bad, 0o600); err != nil {
					t.Fatal(err)
				}
				opened, answered := w.check(t, what)
				if damaged++; !opened {
					refused++
				}
				_ = answered
			}
		}
		t.Logf("%d damages, %d of which the ledger does not open with", damaged, refused)
		w.restore(t, whole)
		if opened, answered := w.check(t, "restored"); !opened || answered != w.n {
			t.Errorf("restored: opened %v, %d answers of %d", opened, answered, w.n)
		}
	}
}

// content reads every file of the folder.
func (w *wreck) content(t testing.TB) map[string][]byte {
	t.Helper()
	whole := map[string][]byte{}
	for _, file := range w.files(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole[file] = b
	}
	return whole
}

// damage puts one file into the folder as bad, beside the others as they were, and checks what becomes of it.
func (w *wreck) damage(t testing.TB, what string, whole map[string][]byte, file string, bad []byte) (opened bool) {
	t.Helper()
	w.restore(t, whole)
	if err := os.WriteFile(file, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	opened, _ = w.check(t, what)
	return opened
}

// lastSegment is the segment that was written to when the process ended, and how much of it was.
func lastSegment(t testing.TB, whole map[string][]byte) (file string, written int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(whole)) {
		if strings.Contains(name, segmentDir) && markOf(whole[name]) > align {
			file = name
		}
	}
	if written = len(bytes.TrimRight(whole[file], "\x00")); written < 2*align {
		t.Fatalf("%d bytes in the last segment", written)
	}
	return file, written
}

// A byte is changed all along the last segment: whatever it hits, what was acknowledged is answered or refused.
//
// FAULTS: S3 S4
func TestDamageInTheLastSegment(t *testing.T) {
	w := newWreck(t, false)
	whole := w.content(t)
	last, written := lastSegment(t, whole)
	for at := align + 100; at < written; at += written / 24 {
		bad := bytes.Clone(whole[last])
		bad[at] ^= 1
		what := fmt.Sprintf("byte %d of %d changed", at, written)
		if !w.damage(t, what, whole, last, bad) {
			t.Errorf("%s: it does not open", what)
		}
	}
}

// A power failure may take the marks. A damaged group that others follow was acknowledged all the same.
//
// FAULTS: S3 S4
func TestDamageBeforeTheLastGroupNeedsNoMark(t *testing.T) {
	w := newWreck(t, false)
	whole := w.content(t)
	file, written := lastSegment(t, whole)
	lost := bytes.Clone(whole[file])
	for i := range 2 {
		clear(lost[markFirst+i*markStride:][:markSize])
	}
	number, _ := numberOf("", filepath.Base(file))
	last := (&salvage{number: number, b: lost}).lastGroup()
	if last < 2*align || last >= written {
		t.Fatalf("the last group is at %d of %d", last, written)
	}
	for at := align + 30; at < last; at += written / 24 {
		bad := bytes.Clone(lost)
		bad[at] ^= 1
		w.damage(t, fmt.Sprintf("no mark, byte %d of %d changed", at, written), whole, file, bad)
	}
	if !w.damage(t, "no mark", whole, file, lost) {
		t.Error("it does not open")
	}
}

// Records that are gone with the names of their transactions are a loss without a trace, which only the operator may
// accept.
//
// FAULTS: S3 S4
func TestLossWithoutATraceIsRefused(t *testing.T) {
	w := newWreck(t, false)
	whole := w.content(t)
	last, written := lastSegment(t, whole)
	bad := bytes.Clone(whole[last])
	clear(bad[align:written])
	if w.damage(t, "the last segment zeroed", whole, last, bad) {
		t.Error("it opens")
	}
}

// A byte is changed all along an index, which is what a segment is known by that is not written to any more.
//
// FAULTS: S3
func TestDamageInAnIndex(t *testing.T) {
	w := newWreck(t, true)
	whole := w.content(t)
	swept := 0
	for file, b := range whole {
		if !strings.Contains(file, indexDir) {
			continue
		}
		for at := 0; at < len(b); at += 1 + len(b)/12 {
			bad := bytes.Clone(b)
			bad[at] ^= 1
			w.damage(t, fmt.Sprintf("byte %d of %s changed", at, filepath.Base(file)), whole, file, bad)
			swept++
		}
	}
	if swept < 24 {
		t.Errorf("%d bytes changed", swept)
	}
}

func (w *wreck) restore(t testing.TB, whole map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(w.options.Dir); err != nil {
		t.Fatal(err)
	}
	for file, b := range whole {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// FAULTS: S6
func TestOlderCopyIsRefused(t *testing.T) {
	w := newWreck(t, true)
	older := w.content(t)
	l := mustOpen(t, w.options)
	settle(t, l, request("later"), single("a"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	w.restore(t, older)
	if l, err := Open(w.options); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("%v, %v", l, err)
	}
	w.options.AcceptLoss = true
	if _, answered := w.check(t, "an older copy, accepted"); answered != w.n {
		t.Errorf("%d answers of %d", answered, w.n)
	}
}

// A torn write at the end was never acknowledged: it is dropped without a word.
//
// FAULTS: S17
func TestTornTailIsDropped(t *testing.T) {
	w := newWreck(t, false)
	l := mustOpen(t, w.options)
	settle(t, l, request("whole"), single("a"))
	kill(l)
	file := filepath.Join(w.options.Dir, numbered(segmentDir, l.writer.number))
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	end := int(l.writer.offset)
	copy(b[end:], b[align:align+300]) // the first part of a group, in a place that is not its own
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l = mustOpen(t, w.options)
	if answer, err := l.Begin(request("whole")); err != nil || string(answer.Answer) != "a" {
		t.Errorf("%v, %v", answer, err)
	}
	if s := l.Stats(); s.Stored != int64(w.n+1) {
		t.Errorf("%d answers, want %d", s.Stored, w.n+1)
	}
}
