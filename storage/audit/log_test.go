package audit

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"zhenni"
)

func TestLogSurvivesReopening(t *testing.T) {
	for _, files := range []FS{newMemory(), Folder(t.TempDir() + "/log")} {
		size := int64(0)
		for _, next := range []int64{0, 1, 255, 256, 257, 600, 4096, 4096, 5000} {
			l := openLog(t, testOptions(t, files))
			if l.Tree().N != size {
				t.Fatalf("opened at %d, want %d", l.Tree().N, size)
			}
			fill(t, l, size, next, 300)
			size = next
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			mustVerify(t, files, size)
		}
	}
}

func TestEntriesAndTiles(t *testing.T) {
	l := openLog(t, testOptions(t, newMemory()))
	fill(t, l, 0, 700, 700)
	for _, n := range []int64{0, 255, 256, 699} {
		entry, err := l.Entry(n)
		if err != nil {
			t.Fatal(err)
		}
		if leaf, err := ParseLeaf(entry); err != nil || leaf != testLeaf(n) {
			t.Errorf("entry %d: %+v, %v", n, leaf, err)
		}
	}
	for path, size := range map[string]int{
		"tile/0/000": 8192, "tile/0/002.p/188": 188 * 32, "tile/0/002.p/7": 7 * 32, "tile/0/001.p/3": 96,
		"tile/1/000.p/2": 64, "tile/entries/000": 256 * 56, "tile/entries/002.p/2": 112, "tile/entries/001.p/1": 56,
	} {
		if b, err := l.Tile(path); err != nil || len(b) != size {
			t.Errorf("%s: %d bytes, %v; want %d", path, len(b), err, size)
		}
	}
	for path, want := range map[string]error{
		"tile/0/002": zhenni.ErrNotFound, "tile/0/002.p/189": zhenni.ErrNotFound, "tile/2/000": zhenni.ErrNotFound,
		"tile/7/000": zhenni.ErrNotFound, "tile/0/x999/x999/x999/x999/x999/999": zhenni.ErrNotFound,
		"tile/8/0/000": zhenni.ErrBadValue, "tile/data/000": zhenni.ErrBadValue, "tile/0/0": zhenni.ErrBadValue,
		"tile/0/000.p/0": zhenni.ErrBadValue, "tile/0/../../checkpoint": zhenni.ErrBadValue, "": zhenni.ErrBadValue,
	} {
		if b, err := l.Tile(path); !errors.Is(err, want) {
			t.Errorf("%q: %d bytes, %v; want %v", path, len(b), err, want)
		}
	}
	if _, err := l.Entry(700); !errors.Is(err, zhenni.ErrNotFound) {
		t.Error(err)
	}
}

