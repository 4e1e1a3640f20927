package engine_test

import (
	"fmt"
	"testing"

	"zhenni"
	"zhenni/engine"
)

// BenchmarkVerify compares batches whose rows are all in memory.
func BenchmarkVerify(b *testing.B) {
	for _, dim := range []int{128, 512} {
		b.Run(fmt.Sprint(dim), func(b *testing.B) {
			const credentials, items = 1 << 16, 1024
			e := newEnrolled(b, credentials, dim, 0.5)
			batches := make([]*zhenni.Batch, 16)
			probe, _ := quantised(b, e.persons[0])
			for i := range batches {
				ids, probes := make([]zhenni.CredentialID, items), make([][]int8, items)
				for k := range ids {
					ids[k], probes[k] = e.ids[e.rng.IntN(credentials)], probe
				}
				batches[i] = batchOf(ids, probes)
			}
			all := every(batches[0])
			var n int
			for b.Loop() {
				batch := batches[n%len(batches)]
				clear(batch.Outcomes)
				if got := e.Verify(batch, all); got.Match+got.NoMatch != items {
					b.Fatalf("%+v", engine.Tally(got))
				}
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*items), "ns/item")
		})
	}
}
