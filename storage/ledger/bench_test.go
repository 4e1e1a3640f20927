package ledger

import (
	"context"
	"testing"

	"zhenni"
)

// BenchmarkPrepare is what a request costs its own goroutine before the disk: the tree of a batch, or a commitment, and
// the seal. BenchmarkTree of package audit beside it tells the two apart.
func BenchmarkPrepare(b *testing.B) {
	o := small(b.TempDir(), &fakeLog{})
	l := mustOpen(b, o)
	for title, d := range map[string]zhenni.Decision{
		"single": single(string(make([]byte, 250))), "batch=1024": batch(1024, "tail"), "batch=65536": batch(65536, "tail"),
	} {
		b.Run(title, func(b *testing.B) {
			s, r := new(scratch), request("t-1")
			k := l.secrets.keyOf(r.Party, r.Transaction)
			for b.Loop() {
				if _, err := l.prepare(s, k, r, d); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(d.IDs)), "ns/item")
		})
	}
}

// BenchmarkSettle is a whole request with a log in memory, from 64 goroutines: one fdatasync for all that wait.
func BenchmarkSettle(b *testing.B) {
	o := small(b.TempDir(), &fakeLog{})
	o.Segment, o.Bytes, o.group, o.largest = 0, 1<<30, 0, 0
	l := mustOpen(b, o)
	d := single(string(make([]byte, 250)))
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r := request(name(int(l.nonce.Add(1))))
			if _, err := l.Begin(r); err != nil {
				b.Error(err)
				return
			}
			if _, err := l.Settle(context.Background(), r, d); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkDigest is what it costs to know the body of a named request again.
func BenchmarkDigest(b *testing.B) {
	l := mustOpen(b, small(b.TempDir(), &fakeLog{}))
	body := make([]byte, 1024*(512+16))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		l.Digest("/v1/verification-batches", "application/vnd.apache.arrow.stream", body)
	}
}
