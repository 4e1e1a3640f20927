package result

import (
	"context"
	"fmt"
	"time"

	"zhenni"
)

// Sample is what one case came to in one round.
type Sample struct {
	Value float64
	// Latency, Allocations and Counts are kept of the last round; counts are summed over the rounds.
	Latency     *Latency
	Allocations *float64
	Counts      map[string]int64
}

// Case is a measurement to take: its Measurement without rounds, and the work of one round.
type Case struct {
	Measurement
	// Measure takes one round. It works for about as long as it is told, and by itself warms what it needs warm.
	Measure func(ctx context.Context, about time.Duration) (Sample, error)
}

// Turns measures every case once a round, beginning with another one each round, so that what the machine does
// meanwhile falls on all of them alike. It returns the measurements in the order of the cases, or the first error, which
// names the case. progress, if set, is told before each sample.
func Turns(ctx context.Context, rounds int, about time.Duration, cases []Case, progress func(round int, name string)) ([]Measurement, error) {
	if rounds < 1 || len(cases) == 0 {
		return nil, fmt.Errorf("%w: %d rounds of %d cases, want one or more of each", zhenni.ErrBadValue, rounds, len(cases))
	}
	done := make([]Measurement, len(cases))
	for i := range cases {
		done[i] = cases[i].Measurement
		done[i].Rounds = make([]float64, rounds)
	}
	for round := range rounds {
		for turn := range cases {
			i := (round + turn) % len(cases)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if progress != nil {
				progress(round, done[i].Name)
			}
			sample, err := cases[i].Measure(ctx, about)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", done[i].Name, err)
			}
			done[i].take(round, sample)
		}
	}
	return done, nil
}

func (m *Measurement) take(round int, s Sample) {
	m.Rounds[round] = s.Value
	m.Latency, m.Allocations = s.Latency, s.Allocations
	for name, n := range s.Counts {
		if m.Counts == nil {
			m.Counts = map[string]int64{}
		}
		m.Counts[name] += n
	}
}
