package ingress

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"zhenni"
	"zhenni/bench"
	"zhenni/bench/result"
)

// Outcome is what an experiment measured, and how it was found.
type Outcome struct {
	Measurements []result.Measurement
	Findings     []Finding
}

// Rounds says how often an experiment takes turns, and for how long each time.
type Rounds struct {
	N     int
	About time.Duration
	// Seed is of the arrivals.
	Seed uint64
	// Progress, if set, is told before each part.
	Progress func(part string)
}

// Validate reports the first field out of range: [zhenni.ErrBadValue].
func (r Rounds) Validate() error {
	if r.N < 1 || r.About <= 0 {
		return fmt.Errorf("%w: %d rounds of %v: want one or more of some time", zhenni.ErrBadValue, r.N, r.About)
	}
	return nil
}

func (r Rounds) tell(part string) {
	if r.Progress != nil {
		r.Progress(part)
	}
}

// open is the load of strangers, rate calls a second.
func (r Rounds) open(round int, rate float64) bench.Load {
	return bench.Load{Duration: r.About, Rate: rate, Poisson: true, Seed: r.Seed + uint64(round)}
}

// The figures that experiments are held to.
const (
	overloadFactor   = 5
	overloadPatience = 50 * time.Millisecond // a client whose call has not begun by then has gone elsewhere
	leastGoodput     = 90                    // per cent of the peak
	mostSlower       = 2                     // times the p99
	mostRefusal      = 5.0                   // ms
	mostGrowth       = 1.1                   // times the memory
)

// Overload presses with five times what the target carries, which is the most of two closed loops: over few connections, as
// bulk jobs have, and over many, as it takes for singles that wait for a disk. Memory returns the bytes the server holds; nil
// leaves memory out.
//
// Latencies here are from the start of a call: what a call waited for a free connection happens in front of the server. Calls that
// wait too long for one are not made, and "offered" says how many were.
type Overload struct {
	Few, Many *Press
	Memory    func() int64
}

// Run measures peak, 80 % of it and five times it, in turns.
func (o Overload) Run(ctx context.Context, rounds Rounds) (Outcome, error) {
	if err := rounds.Validate(); err != nil {
		return Outcome{}, err
	}
	t := table{}
	for round := range rounds.N {
		rounds.tell("peak")
		peak, err := o.peak(ctx, rounds.About)
		if err != nil {
			return Outcome{}, err
		}
		rate := peak.CallsPerSecond()
		rounds.tell("80 % of the peak")
		calm, _, err := o.Many.Run(ctx, rounds.open(round, 0.8*rate))
		if err != nil {
			return Outcome{}, err
		}
		rounds.tell("five times the peak")
		load := rounds.open(round, overloadFactor*rate)
		load.Patience = overloadPatience
		var over bench.Result
		growth := watch(o.Memory, func() { over, _, err = o.Many.Run(ctx, load) })
		if err != nil {
			return Outcome{}, err
		}
		t.add("peak", result.PerSecond, peak.ItemsPerSecond())
		t.add("goodput under five times the peak", result.PerSecond, over.ItemsPerSecond())
		t.add("calls at the peak", result.PerSecond, rate)
		t.add("calls offered under five times the peak", result.PerSecond, over.OfferedPerSecond())
		t.add("p99 at 80 %", result.Milliseconds, result.InMilliseconds(calm.ServiceQuantile(0.99)))
		t.add("p99 of admitted", result.Milliseconds, result.InMilliseconds(over.ServiceQuantile(0.99)))
		t.add("p99 of refusals", result.Milliseconds, result.InMilliseconds(over.RefusalQuantile(0.99)))
		t.add("memory at the end by the middle", "×", growth)
		t.count("refused", over.Shed)
		t.count("not offered", over.Missed)
	}
	ratio := t.ratio
	return Outcome{t.done(), []Finding{
		{"goodput of the peak", 100 * ratio("goodput under five times the peak", "peak"), leastGoodput, "%", false},
		{"p99 of admitted by that at 80 %", ratio("p99 of admitted", "p99 at 80 %"), mostSlower, "×", true},
		{"p99 of refusals", t.median("p99 of refusals"), mostRefusal, "ms", true},
		{"memory at the end by the middle", t.median("memory at the end by the middle"), mostGrowth, "×", true},
	}}, nil
}

