package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zhenni"
	"zhenni/bench"
)

// verifyCommand is verify.
type verifyCommand struct {
	In   string `arg:"" type:"path" placeholder:"PATH" help:"Probes: a folder of embeddings.f32, labels.csv and meta.json, or a .npy, .csv or .parquet file. The identity of a probe is whom it claims to be: a credential id, or a name that --map knows."`
	Out  string `required:"" type:"path" placeholder:"FILE" help:"CSV to write: item, credential, outcome, reason; one line a probe, in order. A run that was interrupted goes on after the last line."`
	Map  string `type:"path" placeholder:"FILE" help:"Mapping that zhenni enrol wrote."`
	Part int    `default:"4096" placeholder:"N" help:"Most probes in one request, 1–65536 (default ${default}). With --also it is one."`
	alsoFlags
	serverFlags
	JSON bool `help:"Print one JSON object."`
}

// Help is shown by zhenni verify --help.
func (verifyCommand) Help() string {
	return `Probes are sent in parts, as Arrow columns, and never more than one part is held in memory. A probe that is refused has a line of its own with the reason and stops nothing; exit code 1 says that the file has some.

With --also every person is asked about by two probes of two factors, one person a request, whose answer is in the file before the next is asked. Both files are read once before that, and have to have the same persons in the same order.

Examples:

    zhenni verify visitors/ --map credentials.csv --out answers.csv --api-key-file desk.key
    zhenni verify visitors.parquet --out answers.csv --url https://id.example:8443 --json
    zhenni verify faces/ --also voices/ --also-model ecapa-192 --service bank-counter --purpose open --map credentials.csv --out answers.csv`
}

// verified is what the command prints: the lines that this run added to the file, by outcome.
type verified struct {
	Asked   int64            `json:"asked"`
	Resumed int64            `json:"resumed_after"`
	Outcome map[string]int64 `json:"outcomes"`
	Seconds float64          `json:"seconds"`
	Out     string           `json:"out"`
}

// Run verifies the file.
func (c *verifyCommand) Run(ctx context.Context, out *output) (err error) {
	if c.Part < 1 || c.Part > zhenni.MaxBatchItems {
		return usage("--part: %d, want 1–%d", c.Part, zhenni.MaxBatchItems)
	}
	source, err := c.questions(ctx)
	if err != nil {
		return err
	}
	v := &verification{outcomes: map[string]int64{}, pair: c.alsoFlags}
	if c.Map != "" {
		if v.names, err = readMapping(c.Map); err != nil {
			return err
		}
	}
	if v.client, err = c.client(); err != nil {
		return err
	}
	defer v.client.Close()
	if err := v.know(c.Part); err != nil {
		return err
	}
	if v.results, err = openResults(c.Out); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.results.close()) }()
	start := time.Now()
	v.bar = out.Progress("probes", source.total)
	v.bar.Set(v.results.done)
	err = v.run(ctx, source)
	v.bar.Done()
	if err != nil {
		return fmt.Errorf("after %d answers, from which the same command goes on: %w", v.results.done+v.asked, err)
	}
	if err := c.print(verified{v.asked, v.results.done, v.outcomes, time.Since(start).Seconds(), c.Out}, out); err != nil {
		return err
	}
	if refused := v.results.refused + v.outcomes["refused"]; refused > 0 {
		return notSo("%d probes were refused; the column reason says why", refused)
	}
	return nil
}

// questions opens the files.
func (c *verifyCommand) questions(ctx context.Context) (questionSource, error) {
	if err := c.alsoFlags.check(); err != nil {
		return questionSource{}, err
	}
	source, err := openProbes(ctx, c.In)
	if err != nil {
		return questionSource{}, err
	}
	if c.Also != "" {
		return c.openPairs(ctx, source)
	}
	return questionSource{source.total, func(ctx context.Context, visit func(claimed) error) error {
		return source.each(ctx, func(item, claim string, embedding []float32) error {
			return visit(claimed{item: item, claim: claim, probe: embedding})
		})
	}}, nil
}

func (c *verifyCommand) print(done verified, out *output) error {
	if c.JSON {
		return out.JSON(done)
	}
	before := ""
	if done.Resumed > 0 {
		before = fmt.Sprintf(" %d were answered there before.", done.Resumed)
	}
	return out.Print("Asked %d in %.1f s: %d match, %d no match, %d refused. The answers are in %s.%s", done.Asked, done.Seconds,
		done.Outcome["match"], done.Outcome["no_match"], done.Outcome["refused"], done.Out, before)
}

// claimed is one probe with whom it claims to be, or two; they are valid during a visit.
type claimed struct {
	item, claim string
	probe, also []float32
}

// questionSource visits all questions in order, as [probeSource] does probes.
type questionSource struct {
	total int64
	each  func(ctx context.Context, visit func(claimed) error) error
}

// asked is one question of the part in hand.
type asked struct {
	item string
	id   zhenni.CredentialID
	// unclaimed says why the question can not be put to the server, and is "" where it can.
	unclaimed string
}

