package ingress

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"zhenni/bench"
	"zhenni/bench/result"
)

// Names of the measurements, which stay the same from run to run.
const (
	NameArrow             = "arrow"
	NameArrowUnrecorded   = "arrow unrecorded"
	NameRows              = "raw rows"
	NameSkipped           = "arrow, store skipped"
	NameTransport         = "arrow, bare transport"
	NameDirect            = "in process"
	NameLines             = "lines"
	NameLinesUnrecorded   = "lines unrecorded"
	NameLinesTransport    = "lines, bare transport"
	NameSingles           = "singles"
	NameSinglesUnrecorded = "singles unrecorded"
	NameEcho              = "singles, bare echo"

	// SuffixSigned follows the name of a format whose results are signed.
	SuffixSigned = " signed"
	// SuffixRegular follows that of one asked by parties that are not of evaluation, SuffixHistory where a history is kept of it.
	SuffixRegular = " regular"
	SuffixHistory = " with history"
)

// Case is a target with the name it is measured under and the name of what bounds it.
type Case struct {
	Name, Limit string
	Target      Target
}

// Bench is cases to be measured in turns, each on connections of its own.
type Bench struct {
	presses []*Press
	cases   []result.Case
	// sinks are the bare transports, which Close stops.
	sinks []*bench.Sink
}

// NewBench returns a bench without cases.
func NewBench() *Bench { return &Bench{} }

// Close closes the connections and what Transport started.
func (b *Bench) Close() (err error) {
	for _, p := range b.presses {
		p.Close()
	}
	for _, s := range b.sinks {
		err = cmp.Or(err, s.Close())
	}
	return err
}

// Cases returns what was added, to be measured in turns.
func (b *Bench) Cases() []result.Case { return b.cases }

// Peak adds the closed loop at a target with the questions of a ring, over as many connections as that has: what it can carry.
func (b *Bench) Peak(ring *Ring, c Case) error {
	return b.add(ring, c, "", 0, bench.Load{})
}

// At adds an open loop at a target: calls arrive like those of strangers, rate of them a second, and latency counts from when
// they were due. share is the place on the axis of the sweep.
func (b *Bench) At(ring *Ring, c Case, share, rate float64, seed uint64) error {
	c.Name = fmt.Sprintf("%s at %.0f %%", c.Name, 100*share)
	return b.add(ring, c, "load", share, bench.Load{Rate: rate, Poisson: true, Seed: seed, Patience: time.Second})
}

func (b *Bench) add(ring *Ring, c Case, sweep string, x float64, load bench.Load) error {
	p, err := NewPress(ring, c.Target)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	b.presses = append(b.presses, p)
	warm := false
	b.cases = append(b.cases, result.Case{
		Measurement: result.Measurement{Name: c.Name, Unit: result.PerSecond, Limit: c.Limit, Sweep: sweep, X: x},
		Measure: func(ctx context.Context, about time.Duration) (result.Sample, error) {
			if !warm { // connections, pools and heap
				if _, _, err := p.Run(ctx, bench.Load{Duration: about / 4}); err != nil {
					return result.Sample{}, err
				}
				warm = true
			}
			load.Duration = about
			return p.sample(ctx, load)
		},
	})
	return nil
}

// countProcessor is the processor time of this process, load generator included.
const countProcessor = "processor_us"

// ProcessorTime returns what an item took of the processors of this process, load generator included, over all rounds: a figure
// that a busy machine moves less than any rate. It is 0 where that is not known.
func ProcessorTime(m *result.Measurement) time.Duration {
	return time.Duration(float64(m.Counts[countProcessor]) * float64(time.Microsecond) / float64(max(m.Counts["items"], 1)))
}

