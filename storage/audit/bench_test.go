package audit

import (
	"crypto/sha256"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// cpuTime is what the process used of the processors so far, by itself and within the kernel.
func cpuTime(t testing.TB) (user, system time.Duration) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano()), time.Duration(usage.Stime.Nano())
}

// BenchmarkAppend reports the processor time of a leaf, all in: journal, syncs, tree, tiles and checkpoints on a real
// file system, by the process itself and within the kernel. The goal is at most 2 µs a leaf in groups of a busy log. Logs
// of earlier rounds stay until all are over: for seconds after a deletion, by anybody, ext4 without a journal passes over
// each deleted inode when it makes a file, which was three fifths of the kernel's time.
func BenchmarkAppend(b *testing.B) {
	parent := b.TempDir()
	for name, perCall := range map[string]int64{"1": 1, "64": 64, "256": 256} {
		b.Run("leaves="+name, func(b *testing.B) {
			dir, err := os.MkdirTemp(parent, "log")
			if err != nil {
				b.Fatal(err)
			}
			o := testOptions(b, Folder(dir))
			o.Beat, o.Queue, o.Segment = nil, 0, 0
			l := openLog(b, o)
			leaves := testLeaves(0, perCall)
			user, system := cpuTime(b)
			b.SetParallelism(int(4096 / perCall)) // of each processor: at most 8,192 leaves are in flight on two
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := l.Append(b.Context(), leaves); err != nil {
						b.Error(err)
					}
				}
			})
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
			total := float64(b.N) * float64(perCall)
			userAfter, systemAfter := cpuTime(b)
			b.ReportMetric(float64((userAfter-user).Microseconds())/total, "user-µs/leaf")
			b.ReportMetric(float64((systemAfter-system).Microseconds())/total, "system-µs/leaf")
			b.ReportMetric(total/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}

// BenchmarkGrow is the tree alone: leaves' hashes, their nodes, their share of tiles. The leaves come a bundle at a time.
func BenchmarkGrow(b *testing.B) {
	for name, count := range map[string]int{"1": 1, "16": 16, "256": 256} {
		b.Run("leaves="+name, func(b *testing.B) {
			var e edge
			var entries []byte
			for n := range int64(count) {
				leaf := testLeaf(n)
				entries = appendEntry(entries, leaf.Append(nil))
			}
			for b.Loop() {
				e.extend(entries, count, func(tlog.Tile, []byte) {})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/leaf")
		})
	}
}

// BenchmarkBatch is a bulk item, beside what crypto/sha256 takes for one block, turn by turn; medians. The goal is 140 ns.
func BenchmarkBatch(b *testing.B) {
	for name, n := range map[string]int{"1024": 1024, "4096": 4096, "65536": 65_536} {
		b.Run("items="+name, func(b *testing.B) {
			var tree Tree
			var block [openingSize]byte
			ids, outcomes := testItems(n)
			var items, blocks []float64
			for b.Loop() {
				start := time.Now()
				if _, err := tree.Build(&BatchKey{}, Context{}, ids, outcomes); err != nil {
					b.Fatal(err)
				}
				built := time.Now()
				for range 256 {
					sum := sha256.Sum256(block[:])
					block[0] = sum[0]
				}
				items = append(items, float64(built.Sub(start).Nanoseconds())/float64(n))
				blocks = append(blocks, float64(time.Since(built).Nanoseconds())/256)
			}
			slices.Sort(items)
			slices.Sort(blocks)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(items[len(items)/2], "ns/item")
			b.ReportMetric(blocks[len(blocks)/2], "crypto-ns/block")
		})
	}
}

// BenchmarkVerify is the offline checker, for an entry.
func BenchmarkVerify(b *testing.B) {
	disk := newMemory()
	l := openLog(b, testOptions(b, disk))
	fill(b, l, 0, 20_000, 1000)
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	_, key := testKey(b)
	for b.Loop() {
		if r, err := Verify(disk, Keys{Log: key}); err != nil || !r.OK() {
			b.Fatal(r, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*20_000), "ns/entry")
}
