package layer

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"zhenni/bench/result"
)

// warmShare is the share of the time of a sample that is pressed before it and not counted: what the case before left in
// the caches, in the branch predictor and in the clock of the processor is not this one's.
const warmShare = 8

// Press keeps that many threads at work for about so long, one call each at least, and returns the rate of the items that
// work says it did, with the latency of its calls and the objects taken from the heap for each item, to four digits behind
// the point. Counts are the items and the processor time of the whole process: on a machine that others use, time an item is
// what can be compared. work is called by one goroutine a thread. It looks at the clock once a call: a call here can be
// shorter than what the load of a network spends on measuring one.
func Press(ctx context.Context, threads int, about time.Duration, work func(thread int) (items int, err error)) (result.Sample, error) {
	if _, err := run(ctx, threads, about/warmShare, work); err != nil {
		return result.Sample{}, err
	}
	before, used := allocated(), processorTime()
	done, err := run(ctx, threads, about, work)
	if err != nil {
		return result.Sample{}, err
	}
	used = processorTime() - used
	each := math.Round(1e4*float64(allocated()-before)/float64(done.items)) / 1e4
	return result.Sample{
		Value: done.rate, Latency: done.latencies(), Allocations: &each,
		Counts: map[string]int64{countItems: done.items, countProcessor: int64(used)},
	}, nil
}

// What Press counts, by name in a result file.
const (
	countItems     = "items"
	countProcessor = "processor_ns"
)

// cost is the processor time of an item in nanoseconds or, where that is not known, the time of a thread.
func cost(s result.Sample, threads int) float64 {
	if used := s.Counts[countProcessor]; used > 0 {
		return float64(used) / float64(s.Counts[countItems])
	}
	return float64(threads) * 1e9 / s.Value
}

// bare is Press without what only calls that somebody waits for have.
func bare(ctx context.Context, threads int, about time.Duration, work func(thread int) int) (result.Sample, error) {
	s, err := Press(ctx, threads, about, func(thread int) (int, error) { return work(thread), nil })
	return result.Sample{Value: s.Value, Counts: s.Counts}, err
}

// shift is what one thread did, or all of them.
type shift struct {
	items, calls int64
	// rate is that of each thread in its own time, together: none is charged with waiting for the last.
	rate float64
	took *hdrhistogram.Histogram // nanoseconds a call
	_    [lineBytes]byte
}

// longestCall is where latencies end.
const longestCall = time.Minute

func newShift() shift { return shift{took: hdrhistogram.New(1, int64(longestCall), 3)} }

// run has every thread call work until about so much time has passed, ctx ends or a call fails.
func run(ctx context.Context, threads int, about time.Duration, work func(thread int) (int, error)) (shift, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var over atomic.Bool
	defer context.AfterFunc(ctx, func() { over.Store(true) })()
	shifts := make([]shift, threads)
	var working sync.WaitGroup
	for t := range shifts {
		working.Go(func() {
			shifts[t] = newShift()
			if err := shifts[t].work(about, &over, func() (int, error) { return work(t) }); err != nil {
				cancel(err)
			}
		})
	}
	working.Wait()
	all := newShift()
	for i := range shifts {
		all.items += shifts[i].items
		all.calls += shifts[i].calls
		all.rate += shifts[i].rate
		all.took.Merge(shifts[i].took)
	}
	return all, context.Cause(ctx)
}

func (s *shift) work(about time.Duration, over *atomic.Bool, call func() (int, error)) error {
	begun := time.Now()
	for last := begun; ; {
		items, err := call()
		if err != nil {
			return err
		}
		now := time.Now()
		s.items += int64(items)
		s.calls++
		_ = s.took.RecordValue(min(max(int64(now.Sub(last)), 1), int64(longestCall))) // within its range
		last = now
		if elapsed := now.Sub(begun); elapsed >= about || over.Load() {
			s.rate = float64(s.items) / elapsed.Seconds()
			return nil
		}
	}
}

func (s *shift) latencies() *result.Latency {
	return result.NewLatency(s.calls, func(q float64) time.Duration { return time.Duration(s.took.ValueAtPercentile(100 * q)) })
}

// allocated counts the objects that the process ever took from the heap. Those of the threads themselves, a few dozen, are
// among them.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
