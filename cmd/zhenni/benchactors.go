package main

import (
	"context"
	"fmt"

	"zhenni/bench/layer"
)

// benchActors is bench actors.
type benchActors struct {
	Credentials int   `default:"1000000" placeholder:"N" help:"Synthetic people in memory (default ${default})."`
	Dim         int   `default:"512" placeholder:"N" help:"Dimension of the embeddings (default ${default})."`
	Threads     int   `placeholder:"N" help:"Matchers called directly, and shards where messages are varied (default one a core)."`
	Messages    []int `default:"16,64,256,1024,4096" placeholder:"N,…" help:"Items in a message (default ${default})."`
	Shards      []int `default:"1,2,4,8,16,64" placeholder:"N,…" help:"Shards (default ${default})."`
	Clients     int   `default:"8" placeholder:"N" help:"Batches in flight (default ${default})."`
	Questions   int   `default:"262144" placeholder:"N" help:"Different comparisons; their rows are to be more than the caches hold (default ${default})."`
	Probes      int   `default:"8192" placeholder:"N" help:"Different probes, which are to be in the cache (default ${default})."`
	benchOutput `embed:""`
}

// Help is shown by zhenni bench actors --help.
func (benchActors) Help() string {
	return `A node in process, everything in memory, asked by its Go interface, beside matchers that are called directly with the same items. With --messages every batch brings each shard one message of that many items; with --shards a batch has 1,024 items for every thread.

Examples:

    zhenni bench actors
    zhenni bench actors --messages 1024 --shards 2,4 --out actors.json`
}

// Run measures the actors.
func (c *benchActors) Run(ctx context.Context, out *output) error {
	actors := layer.Actors{
		Credentials: c.Credentials, Dim: c.Dim, Threads: threadCount(c.Threads), Messages: c.Messages, Shards: c.Shards,
		Clients: c.Clients, Questions: c.Questions, Probes: c.Probes, Seed: c.Seed,
	}
	return c.measure(ctx, out, "actors", actors, map[string]string{
		"credentials": fmt.Sprint(c.Credentials), "dim": fmt.Sprint(c.Dim), "threads": fmt.Sprint(actors.Threads),
		"messages": joined(c.Messages), "shards": joined(c.Shards), "clients": fmt.Sprint(c.Clients), "questions": fmt.Sprint(c.Questions), "probes": fmt.Sprint(c.Probes),
	})
}
