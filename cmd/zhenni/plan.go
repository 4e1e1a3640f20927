package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"zhenni/bench/capacity"
	"zhenni/bench/result"
)

// planCommand is plan.
type planCommand struct {
	VerificationsPerDay float64       `required:"" placeholder:"N" help:"Verifications a day."`
	Credentials         float64       `required:"" placeholder:"N" help:"Credentials enrolled."`
	P99                 time.Duration `name:"p99" default:"50ms" placeholder:"TIME" help:"Highest p99 of a single verification (default ${default})."`
	PeakFactor          float64       `default:"3" placeholder:"X" help:"Busiest second over the mean one (default ${default})."`
	BulkShare           float64       `default:"0.9" placeholder:"X" help:"Share of verifications that come in bulk (default ${default})."`
	Batch               float64       `default:"1024" placeholder:"N" help:"Items of a bulk request (default ${default})."`
	RetentionDays       float64       `default:"90" placeholder:"N" help:"Days that the audit log keeps (default ${default})."`
	Sessions            bool          `help:"The server has sessions (zhenni serve --sessions make): it keeps every answer for 31 days and an hour, not those of sessions alone, where it else keeps them for a day."`
	Dim                 int           `default:"512" placeholder:"N" help:"Dimension of a template, where it is measured here (default ${default})."`

	ProfileFile string        `type:"path" placeholder:"FILE" help:"Measured profile, a result file of this command, in place of measuring here."`
	Save        string        `type:"path" placeholder:"FILE" help:"Write the profile measured here as a result file."`
	Measure     []int         `default:"20000,400000" placeholder:"N" help:"Sizes to measure the profile at (default ${default})."`
	Duration    time.Duration `default:"2s" help:"Time of one measurement (default ${default})."`
	Confirm     bool          `help:"Then measure nodes of other sizes here, and print how far off the profile's predictions are."`
	ConfirmAt   []int         `default:"10000,100000,1000000" placeholder:"N" help:"Sizes to confirm at (default ${default})."`
	Seed        uint64        `default:"1" placeholder:"N" help:"Which people and questions are made (default ${default})."`
	JSON        bool          `help:"Print one JSON object."`
}

// Help is shown by zhenni plan --help.
func (planCommand) Help() string {
	return `Predicts nodes, cores, memory, disk and network from a measured profile: what a verification costs by the size of its request and by how much of the templates the cache holds, the p99 of singles under load, bytes by credential and by answer. Every assumption is printed. The profile is of this machine and of what else it does meanwhile: leave it alone, or give one measured elsewhere. Where there are sessions, say --sessions: all stored answers are then kept for 31 days and an hour.

Examples:

    zhenni plan --verifications-per-day 1e9 --credentials 1e8 --p99 20ms
    zhenni plan --verifications-per-day 5e6 --credentials 1e6 --save profile-run.json --confirm
    zhenni plan --verifications-per-day 1e9 --credentials 1e8 --profile-file profile-run.json --retention-days 365 --sessions`
}

// planReport is what --json prints.
type planReport struct {
	Plan    *capacity.Plan       `json:"plan"`
	Profile []result.Measurement `json:"profile"`
	Confirm []confirmed          `json:"confirm,omitempty"`
}

// confirmed is a run of one size beside what was predicted of it.
type confirmed struct {
	Credentials int `json:"credentials"`
	// Taken is the share of the cores that others took meanwhile.
	Taken  float64          `json:"taken"`
	Checks []capacity.Check `json:"checks"`
}

// Run plans.
func (c *planCommand) Run(ctx context.Context, out *output) error {
	demand := capacity.Demand{
		PerDay: c.VerificationsPerDay, Credentials: c.Credentials, PeakFactor: c.PeakFactor, BulkShare: c.BulkShare, Batch: c.Batch,
		P99: result.InMilliseconds(c.P99), Days: c.RetentionDays, Sessions: c.Sessions,
	}
	if err := demand.Validate(); err != nil {
		return usage("%w", err)
	}
	if c.Duration < 100*time.Millisecond {
		return usage("--duration: %v, want at least 100ms", c.Duration)
	}
	profile, err := c.profile(ctx, out)
	if err != nil {
		return err
	}
	r := planReport{Profile: profile.Measurements()}
	if r.Plan, err = profile.NewPlan(demand); errors.Is(err, capacity.ErrP99) {
		return notSo("--p99: %w", err)
	} else if err != nil {
		return err
	}
	if c.Confirm {
		if r.Confirm, err = c.confirm(ctx, profile, out); err != nil {
			return err
		}
	}
	if c.JSON {
		return out.JSON(r)
	}
	return r.print(out)
}