// verification is one run of verify.
type verification struct {
	client   *bench.Client
	dim      int
	pair     alsoFlags // zero where there is one probe a question
	alsoDim  int
	limit    int // of questions in a part
	names    *mapping
	results  *resultFile
	bar      *progress
	asked    int64
	outcomes map[string]int64

	// The part in hand: the questions, and the probes of those that are put to the server.
	part         []asked
	probes, also []float32
}

// partBytes bounds the probes of one request, and with them the memory of a run.
const partBytes = 32 << 20

// know asks the server for its models, and bounds a part.
func (v *verification) know(part int) error {
	models, err := v.client.Models()
	if err != nil {
		return environment("%w", err)
	}
	v.dim, v.limit = models[0].Dim, min(part, max(partBytes/(4*models[0].Dim), 1))
	if v.pair.Also != "" {
		also, err := v.pair.choose(models)
		if err != nil {
			return err
		}
		v.alsoDim, v.limit = also.Dim, 1 // one that was cut off would be another attempt when it is asked again
	}
	return nil
}

func (v *verification) run(ctx context.Context, source questionSource) error {
	seen := int64(0)
	err := source.each(ctx, func(q claimed) error {
		seen++
		switch {
		case seen < v.results.done:
			return context.Cause(ctx)
		case seen == v.results.done:
			return v.results.continues(q.item)
		}
		if err := v.add(q); err != nil {
			return err
		}
		if len(v.part) < v.limit {
			return nil
		}
		return v.flush(ctx)
	})
	if err == nil && seen < v.results.done {
		err = usage("--out: it has %d answers to %d probes: the results are of other probes", v.results.done, seen)
	}
	if err == nil {
		err = v.flush(ctx)
	}
	return err
}

// add takes one question into the part.
func (v *verification) add(q claimed) error {
	if err := validItem(q.item); err != nil {
		return usage("%w", err)
	}
	a := asked{item: q.item}
	var err error
	switch a.id, err = v.names.claim(q.claim); {
	case err != nil:
		a.unclaimed = "unknown_claim"
	case len(q.probe) != v.dim || len(q.also) != v.alsoDim:
		a.unclaimed = zhenni.RefusedProbe.Reason()
	default:
		v.probes, v.also = append(v.probes, q.probe...), append(v.also, q.also...)
	}
	v.part = append(v.part, a)
	return nil
}

// flush asks the questions of the part and writes the answers.
func (v *verification) flush(ctx context.Context) error {
	outcomes, err := v.ask(ctx)
	if err != nil {
		return err
	}
	if err := v.results.write(v.part, outcomes); err != nil {
		return err
	}
	for _, outcome := range outcomes {
		v.outcomes[outcome.Verdict()]++
	}
	v.asked += int64(len(v.part))
	v.bar.Add(len(v.part))
	v.part, v.probes, v.also = v.part[:0], v.probes[:0], v.also[:0]
	return nil
}

// ask returns an outcome for every question of the part, in order.
func (v *verification) ask(ctx context.Context) ([]zhenni.Outcome, error) {
	var ids []zhenni.CredentialID
	for _, q := range v.part {
		if q.unclaimed == "" {
			ids = append(ids, q.id)
		}
	}
	answers, err := v.answers(ctx, ids)
	if err != nil {
		return nil, err
	}
	outcomes := make([]zhenni.Outcome, len(v.part))
	next := 0
	for i, q := range v.part {
		outcomes[i] = zhenni.RefusedItem
		if q.unclaimed == "" {
			outcomes[i] = answers[next]
			next++
		}
	}
	return outcomes, nil
}

// answers asks the server, again where items could not be answered for now: asking twice changes nothing.
func (v *verification) answers(ctx context.Context, ids []zhenni.CredentialID) (answers []zhenni.Outcome, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	if v.pair.Also != "" {
		outcome, err := v.answerPair(ctx, ids[0])
		return []zhenni.Outcome{outcome}, err
	}
	batch, err := bench.NewArrowBatch(ids, bench.Vectors{Dim: v.dim, Float32: v.probes})
	if err != nil {
		return nil, err
	}
	err = patiently(ctx, func() error {
		if answers, err = v.client.VerifyArrow(batch, answers[:0]); errors.Is(err, zhenni.ErrDeadline) {
			return fmt.Errorf("%w: %w", zhenni.ErrOverloaded, err)
		} else if err != nil {
			return err
		}
		for _, outcome := range answers {
			if outcome.Retryable() {
				return zhenni.ErrOverloaded
			}
		}
		return nil
	})
	if err != nil {
		return nil, environment("verify: %w", err)
	}
	return answers, nil
}

// patiently calls ask until it answers, pausing while the server is overloaded: twelve times, a minute in all. Once ctx
// has ended it asks no more.
func patiently(ctx context.Context, ask func() error) error {
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := ask()
		if !errors.Is(err, zhenni.ErrOverloaded) || try == 12 {
			return err
		}
		var refused *bench.Refusal
		if errors.As(err, &refused) {
			pause = max(pause, refused.RetryAfter)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 8*time.Second)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// checkServed refuses embeddings of another dimension than the server's model before any is sent.
func checkServed(client *bench.Client, dim int) error {
	model, want, err := client.Model()
	if err != nil {
		return environment("%w", err)
	}
	if want != dim {
		return usage("the embeddings have %d elements, the server's model %s has %d", dim, model, want)
	}
	return nil
}
