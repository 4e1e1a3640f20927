package accuracy

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"zhenni"
)

// allPairs scores all pairs of set in one goroutine.
func allPairs(t testing.TB, set *Set, scorer Scorer, keep int) *Scores {
	t.Helper()
	sweep, err := NewSweep(set)
	if err != nil {
		t.Fatal(err)
	}
	tally := NewTally(keep)
	for tile := range sweep.Tiles() {
		if _, err := sweep.Compare(tile, scorer, tally); err != nil {
			t.Fatal(err)
		}
	}
	return Merge(tally)
}

func TestSweepComparesEveryPairOnce(t *testing.T) {
	// Persons of 1 to 40 samples, over three tiles, so that some lie across an edge.
	var labels []Label
	var values []float32
	rng := rand.New(rand.NewPCG(3, 3))
	for person := 0; len(labels) < 600; person++ {
		for range 1 + rng.IntN(40) {
			labels = append(labels, Label{fmt.Sprintf("%04d", len(labels)), fmt.Sprintf("%03d", person)})
			for range 4 {
				values = append(values, rng.Float32()-0.3)
			}
		}
	}
	set, err := NewSet(4, labels, values)
	if err != nil {
		t.Fatal(err)
	}
	scores := allPairs(t, set, NewFloat(set), 1<<20)
	var mated []float64
	var positive []Pair
	var nonMated int64
	for i := range set.Len() {
		for j := i + 1; j < set.Len(); j++ {
			score := plainCosine(set.Embedding(i), set.Embedding(j))
			if set.Label(i).Person == set.Label(j).Person {
				mated = append(mated, score)
				continue
			}
			nonMated++
			if score > 1e-9 {
				positive = append(positive, Pair{score, int32(i), int32(j)})
			}
		}
	}
	slices.Sort(mated)
	if wantMated, wantNonMated := set.Pairs(); int64(len(mated)) != wantMated || nonMated != wantNonMated {
		t.Fatal("Pairs miscounts")
	}
	if len(scores.Mated) != len(mated) || scores.NonMated != nonMated || len(scores.Highest) < len(positive) {
		t.Fatalf("%d mated, %d non-mated, %d highest; want %d, %d, %d",
			len(scores.Mated), scores.NonMated, len(scores.Highest), len(mated), nonMated, len(positive))
	}
	for i := range mated {
		if d := scores.Mated[i] - mated[i]; d > 1e-12 || d < -1e-12 {
			t.Fatalf("mated %d: %v, want %v", i, scores.Mated[i], mated[i])
		}
	}
	seen := make(map[[2]int32]bool)
	for _, p := range scores.Highest {
		if p.A >= p.B || seen[[2]int32{p.A, p.B}] || set.persons[p.A] == set.persons[p.B] {
			t.Fatalf("pair %v", p)
		}
		seen[[2]int32{p.A, p.B}] = true
	}
}

func TestSweepWantsBothKindsOfPair(t *testing.T) {
	for name, labels := range map[string][]Label{
		"one person":       {{"a", "p"}, {"b", "p"}},
		"one sample each":  {{"a", "p"}, {"b", "q"}},
		"a single sample":  {{"a", "p"}},
		"too many samples": nil,
	} {
		if labels == nil {
			for i := range 8200 {
				labels = append(labels, Label{fmt.Sprint(i), "p"})
			}
			labels = append(labels, Label{"x", "q"})
		}
		values := make([]float32, len(labels))
		for i := range values {
			values[i] = 1
		}
		set, err := NewSet(1, labels, values)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewSweep(set); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The same comparisons give the same scores however they are divided among tallies.
func TestMergeDoesNotDependOnTheDivision(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const rows, columns, keep = 100, 400, 2000
	scores := make([][]float64, rows)
	for i := range scores {
		for range columns {
			scores[i] = append(scores[i], float64(rng.IntN(2000)-1000)/1000) // many ties
		}
	}
	var want *Scores
	for _, workers := range []int{1, 2, 7} {
		tallies := make([]*Tally, workers)
		for w := range tallies {
			tallies[w] = NewTally(keep)
		}
		for _, i := range rng.Perm(rows) {
			tallies[rng.IntN(workers)].addNonMated(i, rows, scores[i])
		}
		tallies[0].addMated([]float64{0.5, 0.7})
		got := Merge(tallies...)
		if want == nil {
			want = got
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d workers: another result", workers)
		}
	}
	checkHighest(t, want, slices.Concat(scores...), keep)
}

// checkHighest compares Highest with a full sort.
func checkHighest(t *testing.T, s *Scores, all []float64, keep int) {
	t.Helper()
	slices.SortFunc(all, func(a, b float64) int { return cmp.Compare(b, a) })
	if len(s.Highest) < keep || len(s.Highest) > 2*keep {
		t.Errorf("%d kept, want %d or more", len(s.Highest), keep)
	}
	for i, p := range s.Highest {
		if p.Score != all[i] {
			t.Fatalf("number %d is %v, want %v", i, p.Score, all[i])
		}
	}
	if next := all[len(s.Highest)]; next >= s.Highest[len(s.Highest)-1].Score {
		t.Errorf("a tie at %v was left out", next)
	}
}

// A score of 0, and one so little below it that it shares its bin, is no threshold.
func TestTallyHoldsPositiveScores(t *testing.T) {
	tally := NewTally(1024)
	tally.addNonMated(0, 1, []float64{0, 0.5, -1e-17, 1e-17, math.Copysign(0, -1), -0.5})
	s := Merge(tally)
	if len(s.Highest) != 2 || s.Highest[0].Score != 0.5 || s.Highest[1].Score != 1e-17 || s.NonMated != 6 {
		t.Errorf("%d non-mated, held are %v", s.NonMated, s.Highest)
	}
}

func TestTallyIsBoundedWhenAllScoresTie(t *testing.T) {
	tally := NewTally(1024)
	row := make([]float64, 1000)
	for i := range row {
		row[i] = 0.25
	}
	for i := range 50 {
		tally.addNonMated(i, 50, row)
		if len(tally.highest) > 2*1024 {
			t.Fatalf("%d kept", len(tally.highest))
		}
	}
	s := Merge(tally)
	if s.NonMated != 50_000 || len(s.Highest) != 0 || s.complete(0.25) || !s.complete(0.26) {
		t.Errorf("%d non-mated, %d kept, floor %v", s.NonMated, len(s.Highest), s.floor)
	}
}