// profile reads the profile, or measures one.
func (c *planCommand) profile(ctx context.Context, out *output) (capacity.Profile, error) {
	if c.ProfileFile != "" {
		return readCapacity(c.ProfileFile)
	}
	run := result.Run{Layer: capacity.Layer, Started: time.Now(), Machine: result.ReadMachine(), Seed: c.Seed, Settings: map[string]string{
		"dim": fmt.Sprint(c.Dim), "measure": fmt.Sprint(c.Measure), "duration": c.Duration.String(),
	}}
	run.Build, run.Commit = result.ReadBuild()
	var samples []capacity.Sample
	for _, size := range c.Measure {
		sample, err := c.sample(ctx, size, gaugeLoads, out)
		if err != nil {
			return capacity.Profile{}, err
		}
		samples = append(samples, sample)
	}
	profile, err := capacity.NewProfile(machineFacts(), c.Dim, samples)
	if err != nil || c.Save == "" {
		return profile, err
	}
	run.Measurements = profile.Measurements()
	if err := run.Finish(); err != nil {
		return profile, err
	}
	return profile, writeFile(c.Save, run.Write)
}

func readCapacity(path string) (capacity.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return capacity.Profile{}, environment("--profile-file: %w", err)
	}
	defer f.Close()
	run, err := result.Read(f)
	if err != nil {
		return capacity.Profile{}, usage("--profile-file %s: %w", path, err)
	}
	profile, err := capacity.ProfileOf(run)
	if err != nil {
		return profile, usage("--profile-file %s: %w", path, err)
	}
	return profile, nil
}

// sample measures a node of one size.
func (c *planCommand) sample(ctx context.Context, size int, loads []float64, out *output) (s capacity.Sample, err error) {
	rig, err := newRig(ctx, out, c.Dim, size, c.Seed)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, rig.close()) }()
	out.Note("Measuring a node of %d credentials …", size)
	s, err = rig.gauge(ctx, c.Duration, loads)
	noteTaken(s.Taken(), out)
	return s, err
}

// confirm measures nodes of other sizes.
func (c *planCommand) confirm(ctx context.Context, profile capacity.Profile, out *output) (list []confirmed, err error) {
	if float64(c.Dim) != profile.Dim {
		return nil, usage("--dim: %d, the profile is of %v", c.Dim, profile.Dim)
	}
	for _, size := range c.ConfirmAt {
		sample, err := c.sample(ctx, size, nil, out)
		if err != nil {
			return nil, err
		}
		list = append(list, confirmed{size, sample.Taken(), profile.Confirm(sample)})
	}
	return list, nil
}

func (r planReport) print(out *output) error {
	p, d := r.Plan, r.Plan.Demand
	size := func(bytes float64) string { return byteSize(bytes).String() }
	err := out.Table([][]string{
		{"need", "value", ""},
		{"peak", fmt.Sprintf("%.0f/s", p.Bulk+p.Singles), fmt.Sprintf("%.0f/s in bulk, %.0f/s one by one", p.Bulk, p.Singles)},
		{"nodes", fmt.Sprintf("%.0f", p.Nodes), fmt.Sprintf("%.0f for the rate, %.0f for memory, %.0f for the answers kept", p.NodesForRate, p.NodesForMemory, p.NodesForAnswers)},
		{"cores", fmt.Sprintf("%.0f", p.Cores), fmt.Sprintf("at %.1f %% of their highest rate in the peak; the p99 leaves %.0f %%", 100*p.Load, 100*p.Allowed)},
		{"p99 of singles", fmt.Sprintf("%.2f ms", p.P99), fmt.Sprintf("asked: %g ms", d.P99)},
		{"memory of a node", size(p.Memory()), fmt.Sprintf("templates %s, heap %s, stored answers %s", size(p.Arena), size(p.Heap), size(p.Answers))},
		{"disk", size(p.Disk()), fmt.Sprintf("view %s, log %s, keys %s", size(p.View), size(p.Log), size(p.Keys))},
		{"  of it record", size(p.Audit + p.Ledger), fmt.Sprintf("audit log of %g days %s, answers of %s %s", d.Days, size(p.Audit), daysText(p.KeptDays), size(p.Ledger))},
		{"network in, out", fmt.Sprintf("%.1f, %.1f Mbit/s", p.In*8/1e6, p.Out*8/1e6), "in the peak"},
	})
	if err != nil {
		return err
	}
	if err := out.Print("\nAssumed:\n- %s", strings.Join(p.Assumptions, "\n- ")); err != nil {
		return err
	}
	for _, run := range r.Confirm {
		if err := run.print(out); err != nil {
			return err
		}
	}
	return nil
}

func daysText(days float64) string {
	if days == 1 {
		return "a day"
	}
	return fmt.Sprintf("%.4g days", days)
}

func (c confirmed) print(out *output) error {
	worst := 0.0
	rows := [][]string{{fmt.Sprintf("%d credentials", c.Credentials), "predicted", "measured", "error"}}
	for _, check := range c.Checks {
		worst = max(worst, math.Abs(check.Error()))
		rows = append(rows, []string{
			check.Name, quantity(check.Predicted, check.Unit), quantity(check.Measured, check.Unit), fmt.Sprintf("%+.0f %%", 100*check.Error()),
		})
	}
	rows = append(rows, []string{"worst", "", "", fmt.Sprintf("%.0f %%, others took %.0f %% of the cores", 100*worst, 100*c.Taken)})
	if err := out.Print(""); err != nil {
		return err
	}
	return out.Table(rows)
}

func quantity(value float64, unit string) string {
	if unit == result.Bytes && value >= 1024 {
		return byteSize(value).String()
	}
	return fmt.Sprintf("%.4g %s", value, unit)
}
