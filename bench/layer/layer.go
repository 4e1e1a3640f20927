package layer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/result"
	"zhenni/engine"
)

// Bench is a layer made ready: the cases to be measured in turns ([result.Turns]), the first of them the headline. The
// cases are measured one at a time. Close is called once, when none is.
type Bench struct {
	Cases []result.Case
	// release is run by Close, last first.
	release []func() error
}

// Close ends what the bench started and gives back its memory and its files.
func (b *Bench) Close() error {
	var errs []error
	for _, release := range slices.Backward(b.release) {
		errs = append(errs, release())
	}
	b.release = nil
	return errors.Join(errs...)
}

func (b *Bench) add(m result.Measurement, measure func(context.Context, time.Duration) (result.Sample, error)) {
	b.Cases = append(b.Cases, result.Case{Measurement: m, Measure: measure})
}

func (b *Bench) atClose(release func() error) { b.release = append(b.release, release) }

// opened returns b, or closes what there is of it where it could not be made.
func (b *Bench) opened(err error) (*Bench, error) {
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// warmShare is the share of the time of a sample that is pressed before it and not counted: what the case before left in
// the caches, in the branch predictor and in the clock of the processor is not this one's.
const warmShare = 8

// press keeps that many threads at work for about so long and returns the rate of the items that work says it did, with
// the latency of its calls and the objects taken from the heap for each, to four digits behind the point. work is called by
// one goroutine a thread.
func press(ctx context.Context, threads int, about time.Duration, work func(thread int) (items int, err error)) (result.Sample, error) {
	load := bench.Load{Workers: threads, Duration: about / warmShare}
	if _, err := load.Run(ctx, work); err != nil {
		return result.Sample{}, err
	}
	before := allocated()
	load.Duration = about
	done, err := load.Run(ctx, work)
	for err == nil && done.Items == 0 && load.Duration < time.Minute { // a busy machine can let so short a time pass
		load.Duration *= 2
		before = allocated()
		done, err = load.Run(ctx, work)
	}
	switch {
	case err != nil:
		return result.Sample{}, err
	case done.Items == 0:
		return result.Sample{}, fmt.Errorf("%w: nothing was done in %v", zhenni.ErrDeadline, load.Duration)
	}
	each := math.Round(1e4*float64(allocated()-before)/float64(done.Items)) / 1e4
	return result.Sample{Value: done.ItemsPerSecond(), Latency: latency(done), Allocations: &each}, nil
}

// allocated counts the objects that the process ever took from the heap. Those of the load itself, a few dozen, are
// among them.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

func latency(r bench.Result) *result.Latency {
	l := &result.Latency{Count: r.Calls}
	for _, q := range []float64{0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1} {
		l.Quantiles = append(l.Quantiles, result.Quantile{Q: q, Milliseconds: float64(r.Quantile(q)) / float64(time.Millisecond)})
	}
	return l
}

// bare is press without what only calls that somebody waits for have.
func bare(ctx context.Context, threads int, about time.Duration, work func(thread int) int) (result.Sample, error) {
	s, err := press(ctx, threads, about, func(thread int) (int, error) { return work(thread), nil })
	return result.Sample{Value: s.Value}, err
}

// span is a field of a configuration with the values it may have.
type span struct {
	name             string
	value, low, high int
}

// within returns what is wrong with the first field out of its range: [zhenni.ErrBadValue].
func within(fields ...span) error {
	for _, f := range fields {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("%w: %s %d: want %d–%d", zhenni.ErrBadValue, f.name, f.value, f.low, f.high)
		}
	}
	return nil
}

// Bounds of the configurations. Below leastDim the people of [accuracy.Population] can not be told apart well.
const (
	leastDim       = 128
	mostThreads    = engine.Segments
	mostSubjects   = 1 << 30
	leastQuestions = 1 << 10
)
