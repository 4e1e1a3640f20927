//go:build !race

// Under the race detector a sync.Pool drops what it is given at random.

package actors

import (
	"testing"

	"zhenni"
)

// The only allocation is the library's: 16 bytes when a message wakes an idle mailbox.
func TestVerifyAllocations(t *testing.T) {
	w := newWorld(44, testDim, 2000)
	n := startNode(t, w, Config{Shards: 1})
	for _, items := range []int{1, 2000} {
		b, deadline := w.mated(w.ids[:items]...), soon()
		messages := float64((items + n.config.MessageItems - 1) / n.config.MessageItems)
		allocations := testing.AllocsPerRun(200, func() {
			clear(b.Outcomes)
			if err := n.Verify(b, deadline); err != nil {
				t.Error(err)
			}
		})
		if allocations > messages {
			t.Errorf("%d items in %v messages: %v allocations", items, messages, allocations)
		}
	}
}

// What counting attempts costs beside the comparison: nothing but memory that the caller gives and the map that grows.
func TestCountingAllocations(t *testing.T) {
	w := newWorld(45, testDim, 2000)
	n := startNode(t, w, Config{Shards: 1})
	const items = 2000
	wrong, right, deadline := w.attempt(false, 1, w.ids[:items]...), withDevice(w.attempt(true, 1, w.ids[:items]...)), soon()
	wrong.Attempts, right.Attempts = make([]zhenni.AttemptCount, 0, items), make([]zhenni.AttemptCount, 0, items)
	wrong.Lanes = right.Lanes // a match of the device clears what the non-match left
	messages := float64((items + n.config.MessageItems - 1) / n.config.MessageItems)
	allocations := testing.AllocsPerRun(50, func() {
		for _, b := range []*zhenni.Batch{wrong, right} {
			clear(b.Outcomes)
			b.Attempts = b.Attempts[:0]
			if err := n.Verify(b, deadline); err != nil {
				t.Error(err)
			}
			if len(b.Attempts) != items {
				t.Fatalf("%d counts of %d items", len(b.Attempts), items)
			}
		}
	})
	if allocations > 2*messages+4 {
		t.Errorf("%d items in %v messages: %v allocations", items, messages, allocations)
	}
}

// A further model costs a batch of either nothing on its way.
func TestAllocationsByEitherModel(t *testing.T) {
	w := newTwoWorlds(7, 300)
	n := startTwo(t, w, Config{Shards: 1})
	for name, b := range map[string]*zhenni.Batch{"first": w.mated(w.ids...), "beside": w.by(besideModel, w.ids...)} {
		deadline := soon()
		allocations := testing.AllocsPerRun(100, func() {
			clear(b.Outcomes)
			if err := n.Verify(b, deadline); err != nil {
				t.Error(err)
			}
		})
		if allocations > 1 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}
