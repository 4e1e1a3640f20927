package actors

import (
	"math/rand/v2"
	"slices"
	"testing"

	"zhenni"
)

func TestOutcomesDoNotDependOnShards(t *testing.T) {
	w := newWorld(1, testDim, 3000)
	r := rand.New(rand.NewPCG(2, 2))
	b := w.mated(w.ids...)
	for i := range b.IDs {
		switch r.IntN(4) {
		case 0: // somebody else's probe
			copy(b.Int8[i*testDim:(i+1)*testDim], b.Int8[r.IntN(len(b.IDs))*testDim:])
		case 1: // nobody's id
			b.IDs[i][15]++
		case 2:
			b.Outcomes[i] = zhenni.RefusedItem
		}
	}
	given := slices.Clone(b.Outcomes)
	var want []zhenni.Outcome
	for _, shards := range []int{1, 2, 7, 8, 64} {
		n := startNode(t, w, Config{Shards: shards, MessageItems: 100})
		copy(b.Outcomes, given)
		verify(t, n, b)
		if want == nil {
			want = slices.Clone(b.Outcomes)
		}
		if !slices.Equal(b.Outcomes, want) {
			t.Errorf("%d shards decide differently from 1", shards)
		}
	}
	for _, o := range []zhenni.Outcome{zhenni.Match, zhenni.NoMatch, zhenni.RefusedItem} {
		if !slices.Contains(want, o) {
			t.Errorf("no item is %s", o.Verdict())
		}
	}
}
