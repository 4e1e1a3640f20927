//go:build !race

// Under the race detector a sync.Pool drops what it is given at random.

package actors

import "testing"

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
