package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench"
	"zhenni/bench/capacity"
	"zhenni/bench/result"
)

// The experiment: the shards go up and down with a pause between, while single verifications are asked at half of the peak.
var reshardCycle = []int{8, 2}

const (
	reshardPause       = 100 * time.Millisecond
	reshardConnections = 8
	reshardLoad        = 0.5
)

// resharded is a rig as the experiment sees it. Shards are changed as an operator does, over the socket.
type resharded struct {
	driver *bench.Driver
	admin  *adminClient
	rate   float64
}

// SetShards implements capacity.Resized.
func (r *resharded) SetShards(ctx context.Context, n int) error {
	var stats zhenni.Stats
	return r.admin.do(ctx, "POST", "/admin/shards", map[string]int{"shards": n}, &stats)
}

// Press implements capacity.Resized.
func (r *resharded) Press(ctx context.Context, duration time.Duration) (capacity.Pressed, error) {
	met, tally, err := r.driver.Singles(ctx, duration, r.rate)
	return capacity.Pressed{
		Answered: tally.Mated + tally.NonMated, Refused: tally.Refused + met.Shed,
		P50: result.InMilliseconds(met.Quantile(0.5)), P99: result.InMilliseconds(met.Quantile(0.99)), Worst: result.InMilliseconds(met.Quantile(1)),
	}, err
}

// reshardReport is what the experiment measured.
type reshardReport struct {
	Rate    float64           `json:"rate_per_second"`
	Before  capacity.Pressed  `json:"before"`
	During  capacity.Pressed  `json:"during"`
	After   capacity.Pressed  `json:"after"`
	Changes int               `json:"changes"`
	Longest float64           `json:"longest_change_ms"`
	Node    map[string]uint64 `json:"node"`
	// Answered is what all clients have a verdict of, the search for the peak included; Lost what the node took in beyond
	// that and did not refuse.
	Answered int64 `json:"answered"`
	Lost     int64 `json:"lost"`
}

// reshard changes the shards of a loaded node and holds what the clients were answered against what the node counted.
func (c *tuneCommand) reshard(ctx context.Context, rig *rig, out *output) error {
	cores := min(runtime.GOMAXPROCS(0), actors.MaxShards)
	if err := rig.serve(ctx, rigSettings{arena: arenaOf(c.Credentials, c.Dim), shards: cores}); err != nil {
		return err
	}
	driver, err := rig.driver(ctx, reshardConnections, reshardConnections)
	if err != nil {
		return err
	}
	stretch := c.Duration / 4
	out.Note("Looking for the peak of single verifications …")
	peak, tally, err := driver.Singles(ctx, stretch, 0)
	if err != nil {
		return err
	}
	system := &resharded{driver, newAdminClient(adminSocket(rig.people.dir)), reshardLoad * peak.CallsPerSecond()}
	if err := system.SetShards(ctx, reshardCycle[len(reshardCycle)-1]); err != nil {
		return err
	}
	out.Note("Asking %.0f times a second, three times %v; the shards go 2→8→2 in the second …", system.rate, stretch)
	met, err := capacity.Resize(ctx, system, stretch, reshardPause, reshardCycle)
	if err != nil {
		return err
	}
	r := reshardReport{
		Rate: system.rate, Before: met.Before, During: met.During, After: met.After,
		Changes: met.Changes, Longest: result.InMilliseconds(met.Longest), Node: counted(rig.node.shards.Stats()),
	}
	r.Answered = tally.Mated + tally.NonMated + r.Before.Answered + r.During.Answered + r.After.Answered
	r.Lost = int64(r.Node["admitted"]-r.Node["refused"]-r.Node["expired"]) - r.Answered
	if err := r.print(out, c.JSON); err != nil {
		return err
	}
	if r.Lost != 0 {
		return notSo("%d requests that the node admitted were not answered, or answered twice", r.Lost)
	}
	return nil
}

// counted is where the items went: admitted = answered + refused + expired. Those refused at the door were not admitted.
func counted(s zhenni.Stats) map[string]uint64 {
	counts := map[string]uint64{"admitted": s.Admitted, "expired": s.Expired, "refused": 0, "refused_at_door": s.RefusedAtDoor}
	for outcome, n := range s.Outcomes {
		switch zhenni.Outcome(outcome) {
		case zhenni.Match, zhenni.NoMatch:
			counts["answered"] += n
		default:
			counts["refused"] += n
		}
	}
	return counts
}

func (r reshardReport) print(out *output, asJSON bool) error {
	if asJSON {
		return out.JSON(r)
	}
	rows := [][]string{{"", "answered", "refused", "p50 ms", "p99 ms", "worst ms"}}
	for i, p := range []capacity.Pressed{r.Before, r.During, r.After} {
		rows = append(rows, []string{
			[]string{"before", "while the shards change", "after"}[i], fmt.Sprint(p.Answered), fmt.Sprint(p.Refused),
			fmt.Sprintf("%.2f", p.P50), fmt.Sprintf("%.2f", p.P99), fmt.Sprintf("%.1f", p.Worst),
		})
	}
	if err := out.Table(rows); err != nil {
		return err
	}
	return out.Print("\n%d changes, the longest %.1f ms. The node admitted %d, answered %d, refused %d inside and %d at the door; the clients have %d verdicts: %d lost.",
		r.Changes, r.Longest, r.Node["admitted"], r.Node["answered"], r.Node["refused"], r.Node["refused_at_door"], r.Answered, r.Lost)
}