// Callers of both kinds append until the log is closed under them: each is answered, and what was acknowledged is where
// it was said to be when the log is opened again.
//
// FAULTS: R5
func TestCloseAnswersEveryCaller(t *testing.T) {
	for range 20 {
		disk := newMemory()
		o := testOptions(t, disk)
		l := openLog(t, o)
		var mu sync.Mutex
		seen := map[int64]Leaf{}
		var wg sync.WaitGroup
		halfway := make(chan struct{})
		for caller := range int64(8) {
			wg.Go(func() {
				for i := int64(0); ; i++ {
					leaf := testLeaf(caller<<32 + i)
					index, err := l.Append(callers[caller%2](t), []Leaf{leaf})
					if err != nil {
						if !errors.Is(err, zhenni.ErrUnavailable) {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					seen[index] = leaf
					if len(seen) == 100 {
						close(halfway)
					}
					mu.Unlock()
				}
			})
		}
		<-halfway
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		l = openLog(t, o)
		if l.Size() != int64(len(seen)) {
			t.Fatalf("%d leaves of %d acknowledged", l.Size(), len(seen))
		}
		for n, want := range seen {
			entry, err := l.Entry(n)
			if err != nil {
				t.Fatal(err)
			}
			if leaf, err := ParseLeaf(entry); err != nil || leaf != want {
				t.Fatalf("entry %d is not what was acknowledged there: %v", n, err)
			}
		}
	}
}

func TestConcurrentAppendsShareWrites(t *testing.T) {
	const workers, each = 32, 50
	disk := newMemory()
	l := openLog(t, testOptions(t, disk))
	var mu sync.Mutex
	seen := map[int64]Leaf{}
	var wg sync.WaitGroup
	for caller := range int64(workers) {
		wg.Go(func() {
			for i := range int64(each) {
				leaf := testLeaf(caller*each + i)
				index, err := l.Append(callers[caller%2](t), []Leaf{leaf})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[index] = leaf
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range int64(workers * each) {
		entry, err := l.Entry(n)
		if err != nil {
			t.Fatal(err)
		}
		if leaf, err := ParseLeaf(entry); err != nil || leaf != seen[n] {
			t.Fatalf("entry %d is not what was acknowledged there: %v", n, err)
		}
	}
}

// A disk that does not answer fills the queue, and then the log refuses at once. Nothing acknowledged is lost.
//
// FAULTS: O8 S11
func TestStalledDiskRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, let := newMemory(), make(chan struct{})
		l := openLog(t, testOptions(t, disk))
		disk.beforeSync = func() error { <-let; return nil }
		var acknowledged sync.WaitGroup
		for caller := range int64(2) { // the first is being written, by itself, the second waits
			acknowledged.Go(func() {
				if _, err := l.Append(callers[1-caller](t), testLeaves(caller*1024, 1024)); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if _, err := l.Append(t.Context(), testLeaves(0, 1)); !errors.Is(err, zhenni.ErrOverloaded) {
			t.Errorf("queue full: %v, want ErrOverloaded", err)
		}
		time.Sleep(5 * time.Second) // of the bubble's clock
		close(let)
		acknowledged.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		mustVerify(t, copyOf(disk.durable), 2048)
	})
}

func TestGivingUpIsNoAcknowledgement(t *testing.T) {
	disk, let := newMemory(), make(chan struct{})
	l := openLog(t, testOptions(t, disk))
	disk.beforeSync = func() error { <-let; return nil }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, testLeaves(0, 1)); !errors.Is(err, zhenni.ErrDeadline) {
		t.Errorf("%v, want ErrDeadline", err)
	}
	close(let)
}

// A failed sync is never tried again: what it left on disk is not known.
//
// FAULTS: S9
func TestFailedSyncIsFatal(t *testing.T) {
	for _, times := range []int{1, 1 << 30} {
		disk := newMemory()
		o := testOptions(t, disk)
		l := openLog(t, o)
		fill(t, l, 0, 300, 300)
		broken := errors.New("input/output error")
		disk.beforeSync = func() error {
			if times--; times >= 0 {
				return broken
			}
			return nil
		}
		if _, err := l.Append(t.Context(), testLeaves(300, 1)); !errors.Is(err, zhenni.ErrUnavailable) || !errors.Is(err, broken) {
			t.Errorf("failed sync: %v", err)
		}
		if _, err := l.Append(t.Context(), testLeaves(300, 1)); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("after a failed sync: %v", err)
		}
		if err := l.Publish(t.Context()); !errors.Is(err, zhenni.ErrUnavailable) {
			t.Errorf("publishing after a failed sync: %v", err)
		}
		if err := l.Close(); !errors.Is(err, broken) {
			t.Errorf("Close: %v", err)
		}
		o.Files = copyOf(disk.durable)
		if l := openLog(t, o); l.Tree().N != 300 {
			t.Errorf("%d entries, want the 300 acknowledged", l.Tree().N)
		}
	}
}

func TestCheckpointsAreSignedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := testOptions(t, newMemory())
		o.Beat, o.Queue, o.Segment = nil, 0, 0
		l := openLog(t, o)
		if _, err := l.Append(t.Context(), testLeaves(0, 5)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(CheckpointEvery)
		synctest.Wait()
		if l.Tree().N != 5 {
			t.Errorf("a second later the checkpoint is of size %d, want 5", l.Tree().N)
		}
		for n := int64(5); n < 5+CheckpointEntries; n += 500 {
			if _, err := l.Append(t.Context(), testLeaves(n, 500)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := l.Tree().N; got != 5+CheckpointEntries {
			t.Errorf("after %d entries the checkpoint is of size %d", CheckpointEntries, got)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRefusedOptionsAndLeaves(t *testing.T) {
	for name, spoil := range map[string]func(*Options){
		"no files": func(o *Options) { o.Files = nil }, "no key": func(o *Options) { o.Key = nil },
		"other key": func(o *Options) { o.Key = testWitnessKey(t) }, "origin": func(o *Options) { o.Origin = "a\nb" },
		"queue": func(o *Options) { o.Queue = -1 }, "segment": func(o *Options) { o.Segment = 4096 },
		"sectors": func(o *Options) { o.Segment = 1<<20 + 1 },
	} {
		o := testOptions(t, newMemory())
		spoil(&o)
		if _, err := Open(o); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := openLog(t, testOptions(t, newMemory()))
	bad := testLeaf(0)
	bad.Kind = 9
	for name, leaves := range map[string][]Leaf{"none": nil, "too many": testLeaves(0, 1025), "kind": {bad}} {
		if _, err := l.Append(t.Context(), leaves); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = l.Close()
	if _, err := l.Append(t.Context(), testLeaves(0, 1)); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
	if err := l.Publish(t.Context()); !errors.Is(err, zhenni.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
}

// Pruned entries are gone; proofs of all others, and of the pruned ones for who kept them, still verify.
func TestPruneKeepsProofs(t *testing.T) {
	disk := newMemory()
	o := testOptions(t, disk)
	l := openLog(t, o)
	fill(t, l, 0, 1000, 1000)
	below, err := l.Prune(600)
	if err != nil || below != 512 {
		t.Fatalf("Prune: %d, %v; want 512", below, err)
	}
	if below, err := l.Prune(100); err != nil || below != 512 {
		t.Errorf("a lower index: %d, %v; want 512", below, err)
	}
	for _, n := range []int64{0, 511} {
		if _, err := l.Entry(n); !errors.Is(err, zhenni.ErrNotFound) {
			t.Errorf("entry %d: %v, want ErrNotFound", n, err)
		}
	}
	for _, n := range []int64{0, 511, 512, 999} {
		checkInclusion(t, l, n, 1000)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r := mustVerify(t, disk, 1000); r.Pruned != 512 {
		t.Errorf("pruned below %d, want 512", r.Pruned)
	}
	l = openLog(t, o)
	fill(t, l, 1000, 1200, 200)
	checkInclusion(t, l, 3, 1200)
	if below, err := l.Prune(1 << 40); err != nil || below != 1024 {
		t.Errorf("everything: %d, %v; want 1024", below, err)
	}
	names, _ := disk.List(entriesDir)
	if !slices.Equal(names, []string{"tile/entries/004.p/176"}) {
		t.Errorf("left: %v", names)
	}
}

func checkInclusion(t *testing.T, l *Log, index, size int64) {
	t.Helper()
	proof, err := l.ProveInclusion(index, size)
	if err != nil {
		t.Fatal(err)
	}
	leaf := testLeaf(index)
	if err := tlog.CheckRecord(proof, size, rootAt(size), index, tlog.RecordHash(leaf.Append(nil))); err != nil {
		t.Errorf("entry %d in %d: %v", index, size, err)
	}
}

// rootAt is the root of the first size test leaves.
func rootAt(size int64) tlog.Hash {
	var e edge
	for n := range size {
		leaf := testLeaf(n)
		e.push(leaf.Append(nil), func(tlog.Tile, []byte) {})
	}
	return e.root()
}

// FAULTS: S5 S7
func TestRefusalsSayHowToRepair(t *testing.T) {
	whole := newMemory()
	o := testOptions(t, whole)
	l := openLog(t, o)
	fill(t, l, 0, 512, 256)
	_ = l.Close()
	for name, spoil := range map[string]func(files map[string][]byte){
		"no journal":    func(files map[string][]byte) { delete(files, segmentFile(0)) },
		"no checkpoint": func(files map[string][]byte) { delete(files, checkpointFile) },
		"no tile":       func(files map[string][]byte) { delete(files, "tile/1/000.p/2") },
		"a short tile":  func(files map[string][]byte) { files["tile/1/000.p/2"] = make([]byte, 32) },
		"another tile":  func(files map[string][]byte) { files["tile/1/000.p/2"] = make([]byte, 64) },
		"a journal of another place": func(files map[string][]byte) {
			files[segmentFile(1)] = files[segmentFile(0)]
		},
		"two journals that differ": func(files map[string][]byte) {
			j := journal{files: copyOf(nil), length: o.Segment, number: 1}
			other := testLeaf(999)
			group := appendEntry(newGroup(nil), other.Append(nil))
			if err := errors.Join(j.rotate(512), j.append(512, 1, group)); err != nil {
				t.Fatal(err)
			}
			files[segmentFile(1)] = j.files.(*memory).cached[segmentFile(1)]
			j = journal{files: copyOf(nil), length: o.Segment, number: 2}
			if err := errors.Join(j.rotate(512), j.append(512, 1, appendEntry(newGroup(nil), make([]byte, 9)))); err != nil {
				t.Fatal(err)
			}
			files[segmentFile(2)] = j.files.(*memory).cached[segmentFile(2)]
		},
	} {
		damaged := copyOf(whole.cached)
		spoil(damaged.cached)
		o.Files = damaged
		_, err := Open(o)
		if !errors.Is(err, zhenni.ErrCorrupt) || !strings.Contains(err.Error(), repairHint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.Files = whole
	openLog(t, o)
}

// A signature has one written form: bits behind the end of its base64 are damage too.
func TestSignaturesHaveOneForm(t *testing.T) {
	l := openLog(t, testOptions(t, newMemory()))
	signed := l.Checkpoint()
	_, key := testKey(t)
	at := len(signed) - len("x=\n")
	if signed[at+1] != '=' {
		t.Fatalf("%q", signed)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	signed[at] = alphabet[strings.IndexByte(alphabet, signed[at])^1] // the last two bits of six say nothing
	if _, err := ReadCheckpoint(signed, testOrigin, key); !errors.Is(err, zhenni.ErrCorrupt) {
		t.Errorf("%q: %v", signed, err)
	}
}