// peak is the better of both closed loops.
func (o Overload) peak(ctx context.Context, about time.Duration) (bench.Result, error) {
	few, _, err := o.Few.Run(ctx, bench.Load{Duration: about})
	if err != nil {
		return few, err
	}
	many, _, err := o.Many.Run(ctx, bench.Load{Duration: about})
	if err != nil || many.ItemsPerSecond() > few.ItemsPerSecond() {
		return many, err
	}
	return few, nil
}

// watch returns how the memory at the end of work compares with that in its middle: what was taken on the way there is not a
// leak. Without a way to tell it is 1.
func watch(memory func() int64, work func()) float64 {
	if memory == nil {
		work()
		return 1
	}
	var samples []float64
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		beat := time.NewTicker(20 * time.Millisecond)
		defer beat.Stop()
		for {
			samples = append(samples, float64(memory()))
			select {
			case <-beat.C:
			case <-done:
				return
			}
		}
	})
	work()
	close(done)
	watching.Wait()
	return samples[len(samples)-1] / samples[len(samples)/2]
}

// HotCredential compares the latency of questions about everybody, at half of a load of 80 %, while the other half is about
// everybody too, and about one credential.
type HotCredential struct {
	// Others ask about everybody, and so do Even; Hot asks about one credential.
	Others, Even, Hot *Press
}

// Run measures both in turns.
func (h HotCredential) Run(ctx context.Context, rounds Rounds) (Outcome, error) {
	if err := rounds.Validate(); err != nil {
		return Outcome{}, err
	}
	rounds.tell("peak")
	peak, _, err := h.Others.Run(ctx, bench.Load{Duration: rounds.About})
	if err != nil {
		return Outcome{}, err
	}
	rate := 0.4 * peak.CallsPerSecond()
	t := table{}
	t.add("peak", result.PerSecond, peak.ItemsPerSecond())
	for round := range rounds.N {
		for _, side := range turned(round, []side{{"others' p99 beside the like", h.Even}, {"others' p99 beside a hot credential", h.Hot}}) {
			rounds.tell(side.name)
			load := rounds.open(round, rate)
			load.Seed += 1 << 32
			var besides sync.WaitGroup
			var besidesErr error
			besides.Go(func() { _, _, besidesErr = side.press.Run(ctx, load) })
			others, _, err := h.Others.Run(ctx, rounds.open(round, rate))
			besides.Wait()
			if err := errors.Join(err, besidesErr); err != nil {
				return Outcome{}, err
			}
			t.add(side.name, result.Milliseconds, result.InMilliseconds(others.Quantile(0.99)))
		}
	}
	return Outcome{t.done(), []Finding{{
		"others' p99 beside a hot credential", t.ratio("others' p99 beside a hot credential", "others' p99 beside the like"), mostSlower, "×", true,
	}}}, nil
}

type side struct {
	name  string
	press *Press
}

// turned begins with another side each round.
func turned(round int, sides []side) []side {
	if round%2 == 1 {
		sides[0], sides[1] = sides[1], sides[0]
	}
	return sides
}

// BulkBesideSingles compares the latency of single verifications, at a quarter of what the target carries of them, alone and
// while bulk jobs run.
type BulkBesideSingles struct {
	Singles *Press
	// Jobs is a press of bulk requests with a connection for each job, JobItems the items of a job.
	Jobs     *Press
	JobItems int64
}

