package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench"
	"zhenni/bench/capacity"
	"zhenni/bench/report"
	"zhenni/bench/result"
)

// tuneCommand is tune.
type tuneCommand struct {
	Duration    time.Duration `default:"1m" help:"How long to measure at most, all settings together (default ${default}); starting nodes comes on top."`
	Credentials int           `default:"100000" placeholder:"N" help:"Synthetic people to enrol: as many as the node will have, or enough that they do not fit the cache (default ${default})."`
	Dim         int           `default:"512" placeholder:"N" help:"Dimension of the templates (default ${default})."`
	P99         time.Duration `default:"0" placeholder:"TIME" help:"Highest p99 of a bulk request that a setting may have; 0 is any."`
	Knobs       []string      `default:"shards,message-items,batch,connections,in-flight,arena" placeholder:"NAME" help:"Which knobs to turn, in this order (default ${default})."`
	Seed        uint64        `default:"1" placeholder:"N" help:"Which people and questions are made (default ${default})."`
	Out         string        `type:"path" placeholder:"FILE" help:"Write the settings found, for zhenni serve --config."`
	Report      string        `type:"path" placeholder:"FILE" help:"Write an HTML page with the sweep and throughput against shards."`
	Result      string        `type:"path" placeholder:"FILE" help:"Write a result file."`
	Reshard     bool          `help:"Change the shards of a loaded node 2→8→2 instead, again and again, and report the p99 before, while and after."`
	JSON        bool          `help:"Print one JSON object."`
}

// Help is shown by zhenni tune --help.
func (tuneCommand) Help() string {
	return `Turns one knob after the other (shards, items of a message, items of a request, connections, items in flight, memory for templates) on a node in a temporary folder and keeps what is clearly faster. Every setting of a knob is measured once a round, a setting that is clearly slower than another is abandoned, and one in use is only left for a faster one. The universal scalability law is fitted to the rates against shards. Everything is synthetic; load and node share this machine's cores, so leave it alone meanwhile.

Examples:

    zhenni tune --credentials 1000000 --out zhenni.conf --report tune.html
    zhenni serve --config zhenni.conf --print-config
    zhenni tune --reshard`
}

// tuneRounds is the most readings of one setting, tuneLeast the shortest one.
const (
	tuneRounds = 5
	tuneLeast  = 50 * time.Millisecond
)

// Run tunes.
func (c *tuneCommand) Run(ctx context.Context, out *output) (err error) {
	if c.Duration < time.Second {
		return usage("--duration: %v, want at least 1s", c.Duration)
	}
	sweep, err := c.sweep(out)
	if err != nil {
		return err
	}
	rig, err := newRig(ctx, out, c.Dim, c.Credentials, c.Seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rig.close()) }()
	if c.Reshard {
		return c.reshard(ctx, rig, out)
	}
	started, machine := time.Now(), result.ReadMachine()
	system := &tunedRig{rig: rig, reading: max(tuneLeast, c.Duration/time.Duration(readings(sweep)))}
	found, err := sweep.Run(ctx, system)
	if err != nil {
		return err
	}
	noteTaken(system.taken, out)
	t := newTuning(c, found)
	t.run = result.Run{Layer: "tune", Started: started, Machine: machine, Seed: c.Seed, Settings: c.settings(), Measurements: t.measurements()}
	t.run.Build, t.run.Commit = result.ReadBuild()
	return t.write(out)
}

func (c *tuneCommand) settings() map[string]string {
	return map[string]string{"credentials": fmt.Sprint(c.Credentials), "dim": fmt.Sprint(c.Dim), "duration": c.Duration.String()}
}

