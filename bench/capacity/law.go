package capacity

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"zhenni"
)

// Law is the universal scalability law, X(n) = λn / (1 + σ(n−1) + κn(n−1)): N. J. Gunther, Guerrilla Capacity Planning,
// Springer 2007, chapter 4.
type Law struct {
	// Lambda is the rate of one shard alone. Sigma is the share of work that waits for others (contention), Kappa what
	// each pair of shards costs to agree (coherency); neither is below 0.
	Lambda, Sigma, Kappa float64
	// R2 is the share of the variance of the rates that the law explains, WorstError the largest |X−law|/X of a point.
	R2, WorstError float64
}

// Scale is a rate measured at a number of shards.
type Scale struct{ Shards, Rate float64 }

// At returns the rate at n shards.
func (l Law) At(n float64) float64 {
	return l.Lambda * n / (1 + l.Sigma*(n-1) + l.Kappa*n*(n-1))
}

// Peak returns the number of shards of the highest rate, at least 1; +Inf where more is always better.
func (l Law) Peak() float64 {
	if l.Sigma >= 1 {
		return 1
	}
	return max(1, math.Sqrt((1-l.Sigma)/l.Kappa)) // +Inf where Kappa is 0
}

// FitLaw fits the law to rates at three or more different numbers of shards, or returns [zhenni.ErrBadValue].
//
// The law is linear in its reciprocal: n/X = a + b(n−1) + c·n(n−1) with a = 1/λ, b = σ/λ, c = κ/λ. Rates scatter in
// proportion to themselves, so each row is weighted by X/n, which makes the residual of row i the relative error of its
// rate (to first order), the quantity worth making small. What remains is least squares with b, c ≥ 0 in three unknowns.
// The optimum has each bound either free or at zero, so the best feasible one of four unbounded solutions is it, without
// iterations or a starting value.
func FitLaw(points []Scale) (Law, error) {
	distinct := map[float64]bool{}
	for _, p := range points {
		if !(p.Shards >= 1) || !(p.Rate > 0) || math.IsInf(p.Shards, 0) || math.IsInf(p.Rate, 0) {
			return Law{}, fmt.Errorf("%w: rate %v at %v shards: want a rate above 0 at 1 or more", zhenni.ErrBadValue, p.Rate, p.Shards)
		}
		distinct[p.Shards] = true
	}
	if len(distinct) < 3 {
		return Law{}, fmt.Errorf("%w: rates at %d numbers of shards: a law of three parameters wants three or more", zhenni.ErrBadValue, len(distinct))
	}
	columns := []func(n float64) float64{
		func(float64) float64 { return 1 }, func(n float64) float64 { return n - 1 }, func(n float64) float64 { return n * (n - 1) },
	}
	rows := make([][]float64, len(points))
	ones := make([]float64, len(points))
	for i, p := range points {
		for _, column := range columns {
			rows[i] = append(rows[i], column(p.Shards)*p.Rate/p.Shards)
		}
		ones[i] = 1
	}
	x, ok := nonNegative(rows, ones)
	if !ok || !(x[0] > 0) {
		return Law{}, fmt.Errorf("%w: no scalability law fits these rates", zhenni.ErrBadValue)
	}
	l := Law{Lambda: 1 / x[0], Sigma: x[1] / x[0], Kappa: x[2] / x[0]}
	l.judge(points)
	return l, nil
}

// judge says how well the law describes the points.
func (l *Law) judge(points []Scale) {
	var mean, left, total float64
	for _, p := range points {
		mean += p.Rate / float64(len(points))
	}
	for _, p := range points {
		miss := p.Rate - l.At(p.Shards)
		left += miss * miss
		total += (p.Rate - mean) * (p.Rate - mean)
		l.WorstError = max(l.WorstError, math.Abs(miss)/p.Rate)
	}
	if total > 0 {
		l.R2 = 1 - left/total
	}
}

// nonNegative minimises |rows·x − target| over x ≥ 0 by trying every set of unknowns that are not zero: for the few
// unknowns of this package that is exact and quick. It reports false where no set is solvable.
func nonNegative(rows [][]float64, target []float64) (best []float64, ok bool) {
	unknowns, least := len(rows[0]), math.Inf(1)
	for set := 1; set < 1<<unknowns; set++ {
		x, miss, solved := solve(rows, target, set)
		if solved && miss < least {
			best, least, ok = x, miss, true
		}
	}
	return best, ok
}

// solve returns the least squares over the unknowns in the set, the others being 0; false where one comes out below 0.
func solve(rows [][]float64, target []float64, set int) (x []float64, miss float64, ok bool) {
	var chosen []int
	for k := range rows[0] {
		if set>>k&1 == 1 {
			chosen = append(chosen, k)
		}
	}
	if len(rows) < len(chosen) {
		return nil, 0, false
	}
	a := mat.NewDense(len(rows), len(chosen), nil)
	for i, row := range rows {
		for j, k := range chosen {
			a.Set(i, j, row[k])
		}
	}
	var solution mat.VecDense
	if err := solution.SolveVec(a, mat.NewVecDense(len(target), target)); err != nil {
		return nil, 0, false
	}
	x = make([]float64, len(rows[0]))
	for j, k := range chosen {
		if x[k] = solution.AtVec(j); !(x[k] >= 0) {
			return nil, 0, false
		}
	}
	for i, row := range rows {
		left := -target[i]
		for k := range x {
			left += row[k] * x[k]
		}
		miss += left * left
	}
	return x, miss, true
}
