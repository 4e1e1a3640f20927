// Package result is what a benchmark leaves behind: a file that says what was measured, beside which limit, on what
// machine, by which build and with which settings, so that a number can be compared years later or not at all.
//
//	result.go    the file and its measurements
//	machine.go   the facts of machine and build
//	turns.go     cases measured in turns, so that a machine that drifts drifts for all of them
//	compare.go   two runs beside each other, and whether what lies between them means anything
//	cutoff.go    how many ratios the interval of a comparison leaves out
//	facts.go     what is known about a run, and what keeps two from being compared
//	format.go    values and tables as text
package result

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"zhenni"
)

// Format is the version of the files that this build writes, and the newest that it reads.
const Format = 1

// Run is one run of a benchmark: the content of a result file. Keys are added, never renamed.
type Run struct {
	Format int `json:"format"`
	// Layer is what was measured: kernels, engine, actors, store, http, soak.
	Layer   string    `json:"layer"`
	Started time.Time `json:"started"`
	Machine Machine   `json:"machine"`
	// Commit is the revision of the build, with +modified where the tree was; "unknown" where the build has none.
	Commit string `json:"commit"`
	Build  Build  `json:"build"`
	// Settings are the flags of the run that could change a number, by name.
	Settings map[string]string `json:"settings"`
	Seed     uint64            `json:"seed"`

	// The headline is the first measurement, for scripts: the median of its rounds, of its limit's, and of their ratio.
	Rate    float64 `json:"rate_per_second,omitempty"`
	P50     float64 `json:"p50_ms,omitempty"`
	P99     float64 `json:"p99_ms,omitempty"`
	Limit   float64 `json:"limit_per_second,omitempty"`
	ToLimit float64 `json:"ratio_to_limit,omitempty"`

	Measurements []Measurement `json:"measurements"`
	// Series are levels over the time of the run: memory, rate, latency.
	Series []Series `json:"series,omitempty"`
}

// Units of measurements. A rate is better higher, everything else lower.
const (
	PerSecond    = "/s"
	Nanoseconds  = "ns"
	Milliseconds = "ms"
	Bytes        = "B"
)

// Measurement is one quantity, measured once a round.
type Measurement struct {
	// Name is unique within a run and stays the same from run to run: it is what compare matches by.
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Rounds are the values, in the order of the rounds: 1 to [MaxRounds], each from 1e-18 to 1e18.
	Rounds []float64 `json:"rounds"`
	// Limit names the measurement of the same run that bounds this one: what the layer below, or the machine, can do.
	// Its rounds are of the same turns.
	Limit string `json:"limit,omitempty"`
	// X is where the measurement stands on the axis of a sweep (shards, dimension, load), 0 where it is of none.
	X float64 `json:"x,omitempty"`
	// Sweep names the axis, such as "shards". The measurements of one line have the same Name but for X in it.
	Sweep   string   `json:"sweep,omitempty"`
	Latency *Latency `json:"latency,omitempty"`
	// Allocations are heap allocations per item, the median of the rounds; nil where they were not counted.
	Allocations *float64 `json:"allocations,omitempty"`
	// Counts are what happened beside: outcomes, refusals, errors.
	Counts map[string]int64 `json:"counts,omitempty"`
}

// Latency is the distribution of the times of single calls over all rounds.
type Latency struct {
	Count int64 `json:"count"`
	// Quantiles rise in both fields.
	Quantiles []Quantile `json:"quantiles"`
}

// Quantile says that the share Q of calls, in [0, 1], took at most so many milliseconds.
type Quantile struct {
	Q            float64 `json:"q"`
	Milliseconds float64 `json:"ms"`
}

// Series is a level over time.
type Series struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	// Points are seconds since the start of the run and the value then; seconds rise.
	Points [][2]float64 `json:"points"`
}

// Higher reports whether more of the measurement is better.
func (m *Measurement) Higher() bool { return higher(m.Unit) }

func higher(unit string) bool { return unit == PerSecond }

// Median returns the middle of the rounds.
func (m *Measurement) Median() float64 { return Median(m.Rounds) }

// kept are the quantiles of a result file.
var kept = [...]float64{0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1}

// InMilliseconds returns a duration in the unit [Milliseconds].
func InMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// NewLatency returns the distribution of count calls, nil of none, where at is its quantile function. Quantiles that so few
// calls do not have, all but the slowest call, are left out.
func NewLatency(count int64, at func(q float64) time.Duration) *Latency {
	if count == 0 {
		return nil
	}
	l := &Latency{Count: count}
	for _, q := range kept {
		if q == 1 || l.has(q) {
			l.Quantiles = append(l.Quantiles, Quantile{Q: q, Milliseconds: at(q).Seconds() * 1000})
		}
	}
	return l
}

// has reports whether one call or more is slower than the share q of them.
func (l *Latency) has(q float64) bool { return q*float64(l.Count) <= float64(l.Count-1) }

// At returns the latency at quantile q in milliseconds, of the nearest quantile kept that is not below it; 0 without one.
func (l *Latency) At(q float64) float64 {
	if l == nil {
		return 0
	}
	for _, at := range l.Quantiles {
		if at.Q >= q {
			return at.Milliseconds
		}
	}
	return 0
}

