package result

import (
	"math"

	"github.com/aclements/go-moremath/stats"
	"gonum.org/v1/gonum/stat/distuv"
)

// cutOff returns how many of the ordered pairwise ratios of n1 and n2 rounds lie below the interval, and above it: the
// most for which the chance of that few or fewer, twice, stays within [Alpha]. It is 0 where the rounds are too few. As
// the test does, it counts exactly up to 50 rounds and takes the normal approximation beyond.
func cutOff(n1, n2 int) int {
	if max(n1, n2) > stats.MannWhitneyExactLimit {
		mean := float64(n1) * float64(n2) / 2
		deviation := math.Sqrt(mean * float64(n1+n2+1) / 6)
		return max(0, int(math.Floor(mean-0.5-deviation*distuv.UnitNormal.Quantile(1-Alpha/2)))+1)
	}
	u := stats.UDist{N1: n1, N2: n2}
	low, high := 0, n1*n2/2+1 // u.CDF(low-1) is small enough, u.CDF(high-1) is not
	for high-low > 1 {
		if middle := (low + high) / 2; 2*u.CDF(float64(middle-1)) <= Alpha {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
