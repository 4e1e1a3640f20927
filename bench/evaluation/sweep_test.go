package evaluation

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"testing"

	"zhenni/engine/accuracy"
)

func people(t testing.TB, persons int) *accuracy.Set {
	t.Helper()
	set, err := accuracy.Population{Seed: 3, Dim: 32}.Set(persons, 1)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestAllPairsDoesNotDependOnWorkers(t *testing.T) {
	set := people(t, 700)
	mated, nonMated := set.Pairs()
	for _, kind := range []Kind{Int8, Float} {
		scorer, err := kind.Scorer(set)
		if err != nil {
			t.Fatal(err)
		}
		var want *accuracy.Scores
		for _, workers := range []int{1, 3, 100} {
			var done atomic.Int64
			got, err := AllPairs(t.Context(), set, scorer, 2000, workers, func(n int) { done.Add(int64(n)) })
			if err != nil {
				t.Fatal(err)
			}
			if done.Load() != mated+nonMated || got.NonMated != nonMated {
				t.Errorf("%d comparisons reported, want %d", done.Load(), mated+nonMated)
			}
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s with %d workers: another result", kind, workers)
			}
		}
	}
}

func TestAllPairsStopsWithItsCaller(t *testing.T) {
	set := people(t, 700)
	scorer, err := Int8.Scorer(set)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	if _, err := AllPairs(ctx, set, scorer, 10, 2, func(int) { cancel(cause) }); !errors.Is(err, cause) {
		t.Errorf("%v, want the cause", err)
	}
	if _, err := Kind("cosine").Scorer(set); err == nil {
		t.Error("an unknown kind has a scorer")
	}
}

// broken fails on its second tile.
type broken struct {
	accuracy.Scorer
	tiles *atomic.Int32
}

func (b broken) Fork() accuracy.Scorer { return b }

var errBroken = errors.New("broken")

func (b broken) Tile(dst []float64, rows, columns accuracy.Span) error {
	if b.tiles.Add(1) > 1 {
		return errBroken
	}
	return b.Scorer.Tile(dst, rows, columns)
}

func TestAllPairsReportsAFailedTile(t *testing.T) {
	set := people(t, 700)
	scorer := broken{accuracy.NewFloat(set), new(atomic.Int32)}
	if _, err := AllPairs(t.Context(), set, scorer, 10, 1, func(int) {}); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
}
