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
// does not move) times the time it covers. Series of fewer points than ten are not judged.
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
		level := result.Median(values)
		moved := slope(half) * (half[len(half)-1][0] - half[0][0])
		if t.falling {
			moved = -moved
		}
		if math.Abs(moved) < t.floor || level == 0 {
			moved = 0
		}
		findings = append(findings, Finding{s.Name + ", worse over the second half", max(100*moved/max(level, 1e-9), 0), 100 * t.share, "%", true})
	}
	return findings
}

// slope is that of Theil and Sen.
func slope(points [][2]float64) float64 {
	slopes := make([]float64, 0, len(points)*(len(points)-1)/2)
	for i, a := range points {
		for _, b := range points[i+1:] {
			if b[0] > a[0] {
				slopes = append(slopes, (b[1]-a[1])/(b[0]-a[0]))
			}
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2]
}