// sweep says which settings are tried. It starts with the defaults, and an arena that holds everybody.
func (c *tuneCommand) sweep(out *output) (capacity.Sweep, error) {
	cores := int64(min(runtime.GOMAXPROCS(0), actors.MaxShards))
	arena := int64(arenaOf(c.Credentials, c.Dim))
	s := capacity.Sweep{
		Start: capacity.Point{
			capacity.Shards: cores, capacity.MessageItems: 1024, capacity.InFlight: 2 * zhenni.MaxBatchItems, capacity.Arena: arena,
			capacity.Connections: 8, capacity.Batch: 1024,
		},
		Rounds: tuneRounds, Limit: result.InMilliseconds(c.P99),
		Progress: func(knob capacity.Knob, value int64, round int) {
			if round == 0 {
				out.Note("Measuring %s %s …", knob, knobValue(knob, value))
			}
		},
	}
	values := map[capacity.Knob][]int64{
		capacity.Shards:       {1, 2, 4, 8, 16, 32, actors.MaxShards},
		capacity.MessageItems: {128, 256, 512, 1024, 2048, 4096},
		capacity.Batch:        {256, 1024, 4096},
		capacity.Connections:  {4, 8, 16},
		capacity.InFlight:     {zhenni.MaxBatchItems, 2 * zhenni.MaxBatchItems, 4 * zhenni.MaxBatchItems},
		capacity.Arena:        {int64(arenaOf(c.Credentials/2, c.Dim)), arena, 2 * arena},
	}
	values[capacity.Shards] = slices.DeleteFunc(values[capacity.Shards], func(n int64) bool { return n > max(8, 2*cores) })
	for _, name := range c.Knobs {
		tried, ok := values[capacity.Knob(name)]
		if !ok {
			return s, usage("--knobs: %q is none of %v", name, slices.Sorted(maps.Keys(values)))
		}
		s.Ranges = append(s.Ranges, capacity.Range{Knob: capacity.Knob(name), Values: tried})
	}
	return s, nil
}

// arenaOf is the budget of an arena that holds so many people, in whole MiB, so that a configuration file can say it.
func arenaOf(credentials, dim int) byteSize {
	const unit = 1 << 20
	need := capacity.ArenaFor(float64(credentials), float64(dim))
	return byteSize((need + unit - 1) / unit * unit)
}

func readings(s capacity.Sweep) (n int) {
	for _, r := range s.Ranges {
		n += s.Rounds * len(r.Values)
	}
	return n
}

func knobValue(knob capacity.Knob, value int64) string {
	if knob == capacity.Arena {
		return byteSize(value).String()
	}
	return fmt.Sprint(value)
}

// tunedRig is a rig as a sweep sees it. A reading begins with a quarter of its time that does not count.
type tunedRig struct {
	*rig
	reading time.Duration
	taken   float64 // the most of the cores that others had in a reading
}

// Measure implements capacity.System.
func (t *tunedRig) Measure(ctx context.Context, at capacity.Point) (rate, p50, p99 float64, err error) {
	err = t.serve(ctx, rigSettings{
		arena: byteSize(at[capacity.Arena]), shards: int(at[capacity.Shards]), messageItems: int(at[capacity.MessageItems]), inFlight: int(at[capacity.InFlight]),
	})
	if err != nil {
		return 0, 0, 0, err
	}
	driver, err := t.driver(ctx, int(at[capacity.Connections]), int(at[capacity.Batch]))
	if err != nil {
		return 0, 0, 0, err
	}
	if _, _, err := driver.Bulk(ctx, t.reading/4); err != nil {
		return 0, 0, 0, err
	}
	reading, met, err := readRate(int(at[capacity.Batch]), func() (bench.Result, bench.Tally, error) { return driver.Bulk(ctx, t.reading) })
	if err != nil {
		return 0, 0, 0, err
	}
	t.taken = max(t.taken, reading.Taken)
	return reading.Rate, result.InMilliseconds(met.Quantile(0.5)), result.InMilliseconds(met.Quantile(0.99)), nil
}

// tuning is what a run of the command found.
type tuning struct {
	*tuneCommand
	found capacity.Found
	// scales are the middle rates by shards: a reading which something else on the machine fell into does not bend the law
	// fitted to them. It is fitted unless lawError says why not.
	scales   []capacity.Scale
	law      capacity.Law
	lawError error
	run      result.Run
}

func newTuning(c *tuneCommand, found capacity.Found) *tuning {
	t := &tuning{tuneCommand: c, found: found}
	for _, trial := range found.Trials {
		if trial.Knob == capacity.Shards {
			t.scales = append(t.scales, capacity.Scale{Shards: float64(trial.Value), Rate: result.Median(trial.Rates)})
		}
	}
	t.law, t.lawError = capacity.FitLaw(t.scales)
	return t
}

// measurements are the trials, that of the last choice first: it is the headline.
func (t *tuning) measurements() []result.Measurement {
	var list []result.Measurement
	headline := 0
	for i, trial := range t.found.Trials {
		if trial.Best {
			headline = i
		}
		list = append(list, result.Measurement{
			Name: fmt.Sprintf("bulk/%s=%d", trial.Knob, trial.Value), Unit: result.PerSecond, Rounds: trial.Rates,
			Sweep: string(trial.Knob), X: float64(trial.Value),
			Latency: &result.Latency{Quantiles: []result.Quantile{{Q: 0.5, Milliseconds: result.Median(trial.P50)}, {Q: 0.99, Milliseconds: result.Median(trial.P99)}}},
		})
	}
	return slices.Concat(list[headline:headline+1], list[:headline], list[headline+1:])
}

