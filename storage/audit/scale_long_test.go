//go:build long

package audit

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zhenni"
)

// The shape of TestAuditScale: what a busy node's bulk traffic looks like to the log.
const (
	scaleItems   = 100_000_000
	scaleBatch   = 4096
	scaleWriters = 8 // batches in flight
	scaleGoal    = 1_000_000_000
)

// TestAuditScale appends a hundred million bulk items in batches, without their sealed openings, checks the whole log
// and prints what it took, as it is and for a billion. ZHENNI_AUDIT_ITEMS sets another number of items.
func TestAuditScale(t *testing.T) {
	items := int64(scaleItems)
	if s := os.Getenv("ZHENNI_AUDIT_ITEMS"); s != "" {
		var err error
		if items, err = strconv.ParseInt(s, 10, 64); err != nil || items < scaleBatch {
			t.Fatalf("ZHENNI_AUDIT_ITEMS=%q: %v", s, err)
		}
	}
	dir, batches := t.TempDir(), items/scaleBatch
	o := testOptions(t, Folder(dir))
	o.Beat, o.Queue, o.Segment = nil, 0, 0
	l := openLog(t, o)
	start := time.Now()
	user, system := cpuTime(t)
	appendBatches(t, l, batches)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	wall := time.Since(start)
	userAfter, systemAfter := cpuTime(t)
	r := mustVerify(t, o.Files, batches)
	verified := time.Since(start) - wall

	items = batches * scaleBatch
	files, size, allocated := folderSize(t, dir)
	factor := float64(scaleGoal) / float64(items)
	t.Logf("%d items in %d batches: %v, %.0f items/s", items, batches, wall.Round(time.Millisecond), float64(items)/wall.Seconds())
	t.Logf("processor: %.1f ns/item by itself, %.1f ns/item in the kernel",
		float64((userAfter-user).Nanoseconds())/float64(items), float64((systemAfter-system).Nanoseconds())/float64(items))
	t.Logf("disk: %d files, %d bytes (%.3f an item), %d allocated; peak memory %d MiB", files, size,
		float64(size)/float64(items), allocated, peakMemory(t)>>20)
	t.Logf("checked: %d checkpoints, %d tiles, %v", r.Checkpoints, r.Tiles, verified.Round(time.Millisecond))
	grows := size - o.journalSize(t)
	t.Logf("a billion: %v, %.1f MiB of disk, %v to check", time.Duration(float64(wall)*factor).Round(time.Second),
		(float64(grows)*factor+float64(size-grows))/(1<<20), time.Duration(float64(verified)*factor).Round(time.Second))
}

// appendBatches builds and appends so many batches, several at a time.
func appendBatches(t *testing.T, l *Log, batches int64) {
	ids, outcomes := testItems(scaleBatch)
	var next atomic.Int64
	var writers sync.WaitGroup
	for range scaleWriters {
		writers.Go(func() {
			var tree Tree
			for n := next.Add(1); n <= batches; n = next.Add(1) {
				var key BatchKey
				binary.BigEndian.PutUint64(key[:], uint64(n))
				if err := appendBatch(t, l, &tree, &key, ids, outcomes); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
}

// appendBatch appends the leaf of one batch and checks the proof of one of its items.
func appendBatch(t *testing.T, l *Log, tree *Tree, key *BatchKey, ids []zhenni.CredentialID, outcomes []zhenni.Outcome) error {
	root, err := tree.Build(key, Context{}, ids, outcomes)
	if err != nil {
		return err
	}
	leaf := Leaf{Kind: KindBatch, At: testStart, Number: uint64(len(ids)), Hash: root, Nonce: [12]byte(root[:12])}
	item := int(root[0]) * len(ids) / 256
	p, err := tree.Prove(item)
	o := Opening{Kind: KindBatch, Salt: tree.Salt(item), Credential: ids[item], Code: uint8(outcomes[item])}
	if err := errors.Join(err, p.Check(leaf, o)); err != nil {
		return err
	}
	_, err = l.Append(t.Context(), []Leaf{leaf})
	return err
}

// folderSize counts the files of a folder, their bytes, and those that the file system set aside for them.
func folderSize(t *testing.T, dir string) (files int, size, allocated int64) {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		var s syscall.Stat_t
		files++
		err = syscall.Stat(path, &s)
		size, allocated = size+s.Size, allocated+s.Blocks*512
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, size, allocated
}

// journalSize is what the journal takes, which does not grow with the log.
func (o Options) journalSize(t *testing.T) (size int64) {
	names, err := o.Files.List(journalDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := o.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		size += int64(len(b))
	}
	return size
}

// peakMemory is the most that the process had in memory, in bytes.
func peakMemory(t *testing.T) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return usage.Maxrss * 1024
}
