package accuracy

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// atMost is the chance of at most k successes in n trials of rate p, summed term by term.
func atMost(k, n int, p float64) float64 {
	var sum float64
	for i := range k + 1 {
		choose, _ := math.Lgamma(float64(n + 1))
		a, _ := math.Lgamma(float64(i + 1))
		b, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(choose - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func TestUpperBoundAgainstTables(t *testing.T) {
	for _, c := range []struct {
		errors, comparisons int64
		want                float64
	}{
		{0, 1, 0.95}, {0, 10, 0.2589}, {1, 10, 0.3942}, {2, 10, 0.5069}, {5, 10, 0.7776}, {9, 10, 0.9949},
		{0, 50, 0.0582}, {1, 50, 0.0914}, {0, 100, 0.0295}, {3, 100, 0.0757}, {10, 10, 1}, {0, 0, 1}, {3, 2, 1},
	} {
		if got := UpperBound(c.errors, c.comparisons); math.Abs(got-c.want) > 5e-5 {
			t.Errorf("%d of %d: %.5f, want %.4f", c.errors, c.comparisons, got, c.want)
		}
	}
}

// Without errors the bound has a closed form: 1 − 0.05^(1/n).
func TestUpperBoundWithoutErrors(t *testing.T) {
	for _, n := range []int64{1, 3, 1e3, 1e6, 11497221, 799960000, 5e9} {
		want := -math.Expm1(math.Log(0.05) / float64(n))
		if got := UpperBound(0, n); math.Abs(got/want-1) > 1e-6 {
			t.Errorf("n = %d: %g, want %g", n, got, want)
		}
	}
}

func TestUpperBoundIsWhereTheTailIsFivePercent(t *testing.T) {
	for _, c := range [][2]int{{1, 20}, {30, 1e6}, {114, 11497221}, {726, 799960000}, {999, 1000}} {
		bound := UpperBound(int64(c[0]), int64(c[1]))
		if got := atMost(c[0], c[1], bound); math.Abs(got-0.05) > 1e-4 {
			t.Errorf("%d of %d: chance %.6f at the bound %g", c[0], c[1], got, bound)
		}
	}
}

func TestUpperBoundIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1e9).Draw(t, "comparisons")
		k := rapid.Int64Range(0, min(n-1, 1e6)).Draw(t, "errors")
		bound := UpperBound(k, n)
		if !(bound > float64(k)/float64(n) && bound < 1) {
			t.Errorf("bound %g of rate %g", bound, float64(k)/float64(n))
		}
		if UpperBound(k+1, n) <= bound || UpperBound(k, 2*n) >= bound {
			t.Error("more errors must raise the bound, more comparisons lower it")
		}
	})
}
