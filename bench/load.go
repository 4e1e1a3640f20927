package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"zhenni"
)

// Load says how to press. Its zero Rate is a closed loop.
type Load struct {
	// Workers is the number of goroutines, each with at most one call in the air, at least 1.
	Workers int
	// Duration is how long calls are started for; calls in the air at its end are awaited and counted.
	Duration time.Duration
	// Rate is the number of calls to start per second over all workers. 0 is a closed loop: every worker starts its
	// next call when the last has returned, which finds the peak and says little about latency below it.
	Rate float64
}

// Result is what a load met. Latencies lie between one microsecond and one minute, to three digits.
type Result struct {
	// Items counts the items answered, Calls the calls that returned without error.
	Items, Calls int64
	// Shed counts the calls refused by admission ([zhenni.ErrOverloaded]), which did no work.
	Shed    int64
	Elapsed time.Duration
	latency *hdrhistogram.Histogram
}

// ItemsPerSecond returns the rate of answered items.
func (r Result) ItemsPerSecond() float64 { return float64(r.Items) / r.Elapsed.Seconds() }

// CallsPerSecond returns the rate of answered calls.
func (r Result) CallsPerSecond() float64 { return float64(r.Calls) / r.Elapsed.Seconds() }

// Quantile returns the latency that the fraction q of calls, in [0, 1], did not exceed.
func (r Result) Quantile(q float64) time.Duration {
	return time.Duration(r.latency.ValueAtPercentile(q*100)) * time.Microsecond
}

// Run presses with call until the duration has passed, ctx ends or a call fails with anything but
// [zhenni.ErrOverloaded], which is returned. call is told the number of its worker, in [0, Workers), and returns the
// items it had answered; calls of one worker never overlap.
//
// With a Rate, latency counts from the moment a call was due, not from when a worker came to start it: a stall shows
// in every call it delayed (no coordinated omission).
func (l Load) Run(ctx context.Context, call func(worker int) (items int, err error)) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	parts := make([]Result, l.Workers)
	var workers sync.WaitGroup
	for w := range parts {
		workers.Go(func() {
			parts[w] = newResult()
			if err := parts[w].press(ctx, l.due(w, start), func() (int, error) { return call(w) }); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	total := newResult()
	for i := range parts {
		total.add(&parts[i])
	}
	total.Elapsed = time.Since(start)
	return total, context.Cause(ctx)
}

// due returns the schedule of one worker: when call n is due, and false once the load is over. Workers take turns.
func (l Load) due(worker int, start time.Time) func(n int) (time.Time, bool) {
	end := start.Add(l.Duration)
	if l.Rate <= 0 {
		return func(int) (time.Time, bool) {
			now := time.Now()
			return now, now.Before(end)
		}
	}
	interval := float64(time.Second) / l.Rate
	return func(n int) (time.Time, bool) {
		at := start.Add(time.Duration(interval * float64(n*l.Workers+worker)))
		return at, at.Before(end)
	}
}

func newResult() Result { return Result{latency: hdrhistogram.New(1, time.Minute.Microseconds(), 3)} }

// press is one worker: it starts every call when it is due, or as soon after as it can.
func (r *Result) press(ctx context.Context, due func(n int) (time.Time, bool), call func() (int, error)) error {
	for n := 0; ; n++ {
		at, more := due(n)
		if !more || !waitUntil(ctx, at) {
			return nil
		}
		items, err := call()
		if errors.Is(err, zhenni.ErrOverloaded) {
			r.Shed++
			continue
		}
		if err != nil {
			return err
		}
		r.Calls++
		r.Items += int64(items)
		r.latency.RecordValue(min(max(time.Since(at).Microseconds(), 1), time.Minute.Microseconds()))
	}
}

// waitUntil sleeps until at and reports false when ctx ended first.
func waitUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *Result) add(part *Result) {
	r.Items += part.Items
	r.Calls += part.Calls
	r.Shed += part.Shed
	r.latency.Merge(part.latency)
}
