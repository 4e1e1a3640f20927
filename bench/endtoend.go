package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"zhenni"
)

// EndToEnd puts a list of trials to a server in every way it can be asked.
type EndToEnd struct {
	Target Target
	// Embeddings are the samples.
	Embeddings Vectors
	// Trials are pairs of samples: the first is enrolled, the second is the probe.
	Trials [][2]int
}

// Decisions are the answers to the trials, in their order, by the way they were asked for.
type Decisions struct {
	Lines, Arrow, Singles []zhenni.Outcome
}

// How the trials are asked. Odd sizes cut the list where nothing else does.
const (
	enrolItems    = 499
	lineItems     = 2003
	arrowItems    = 4093
	singleClients = 4
)

// Run enrols every sample that a trial takes as a reference, once, in lines and one at a time in turn, then asks all
// trials by NDJSON, by Arrow and one at a time.
func (e EndToEnd) Run(ctx context.Context) (Decisions, error) {
	client, err := NewClient(e.Target)
	if err != nil {
		return Decisions{}, err
	}
	defer client.Close()
	ids, err := e.enrol(ctx, client)
	if err != nil {
		return Decisions{}, fmt.Errorf("enrol: %w", err)
	}
	var d Decisions
	if d.Lines, err = e.ask(ctx, ids, lineItems, client.VerifyLines); err != nil {
		return d, fmt.Errorf("ask by NDJSON: %w", err)
	}
	if d.Arrow, err = e.ask(ctx, ids, arrowItems, client.verifyVectors); err != nil {
		return d, fmt.Errorf("ask by Arrow: %w", err)
	}
	if d.Singles, err = e.askSingly(ctx, ids); err != nil {
		return d, fmt.Errorf("ask one at a time: %w", err)
	}
	return d, nil
}

// enrol returns the credential of each reference sample.
func (e EndToEnd) enrol(ctx context.Context, client *Client) (map[int]zhenni.CredentialID, error) {
	var samples []int
	for _, trial := range e.Trials {
		samples = append(samples, trial[0])
	}
	slices.Sort(samples)
	samples = slices.Compact(samples)
	ids := make(map[int]zhenni.CredentialID, len(samples))
	for part := range slices.Chunk(samples, enrolItems) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		id, err := client.Enrol(zhenni.LevelFull, e.Embeddings.Slice(part[0], part[0]+1))
		if err != nil {
			return nil, err
		}
		ids[part[0]] = id
		if err := e.enrolLines(client, part[1:], ids); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func (e EndToEnd) enrolLines(client *Client, samples []int, ids map[int]zhenni.CredentialID) error {
	if len(samples) == 0 {
		return nil
	}
	answers, err := client.EnrolLines(zhenni.LevelFull, e.Embeddings.pick(samples), nil)
	if err != nil {
		return err
	}
	for i, answer := range answers {
		if answer.Refused != zhenni.Pending {
			return fmt.Errorf("sample %d: refused: %s", samples[i], answer.Refused.Reason())
		}
		ids[samples[i]] = answer.ID
	}
	return nil
}

// pick copies the embeddings of the samples.
func (v Vectors) pick(samples []int) Vectors {
	out := Vectors{Dim: v.Dim}
	for _, i := range samples {
		one := v.Slice(i, i+1)
		out.Int8, out.Float32 = append(out.Int8, one.Int8...), append(out.Float32, one.Float32...)
	}
	return out
}

func (c *Client) verifyVectors(ids []zhenni.CredentialID, probes Vectors, dst []zhenni.Outcome) ([]zhenni.Outcome, error) {
	batch, err := NewArrowBatch(ids, probes)
	if err != nil {
		return dst, err
	}
	return c.VerifyArrow(batch, dst)
}

// ask asks all trials in parts of so many items.
func (e EndToEnd) ask(ctx context.Context, credentials map[int]zhenni.CredentialID, items int,
	verify func([]zhenni.CredentialID, Vectors, []zhenni.Outcome) ([]zhenni.Outcome, error),
) (outcomes []zhenni.Outcome, err error) {
	for part := range slices.Chunk(e.Trials, items) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		ids, probes := make([]zhenni.CredentialID, len(part)), make([]int, len(part))
		for i, trial := range part {
			ids[i], probes[i] = credentials[trial[0]], trial[1]
		}
		if outcomes, err = verify(ids, e.Embeddings.pick(probes), outcomes); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

// askSingly asks one trial a request, over several connections at once.
func (e EndToEnd) askSingly(ctx context.Context, credentials map[int]zhenni.CredentialID) ([]zhenni.Outcome, error) {
	outcomes := make([]zhenni.Outcome, len(e.Trials))
	errs := make([]error, singleClients)
	var asking sync.WaitGroup
	for w := range singleClients {
		asking.Go(func() { errs[w] = e.askEvery(ctx, w, singleClients, credentials, outcomes) })
	}
	asking.Wait()
	return outcomes, errors.Join(errs...)
}

// askEvery asks the trials first, first+stride, … over one connection.
func (e EndToEnd) askEvery(ctx context.Context, first, stride int, credentials map[int]zhenni.CredentialID, outcomes []zhenni.Outcome) error {
	client, err := NewClient(e.Target)
	if err != nil {
		return err
	}
	defer client.Close()
	for i := first; i < len(e.Trials) && ctx.Err() == nil; i += stride {
		reference, probe := e.Trials[i][0], e.Trials[i][1]
		if outcomes[i], err = client.Verify(credentials[reference], e.Embeddings.Slice(probe, probe+1)); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
