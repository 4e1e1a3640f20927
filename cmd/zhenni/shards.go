package main

import (
	"context"
	"fmt"

	"zhenni"
)

// shardsCommand is shards.
type shardsCommand struct {
	Get shardsGet `cmd:"" default:"withargs" help:"Show the shards and their load."`
	Set shardsSet `cmd:"" help:"Change the number of shards while serving."`
}

// socketFlags say which running server is meant.
type socketFlags struct {
	Store string `type:"path" default:"zhenni-data" env:"ZHENNI_STORE" placeholder:"DIR" help:"Folder of the server's store (default ${default})."`
	adminFlags
	JSON bool `help:"Print one JSON object."`
}

func (f socketFlags) admin() *adminClient { return f.client(f.Store) }

type shardsGet struct{ socketFlags }

// Run shows the shards.
func (c *shardsGet) Run(ctx context.Context, out *output) error {
	var stats zhenni.Stats
	if err := c.admin().do(ctx, "GET", "/admin/stats", nil, &stats); err != nil {
		return err
	}
	if stats.Store.Refusing != "" {
		out.Note("Changes are refused: %s", stats.Store.Refusing)
	}
	return c.print(stats, out)
}

type shardsSet struct {
	N int `arg:"" help:"Number of shards; one a core is best where nothing else runs."`
	socketFlags
}

// Help is shown by zhenni shards set --help.
func (shardsSet) Help() string {
	return `No request is lost: those in hand are answered by the old shards. The change lasts until the server stops; serve --shards is the setting.

Example:

    zhenni shards set 4`
}

// Run changes the number of shards and returns when that is complete.
func (c *shardsSet) Run(ctx context.Context, out *output) error {
	var stats zhenni.Stats
	if err := c.admin().do(ctx, "POST", "/admin/shards", map[string]int{"shards": c.N}, &stats); err != nil {
		return err
	}
	return c.print(stats, out)
}

func (f socketFlags) print(stats zhenni.Stats, out *output) error {
	if f.JSON {
		return out.JSON(struct {
			Shards []zhenni.ShardStats `json:"shards"`
			Arena  zhenni.ArenaStats   `json:"arena"`
		}{stats.Shards, stats.Arena})
	}
	rows := [][]string{{"shard", "slots", "in flight", "state"}}
	for i, s := range stats.Shards {
		state := "serving"
		if s.Failed {
			state = "failed"
		}
		rows = append(rows, []string{fmt.Sprint(i), fmt.Sprint(s.Slots), fmt.Sprint(s.InFlight), state})
	}
	return out.Table(rows)
}