// sample presses once.
func (p *Press) sample(ctx context.Context, load bench.Load) (result.Sample, error) {
	before := processor()
	r, tally, err := p.Run(ctx, load)
	if err != nil {
		return result.Sample{}, err
	}
	used := processor() - before
	if r.Items == 0 {
		return result.Sample{}, fmt.Errorf("%w: nothing was answered in %v", bench.ErrAnswer, r.Elapsed)
	}
	counts := tally.Counts()
	counts["calls"], counts["items"] = r.Calls, r.Items
	for name, n := range map[string]int64{"shed": r.Shed, "missed": r.Missed, countProcessor: used.Microseconds()} {
		if n > 0 {
			counts[name] = n
		}
	}
	return result.Sample{Value: r.ItemsPerSecond(), Latency: r.Latency(), Counts: counts}, nil
}

// Transport adds the bare transport of a format: the same requests to a server that reads them and sends back one recorded
// answer of the target, looking at neither.
func (b *Bench) Transport(ctx context.Context, ring *Ring, c Case) error {
	p, err := NewPress(ring, c.Target)
	if err != nil {
		return err
	}
	defer p.Close()
	answer, err := p.record(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	sink, err := bench.NewSink(answer)
	if err != nil {
		return err
	}
	b.sinks = append(b.sinks, sink)
	c.Target.Server, c.Target.Blind = bench.Target{URL: sink.URL}, true
	return b.Peak(ring, c)
}

// record returns the answer to one request.
func (p *Press) record(ctx context.Context) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var answer []byte
	c := p.callers[0]
	c.client.Observe(func(body []byte) { answer = append(answer[:0], body...) })
	defer c.client.Observe(nil)
	_, err := c.ask()
	return answer, err
}

// Goal is a share of another measurement that one is to reach.
type Goal struct {
	Of, To  string
	AtLeast float64
}

// Goals are what the layer is held to: two cores, load generator included.
func Goals() []Goal {
	return []Goal{
		{NameArrowUnrecorded, NameRows, 0.9},
		{NameArrowUnrecorded, NameDirect, 0.5},
		{NameArrowUnrecorded, NameSkipped, 0.65},
		{NameArrow, NameRows, 0.9},
		{NameArrow, NameDirect, 0.5},
		{NameArrow, NameSkipped, 0.65},
		{NameArrow, NameArrowUnrecorded, 0.75},
		{NameSinglesUnrecorded, NameEcho, 0.8},
		{NameSingles, NameEcho, 0.6},
	}
}

// Reached returns how the goals among the measurements of a run are met: ratios of the same rounds, and their median.
func Reached(run *result.Run, goals []Goal) (findings []Finding) {
	for _, g := range goals {
		of, to := run.Find(g.Of), run.Find(g.To)
		if of == nil || to == nil {
			continue
		}
		findings = append(findings, Finding{
			Name: g.Of + " of " + g.To, Measured: 100 * result.RatioOf(of.Rounds, to.Rounds), Wanted: 100 * g.AtLeast, Unit: "%",
		})
	}
	return findings
}

// Finding is a figure beside what it should be.
type Finding struct {
	Name     string  `json:"name"`
	Measured float64 `json:"measured"`
	Wanted   float64 `json:"wanted"`
	Unit     string  `json:"unit"`
	// AtMost says that the wanted figure is an upper bound; otherwise it is a lower one.
	AtMost bool `json:"at_most"`
}

// Met reports whether the figure is as wanted.
func (f Finding) Met() bool {
	if f.AtMost {
		return f.Measured <= f.Wanted
	}
	return f.Measured >= f.Wanted
}

// FindingTable returns findings as rows of text; the first is the heading.
func FindingTable(findings []Finding) [][]string {
	rows := [][]string{{"figure", "measured", "wanted", ""}}
	for _, f := range findings {
		sign, verdict := "≥", "met"
		if f.AtMost {
			sign = "≤"
		}
		if !f.Met() {
			verdict = "not met"
		}
		rows = append(rows, []string{f.Name, fmt.Sprintf("%.3g %s", f.Measured, f.Unit), fmt.Sprintf("%s %.3g %s", sign, f.Wanted, f.Unit), verdict})
	}
	return rows
}
