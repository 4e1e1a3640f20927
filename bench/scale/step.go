package scale

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"zhenni"
	"zhenni/bench/result"
)

// StepCommand is the argument by which a program runs [Serve].
const StepCommand = "bench-scale-step"

// The steps, in their order.
const (
	stepImport   = "import"
	stepOpen     = "open"
	stepHot      = "hot"
	stepMakeCold = "make cold"
	stepCold     = "cold"
)

var errWrong = fmt.Errorf("%w: the measurement is not what it seems", zhenni.ErrCorrupt)

// order is one step of a run.
type order struct {
	Scale  Scale
	Step   string
	Folder string
	// Arena is the budget of the arena, of a step that has one.
	Arena int64
}

// outcome is what came of a step.
type outcome struct {
	Measurements []result.Measurement
	Places       []Place
	// Rows is how many the arena held.
	Rows int64
}

// word is what the other process says: how far it is, at the end what came of it or what went wrong.
type word struct {
	Done, Total int64
	Outcome     *outcome
	Err         string
}

// job is a step on its way. at is told how far it is.
type job struct {
	order
	people *people
	at     func(done, total int64)
}

// steps are what the steps do.
var steps = map[string]func(*job, context.Context) (*outcome, error){
	stepImport: (*job).fill, stepOpen: (*job).open, stepHot: (*job).hot, stepMakeCold: (*job).makeCold, stepCold: (*job).cold,
}

// do does the step in this process.
func (o order) do(ctx context.Context, at func(done, total int64)) (*outcome, error) {
	step, known := steps[o.Step]
	if !known {
		return nil, fmt.Errorf("%w: no step %q", zhenni.ErrBadValue, o.Step)
	}
	p, err := o.Scale.people()
	if err != nil {
		return nil, err
	}
	return step(&job{order: o, people: p, at: at}, ctx)
}

// Serve is the process of one step: it reads what to do from r and writes what came of it to w. The error returned is one of
// the conversation; what goes wrong with the step is written too.
func Serve(ctx context.Context, r io.Reader, w io.Writer) error {
	var o order
	if err := json.NewDecoder(r).Decode(&o); err != nil {
		return fmt.Errorf("scale: no step to do: %w", err)
	}
	to := json.NewEncoder(w)
	var unsaid error
	done, err := o.do(ctx, func(done, total int64) { unsaid = errors.Join(unsaid, to.Encode(word{Done: done, Total: total})) })
	last := word{Outcome: done}
	if err != nil {
		last = word{Err: err.Error()}
	}
	return errors.Join(unsaid, to.Encode(last))
}

// start does the step in a process of its own, which ends with ctx and shares the standard error of this one; without a program
// in this one.
func (o order) start(ctx context.Context, at func(done, total int64)) (*outcome, error) {
	if len(o.Scale.Program) == 0 {
		return o.do(ctx, at)
	}
	child := exec.CommandContext(ctx, o.Scale.Program[0], o.Scale.Program[1:]...)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("scale: %w", err)
	}
	said := errors.Join(json.NewEncoder(in).Encode(o), in.Close())
	done, err := listen(json.NewDecoder(out), at)
	ended := child.Wait()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, errors.Join(err, ended)
	}
	return done, errors.Join(said, ended)
}

// listen reads what the process of a step says until its last word.
func listen(from *json.Decoder, at func(done, total int64)) (*outcome, error) {
	for {
		var w word
		switch err := from.Decode(&w); {
		case err != nil:
			return nil, fmt.Errorf("%w: the process ended without an answer: %w", zhenni.ErrUnavailable, err)
		case w.Err != "":
			return nil, fmt.Errorf("scale: %s", w.Err)
		case w.Outcome != nil:
			return w.Outcome, nil
		}
		at(w.Done, w.Total)
	}
}