// Run measures both in turns; the jobs of a round end before the next.
func (b BulkBesideSingles) Run(ctx context.Context, rounds Rounds) (Outcome, error) {
	if err := rounds.Validate(); err != nil {
		return Outcome{}, err
	}
	rounds.tell("peak of singles")
	peak, _, err := b.Singles.Run(ctx, bench.Load{Duration: rounds.About})
	if err != nil {
		return Outcome{}, err
	}
	rate := peak.CallsPerSecond() / 4
	t := table{}
	t.add("singles at their peak", result.PerSecond, peak.CallsPerSecond())
	for round := range rounds.N {
		rounds.tell("singles alone")
		alone, _, err := b.Singles.Run(ctx, rounds.open(round, rate))
		if err != nil {
			return Outcome{}, err
		}
		rounds.tell("singles beside bulk jobs")
		beside, jobs, err := b.beside(ctx, rounds.open(round, rate))
		if err != nil {
			return Outcome{}, err
		}
		t.add("singles' p99 alone", result.Milliseconds, result.InMilliseconds(alone.Quantile(0.99)))
		t.add("singles' p99 beside bulk jobs", result.Milliseconds, result.InMilliseconds(beside.Quantile(0.99)))
		t.add("singles beside bulk jobs", result.PerSecond, beside.CallsPerSecond())
		t.add("items of the bulk jobs", result.PerSecond, jobs)
	}
	return Outcome{t.done(), []Finding{{
		"singles' p99 beside bulk jobs", t.ratio("singles' p99 beside bulk jobs", "singles' p99 alone"), mostSlower, "×", true,
	}}}, nil
}

// errDone ends singles when the jobs are done.
var errDone = errors.New("ingress: the jobs are done")

// beside asks singles until every job has asked its items, and returns the rate of those.
func (b BulkBesideSingles) beside(ctx context.Context, load bench.Load) (singles bench.Result, rate float64, err error) {
	until, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	start := time.Now()
	errs := make([]error, len(b.Jobs.callers))
	var asked int64
	var running sync.WaitGroup
	for i, c := range b.Jobs.callers {
		per := int64(c.press.ring.questions.BatchItems)
		asked += (b.JobItems + per - 1) / per * per
		running.Go(func() { errs[i] = c.job(ctx, b.JobItems) })
	}
	ended := make(chan struct{})
	go func() {
		running.Wait()
		rate = float64(asked) / time.Since(start).Seconds()
		stop(errDone)
		close(ended)
	}()
	load.Duration = time.Duration(math.MaxInt64 / 4)
	singles, _, err = b.Singles.Run(until, load)
	if errors.Is(err, errDone) {
		err = nil
	}
	<-ended
	return singles, rate, errors.Join(append(errs, err)...)
}

// jobPause is what a job waits when it is refused.
const jobPause = 10 * time.Millisecond

// job asks so many items, request after request; one that is refused is sent again.
func (c *caller) job(ctx context.Context, items int64) error {
	for done := int64(0); done < items; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := c.ask()
		if errors.Is(err, zhenni.ErrOverloaded) {
			time.Sleep(jobPause)
		} else if err != nil {
			return err
		}
		done += int64(n)
	}
	return nil
}

// A table is measurements that are filled in round by round.
type table struct {
	list   []result.Measurement
	counts map[string]int64
}

func (t *table) find(name string) *result.Measurement {
	for i := range t.list {
		if t.list[i].Name == name {
			return &t.list[i]
		}
	}
	return nil
}

// add notes a round; a result file takes nothing that is not above zero.
func (t *table) add(name, unit string, value float64) {
	m := t.find(name)
	if m == nil {
		t.list = append(t.list, result.Measurement{Name: name, Unit: unit})
		m = &t.list[len(t.list)-1]
	}
	m.Rounds = append(m.Rounds, max(value, 1e-6))
}

// count adds to what happened beside the first measurement.
func (t *table) count(name string, n int64) {
	if t.counts == nil {
		t.counts = map[string]int64{}
	}
	t.counts[name] += n
}

func (t *table) median(name string) float64 { return t.find(name).Median() }

func (t *table) ratio(of, to string) float64 {
	return result.RatioOf(t.find(of).Rounds, t.find(to).Rounds)
}

func (t *table) done() []result.Measurement {
	t.list[0].Counts = t.counts
	return t.list
}
