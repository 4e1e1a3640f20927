package audit

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"zhenni"
	"zhenni/storage/disk"
)

// acknowledged is what a run was told, until its machine went off.
type acknowledged struct {
	leaves int64 // appended
	signed int64 // under a checkpoint
	pruned int64
	closed bool
}

// run writes a log of several bundles, segments and an epoch, and stops at the first error.
func run(t *testing.T, disk *memory) (got acknowledged) {
	o := testOptions(t, disk)
	l, err := Open(o)
	if err != nil {
		return got
	}
	defer func() { _ = l.Close() }()
	for i, n := range []int64{1, 1, 3, 250, 1, 300, 700, 1000, 1000, 900, 100, 80, 70, 12, 500} {
		first, err := l.Append(callers[i%2](t), testLeaves(got.leaves, n))
		if err != nil {
			return got
		}
		if first != got.leaves {
			t.Fatalf("appended at %d, want %d", first, got.leaves)
		}
		got.leaves += n
		if i%2 == 1 && n != 12 && n != 1000 { // 12 leaves begin a segment within a bundle, and 1000 fill one
			continue
		}
		if l.Publish(t.Context()) != nil {
			return got
		}
		got.signed = got.leaves
		if i == 6 {
			if got.pruned, err = l.Prune(600); err != nil {
				return got
			}
		}
	}
	got.closed = l.Close() == nil
	return got
}

// callers are the contexts of one who leaves the writing to the log's goroutine, and of one who writes.
var callers = [2]func(t *testing.T) context.Context{
	func(t *testing.T) context.Context { return t.Context() },
	func(*testing.T) context.Context { return context.Background() },
}

// The machine goes off at each change of the disk in turn, and the disk then looks in each of several ways. No
// acknowledged leaf is lost, no signed checkpoint is taken back, and the log goes on. A second crash may follow in Open.
//
// FAULTS: S2 S17
func TestCrashAtEveryChange(t *testing.T) {
	whole := newMemory()
	if got := run(t, whole); !got.closed {
		t.Fatalf("without a crash: %+v", got)
	}
	if whole.changes < 50 || whole.renamed < 4 {
		t.Fatalf("only %d changes, and segments were used again with %d renamings", whole.changes, whole.renamed)
	}
	for k := 1; k <= whole.changes; k++ {
		disk := newMemory()
		disk.crashAt = k
		got := run(t, disk)
		for i, name := range slices.Sorted(maps.Keys(aftermaths)) {
			after := aftermaths[name](disk)
			after.crashAt = k%7 + 1 // Open crashes too, now and then
			if l, err := Open(testOptions(t, after)); err == nil {
				_ = l.Close()
			}
			again := slices.Sorted(maps.Keys(aftermaths))[(i+k)%len(aftermaths)]
			checkAfterCrash(t, aftermaths[again](after), got)
			if t.Failed() {
				t.Fatalf("crash at change %d of %d, %s, then %s", k, whole.changes, name, again)
			}
		}
	}
}

