package actors

import (
	"sync"
	"testing"

	"zhenni"
)

// BenchmarkSort is the caller's share of a batch before the first message is sent. What the mailboxes cost beside the
// engine is measured by package bench/layer.
func BenchmarkSort(b *testing.B) {
	const items = zhenni.MaxBatchItems
	w := newWorld(1, testDim, items)
	j := newJob(&sync.Pool{})
	j.batch = w.mated(w.ids...)
	p := newPlacement(&Node{}, 4, nil)
	for b.Loop() {
		j.sort(p)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/items, "ns/item")
}

// BenchmarkAttempts is what counting adds to an item, beside the same batch of a tenant of evaluation.
func BenchmarkAttempts(b *testing.B) {
	const items, dim = 16384, 512
	w := newWorld(2, dim, 2*items)
	half := append(append([]zhenni.CredentialID{}, w.ids[:items/2]...), w.ids[items:items+items/2]...)
	mixed := w.attempt(true, 1, half...)
	wrong := w.attempt(false, 1, half...)
	for i := 0; i < items; i += 2 {
		copy(mixed.Int8[i*dim:(i+1)*dim], wrong.Int8[i*dim:(i+1)*dim])
	}
	never := zhenni.AttemptRules{Free: 9_999, Disable: 10_000}
	for _, c := range []struct {
		name       string
		rules      zhenni.AttemptRules
		batch      *zhenni.Batch
		evaluation bool
		failed     int // credentials that have failed before, of those not asked about
	}{
		{"evaluation", never, mixed, true, 0},
		{"mated,nobody failed", never, w.attempt(true, 1, w.ids[:items]...), false, 0},
		{"mated,1% failed", never, w.attempt(true, 1, w.ids[:items]...), false, items / 100},
		{"half non-mated,counted", never, mixed, false, 0},
		{"half non-mated,barred", zhenni.AttemptRules{}, mixed, false, 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := startNode(b, w, Config{Shards: 1, Attempts: c.rules})
			if c.failed > 0 {
				verify(b, n, w.attempt(false, 1, w.ids[items:items+c.failed]...))
			}
			c.batch.Evaluation = c.evaluation
			c.batch.Attempts = make([]zhenni.AttemptCount, 0, items)
			for b.Loop() {
				clear(c.batch.Outcomes)
				c.batch.Attempts = c.batch.Attempts[:0]
				verify(b, n, c.batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/items, "ns/item")
		})
	}
}
