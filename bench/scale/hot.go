package scale

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhenni"
	"zhenni/bench/layer"
	"zhenni/bench/result"
	"zhenni/engine"
	"zhenni/storage"
)

// hot fills an arena from the store and measures verification in it, asked about populations of growing size, each in turns with
// the dot products of the same rows.
func (j *job) hot(ctx context.Context) (_ *outcome, err error) {
	store, err := j.Scale.openStore(j.Folder, storage.ColdNone)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	arena, err := engine.NewArena(j.people.Dim, j.Arena)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, arena.Close()) }()
	begun := time.Now()
	if err := layer.Warm(ctx, arena, store, j.Scale.Threads); err != nil {
		return nil, err
	}
	done := &outcome{Rows: arena.Stats().Rows}
	warmed := once("warm", result.PerSecond, rate(done.Rows, time.Since(begun)))
	if err := settle(ctx, store); err != nil {
		return nil, err
	}
	cases, slab, err := j.hotCases(arena, store, done.Rows)
	if err != nil {
		return nil, err
	}
	reads := arena.Stats().StoreReads
	if done.Measurements, err = j.turns(ctx, cases); err != nil {
		return nil, err
	}
	if arena.Stats().StoreReads != reads {
		return nil, fmt.Errorf("%w: the store was read while memory was measured", errWrong)
	}
	done.Measurements = append(done.Measurements, warmed)
	done.Places = j.hotPlaces(arena, slab)
	return done, nil
}

const (
	// firstPopulation is how many credentials are asked about first, where there are populationStep times as many or more.
	firstPopulation = 1_000_000
	populationStep  = 10
)

// populations are how many credentials are asked about, of so many in memory: the first, each a step larger, and all.
func populations(rows int64) (sizes []int64) {
	for n := max(1, min(firstPopulation, rows/populationStep)); n < rows; n *= populationStep {
		sizes = append(sizes, n)
	}
	return append(sizes, rows)
}

// hotCases are those of all populations, the largest first: the headline. In items a second:
//
//	verify/hot/credentials=N   Matcher.Verify of probes that come quantised, by all matchers; limit: bare
//	bare/credentials=N         the dot products of the same batches alone: DotPairs of the same probes and the same rows
func (j *job) hotCases(arena *engine.Arena, store engine.Store, rows int64) (cases []result.Case, all *slab, err error) {
	for _, n := range populations(rows) {
		rings, err := j.Scale.rings(j.people, n)
		if err != nil {
			return nil, nil, err
		}
		matchers := j.matchers(arena, store, rings[0].rule)
		if err := answer(rings, matchers); err != nil {
			return nil, nil, err
		}
		if all, err = locate(arena, j.people, rings); err != nil {
			return nil, nil, err
		}
		elements := all.elements()
		for _, r := range rings {
			if err := r.agree(elements); err != nil {
				return nil, nil, err
			}
		}
		add := func(name, limit string, work func(t int) (int, error)) {
			m := result.Measurement{Name: among(name, n), Unit: result.PerSecond, Sweep: "credentials", X: float64(n)}
			if limit != "" {
				m.Limit = among(limit, n)
			}
			cases = append(cases, result.Case{Measurement: m, Measure: func(ctx context.Context, about time.Duration) (result.Sample, error) {
				return layer.Press(ctx, len(rings), about, work)
			}})
		}
		add("bare", "", func(t int) (int, error) { return rings[t].dotPairs(elements), nil })
		add("verify/hot", "bare", func(t int) (int, error) { return rings[t].verify(matchers[t]) })
	}
	slices.Reverse(cases)
	return cases, all, nil
}

// among is the name of a measurement of questions about n credentials.
func among(name string, n int64) string { return fmt.Sprintf("%s/credentials=%d", name, n) }

// answer has every question answered once, from what the store gave.
func answer(rings []*ring, matchers []*engine.Matcher) error {
	for t, r := range rings {
		for range r.batches {
			if _, err := r.verify(matchers[t]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *job) matchers(arena *engine.Arena, store engine.Store, rule zhenni.Threshold) []*engine.Matcher {
	matchers := make([]*engine.Matcher, j.Scale.Threads)
	for t := range matchers {
		matchers[t] = engine.NewMatcher(arena, store, rule)
	}
	return matchers
}

// turns measures cases and says how far it is.
func (j *job) turns(ctx context.Context, cases []result.Case) ([]result.Measurement, error) {
	begun, all := int64(0), int64(j.Scale.Rounds*len(cases))
	return result.Turns(ctx, j.Scale.Rounds, j.Scale.Time, cases, func(int, string) {
		j.at(begun, all)
		begun++
	})
}