// write prints what was found and writes the files asked for.
func (t *tuning) write(out *output) error {
	if err := t.run.Finish(); err != nil {
		return err
	}
	for _, file := range []struct {
		path  string
		write func(io.Writer) error
	}{{t.Out, t.writeConfig}, {t.Report, t.page().Write}, {t.Result, t.run.Write}} {
		if file.path == "" {
			continue
		}
		if err := writeFile(file.path, file.write); err != nil {
			return err
		}
		out.Note("Written: %s", file.path)
	}
	if t.JSON {
		return out.JSON(t.run)
	}
	if err := out.Table(t.rows()); err != nil {
		return err
	}
	return out.Print("\n%s\n%d of %d readings were needed.\n\n%s", t.lawText(), t.found.Readings, t.found.Exhaustive, t.config())
}

func (t *tuning) rows() [][]string {
	rows := [][]string{{"knob", "value", "verifications/s", "p50 ms", "p99 ms", "readings", ""}}
	for _, trial := range t.found.Trials {
		verdict := ""
		switch {
		case trial.Best:
			verdict = "chosen"
		case trial.Abandoned:
			verdict = "clearly slower"
		}
		rows = append(rows, []string{
			string(trial.Knob), knobValue(trial.Knob, trial.Value), fmt.Sprintf("%.0f", trial.Rate()),
			fmt.Sprintf("%.2f", result.Median(trial.P50)), fmt.Sprintf("%.2f", result.Median(trial.P99)), fmt.Sprint(len(trial.Rates)), verdict,
		})
	}
	return rows
}

func (t *tuning) lawText() string {
	if t.lawError != nil {
		return fmt.Sprintf("No scalability law: %v.", t.lawError)
	}
	peak := "more shards are always better"
	if n := t.law.Peak(); !math.IsInf(n, 1) {
		peak = fmt.Sprintf("most at %.1f shards", n)
	}
	return fmt.Sprintf("Universal scalability law: λ %.0f/s, σ %.4f, κ %.5f; %s. R² %.3f, worst error %.0f %%.",
		t.law.Lambda, t.law.Sigma, t.law.Kappa, peak, t.law.R2, 100*t.law.WorstError)
}

// config is the configuration file. Connections and items of a request are the clients' to choose.
func (t *tuning) config() string {
	best := t.found.Best
	var text strings.Builder
	fmt.Fprintf(&text, "# Found by zhenni tune on %s: %s, %d cores, %s.\n", t.run.Started.UTC().Format(time.DateOnly), t.run.Machine.CPU, t.run.Machine.Cores, t.run.Machine.Tier)
	fmt.Fprintf(&text, "# %d templates of %d elements; clients asked over %d connections in requests of %d items.\n", t.Credentials, t.Dim, best[capacity.Connections], best[capacity.Batch])
	for _, knob := range []capacity.Knob{capacity.Shards, capacity.MessageItems, capacity.InFlight} {
		fmt.Fprintf(&text, "%s: %d\n", knob, best[knob])
	}
	fmt.Fprintf(&text, "%s: %dMiB\n", capacity.Arena, best[capacity.Arena]>>20) // in whole MiB, as [arenaOf] returns it
	return text.String()
}

func (t *tuning) writeConfig(w io.Writer) error {
	_, err := io.WriteString(w, t.config())
	return err
}

func (t *tuning) page() report.Capacity {
	m := t.run.Machine
	page := report.Capacity{
		Title: "Tuning",
		Facts: [][2]string{
			{"machine", fmt.Sprintf("%s, %d cores, %s, load %.2f before", m.CPU, m.Cores, m.Tier, m.Load)}, {"commit", t.run.Commit},
			{"started", t.run.Started.UTC().Format(time.RFC3339)}, {"templates", fmt.Sprintf("%d of %d elements", t.Credentials, t.Dim)},
			{"readings", fmt.Sprintf("%d of %d", t.found.Readings, t.found.Exhaustive)},
		},
		Tables: []report.Table{{Caption: "Sweep", Rows: t.rows()}}, Config: t.config(), LawText: t.lawText(),
	}
	for _, s := range slices.SortedFunc(slices.Values(t.scales), func(a, b capacity.Scale) int { return cmp.Compare(a.Shards, b.Shards) }) {
		page.Scales = append(page.Scales, [2]float64{s.Shards, s.Rate})
	}
	if t.lawError == nil {
		page.Law = t.law.At
	}
	return page
}
