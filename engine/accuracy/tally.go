package accuracy

import (
	"cmp"
	"math"
	"slices"
)

// Pair is one scored comparison of the rows A and B of a set.
type Pair struct {
	Score float64
	A, B  int32
}

// bins is how finely [-1, 1] is cut: 6·10⁻⁵ a bin, over which a false match rate moves by a fraction of a percent.
const bins = 1 << 15

// binOf is the bin of a score; rounding may carry a score a little past 1.
func binOf(score float64) int { return min(max(int((score+1)*(bins/2)), 0), bins-1) }

// edgeOf is the lowest score of a bin.
func edgeOf(bin int) float64 { return float64(bin)/(bins/2) - 1 }

// firstPositive is the bin of the lowest score a threshold may have.
const firstPositive = bins / 2

// Tally gathers scores in bounded memory: mated scores one by one, non-mated ones as a histogram plus the highest of
// them one by one. It belongs to one goroutine; tallies are joined by [Merge].
type Tally struct {
	mated    []float64
	nonMated [bins]int64
	// highest holds every positive non-mated pair in bin floor and above, fewer than 2·keep of them.
	highest []Pair
	floor   int
	keep    int
	scratch []float64 // the scores of one tile
}

// NewTally returns a Tally that keeps at least the keep highest positive non-mated pairs, and at most about twice as
// many. Where more than keep/2 pairs crowd into one bin at the edge, fewer are kept; those kept are always complete
// down to a score.
func NewTally(keep int) *Tally { return &Tally{keep: max(keep, 1024), floor: firstPositive} }

func (t *Tally) addMated(scores []float64) { t.mated = append(t.mated, scores...) }

// addNonMated takes the scores of row a with the rows from b on.
func (t *Tally) addNonMated(a, b int, scores []float64) {
	for j, score := range scores {
		bin := binOf(score)
		t.nonMated[bin]++
		if bin >= t.floor && score > 0 {
			t.push(Pair{Score: score, A: int32(a), B: int32(b + j)})
		}
	}
}

func (t *Tally) push(p Pair) {
	t.highest = append(t.highest, p)
	if len(t.highest) >= 2*t.keep {
		t.cut()
	}
}

// cut raises the floor to the lowest bin above which no more than 1.5·keep pairs lie. Counts only grow, so the floor
// of a part is never above the floor of the whole, and merging loses nothing.
func (t *Tally) cut() {
	floor, above := bins, int64(0)
	for floor > t.floor && above+t.nonMated[floor-1] <= int64(t.keep+t.keep/2) {
		floor--
		above += t.nonMated[floor]
	}
	t.floor = floor
	t.highest = slices.DeleteFunc(t.highest, func(p Pair) bool { return binOf(p.Score) < floor })
}

// Scores is what a list of comparisons comes to.
type Scores struct {
	// Mated holds every mated score, ascending.
	Mated []float64
	// NonMated counts the non-mated comparisons.
	NonMated int64
	// Highest holds the highest positive non-mated pairs, descending; equal scores by row. It is complete: a
	// non-mated pair that is absent scores below all of them.
	Highest []Pair
	// Curve is both error rates at every threshold, to the width of a bin where Highest is not all there is.
	Curve Curve
	// floor is the score from which on Highest is complete.
	floor float64
}

// Merge joins tallies of one sweep, all made with the same keep; the tallies are consumed. The result does not depend
// on how the comparisons were divided among them.
func Merge(tallies ...*Tally) *Scores {
	all := NewTally(tallies[0].keep)
	for _, t := range tallies {
		all.mated = append(all.mated, t.mated...)
		all.highest = append(all.highest, t.highest...)
		all.floor = max(all.floor, t.floor)
		for bin, n := range t.nonMated {
			all.nonMated[bin] += n
		}
		*t = Tally{}
	}
	if all.floor > firstPositive || len(all.highest) >= 2*all.keep {
		all.floor = firstPositive
		all.cut()
	}
	slices.Sort(all.mated)
	slices.SortFunc(all.highest, descending)
	s := &Scores{Mated: all.mated, Highest: all.highest, Curve: histogramCurve(all.mated, &all.nonMated)}
	s.NonMated = s.Curve.nonMated
	switch {
	case all.floor == bins:
		s.floor = math.Inf(1) // not even the last bin is held
	case all.floor > firstPositive:
		s.floor = edgeOf(all.floor)
	}
	return s
}

func descending(p, q Pair) int {
	return cmp.Or(cmp.Compare(q.Score, p.Score), cmp.Compare(p.A, q.A), cmp.Compare(p.B, q.B))
}

// atOrAbove counts the pairs of Highest that score t or more.
func (s *Scores) atOrAbove(t float64) int {
	n, _ := slices.BinarySearchFunc(s.Highest, t, func(p Pair, t float64) int {
		if p.Score >= t {
			return -1
		}
		return 1
	})
	return n
}

// complete reports whether Highest holds every non-mated pair that scores t or more.
func (s *Scores) complete(t float64) bool { return t > 0 && t >= s.floor }

// below counts the mated scores below t.
func (s *Scores) below(t float64) int64 {
	n, _ := slices.BinarySearch(s.Mated, t)
	return int64(n)
}
