package capacity

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"zhenni"
	"zhenni/bench/result"
)

// Knob names something that can be set. Those of a server have the names of its settings.
type Knob string

// The knobs of a node, and of the clients that press it.
const (
	Shards       Knob = "shards"
	MessageItems Knob = "message-items"
	InFlight     Knob = "in-flight"
	Arena        Knob = "arena" // bytes
	Connections  Knob = "connections"
	Batch        Knob = "batch" // items of a request
)

// Point is a value for every knob.
type Point map[Knob]int64

// with returns a copy with one knob at another value.
func (p Point) with(k Knob, value int64) Point {
	p = maps.Clone(p)
	p[k] = value
	return p
}

// System is what is tuned.
type System interface {
	// Measure takes one reading at the point: a rate in items a second, above 0, and the latencies of requests in
	// milliseconds. It sets the system up as the point says, which is not part of what it measures. The point is only read.
	Measure(ctx context.Context, at Point) (rate, p50, p99 float64, err error)
}

// Range is a knob with the values to try, in the order to show them.
type Range struct {
	Knob   Knob
	Values []int64
}

// Confidence is with which a setting is said to be worse before it is abandoned.
const Confidence = 0.95

// Sweep turns one knob after the other, each from the best point found so far.
type Sweep struct {
	Start  Point
	Ranges []Range
	// Rounds is the most readings of one setting, at least 2.
	Rounds int
	// Limit is the highest p99 in milliseconds that a setting may have, on the median of its readings; 0 is none. A
	// setting above it wins only where every setting is.
	Limit float64
	// Progress, if set, is told before each reading.
	Progress func(Knob, int64, int)
}

// Trial is what a sweep found of one setting.
type Trial struct {
	Knob  Knob
	Value int64
	// Rates, P50 and P99 are its readings, in the order of the rounds.
	Rates, P50, P99 []float64
	// Abandoned says that the setting was clearly worse than another before the rounds were over; Best that it was chosen.
	Abandoned, Best bool
}

// Rate returns the geometric mean of the readings.
func (t *Trial) Rate() float64 { return math.Exp(t.logRate()) }

func (t *Trial) logRate() float64 {
	var sum float64
	for _, rate := range t.Rates {
		sum += math.Log(rate)
	}
	return sum / float64(len(t.Rates))
}

// Found is what a sweep found: the point to use, and every trial. Readings are the measurements it took, of Exhaustive
// ones without early stopping.
type Found struct {
	Best                 Point
	Trials               []Trial
	Readings, Exhaustive int
}

// Run sweeps. A value that the start does not have is tried beside it. A sweep that can not be is
// [zhenni.ErrBadValue]; other errors are the system's, or the cause of the end of ctx.
func (s Sweep) Run(ctx context.Context, system System) (Found, error) {
	found := Found{Best: maps.Clone(s.Start)}
	if s.Rounds < 2 {
		return found, fmt.Errorf("%w: %d rounds: want 2 or more", zhenni.ErrBadValue, s.Rounds)
	}
	for _, r := range s.Ranges {
		if _, ok := s.Start[r.Knob]; !ok || len(r.Values) == 0 {
			return found, fmt.Errorf("%w: knob %s has no start or no values", zhenni.ErrBadValue, r.Knob)
		}
	}
	for _, r := range s.Ranges {
		trials, err := s.race(ctx, system, found.Best, r)
		if err != nil {
			return found, err
		}
		for _, t := range trials {
			if t.Best {
				found.Best[r.Knob] = t.Value
			}
			found.Readings += len(t.Rates)
		}
		found.Exhaustive += s.Rounds * len(trials)
		found.Trials = append(found.Trials, trials...)
	}
	return found, nil
}

