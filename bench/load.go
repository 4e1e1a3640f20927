package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"zhenni"
	"zhenni/bench/result"
)

// Load says how to press. Its zero Rate is a closed loop.
type Load struct {
	// Workers is the number of goroutines, each with at most one call in the air, at least 1. An open loop wants more of them
	// than it has calls in the air, so that a slow one does not keep the next from starting.
	Workers int
	// Duration is how long calls are started for; calls in the air at its end are awaited and counted. In a closed loop every
	// worker starts one at least.
	Duration time.Duration
	// Rate is the number of calls to start per second over all workers; whoever is free takes the next. 0 is a closed loop:
	// every worker starts its next call when the last has returned, which finds the peak and says little about latency below
	// it.
	Rate float64
	// Poisson draws the times between calls from Seed, as those of strangers are; otherwise they are even.
	Poisson bool
	Seed    uint64
	// Patience is how late a call may start; one that no worker was free for until then is missed and not made. 0 is for
	// ever.
	Patience time.Duration
}

// Result is what a load met. Latencies lie between one microsecond and one minute, to three digits.
type Result struct {
	// Items counts the items answered, Calls the calls that returned without error.
	Items, Calls int64
	// Shed counts the calls refused by admission ([zhenni.ErrOverloaded]), which did no work, Missed those not made.
	Shed, Missed int64
	Elapsed      time.Duration
	// latency is of answered calls, from when they were due; service from when they were started. refusal is of the calls
	// that were shed, from their start.
	latency, service, refusal *hdrhistogram.Histogram
}

// ItemsPerSecond returns the rate of answered items.
func (r Result) ItemsPerSecond() float64 { return float64(r.Items) / r.Elapsed.Seconds() }

// CallsPerSecond returns the rate of answered calls.
func (r Result) CallsPerSecond() float64 { return float64(r.Calls) / r.Elapsed.Seconds() }

// OfferedPerSecond returns the rate of calls made, answered or shed.
func (r Result) OfferedPerSecond() float64 { return float64(r.Calls+r.Shed) / r.Elapsed.Seconds() }

// Quantile returns the latency that the fraction q of answered calls, in [0, 1], did not exceed.
func (r Result) Quantile(q float64) time.Duration { return quantile(r.latency, q) }

// ServiceQuantile is Quantile from the start of each call: without what it waited for a worker.
func (r Result) ServiceQuantile(q float64) time.Duration { return quantile(r.service, q) }

// RefusalQuantile is ServiceQuantile of the calls that were shed.
func (r Result) RefusalQuantile(q float64) time.Duration { return quantile(r.refusal, q) }

func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(q*100)) * time.Microsecond
}

// Latency returns the distribution of Quantile as a result file keeps it, nil where no call was answered.
func (r Result) Latency() *result.Latency { return result.NewLatency(r.Calls, r.Quantile) }

// Run presses with call until the duration has passed, ctx ends or a call fails with anything but
// [zhenni.ErrOverloaded], which is returned. call is told the number of its worker, in [0, Workers), and returns the
// items it had answered; calls of one worker never overlap.
//
// With a Rate, latency counts from the moment a call was due, not from when a worker came to start it: a stall shows
// in every call it delayed (no coordinated omission).
func (l Load) Run(ctx context.Context, call func(worker int) (items int, err error)) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	due := l.arrivals(time.Now())
	sheets := make([]sheet, min(l.Workers, maxSheets))
	for i := range sheets {
		sheets[i].Result = newResult()
	}
	var workers sync.WaitGroup
	for w := range l.Workers {
		workers.Go(func() {
			if err := sheets[w%len(sheets)].press(ctx, due, l.Patience, func() (int, error) { return call(w) }); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	total := newResult()
	for i := range sheets {
		total.add(&sheets[i].Result)
	}
	total.Elapsed = time.Since(due.start)
	return total, context.Cause(ctx)
}

// arrivals is the schedule of a load, which the workers share.
type arrivals struct {
	load       Load
	start, end time.Time

	mu     sync.Mutex
	n      int           // calls given out
	at     time.Duration // of the last of them, where they are drawn
	random *rand.Rand
}

func (l Load) arrivals(start time.Time) *arrivals {
	return &arrivals{load: l, start: start, end: start.Add(l.Duration), random: rand.New(rand.NewPCG(l.Seed, 0))}
}

// next returns when a worker's next call is due, and false once the load is over.
func (a *arrivals) next(first bool) (time.Time, bool) {
	if a.load.Rate <= 0 {
		now := time.Now()
		return now, first || now.Before(a.end)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	interval := float64(time.Second) / a.load.Rate
	switch {
	case !a.load.Poisson:
		a.at = time.Duration(interval * float64(a.n))
	case a.n > 0: // the first is due at once, however few there are
		a.at += time.Duration(interval * a.random.ExpFloat64())
	}
	a.n++
	at := a.start.Add(a.at)
	return at, at.Before(a.end)
}

// maxSheets bounds the memory of histograms, half a megabyte each, however many workers there are.
const maxSheets = 16

// A sheet is the result of some of the workers, who share it.
type sheet struct {
	mu sync.Mutex
	Result
}

func newResult() Result {
	h := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, time.Minute.Microseconds(), 3) }
	return Result{latency: h(), service: h(), refusal: h()}
}

// press is one worker: it starts calls when they are due, or as soon after as it can.
func (s *sheet) press(ctx context.Context, due *arrivals, patience time.Duration, call func() (int, error)) error {
	for first := true; ; first = false {
		at, more := due.next(first)
		if !more || !waitUntil(ctx, at) {
			return nil
		}
		begun := time.Now()
		if patience > 0 && begun.Sub(at) > patience {
			s.mu.Lock()
			s.Missed++
			s.mu.Unlock()
			continue
		}
		items, err := call()
		if err != nil && !errors.Is(err, zhenni.ErrOverloaded) {
			return err
		}
		s.note(items, at, begun, err != nil)
	}
}

func (s *sheet) note(items int, due, begun time.Time, shed bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if shed {
		s.Shed++
		record(s.refusal, now.Sub(begun))
		return
	}
	s.Calls++
	s.Items += int64(items)
	record(s.latency, now.Sub(due))
	record(s.service, now.Sub(begun))
}

func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), time.Minute.Microseconds())) // within the histogram's range
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
	r.Missed += part.Missed
	r.latency.Merge(part.latency)
	r.service.Merge(part.service)
	r.refusal.Merge(part.refusal)
}
