package main

import (
	"context"
	"fmt"

	"zhenni/bench/layer"
)

// benchEngine is bench engine.
type benchEngine struct {
	Credentials int `default:"1000000" placeholder:"N" help:"Synthetic people in memory (default ${default})."`
	Dim         int `default:"512" placeholder:"N" help:"Dimension of the embeddings (default ${default})."`
	Threads     int `placeholder:"N" help:"Matchers, each on a thread of its own (default one a core)."`
	Batch       int `default:"1024" placeholder:"N" help:"Items that a matcher is given at a time (default ${default})."`
	Questions   int `default:"262144" placeholder:"N" help:"Different comparisons; their rows are to be more than the caches hold (default ${default})."`
	Probes      int `default:"8192" placeholder:"N" help:"Different probes, which are to be in the cache (default ${default})."`
	benchOutput `embed:""`
}

// Help is shown by zhenni bench engine --help.
func (benchEngine) Help() string {
	return `In process, everything in memory, without actors, disk or network. "bare" is what is left when everything but the dot products is known beforehand; "memory" reads as many rows at random and computes nothing. The stages are measured alone, each by all threads, in processor time an item; the processor overlaps them, so they need not add up. That time does not count what else runs on the machine.

Examples:

    zhenni bench engine
    zhenni bench engine --credentials 10000000 --dim 128 --out engine.json`
}

// Run measures the engine.
func (c *benchEngine) Run(ctx context.Context, out *output) error {
	engine := layer.Engine{
		Credentials: c.Credentials, Dim: c.Dim, Threads: threadCount(c.Threads), Batch: c.Batch, Questions: c.Questions, Probes: c.Probes, Seed: c.Seed,
	}
	return c.measure(ctx, out, "engine", engine, map[string]string{
		"credentials": fmt.Sprint(c.Credentials), "dim": fmt.Sprint(c.Dim), "threads": fmt.Sprint(engine.Threads),
		"batch": fmt.Sprint(c.Batch), "questions": fmt.Sprint(c.Questions), "probes": fmt.Sprint(c.Probes),
	})
}
