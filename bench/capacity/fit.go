package capacity

import (
	"fmt"
	"math"

	"zhenni"
)

// Line is y = Base + Slope·x, neither below 0.
type Line struct{ Base, Slope float64 }

// At returns the line at x.
func (l Line) At(x float64) float64 { return l.Base + l.Slope*x }

// FitLine fits a line to two or more values above 0 by least squares of the relative errors, so that a small system's
// figure counts as much as a large one's. Fewer are [zhenni.ErrBadValue].
func FitLine(x, y []float64) (Line, error) {
	rows := make([][]float64, len(x))
	for i := range x {
		rows[i] = []float64{1, x[i]}
	}
	fit, err := relative(rows, y)
	if err != nil {
		return Line{}, err
	}
	return Line{fit[0], fit[1]}, nil
}

// relative fits y = rows·x, x ≥ 0, by least squares of (rows·x − y)/y.
func relative(rows [][]float64, y []float64) ([]float64, error) {
	if len(rows) < 2 || len(rows) != len(y) {
		return nil, fmt.Errorf("%w: a fit through %d points: want two or more", zhenni.ErrBadValue, len(rows))
	}
	scaled, ones := make([][]float64, len(rows)), make([]float64, len(rows))
	for i, row := range rows {
		if !(y[i] > 0) || math.IsInf(y[i], 0) {
			return nil, fmt.Errorf("%w: a fit through %v: want values above 0", zhenni.ErrBadValue, y[i])
		}
		for _, x := range row {
			scaled[i] = append(scaled[i], x/y[i])
		}
		ones[i] = 1
	}
	fit, ok := nonNegative(scaled, ones)
	if !ok {
		return nil, fmt.Errorf("%w: no fit through %v", zhenni.ErrBadValue, y)
	}
	return fit, nil
}

// Missed returns the share of reads that a cache of so many bytes does not hold, of reads spread evenly over a working set.
func Missed(working, cache float64) float64 {
	if working <= cache {
		return 0
	}
	return 1 - cache/working
}

// Cost is what one verification costs: Item, and its part of Request by the number of items of the request, and Miss
// where its row lies in memory and not in the cache. Nanoseconds of one core.
type Cost struct{ Item, Request, Miss float64 }

// CostPoint is a cost measured with rows of so many bytes in all, in requests of so many items.
type CostPoint struct{ Working, Items, Nanoseconds float64 }

// At returns the cost.
func (c Cost) At(working, items, cache float64) float64 {
	return c.Item + c.Request/items + c.Miss*Missed(working, cache)
}

// FitCost fits a cost to points of two or more working sets, one of them well beyond the cache, which is the last level's
// size in bytes. Where all requests have the same number of items, Request is 0.
func FitCost(points []CostPoint, cache float64) (Cost, error) {
	rows, y := make([][]float64, len(points)), make([]float64, len(points))
	same := true
	for i, p := range points {
		rows[i] = []float64{1, Missed(p.Working, cache), 1 / p.Items}
		y[i] = p.Nanoseconds
		same = same && p.Items == points[0].Items
	}
	if same { // what a request costs is then not told from what an item costs
		for i := range rows {
			rows[i] = rows[i][:2]
		}
	}
	fit, err := relative(rows, y)
	if err != nil {
		return Cost{}, err
	}
	cost := Cost{Item: fit[0], Miss: fit[1]}
	if !same {
		cost.Request = fit[2]
	}
	return cost, nil
}

// Tail is the p99 of single requests against the load u, the share in [0, 1) of the highest rate: Base + Queue·u/(1−u), as
// waiting grows in a queue. Milliseconds.
type Tail struct{ Base, Queue float64 }

// At returns the p99 at load u.
func (t Tail) At(u float64) float64 { return t.Base + t.Queue*u/(1-u) }

// Load returns the highest load at which the p99 is at most ms; not above 0 where none is low enough.
func (t Tail) Load(ms float64) float64 {
	if t.Queue == 0 {
		if ms < t.Base {
			return 0
		}
		return 1
	}
	q := (ms - t.Base) / t.Queue
	return q / (1 + q)
}

// FitTail fits a tail to the p99 at two or more loads.
func FitTail(loads, ms []float64) (Tail, error) {
	x := make([]float64, len(loads))
	for i, u := range loads {
		if !(u > 0 && u < 1) {
			return Tail{}, fmt.Errorf("%w: a load of %v: want more than 0 and less than 1", zhenni.ErrBadValue, u)
		}
		x[i] = u / (1 - u)
	}
	l, err := FitLine(x, ms)
	return Tail{l.Base, l.Slope}, err
}
