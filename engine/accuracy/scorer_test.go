package accuracy

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"zhenni"
	"zhenni/simd"
)

// plainCosine is computed from the definition.
func plainCosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}

func TestScorersAgreeWithTheDefinition(t *testing.T) {
	set := people(t, 40, 2, 33)
	quantised, err := NewInt8(set)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		scorer    Scorer
		tolerance float64
	}{"int8": {quantised, 0.02}, "float": {NewFloat(set), 1e-12}} {
		a, b := Span{3, 20}, Span{11, 80}
		tile := make([]float64, a.Len()*b.Len())
		if err := c.scorer.Fork().Tile(tile, a, b); err != nil {
			t.Fatal(err)
		}
		var pairs []Trial
		for i := a.First; i < a.Last; i++ {
			for j := b.First; j < b.Last; j++ {
				pairs = append(pairs, Trial{A: int32(i), B: int32(j)})
			}
		}
		single := make([]float64, len(pairs))
		if err := c.scorer.Pairs(single, pairs); err != nil {
			t.Fatal(err)
		}
		for n, p := range pairs {
			want := plainCosine(set.Embedding(int(p.A)), set.Embedding(int(p.B)))
			if math.Abs(tile[n]-want) > c.tolerance || math.Abs(single[n]-tile[n]) > 1e-12 {
				t.Fatalf("%s %v: tile %v, pair %v, want %v", name, p, tile[n], single[n], want)
			}
		}
	}
}

func TestFloatScoresOnePair(t *testing.T) {
	set := people(t, 2, 2, 8)
	score := make([]float64, 1)
	if err := NewFloat(set).Pairs(score, []Trial{{A: 1, B: 1}}); err != nil || math.Abs(score[0]-1) > 1e-12 {
		t.Errorf("a row with itself: %v, %v", score, err)
	}
}

// A threshold read off an int8 score never accepts a pair that scored below it.
// FAULTS: N8 N10
func TestInt8ScoreFollowsTheAcceptRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dim := rapid.SampledFrom([]int{1, 7, 64, 512}).Draw(t, "dim")
		element := rapid.Int8Range(-127, 127)
		rows := [4][]int8{}
		var norms [4]int32
		for i := range rows {
			rows[i] = rapid.SliceOfN(element, dim, dim).Draw(t, "row")
			rows[i][0] = 127
			norms[i], _ = simd.SumSquares(rows[i])
		}
		score := func(a, b int) float64 {
			return float64(simd.Dot(rows[a], rows[b])) / math.Sqrt(float64(norms[a])*float64(norms[b]))
		}
		cosine := score(0, 1)
		threshold, err := zhenni.NewThreshold(cosine)
		if err != nil {
			return // not positive
		}
		if accepted := threshold.Accept(simd.Dot(rows[2], rows[3]), norms[2], norms[3]); accepted && score(2, 3) < cosine-1e-12 {
			t.Errorf("score %v accepted at %v", score(2, 3), cosine)
		}
		if score(0, 0) != 1 {
			t.Errorf("a row with itself scores %v", score(0, 0))
		}
	})
}
