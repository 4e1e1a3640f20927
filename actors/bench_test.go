package actors

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"zhenni"
	"zhenni/engine"
)

// benchItems is how many distinct comparisons a benchmark cycles through: more rows and probes than a cache holds.
const benchItems = 1 << 16

// benchWorld is made once: its rows and the batch of all of them.
var benchWorld = sync.OnceValues(func() (*world, *zhenni.Batch) {
	w := newWorld(1, 512, benchItems)
	return w, w.mated(w.ids...)
})

// benchBatches cuts the comparisons into batches of that many items, with outcomes of their own.
func benchBatches(all *zhenni.Batch, items int) []*zhenni.Batch {
	batches := make([]*zhenni.Batch, 0, benchItems/items)
	for at := 0; at < benchItems; at += items {
		b := *all
		b.IDs, b.Outcomes = all.IDs[at:at+items], make([]zhenni.Outcome, items)
		b.Int8 = all.Int8[at*all.Dim : (at+items)*all.Dim]
		batches = append(batches, &b)
	}
	return batches
}

// benchMatcher has an arena of its own that holds every row.
func benchMatcher(b *testing.B, w *world) *engine.Matcher {
	arena, rule := newArena(b, w)
	m := engine.NewMatcher(arena, w, rule)
	for segment := range engine.Segments {
		if err := m.Warm(segment); err != nil {
			b.Fatal(err)
		}
	}
	return m
}

// direct gives a batch straight to the matcher.
func direct(m *engine.Matcher, items int) func(*zhenni.Batch) {
	order := make([]uint32, items)
	for i := range order {
		order[i] = uint32(i)
	}
	return func(batch *zhenni.Batch) { m.Verify(batch, order) }
}

// through gives a batch to the node.
func through(b *testing.B, n *Node) func(*zhenni.Batch) {
	deadline := time.Now().Add(time.Hour)
	return func(batch *zhenni.Batch) {
		if err := n.Verify(batch, deadline); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkVerify has one client with one batch at a time: the latency of a batch, straight and through the actors.
func BenchmarkVerify(b *testing.B) {
	w, all := benchWorld()
	sizes := []int{1, 64, 1024, benchItems}
	m := benchMatcher(b, w)
	for _, items := range sizes {
		b.Run(fmt.Sprintf("direct/items=%d", items), func(b *testing.B) {
			benchSerial(b, benchBatches(all, items), direct(m, items))
		})
	}
	for _, shards := range []int{1, 2, 4} {
		n := startNode(b, w, Config{Shards: shards})
		for _, items := range sizes {
			b.Run(fmt.Sprintf("shards=%d/items=%d", shards, items), func(b *testing.B) {
				benchSerial(b, benchBatches(all, items), through(b, n))
			})
		}
	}
}

func benchSerial(b *testing.B, batches []*zhenni.Batch, verify func(*zhenni.Batch)) {
	b.ReportAllocs()
	k := 0
	for b.Loop() {
		batch := batches[k%len(batches)]
		clear(batch.Outcomes)
		verify(batch)
		k++
	}
	reportItems(b, batches[0].Len())
}

// BenchmarkThroughput keeps every core busy: a client on each core with a matcher of its own, or four times as many
// clients of one node.
func BenchmarkThroughput(b *testing.B) {
	const items = 1024
	w, all := benchWorld()
	cores := runtime.GOMAXPROCS(0)
	matchers := make(chan *engine.Matcher, cores)
	for range cores {
		matchers <- benchMatcher(b, w)
	}
	b.Run("direct", func(b *testing.B) {
		benchParallel(b, all, items, 1, func() func(*zhenni.Batch) {
			m := <-matchers
			matchers <- m
			return direct(m, items)
		})
	})
	for _, shards := range []int{1, 2, 4} {
		n := startNode(b, w, Config{Shards: shards})
		b.Run(fmt.Sprintf("shards=%d", shards), func(b *testing.B) {
			benchParallel(b, all, items, 4, func() func(*zhenni.Batch) { return through(b, n) })
		})
	}
}

// benchParallel runs clients on every core, each with outcomes and a verify of its own.
func benchParallel(b *testing.B, all *zhenni.Batch, items, clients int, client func() func(*zhenni.Batch)) {
	var mu sync.Mutex
	b.SetParallelism(clients)
	b.RunParallel(func(pb *testing.PB) {
		mu.Lock()
		verify, batches := client(), benchBatches(all, items)
		mu.Unlock()
		for k := 0; pb.Next(); k++ {
			batch := batches[k%len(batches)]
			clear(batch.Outcomes)
			verify(batch)
		}
	})
	reportItems(b, items)
}

// BenchmarkSort is the caller's share of a batch before the first message is sent.
func BenchmarkSort(b *testing.B) {
	_, all := benchWorld()
	j := newJob(&sync.Pool{})
	j.batch = benchBatches(all, benchItems)[0]
	p := newPlacement(&Node{}, 4, nil)
	for b.Loop() {
		j.sort(p)
	}
	reportItems(b, benchItems)
}

func reportItems(b *testing.B, items int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(items), "ns/item")
}
