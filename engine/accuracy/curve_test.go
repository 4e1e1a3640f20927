package accuracy

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func TestCurveByHand(t *testing.T) {
	// Above 0.5 lie 1 of 5 non-mated and 4 of 5 mated scores: both errors are 20 %.
	mated := []float64{0.4, 0.6, 0.7, 0.8, 0.9}
	nonMated := []float64{-0.2, 0.1, 0.2, 0.3, 0.65}
	c := exactCurve(mated, nonMated)
	if got := c.EER(); !near(got, 0.2, 1e-12) {
		t.Errorf("EER %v, want 0.2", got)
	}
	// At prior 0.5, t = 0.4 costs (0 + 1/5)/2 and nothing costs less; divided by 0.5.
	if got := c.MinDCF(0.5); !near(got, 0.2, 1e-12) {
		t.Errorf("minDCF %v, want 0.2", got)
	}
	// At prior 0.01 a false match costs 99 times a miss: t = 0.7 misses 2 of 5 and matches none.
	if got := c.MinDCF(0.01); !near(got, 0.4, 1e-12) {
		t.Errorf("minDCF %v, want 0.4", got)
	}
	if best := c.bestBalanced(); best != 0.4 || !near(c.balanced(c.at(best)), 0.9, 1e-12) {
		t.Errorf("best threshold %v with %v, want 0.4 with 0.9", best, c.balanced(c.at(best)))
	}
	for threshold, want := range map[float64][2]int64{-1: {5, 0}, 0.3: {2, 0}, 0.30001: {1, 0}, 0.65: {1, 2}, 0.66: {0, 2}, 1: {0, 5}} {
		if p := c.at(threshold); p.falseMatches != want[0] || p.falseNonMatches != want[1] {
			t.Errorf("at %v: %d false matches and %d false non-matches, want %v", threshold, p.falseMatches, p.falseNonMatches, want)
		}
	}
	if got := c.atMost(0.5).falseMatches; got != 1 {
		t.Errorf("at most 0.5: %d", got)
	}
}

func TestEERAtTheEnds(t *testing.T) {
	if got := exactCurve([]float64{0.8, 0.9}, []float64{0.1, 0.2}).EER(); got != 0 {
		t.Errorf("separable: EER %v", got)
	}
	if got := exactCurve([]float64{0.1, 0.2}, []float64{0.8, 0.9}).EER(); got != 1 {
		t.Errorf("reversed: EER %v", got)
	}
	if got := exactCurve([]float64{0.5}, []float64{0.5}).EER(); got != 0.5 {
		t.Errorf("equal: EER %v", got)
	}
	// Normal scores two standard deviations apart cross at Φ(−1).
	var mated, nonMated []float64
	for i := range 20000 {
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/20000-1) / 10
		mated, nonMated = append(mated, z+0.2), append(nonMated, z)
	}
	if got, want := exactCurve(mated, nonMated).EER(), 0.5*math.Erfc(1/math.Sqrt2); !near(got, want, 1e-4) {
		t.Errorf("normal: EER %v, want %v", got, want)
	}
}

// The histogram gives the figures of the full list to the width of a bin.
func TestHistogramCurveAgainstExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	var mated, nonMated []float64
	var counts [bins]int64
	for range 30000 {
		mated = append(mated, math.Tanh(0.6+0.2*rng.NormFloat64()))
		nonMated = append(nonMated, math.Tanh(0.2*rng.NormFloat64()))
		counts[binOf(nonMated[len(nonMated)-1])]++
	}
	slices.Sort(mated)
	slices.Sort(nonMated)
	binned, exact := histogramCurve(mated, &counts), exactCurve(mated, nonMated)
	if !near(binned.EER(), exact.EER(), 1e-3) || !near(binned.MinDCF(Prior), exact.MinDCF(Prior), 2e-3) {
		t.Errorf("EER %v and %v, minDCF %v and %v", binned.EER(), exact.EER(), binned.MinDCF(Prior), exact.MinDCF(Prior))
	}
	for _, c := range []Curve{binned, exact} {
		det := c.DET(10)
		if len(det) < 20 || len(det) > 60 {
			t.Errorf("%d points", len(det))
		}
		for i := 1; i < len(det); i++ {
			if det[i].FMR > det[i-1].FMR || det[i].FNMR < det[i-1].FNMR || det[i].Cosine <= det[i-1].Cosine {
				t.Fatalf("point %d: %v after %v", i, det[i], det[i-1])
			}
		}
		_, _, m, n := c.Density(50)
		var sumM, sumN float64
		for i := range m {
			sumM, sumN = sumM+m[i], sumN+n[i]
		}
		if !near(sumM, 1, 1e-9) || !near(sumN, 1, 1e-9) {
			t.Errorf("shares sum to %v and %v", sumM, sumN)
		}
	}
}
