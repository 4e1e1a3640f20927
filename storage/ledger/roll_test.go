package ledger

import (
	"testing"

	"pgregory.net/rapid"
)

// A roll finds what a map and a list find. Its ids share their hashes, so that slots collide.
func TestRollIsAMapInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r roll[uint64, memory]
		if rapid.Bool().Draw(t, "reserved") {
			r.reserve(1 << 10)
		}
		var order []memory
		for range rapid.IntRange(1, 3000).Draw(t, "steps") {
			if len(order) == 0 || rapid.IntRange(0, 99).Draw(t, "step") < 60 {
				m := memory{uint64(rapid.IntRange(1, 400).Draw(t, "id")) << 50, uint32(len(order))}
				r.add(m)
				order = append(order, m)
			} else if got := r.pop(); got != order[0] {
				t.Fatalf("popped %v, want %v", got, order[0])
			} else {
				order = order[1:]
			}
		}
		newest := map[uint64]memory{}
		for _, m := range order {
			newest[m.fingerprint] = m
		}
		for id := range uint64(401) {
			got, ok := r.find(memory{fingerprint: id << 50})
			if want, there := newest[id<<50]; ok != there || ok && got != want {
				t.Fatalf("found %v %v, want %v %v", got, ok, want, there)
			}
		}
		if r.len() != len(order) {
			t.Fatalf("%d entries, want %d", r.len(), len(order))
		}
	})
}