func checkAfterCrash(t *testing.T, disk *memory, got acknowledged) {
	t.Helper()
	l, err := Open(testOptions(t, disk))
	if err != nil {
		t.Errorf("does not open: %v", err)
		return
	}
	defer l.Close()
	size := l.Tree().N
	if size < got.leaves {
		t.Errorf("%d leaves are left of %d acknowledged", size, got.leaves)
	}
	if l.Tree().Hash != rootOf(size) {
		t.Errorf("the %d leaves are not those appended", size)
	}
	first, err := l.Append(t.Context(), testLeaves(size, 2))
	if err != nil || first != size {
		t.Errorf("goes on at %d, %v; want %d", first, err, size)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	mustVerify(t, disk, size+2)
}

// rootOf is rootAt, remembered.
var rootOf = func() func(int64) [32]byte {
	roots := map[int64][32]byte{}
	return func(size int64) [32]byte {
		if _, ok := roots[size]; !ok {
			roots[size] = rootAt(size)
		}
		return roots[size]
	}
}()

// A failure at the k-th change that is over with the k-th change: whatever fails is not acknowledged, and nothing
// after it is.
//
// FAULTS: S8 S9
func TestFailureAtEveryChange(t *testing.T) {
	whole := newMemory()
	run(t, whole)
	for k := 1; k <= whole.changes; k++ {
		disk := newMemory()
		faulty := &failOnce{memory: disk, at: k}
		o := testOptions(t, faulty)
		got := runOn(t, o)
		for _, after := range []*memory{copyOf(disk.cached), copyOf(disk.durable)} {
			checkAfterCrash(t, after, got)
		}
		if t.Failed() {
			t.Fatalf("failure at change %d", k)
		}
	}
}

// failOnce fails one change of a disk and lets all others pass.
type failOnce struct {
	*memory
	at, changes int
}

var errNoSpace = errors.New("no space left on device")

func (f *failOnce) fails() bool { f.changes++; return f.changes == f.at }

func (f *failOnce) Write(files ...Content) error {
	for _, file := range files {
		if f.fails() {
			return errNoSpace
		}
		if err := f.memory.Write(file); err != nil {
			return err
		}
	}
	return nil
}

func (f *failOnce) Remove(name string) error {
	if f.fails() {
		return errNoSpace
	}
	return f.memory.Remove(name)
}

func (f *failOnce) Rename(from, to string) error {
	if f.fails() {
		return errNoSpace
	}
	return f.memory.Rename(from, to)
}

func (f *failOnce) Open(name string) (File, error) {
	file, err := f.memory.Open(name)
	return &failingFile{file, f}, err
}

type failingFile struct {
	File
	disk *failOnce
}

func (f *failingFile) WriteAt(p []byte, at int64) (int, error) {
	if f.disk.fails() {
		n, _ := f.File.WriteAt(p[:len(p)/2], at)
		return n, errNoSpace
	}
	return f.File.WriteAt(p, at)
}

func (f *failingFile) Through(b []byte, at int64) error {
	return writeAndSync(f, b, at)
}

func (f *failingFile) Sync() error {
	if f.disk.fails() {
		return errNoSpace
	}
	return f.File.Sync()
}

// runOn appends until something is refused. After the first refusal nothing is taken.
func runOn(t *testing.T, o Options) (got acknowledged) {
	l, err := Open(o)
	if err != nil {
		return got
	}
	defer func() { _ = l.Close() }()
	failed := false
	for i, n := range []int64{1, 3, 250, 300, 700, 1000, 1000, 900, 100} {
		_, err := l.Append(callers[i%2](t), testLeaves(got.leaves, n))
		switch {
		case err == nil && failed:
			t.Error("acknowledged after a failure")
		case err == nil:
			got.leaves += n
		case !errors.Is(err, zhenni.ErrUnavailable):
			t.Errorf("%v, want ErrUnavailable", err)
		}
		failed = failed || l.Publish(t.Context()) != nil
	}
	return got
}

// Damage to an acknowledged group is told from a torn tail by the mark.
//
// FAULTS: S3 S4
func TestTornTailIsToldFromDamage(t *testing.T) {
	m := newMemory()
	l := openLog(t, testOptions(t, m))
	fill(t, l, 0, 10, 10)
	if _, err := l.Append(t.Context(), testLeaves(10, 5)); err != nil {
		t.Fatal(err)
	}
	killed := copyOf(m.cached) // the machine goes on, the process does not
	name := segmentFile(0)
	used := len(killed.cached[name]) - len(trailingZeros(killed.cached[name]))
	end := disk.RoundUp(used)
	for _, at := range []int{groupsStart, groupsStart + 5, groupsStart + 20, used - 300, used - 1} {
		damaged := copyOf(killed.cached)
		damaged.cached[name][at] ^= 4
		if _, err := Open(testOptions(t, damaged)); !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("byte %d: %v, want ErrCorrupt", at, err)
		}
	}
	torn := copyOf(killed.cached)
	copy(torn.cached[name][end:], newGroup(nil))
	torn.cached[name][end+3] = 7
	checkAfterCrash(t, torn, acknowledged{leaves: 15})
	newer := copyOf(killed.cached)
	newer.cached[name][len(segmentKind)] = '3'
	if _, err := Open(testOptions(t, newer)); !errors.Is(err, zhenni.ErrFormat) {
		t.Errorf("a newer journal: %v, want ErrFormat", err)
	}
	cut := copyOf(killed.cached)
	cut.cached[name] = cut.cached[name][:groupsStart+100]
	if _, err := Open(testOptions(t, cut)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("cut: %v", err)
	}
}