// Find returns the measurement of that name, nil without one.
func (r *Run) Find(name string) *Measurement {
	i := slices.IndexFunc(r.Measurements, func(m Measurement) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Measurements[i]
}

// Ratio returns the median over the rounds of the measurement to its limit of the same round, and false where it has no
// limit. Of a rate that is the share of the limit reached; of a cost, how many times the limit's it is.
func (r *Run) Ratio(m *Measurement) (float64, bool) {
	limit := r.Find(m.Limit)
	if m.Limit == "" || limit == nil {
		return 0, false
	}
	return RatioOf(m.Rounds, limit.Rounds), true
}

// RatioOf returns the median of a[i]/b[i] over the rounds that both have.
func RatioOf(a, b []float64) float64 { return Median(ratios(a, b)) }

func ratios(a, b []float64) []float64 {
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = a[i] / b[i]
	}
	return ratios
}

// Median returns the middle of the values, the mean of both middles of an even number, and NaN of none. It does not
// change their order.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// Finish takes the headline from the first measurement. It is called once, when all are there.
func (r *Run) Finish() error {
	r.Format = Format
	if err := r.Validate(); err != nil {
		return err
	}
	head := &r.Measurements[0]
	if head.Unit == PerSecond {
		r.Rate = head.Median()
	}
	r.P50, r.P99 = head.Latency.At(0.5), head.Latency.At(0.99)
	if limit := r.Find(head.Limit); limit != nil {
		r.Limit = limit.Median()
		r.ToLimit, _ = r.Ratio(head)
	}
	return nil
}

// Bounds of what a run holds, so that every ratio is a number and every comparison ends.
const (
	MaxRounds       = 1000
	maxMeasurements = 10_000
	maxText         = 1000
	most            = 1e18
	least           = 1 / most
)

// Validate returns what makes the run unfit to be compared: [zhenni.ErrBadValue], naming the measurement.
func (r *Run) Validate() error {
	if n := len(r.Measurements); n < 1 || n > maxMeasurements {
		return fmt.Errorf("%w: a result with %d measurements, want 1–%d", zhenni.ErrBadValue, n, maxMeasurements)
	}
	seen := make(map[string]bool, len(r.Measurements))
	for i := range r.Measurements {
		m := &r.Measurements[i]
		if m.Name == "" || seen[m.Name] {
			return fmt.Errorf("%w: measurement %d: the name %q is empty or there twice", zhenni.ErrBadValue, i, m.Name)
		}
		seen[m.Name] = true
		if err := m.validate(); err != nil {
			return err
		}
	}
	for i := range r.Measurements {
		if m := &r.Measurements[i]; m.Limit != "" && !seen[m.Limit] {
			return fmt.Errorf("%w: %s: its limit %s was not measured", zhenni.ErrBadValue, m.Name, m.Limit)
		}
	}
	for _, fact := range r.Facts() {
		if !printable(fact.Name) || !printable(fact.Value) {
			return fmt.Errorf("%w: %q: %q can not be printed", zhenni.ErrBadValue, fact.Name, fact.Value)
		}
	}
	for _, s := range r.Series {
		if !printable(s.Name) || !printable(s.Unit) {
			return fmt.Errorf("%w: series %q in %q can not be printed", zhenni.ErrBadValue, s.Name, s.Unit)
		}
		if !slices.IsSortedFunc(s.Points, func(a, b [2]float64) int { return cmp.Compare(a[0], b[0]) }) || slices.ContainsFunc(s.Points, wild) {
			return fmt.Errorf("%w: series %s: want seconds that rise, and values of at most %g", zhenni.ErrBadValue, s.Name, most)
		}
	}
	return nil
}

func (m *Measurement) validate() error {
	if !printable(m.Name) || !printable(m.Unit) || !printable(m.Sweep) {
		return fmt.Errorf("%w: %q in %q over %q can not be printed", zhenni.ErrBadValue, m.Name, m.Unit, m.Sweep)
	}
	if n := len(m.Rounds); n < 1 || n > MaxRounds || slices.ContainsFunc(m.Rounds, func(v float64) bool { return !(v >= least && v <= most) }) {
		return fmt.Errorf("%w: %s: %d rounds, want 1–%d, each from %g to %g", zhenni.ErrBadValue, m.Name, n, MaxRounds, least, most)
	}
	if !(math.Abs(m.X) <= most) {
		return fmt.Errorf("%w: %s: x %v", zhenni.ErrBadValue, m.Name, m.X)
	}
	if m.Latency == nil {
		return nil
	}
	before := Quantile{}
	for _, q := range m.Latency.Quantiles {
		if !(q.Q >= before.Q && q.Q <= 1 && q.Milliseconds >= before.Milliseconds && q.Milliseconds <= most) {
			return fmt.Errorf("%w: %s: the quantile %v ms at %v does not rise", zhenni.ErrBadValue, m.Name, q.Milliseconds, q.Q)
		}
		before = q
	}
	return nil
}

// printable reports whether a text is one short line that does nothing to a terminal.
func printable(text string) bool {
	return len(text) <= maxText && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// wild reports whether a point is no number that can be drawn.
func wild(point [2]float64) bool {
	return !(math.Abs(point[0]) <= most && math.Abs(point[1]) <= most)
}

// Write writes the run as a result file.
func (r *Run) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("result: write: %w", err)
	}
	return nil
}

// maxFile bounds a result file: what is larger was not written by this program.
const maxFile = 64 << 20

// ErrFile is a file that is not a result file, or a newer one.
var ErrFile = errors.New("result: not a result file that this build reads")

// Read reads a result file: [ErrFile].
func Read(r io.Reader) (*Run, error) {
	var run Run
	if err := json.NewDecoder(io.LimitReader(r, maxFile)).Decode(&run); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	if run.Format < 1 || run.Format > Format {
		return nil, fmt.Errorf("%w: format %d, want 1 to %d", ErrFile, run.Format, Format)
	}
	if err := run.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return &run, nil
}
