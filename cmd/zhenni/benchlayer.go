package main

import (
	"context"
	"errors"

	"zhenni/bench/layer"
)

// measuredLayer is the configuration of a layer that package layer measures.
type measuredLayer interface {
	Validate() error
	// Needs is the bytes of memory it takes.
	Needs() int64
	Open(ctx context.Context) (*layer.Bench, error)
}

// measure makes a layer ready, measures its cases in turns and finishes the run. What does not fit into memory is refused
// before it is begun.
func (b *benchOutput) measure(ctx context.Context, out *output, name string, l measuredLayer, settings map[string]string) (err error) {
	if err := l.Validate(); err != nil {
		return err
	}
	if need, free := byteSize(l.Needs()), freeMemory(); need > free {
		return environment("it takes %v of memory, and %v is free: ask for less", need, free)
	}
	run := b.begin(name, settings)
	out.Note("Making %s ready …", name)
	ready, err := l.Open(ctx)
	if err != nil {
		return environment("%w", err)
	}
	run.Measurements, err = b.turns(ctx, out, ready.Cases)
	if err = errors.Join(err, ready.Close()); err != nil {
		return environment("%w", err)
	}
	return b.finish(out, run)
}
