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
