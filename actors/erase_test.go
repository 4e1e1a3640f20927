package actors

import (
	"context"
	"testing"

	"zhenni"
)

// An erasure reaches the shard that holds the row before it is acknowledged.
//
// FAULTS: C2
func TestErasedIsNotMatched(t *testing.T) {
	w := newWorld(21, testDim, 4)
	n := startNode(t, w, Config{Shards: 2})
	b := w.mated(w.ids...)
	verify(t, n, b)
	wantAll(t, b, zhenni.Match)
	for _, id := range w.ids {
		if _, err := n.Apply(context.Background(), []zhenni.Command{zhenni.Erase{ID: id, Tenant: testTenant}}); err != nil {
			t.Fatal(err)
		}
	}
	b = w.mated(w.ids...)
	verify(t, n, b)
	wantAll(t, b, zhenni.NoMatch)
}