// race measures the settings of one knob until one is left or the rounds are over, and marks the best.
func (s Sweep) race(ctx context.Context, system System, from Point, r Range) ([]Trial, error) {
	values := slices.Clone(r.Values)
	if !slices.Contains(values, from[r.Knob]) {
		values = append(values, from[r.Knob])
	}
	trials := make([]Trial, len(values))
	racing := make([]*Trial, len(values))
	for i, value := range values {
		trials[i] = Trial{Knob: r.Knob, Value: value}
		racing[i] = &trials[i]
	}
	for round := 0; round < s.Rounds && (len(racing) > 1 || round < 2); round++ {
		for turn := range racing {
			if err := s.read(ctx, system, from, racing[(turn+round)%len(racing)]); err != nil {
				return nil, err
			}
		}
		racing = s.abandon(racing)
	}
	s.choose(racing, from[r.Knob]).Best = true
	return trials, nil
}

func (s Sweep) read(ctx context.Context, system System, from Point, t *Trial) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.Progress != nil {
		s.Progress(t.Knob, t.Value, len(t.Rates))
	}
	rate, p50, p99, err := system.Measure(ctx, from.with(t.Knob, t.Value))
	if err != nil {
		return fmt.Errorf("%s %d: %w", t.Knob, t.Value, err)
	}
	if !(rate > 0) {
		return fmt.Errorf("%w: %s %d: a rate of %v", zhenni.ErrBadValue, t.Knob, t.Value, rate)
	}
	t.Rates, t.P50, t.P99 = append(t.Rates, rate), append(t.P50, p50), append(t.P99, p99)
	return nil
}

// abandon returns the trials that are not clearly below the best one allowed; all have as many readings.
func (s Sweep) abandon(racing []*Trial) []*Trial {
	rounds := len(racing[0].Rates)
	if rounds < 2 || len(racing) < 2 {
		return racing
	}
	best := slices.MaxFunc(s.allowed(racing), byRate)
	margin := s.clearly(len(racing), rounds) * noise(racing) * math.Sqrt(2/float64(rounds))
	var kept []*Trial
	for _, t := range racing {
		if t.Abandoned = best.logRate()-t.logRate() > margin; !t.Abandoned {
			kept = append(kept, t)
		}
	}
	return kept
}

// allowed returns the trials within the limit so far, or the one nearest to it where none is.
func (s Sweep) allowed(racing []*Trial) []*Trial {
	over := func(t *Trial) bool { return s.Limit > 0 && result.Median(t.P99) > s.Limit }
	if within := slices.DeleteFunc(slices.Clone(racing), over); len(within) > 0 {
		return within
	}
	return []*Trial{slices.MinFunc(racing, func(a, b *Trial) int { return cmp.Compare(result.Median(a.P99), result.Median(b.P99)) })}
}

func byRate(a, b *Trial) int { return cmp.Compare(a.logRate(), b.logRate()) }

// clearly is how many standard errors make a difference clear among so many settings read so often, whichever of them and
// whichever of the looks after each round it is seen in.
func (s Sweep) clearly(settings, rounds int) float64 {
	t := distuv.StudentsT{Sigma: 1, Nu: float64((settings - 1) * (rounds - 1))}
	return t.Quantile(1 - (1-Confidence)/float64((settings-1)*(s.Rounds-1)))
}

// noise returns the standard deviation of one reading of log(rate) once the means of its setting and of its round are
// taken out (a two-way layout without interaction).
func noise(racing []*Trial) float64 {
	settings, rounds := len(racing), len(racing[0].Rates)
	inRound := make([]float64, rounds)
	var all float64
	for _, t := range racing {
		for k, rate := range t.Rates {
			inRound[k] += math.Log(rate) / float64(settings)
		}
		all += t.logRate() / float64(settings)
	}
	var sum float64
	for _, t := range racing {
		for k, rate := range t.Rates {
			left := math.Log(rate) - t.logRate() - inRound[k] + all
			sum += left * left
		}
	}
	return math.Sqrt(sum / float64((settings-1)*(rounds-1)))
}

// choose returns the setting to use: of those allowed, the one already in use if it is still in the race, else the fastest.
func (s Sweep) choose(racing []*Trial, inUse int64) *Trial {
	allowed := s.allowed(racing)
	for _, t := range allowed {
		if t.Value == inUse {
			return t
		}
	}
	return slices.MaxFunc(allowed, byRate)
}
