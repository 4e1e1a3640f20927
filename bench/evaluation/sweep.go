// Package evaluation runs the comparisons of engine/accuracy on all cores.
package evaluation

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"zhenni/engine/accuracy"
)

// Kind is how comparisons are scored.
type Kind string

// The kinds: Int8 as served, Float in float64.
const (
	Int8  Kind = "int8"
	Float Kind = "float"
)

// Scorer prepares the rows of set for scoring.
func (k Kind) Scorer(set *accuracy.Set) (accuracy.Scorer, error) {
	switch k {
	case Int8:
		return accuracy.NewInt8(set)
	case Float:
		return accuracy.NewFloat(set), nil
	}
	return nil, fmt.Errorf("evaluation: score %q: want int8 or float", string(k))
}

// AllPairs scores every unordered pair of set in workers goroutines and keeps at least the keep highest non-mated
// pairs. It calls done, from any of them, with the number of comparisons just scored. The result does not depend on
// workers. It returns the cause of ctx when that ends first.
func AllPairs(ctx context.Context, set *accuracy.Set, scorer accuracy.Scorer, keep, workers int, done func(comparisons int)) (*accuracy.Scores, error) {
	sweep, err := accuracy.NewSweep(set)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	tallies := make([]*accuracy.Tally, max(1, min(workers, sweep.Tiles())))
	var next atomic.Int64
	var wait sync.WaitGroup
	for w := range tallies {
		tallies[w] = accuracy.NewTally(keep)
		scorer := scorer.Fork()
		wait.Go(func() {
			for tile := int(next.Add(1)) - 1; tile < sweep.Tiles() && ctx.Err() == nil; tile = int(next.Add(1)) - 1 {
				n, err := sweep.Compare(tile, scorer, tallies[w])
				if err != nil {
					stop(err)
				}
				done(n)
			}
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return accuracy.Merge(tallies...), nil
}
