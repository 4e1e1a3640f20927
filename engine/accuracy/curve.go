package accuracy

import (
	"math"
	"slices"

	"zhenni"
)

// Curve is both error counts at a rising list of thresholds. The last point is above every score.
type Curve struct {
	mated, nonMated int64
	points          []curvePoint
}

type curvePoint struct {
	cosine float64
	// falseMatches are the non-mated scores at or above cosine, falseNonMatches the mated ones below.
	falseMatches, falseNonMatches int64
}

// histogramCurve has a point at the lower edge of every bin that holds a score.
func histogramCurve(mated []float64, nonMated *[bins]int64) Curve {
	var matedIn [bins]int64
	for _, score := range mated {
		matedIn[binOf(score)]++
	}
	c := Curve{mated: int64(len(mated))}
	for _, n := range nonMated {
		c.nonMated += n
	}
	p := curvePoint{falseMatches: c.nonMated}
	for bin := range bins {
		if nonMated[bin]+matedIn[bin] == 0 {
			continue
		}
		p.cosine = edgeOf(bin)
		c.points = append(c.points, p)
		p.falseMatches -= nonMated[bin]
		p.falseNonMatches += matedIn[bin]
	}
	p.cosine = math.Inf(1)
	c.points = append(c.points, p)
	return c
}

// exactCurve has a point at every distinct score. Both lists are ascending.
func exactCurve(mated, nonMated []float64) Curve {
	c := Curve{mated: int64(len(mated)), nonMated: int64(len(nonMated))}
	i, j := 0, 0
	for {
		p := curvePoint{cosine: math.Inf(1), falseMatches: int64(len(nonMated) - j), falseNonMatches: int64(i)}
		if i < len(mated) {
			p.cosine = mated[i]
		}
		if j < len(nonMated) {
			p.cosine = min(p.cosine, nonMated[j])
		}
		c.points = append(c.points, p)
		if math.IsInf(p.cosine, 1) {
			return c
		}
		for i < len(mated) && mated[i] == p.cosine {
			i++
		}
		for j < len(nonMated) && nonMated[j] == p.cosine {
			j++
		}
	}
}

func (c Curve) rates(p curvePoint) (fmr, fnmr float64) {
	return float64(p.falseMatches) / float64(c.nonMated), float64(p.falseNonMatches) / float64(c.mated)
}

// EER is the rate at which both errors are equal, between two points in proportion.
func (c Curve) EER() float64 {
	previousFMR, previousFNMR := 1.0, 0.0
	for _, p := range c.points {
		fmr, fnmr := c.rates(p)
		if gap := fnmr - fmr; gap >= 0 {
			before := previousFMR - previousFNMR
			if before+gap == 0 {
				return fmr
			}
			share := before / (before + gap)
			return previousFNMR + share*(fnmr-previousFNMR)
		}
		previousFMR, previousFNMR = fmr, fnmr
	}
	return previousFNMR
}

// MinDCF is the least detection cost over all thresholds, with unit costs and the given prior of a mated comparison,
// divided by the cost of the better of the two constant answers (NIST SRE).
func (c Curve) MinDCF(prior float64) float64 {
	least := math.Inf(1)
	for _, p := range c.points {
		fmr, fnmr := c.rates(p)
		least = min(least, prior*fnmr+(1-prior)*fmr)
	}
	return least / min(prior, 1-prior)
}

// DET thins the curve to one point for each of perDecade parts of a decade of the false match rate, from loose to
// strict, and ends with the strictest threshold that has an error.
func (c Curve) DET(perDecade int) []zhenni.OperatingPoint {
	var det []zhenni.OperatingPoint
	last := math.Inf(1)
	var fmr, fnmr, cosine float64
	for _, p := range c.points {
		if p.falseMatches == 0 || p.cosine <= 0 {
			continue
		}
		cosine = p.cosine
		fmr, fnmr = c.rates(p)
		if step := math.Floor(math.Log10(fmr) * float64(perDecade)); step < last {
			last = step
			det = append(det, zhenni.OperatingPoint{Cosine: cosine, FMR: fmr, FNMR: fnmr})
		}
	}
	if n := len(det); n > 0 && det[n-1].Cosine < cosine {
		det = append(det, zhenni.OperatingPoint{Cosine: cosine, FMR: fmr, FNMR: fnmr})
	}
	return det
}

// Density is the share of mated and of non-mated scores in each of n equal parts of [low, high], the range that holds
// every score.
func (c Curve) Density(n int) (low, high float64, mated, nonMated []float64) {
	scored := c.points[:len(c.points)-1]
	low, high = scored[0].cosine, scored[len(scored)-1].cosine
	mated, nonMated = make([]float64, n), make([]float64, n)
	for i, p := range scored {
		next := c.points[i+1]
		part := min(int((p.cosine-low)/(high-low)*float64(n)), n-1)
		if high == low {
			part = 0
		}
		mated[part] += float64(next.falseNonMatches-p.falseNonMatches) / float64(c.mated)
		nonMated[part] += float64(p.falseMatches-next.falseMatches) / float64(c.nonMated)
	}
	return low, high, mated, nonMated
}

// bestBalanced is the threshold with the highest balanced accuracy; among equals, the lowest.
func (c Curve) bestBalanced() float64 {
	best := slices.MaxFunc(c.points, func(p, q curvePoint) int {
		a, b := c.balanced(p), c.balanced(q)
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	})
	return best.cosine
}

func (c Curve) balanced(p curvePoint) float64 {
	fmr, fnmr := c.rates(p)
	return 1 - (fmr+fnmr)/2
}

// at is the point that counts the errors at threshold t.
func (c Curve) at(t float64) curvePoint {
	i, _ := slices.BinarySearchFunc(c.points, t, func(p curvePoint, t float64) int {
		if p.cosine < t {
			return -1
		}
		return 1
	})
	return c.points[min(i, len(c.points)-1)]
}

// atMost is the last point at or below t: it counts no fewer false matches than t has.
func (c Curve) atMost(t float64) curvePoint {
	i := slices.IndexFunc(c.points, func(p curvePoint) bool { return p.cosine > t })
	return c.points[max(i-1, 0)]
}
