package actors

import (
	"fmt"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine"
)

// benchItems is how many distinct comparisons a benchmark cycles through: more rows and probes than a cache holds.
const benchItems = 1 << 16

// benchBatches cuts the comparisons into batches of that many items.
func benchBatches(w *world, items int) []*zhenni.Batch {
	var batches []*zhenni.Batch
	all := w.mated(w.ids...)
	for at := 0; at < benchItems; at += items {
		b := *all
		b.IDs, b.Outcomes = all.IDs[at:at+items], all.Outcomes[at:at+items]
		b.Int8 = all.Int8[at*w.dim : (at+items)*w.dim]
		batches = append(batches, &b)
	}
	return batches
}

// BenchmarkVerify compares batches through the actors with the same batches given straight to a matcher.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(1, 512, benchItems)
	for _, items := range []int{1, 64, 1024, benchItems} {
		batches := benchBatches(w, items)
		b.Run(fmt.Sprintf("direct/items=%d", items), func(b *testing.B) { benchDirect(b, w, batches) })
		for _, shards := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("shards=%d/items=%d", shards, items), func(b *testing.B) {
				benchNode(b, startNode(b, w, Config{Shards: shards}), batches)
			})
		}
	}
}

func benchNode(b *testing.B, n *Node, batches []*zhenni.Batch) {
	deadline := time.Now().Add(time.Hour)
	benchLoop(b, batches, func(batch *zhenni.Batch) {
		if err := n.Verify(batch, deadline); err != nil {
			b.Fatal(err)
		}
	})
}

func benchDirect(b *testing.B, w *world, batches []*zhenni.Batch) {
	arena, rule := newArena(b, w)
	m := engine.NewMatcher(arena, w, rule)
	for segment := range engine.Segments {
		if err := m.Warm(segment); err != nil {
			b.Fatal(err)
		}
	}
	order := make([]uint32, batches[0].Len())
	for i := range order {
		order[i] = uint32(i)
	}
	benchLoop(b, batches, func(batch *zhenni.Batch) { m.Verify(batch, order) })
}

// benchLoop verifies the batches in turn and reports the time of one item.
func benchLoop(b *testing.B, batches []*zhenni.Batch, verify func(*zhenni.Batch)) {
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		batch := batches[k%len(batches)]
		clear(batch.Outcomes)
		verify(batch)
		k++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batches[0].Len()), "ns/item")
}
