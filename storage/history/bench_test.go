package history

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"zhenni"
)

// randomItems are ids as the server draws them, with outcomes.
func randomItems(tb testing.TB, n int) ([]zhenni.CredentialID, []zhenni.Outcome) {
	tb.Helper()
	raw := make([]byte, 16*n)
	if _, err := rand.Read(raw); err != nil {
		tb.Fatal(err)
	}
	ids, outcomes := make([]zhenni.CredentialID, n), make([]zhenni.Outcome, n)
	for i := range ids {
		ids[i] = zhenni.CredentialID(raw[16*i:])
		outcomes[i] = zhenni.Match
	}
	return ids, outcomes
}

func perItem(b *testing.B, items int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(items), "ns/item")
}

// BenchmarkNote is what a request pays: its items are copied to memory. The writer empties it aside.
func BenchmarkNote(b *testing.B) {
	for name, n := range map[string]int{"single": 1, "batch=1024": 1024, "batch=65536": 65536} {
		b.Run(name, func(b *testing.B) {
			ids, outcomes := randomItems(b, n)
			q := &queue{bound: 1 << 30, wake: make(chan struct{}, 1)}
			who := desk("desk")
			noted := 0
			for b.Loop() {
				q.note(&who, 1_700_000_000, ids, outcomes)
				if noted += n; noted >= 4*fillItems {
					noted = 0
					for _, f := range q.take(true, time.Now).fills {
						q.give(f)
					}
				}
			}
			perItem(b, n)
		})
	}
}

// BenchmarkWrite is what the writer pays for a block of 64 requests: packed, sealed, written to the page cache.
func BenchmarkWrite(b *testing.B) {
	h := mustOpen(b, Options{Dir: b.TempDir(), Key: make([]byte, secretSize), Beat: make(chan time.Time), Bytes: 1 << 30})
	ids, outcomes := randomItems(b, fillItems)
	who := desk("desk")
	f := newFill()
	for i := 0; i < len(ids); i += 1024 {
		f.add(&who, uint32(1_700_000_000+i/1024), ids[i:i+1024], outcomes[i:i+1024])
	}
	b.SetBytes(int64(16 * len(ids)))
	if err := h.do(context.Background(), func() {
		for b.Loop() {
			if err := h.openSegment(); err != nil {
				b.Fatal(err)
			}
			w := &h.writer
			if _, err := h.put(appendBlock(w.buf[:blockHead], 0, f.askers, f.runs, f.ids, f.outcomes)); err != nil {
				b.Fatal(err)
			}
		}
	}); err != nil {
		b.Fatal(err)
	}
	perItem(b, len(ids))
}

// BenchmarkSort is the index of a segment: read, opened, sorted, sealed and synced.
func BenchmarkSort(b *testing.B) {
	const n = 1 << 20
	h := mustOpen(b, Options{Dir: b.TempDir(), Key: make([]byte, secretSize), Beat: make(chan time.Time), Share: 100})
	ids, outcomes := randomItems(b, n)
	entries, spare := make([]entry, n), make([]entry, n)
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			for i := range ids {
				entries[i] = newEntry(&ids[i], 1, 0, classMatch)
			}
			sortEntries(entries, spare)
		}
		perItem(b, n)
	})
	b.Run("segment", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			quietly(b, h, func() {
				for i := 0; i < n; i += 1024 {
					h.Note(desk("desk"), time.Now(), ids[i:i+1024], outcomes[i:i+1024])
				}
				if err := h.do(context.Background(), func() { h.drain(true) }); err != nil {
					b.Fatal(err)
				}
				v := h.files.view()
				defer h.files.release(v)
				b.StartTimer()
				if err := h.sortSegment(h.waiting(v)); err != nil {
					b.Fatal(err)
				}
			})
		}
		perItem(b, n)
	})
}

// quietly runs f in place of the keeper.
func quietly(tb testing.TB, h *History, f func()) {
	tb.Helper()
	done := make(chan struct{})
	h.keeper.requests <- func() { defer close(done); f() }
	<-done
}
