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
	const total = 10_000_000
	h := mustOpen(t, Options{Dir: t.TempDir(), Key: make([]byte, secretSize), Beat: make(chan time.Time), Share: 100})
	held, release := make(chan struct{}), make(chan struct{})
	go func() { h.keeper.requests <- func() { close(held); <-release } }()
	<-held // so that what is measured first is the writer
	sample, noting := noteMillions(t, h, total)
	t.Logf("noted, sealed and written: %.1f ns of processor an item", float64(noting)/total)
	begun, clock := processorTime(t), time.Now()
	close(release)
	h.settleKeeper()
	took, waited := processorTime(t)-begun, time.Since(clock)
	stats := h.Stats()
	t.Logf("sorted and merged: %.1f ns of processor an item, %.2f million a second; %.2f bytes an entry in %d files",
		float64(took)/total, total/1e6/waited.Seconds(), float64(stats.Bytes)/float64(stats.Indexed+stats.Unsorted), stats.Files)
	if stats.Dropped > 0 || stats.Indexed+stats.Unsorted != total || stats.Bytes > 24*total {
		t.Errorf("%+v", stats)
	}
	measureReads(t, h, sample)
}

// noteMillions notes items of random credentials, a thousand a request, and returns some of them and the processor time it took.
func noteMillions(t *testing.T, h *History, total int) (sample []zhenni.CredentialID, took time.Duration) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	ids, outcomes := make([]zhenni.CredentialID, total), make([]zhenni.Outcome, total)
	for i := range ids {
		binary.BigEndian.PutUint64(ids[i][:], r.Uint64())
		binary.BigEndian.PutUint64(ids[i][8:], r.Uint64())
		outcomes[i] = zhenni.Match
	}
	begun := processorTime(t)
	const batch = 1000
	for i := 0; i < total; i += batch {
		if h.Note(desk("desk"), time.Now(), ids[i:i+batch], outcomes[i:i+batch]); i/batch%512 == 511 {
			if err := h.do(context.Background(), func() { h.drain(false) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	took = processorTime(t) - begun
	for i := 0; i < total; i += total / 50 {
		sample = append(sample, ids[i])
	}
	return sample, took
}

// measureReads answers holders, each file dropped from the page cache before.
func measureReads(t *testing.T, h *History, sample []zhenni.CredentialID) {
	t.Helper()
	var took []time.Duration
	for _, id := range sample {
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
	t.Logf("cold read: median %v, worst of %d %v", took[len(took)/2], len(took), took[len(took)-1])
}
