//go:build long

package history

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"zhenni"
)

// A hundred million items, a ten-thousandth of them of one credential: what they take on the disk and in memory, and how long its holder
// and others wait for an answer. What makes the items holds none of them.
func TestHundredMillion(t *testing.T) {
	const (
		total, batch = 100_000_000, 1000
		mostMemory   = 4 << 30
	)
	h := mustOpen(t, Options{Dir: t.TempDir(), Key: make([]byte, secretSize), Beat: make(chan time.Time), Share: 100})
	r, busy := rand.New(rand.NewPCG(1, 2)), zhenni.CredentialID{7}
	ids, outcomes := make([]zhenni.CredentialID, batch), slices.Repeat([]zhenni.Outcome{zhenni.Match}, batch)
	var sample []zhenni.CredentialID
	begun := time.Now()
	for n := 0; n < total; n += batch {
		for i := range ids {
			binary.BigEndian.PutUint64(ids[i][:], r.Uint64())
			binary.BigEndian.PutUint64(ids[i][8:], r.Uint64())
		}
		if n%(total/50) == 0 {
			sample = append(sample, ids[1])
		}
		if n/batch%10 == 0 {
			ids[0] = busy
		}
		h.Note(desk("desk"), time.Now(), ids, outcomes)
		if n/batch%512 == 511 {
			if err := h.do(context.Background(), func() { h.drain(false) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	noted := time.Since(begun)
	h.settleKeeper()
	stats := h.Stats()
	t.Logf("noted in %v, sorted and merged beside it and until %v; %.2f bytes an entry, %d in all, in %d files; most memory %d MiB",
		noted.Round(time.Second), time.Since(begun).Round(time.Second), float64(stats.Bytes)/total, stats.Bytes, stats.Files, peakMemory(t)>>20)
	if stats.Dropped > 0 || stats.Indexed+stats.Unsorted != total || stats.Bytes > 24*total || peakMemory(t) > mostMemory {
		t.Errorf("%+v", stats)
	}
	measureReads(t, h, sample)
	measurePages(t, h, busy, total/batch/10)
}

// peakMemory is the most that the process had in memory, in bytes.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	kib, err := strconv.ParseInt(string(bytes.Fields(after)[0]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// measurePages reads all that is known of a credential, by pages.
func measurePages(t *testing.T, h *History, id zhenni.CredentialID, want int) {
	t.Helper()
	var took []time.Duration
	var from zhenni.AskedCursor
	found := 0
	for {
		begun := time.Now()
		page, err := h.Asked(context.Background(), 1, id, from, MaxPage)
		if took = append(took, time.Since(begun)); err != nil {
			t.Fatal(err)
		}
		if found, from = found+len(page.Entries), page.Next; from == (zhenni.AskedCursor{}) {
			break
		}
	}
	slices.Sort(took)
	t.Logf("%d pages of %d of one credential: median %v, worst %v", len(took), MaxPage, took[len(took)/2], took[len(took)-1])
	if found != want {
		t.Errorf("%d entries of one credential, want %d", found, want)
	}
}
