package layer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/simd"
)

// TierCommand is the argument by which a program runs [ServeTier]. The instruction set of a process is chosen before its
// main begins (ZHENNI_CPU, package simd), so each of the others has a process.
const TierCommand = "bench-kernels-tier"

// hello opens the conversation: what to make ready, and on which tier.
type hello struct {
	Kernels Kernels
	Tier    string
}

// order asks for one sample, report gives it or says what went wrong.
type order struct {
	Name  string
	About time.Duration
}

type report struct {
	Sample result.Sample
	Err    string
}

// ServeTier is the other process: it reads what to measure from r until its end and writes samples to w. The error
// returned is one of the conversation; what goes wrong with a measurement is written too.
func ServeTier(r io.Reader, w io.Writer) error {
	from, to := json.NewDecoder(r), json.NewEncoder(w)
	var h hello
	if err := from.Decode(&h); err != nil {
		return fmt.Errorf("layer: no kernels to measure: %w", err)
	}
	if h.Tier != simd.Tier() {
		return to.Encode(report{Err: fmt.Sprintf("it runs %s, not %s", simd.Tier(), h.Tier)})
	}
	t, err := h.Kernels.prepare(h.Tier)
	if err != nil {
		return to.Encode(report{Err: err.Error()})
	}
	return errors.Join(t.serve(from, to), t.release())
}

func (t *tierBench) serve(from *json.Decoder, to *json.Encoder) error {
	if err := to.Encode(report{}); err != nil {
		return err
	}
	var cases []result.Case
	for _, d := range t.Dims {
		cases = append(cases, t.cases(d)...)
	}
	for {
		var o order
		if err := from.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		answer := report{Err: "no such kernel"}
		for _, c := range cases {
			if c.Name != o.Name {
				continue
			}
			answer = report{}
			var err error
			if answer.Sample, err = c.Measure(context.Background(), o.About); err != nil {
				answer.Err = err.Error()
			}
		}
		if err := to.Encode(answer); err != nil {
			return err
		}
	}
}

// tierProcess is the process of one tier. It is asked one thing at a time.
type tierProcess struct {
	*tierBench // what it measures; it has no memory here
	child      *exec.Cmd
	in         io.Closer
	to         *json.Encoder
	from       *json.Decoder
}

// start starts the process of a tier, which ends with ctx or with Close, and waits until it is ready.
func (k Kernels) start(ctx context.Context, tier string) (_ *tierProcess, err error) {
	child := exec.CommandContext(ctx, k.Program[0], k.Program[1:]...)
	child.Env = append(os.Environ(), "ZHENNI_CPU="+tier)
	child.Stderr = nil
	in, err := child.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("layer: start tier %s: %w", tier, err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("layer: start tier %s: %w", tier, err)
	}
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("layer: start tier %s: %w", tier, err)
	}
	p := &tierProcess{
		tierBench: &tierBench{Kernels: k, tier: tier}, child: child, in: in, to: json.NewEncoder(in), from: json.NewDecoder(out),
	}
	if _, err := p.ask(hello{k, tier}); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Close ends the process.
func (p *tierProcess) Close() error {
	err := p.in.Close()
	if ended := p.child.Wait(); ended != nil {
		err = errors.Join(err, fmt.Errorf("layer: tier %s: %w", p.tier, ended))
	}
	return err
}

func (p *tierProcess) ask(question any) (result.Sample, error) {
	var answer report
	if err := errors.Join(p.to.Encode(question), p.from.Decode(&answer)); err != nil {
		return result.Sample{}, fmt.Errorf("%w: the process of tier %s does not answer: %w", zhenni.ErrUnavailable, p.tier, err)
	}
	if answer.Err != "" {
		return result.Sample{}, fmt.Errorf("layer: the process of tier %s: %s", p.tier, answer.Err)
	}
	return answer.Sample, nil
}

// cases are those of the tier at a dimension, each measured by its process.
func (p *tierProcess) cases(d int) []result.Case {
	cases := p.tierBench.cases(d)
	for i := range cases {
		name := cases[i].Name
		cases[i].Measure = func(_ context.Context, about time.Duration) (result.Sample, error) {
			return p.ask(order{name, about})
		}
	}
	return cases
}
