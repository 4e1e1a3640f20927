package ingress

import (
	"math"
	"slices"

	"zhenni/bench/result"
)

// A tolerance is how far a series may move over the second half of a soak, as a share of its median there; what moves less than
// the floor does not count.
type tolerance struct {
	share, floor float64
	// falling is of a series that is better high, else it is better low.
	falling bool
}

// tolerances of the series that are judged. Memory of a process that is full of caches settles late; p99 is the noisiest.
var tolerances = map[string]tolerance{
	"rate":            {share: 0.05, falling: true},
	"p50":             {share: 0.25, floor: 0.2},
	"p99":             {share: 0.5, floor: 2},
	"resident memory": {share: 0.05, floor: 16 << 20},
	"heap":            {share: 0.1, floor: 32 << 20},
	"goroutines":      {share: 0.05, floor: 8},
	"descriptors":     {share: 0.05, floor: 8},
	"disk":            {share: 0.1, floor: 64 << 20},
}

// leastJudged is the samples of the second half that it takes to judge.
const leastJudged = 5

// Judge tells, for every series it has a tolerance for, how much it moved for the worse over its second half, in per cent of
// its median there: the slope of Theil and Sen (the median of the slopes between all pairs of points, which a third of outliers
// does not move), taken at the end of its 95 % interval that is nearer to no slope at all, times the time it covers. So noise
// alone is no drift. Series of fewer points than ten are not judged.
func Judge(series []result.Series) (findings []Finding) {
	for _, s := range series {
		t, known := tolerances[s.Name]
		half := s.Points[len(s.Points)/2:]
		if !known || len(half) < leastJudged {
			continue
		}
		values := make([]float64, len(half))
		for i, p := range half {
			values[i] = p[1]
		}
		low, high := slope(half)
		if t.falling {
			low = -high
		}
		moved := low * (half[len(half)-1][0] - half[0][0])
		if moved < t.floor {
			moved = 0
		}
		findings = append(findings, Finding{
			Name: s.Name + ", worse over the second half", Measured: 100 * moved / max(result.Median(values), 1e-9), Wanted: 100 * t.share, Unit: "%", AtMost: true,
		})
	}
	return findings
}

// slope is the 95 % interval of the slope of Theil and Sen (Sen, Journal of the American Statistical Association 63, 1968).
func slope(points [][2]float64) (low, high float64) {
	n := len(points)
	slopes := make([]float64, 0, n*(n-1)/2)
	for i, a := range points {
		for _, b := range points[i+1:] {
			if b[0] > a[0] {
				slopes = append(slopes, (b[1]-a[1])/(b[0]-a[0]))
			}
		}
	}
	if len(slopes) == 0 {
		return 0, 0
	}
	slices.Sort(slopes)
	half := 1.96 * math.Sqrt(float64(n*(n-1)*(2*n+5))/18) / 2 // of the width, in ranks
	middle := float64(len(slopes)-1) / 2
	return slopes[int(max(math.Floor(middle-half), 0))], slopes[int(min(math.Ceil(middle+half), float64(len(slopes)-1)))]
}
