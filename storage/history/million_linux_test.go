//go:build long

package history

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"zhenni"
)

// processorTime is what the process has used.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Ten million items: what they cost to note and to index, what they take, and how fast a holder is answered with nothing in
// the page cache.
func TestTenMillion(t *testing.T) {
	const total, batch = 10_000_000, 1000
	dir := t.TempDir()
	h := mustOpen(t, Options{Dir: dir, Key: make([]byte, secretSize), Beat: make(chan time.Time), Share: 100, Queue: 1 << 26})
	r := rand.New(rand.NewPCG(1, 2))
	ids, outcomes := make([]zhenni.CredentialID, batch), make([]zhenni.Outcome, batch)
	var sample []zhenni.CredentialID
	begun := processorTime(t)
	for i := range total / batch {
		for j := range ids {
			binary.BigEndian.PutUint64(ids[j][:], r.Uint64())
			binary.BigEndian.PutUint64(ids[j][8:], r.Uint64())
			outcomes[j] = zhenni.Match
		}
		if i%100 == 0 {
			sample = append(sample, ids[0])
		}
		h.Note(desk("desk"), time.Now(), ids, outcomes)
		if i%256 == 255 {
			if err := h.do(context.Background(), func() { h.drain(false) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Logf("noted and written, and sorted in part: %.1f ns of processor an item", float64(processorTime(t)-begun)/total)
	h.settle(t)
	stats := h.Stats()
	t.Logf("indexed: %.1f ns of processor an item in all; %.2f bytes an entry in %d files",
		float64(processorTime(t)-begun)/total, float64(stats.Bytes)/float64(stats.Indexed), stats.Files)
	if stats.Dropped > 0 || stats.Indexed+stats.Unsorted != total || stats.Bytes > 24*total {
		t.Errorf("%+v", stats)
	}
	measureReads(t, h, sample)
}

// measureReads answers holders, each file dropped from the page cache before.
func measureReads(t *testing.T, h *History, sample []zhenni.CredentialID) {
	t.Helper()
	var took []time.Duration
	for _, id := range sample[:50] {
		for _, name := range allFiles(t, h.opts.Dir) {
			if f, err := os.Open(name); err == nil {
				const dontNeed = 4
				_, _, _ = syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0)
				_ = f.Close()
			}
		}
		begun := time.Now()
		page, err := h.Asked(context.Background(), 1, id, zhenni.AskedCursor{}, 100)
		took = append(took, time.Since(begun))
		if err != nil || len(page.Entries) != 1 {
			t.Fatalf("%v: %+v, %v", id, page, err)
		}
	}
	slices.Sort(took)
	t.Logf("cold read: median %v, worst of 50 %v", took[len(took)/2], took[len(took)-1])
}