// Where the mark itself is damaged, a group that is not whole is dropped only if the other slot rules out that it was
// acknowledged.
//
// FAULTS: S3 S4
func TestTornTailBesideDamagedMark(t *testing.T) {
	m := newMemory()
	l := openLog(t, testOptions(t, m))
	appendThree(t, l) // marks of 1 and 3 in one slot, of 0 and 2 in the other
	name, killed := segmentFile(0), copyOf(m.cached)
	used := len(killed.cached[name]) - len(trailingZeros(killed.cached[name]))
	end := disk.RoundUp(used)
	const older, newest = markFirst, markFirst + markStride
	for what, c := range map[string]struct {
		damage []int
		opens  bool
	}{
		"the next group, marks intact":       {[]int{end}, true},
		"the next group and the newest mark": {[]int{end, newest}, true},
		"the last group and the newest mark": {[]int{used - 1, newest}, false},
		"the last group, marks intact":       {[]int{used - 1}, false},
		"the next group and both marks":      {[]int{end, older, newest}, false},
		"both marks alone":                   {[]int{older, newest}, true},
	} {
		damaged := copyOf(killed.cached)
		for _, at := range c.damage {
			damaged.cached[name][at] ^= 4
		}
		l, err := Open(testOptions(t, damaged))
		if c.opens && (err != nil || l.Tree().N != 3) || !c.opens && !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("%s: %v", what, err)
		}
		if err == nil {
			_ = l.Close()
		}
	}
}

// A power failure may take the marks. A damaged group that others follow was acknowledged all the same.
//
// FAULTS: S3 S4
func TestDamageBeforeTheLastGroupNeedsNoMark(t *testing.T) {
	m := newMemory()
	l := openLog(t, testOptions(t, m))
	appendThree(t, l)
	name, lost := segmentFile(0), copyOf(m.cached)
	putMark(lost.cached[name][markFirst:], 0)
	clear(lost.cached[name][markFirst+markStride:][:markSize])
	for group, opens := range []bool{false, false, true} {
		damaged := copyOf(lost.cached)
		damaged.cached[name][groupsStart+group*disk.Sector+groupHeader] ^= 4
		l, err := Open(testOptions(t, damaged))
		if opens && (err != nil || l.Tree().N != 2) || !opens && !errors.Is(err, zhenni.ErrCorrupt) {
			t.Errorf("group %d: %v", group, err)
		}
		if err == nil {
			_ = l.Close()
		}
	}
}

// A journal of version 1, whose groups lie end to end, opens and goes on in version 2.
func TestJournalOfTheFormatBefore(t *testing.T) {
	m := newMemory()
	l := openLog(t, testOptions(t, m))
	appendThree(t, l)
	name, before := segmentFile(0), copyOf(m.cached)
	b := before.cached[name]
	b[len(segmentKind)] = '1'
	putSum(b[:segmentHeader])
	const size = groupHeader + 2 + LeafSize
	for group := range 3 {
		copy(b[groupsStart+group*size:], b[groupsStart+group*disk.Sector:][:size])
	}
	clear(b[groupsStart+3*size:])
	checkAfterCrash(t, copyOf(before.cached), acknowledged{leaves: 3})
	b[groupsStart+2*size+groupHeader] ^= 4
	if _, err := Open(testOptions(t, before)); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("damaged: %v, want ErrCorrupt", err)
	}
}

// appendThree appends three groups of one leaf, and no checkpoint.
func appendThree(t *testing.T, l *Log) {
	t.Helper()
	for n := range int64(3) {
		if _, err := l.Append(t.Context(), testLeaves(n, 1)); err != nil {
			t.Fatal(err)
		}
	}
}

func trailingZeros(b []byte) []byte { return b[len(bytes.TrimRight(b, "\x00")):] }
