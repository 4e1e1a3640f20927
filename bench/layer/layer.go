package layer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhenni"
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
