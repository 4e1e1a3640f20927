package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench"
	"zhenni/bench/result"
	"zhenni/engine/accuracy"
	"zhenni/gateway"
	"zhenni/simd"
	"zhenni/storage"
)

// syntheticProfile is the threshold of people who do not exist, calibrated on accuracy.Population.
//
//go:embed profiles/synthetic-512.json
var syntheticProfile []byte

// demoCommand is demo.
type demoCommand struct {
	Credentials int           `default:"100000" placeholder:"N" help:"Synthetic people to enrol (default ${default})."`
	Duration    time.Duration `default:"8s" help:"How long to press in bulk (default ${default})."`
	Shards      int           `default:"0" placeholder:"N" help:"Shards; 0 is one a core."`
	Connections int           `default:"8" placeholder:"N" help:"HTTP connections of the load (default ${default})."`
	Batch       int           `default:"1024" placeholder:"N" help:"Verifications in one bulk request, 2–65536 (default ${default})."`
	Seed        uint64        `default:"1" placeholder:"N" help:"Which people and questions are made (default ${default})."`
	Listen      string        `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where the node listens (default ${default}, a free port)."`
	Stay        bool          `help:"Stay up afterwards and print a request to try."`
	JSON        bool          `help:"End with one JSON object instead of a table."`
}

// Help is shown by zhenni demo --help.
func (demoCommand) Help() string {
	return `Everything is synthetic, in a temporary folder that is removed at the end. The load and the node share this machine's cores and this process's memory; every answer is read and held against the truth. The bound on the FMR is exact for independent comparisons.

Examples:

    zhenni demo
    zhenni demo --credentials 1000000 --duration 30s
    zhenni demo --json | jq .verifications_per_second
    zhenni demo --stay`
}

// demoReport is what a demo measured. Scripts rely on the first eleven keys.
type demoReport struct {
	VerificationsPerSecond float64 `json:"verifications_per_second"`
	P50                    float64 `json:"p50_ms"`
	P99                    float64 `json:"p99_ms"`
	FMR                    float64 `json:"fmr"`
	FMRUpper95             float64 `json:"fmr_upper95"`
	FNMR                   float64 `json:"fnmr"`
	Credentials            int     `json:"credentials"`
	RSS                    int64   `json:"rss_bytes"`
	Disk                   int64   `json:"disk_bytes"`
	Tier                   string  `json:"tier"`
	Shards                 int     `json:"shards"`

	NonMated         int64   `json:"non_mated_comparisons"`
	FalseMatches     int64   `json:"false_matches"`
	Mated            int64   `json:"mated_comparisons"`
	FalseNonMatches  int64   `json:"false_non_matches"`
	Refused          int64   `json:"refused"`
	SinglesPerSecond float64 `json:"single_verifications_per_second"`
	SingleLoad       float64 `json:"single_load_per_second"`
	SingleP50        float64 `json:"single_p50_ms"`
	SingleP99        float64 `json:"single_p99_ms"`
	Limit            float64 `json:"limit_per_second"` // the bare transport: requests read and answered, not looked at
	RatioToLimit     float64 `json:"ratio_to_limit"`   // the median of the rounds
	EnrolSeconds     float64 `json:"enrol_seconds"`
	Connections      int     `json:"connections"`
	BatchItems       int     `json:"batch_items"`
	Profile          string  `json:"profile"`
	FMRTarget        float64 `json:"fmr_target"`
}

// Run shows the whole engine at work.
func (c *demoCommand) Run(ctx context.Context, out *output) (err error) {
	switch {
	case c.Credentials < 2:
		return usage("--credentials: %d, want at least 2", c.Credentials)
	case c.Duration < 100*time.Millisecond:
		return usage("--duration: %v, want at least 100ms", c.Duration)
	}
	dir, err := os.MkdirTemp("", "zhenni-demo-")
	if err != nil {
		return environment("%w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d := &demo{demoCommand: c, out: out, dir: dir}
	if err = d.run(ctx); err != nil && ctx.Err() != nil {
		return environment("interrupted; %s is removed", dir)
	}
	return err
}

// demo is one run of the command.
type demo struct {
	*demoCommand
	out    *output
	dir    string
	people accuracy.Population
	ids    []zhenni.CredentialID // of subject i
	key    zhenni.APIKey
	tally  bench.Tally // of every answer measured
	report demoReport
}

func (d *demo) run(ctx context.Context) (err error) {
	profile, err := zhenni.ReadProfile(bytes.NewReader(syntheticProfile))
	if err != nil {
		return err
	}
	d.people = accuracy.Population{Seed: d.Seed, Dim: profile.Model.Dim}
	d.report = demoReport{
		Credentials: d.Credentials, Tier: simd.Tier(), Shards: shardCount(d.Shards), Connections: d.Connections,
		BatchItems: d.Batch, Profile: profile.ID, FMRTarget: profile.FMRTarget,
	}
	store, err := d.enrol(ctx, profile.Model)
	if err != nil {
		return err
	}
	free := freeMemory()
	cfg := d.nodeConfig(profile, free)
	limitHeap(free, cfg.arena)
	n, err := startNode(ctx, cfg, store)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, n.stop(stop))
	}()
	if err := d.measure(ctx, n); err != nil {
		return err
	}
	if err := d.print(); err != nil {
		return err
	}
	if d.Stay {
		return d.stay(ctx, n)
	}
	d.out.Note("\nNext: zhenni demo --stay, to ask it yourself; zhenni calibrate --help, for a threshold of your own; zhenni serve --help.")
	return nil
}

func (d *demo) nodeConfig(profile zhenni.Profile, free byteSize) nodeConfig {
	arena := min(arenaBudget(0, free), minArenaDefault+byteSize(d.Credentials)*4096)
	quiet := slog.New(slog.NewTextHandler(d.out.notes, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return nodeConfig{
		arena:   arena,
		ledger:  ledgerConfig{dir: filepath.Join(d.dir, "ledger"), answers: demoAnswers, bytes: demoAnswerBytes},
		actors:  actors.Config{Shards: d.report.Shards, Logger: quiet},
		gateway: gateway.Config{Addr: d.Listen, Profile: profile, Version: version, Logger: quiet, MaxConnsPerIP: 1024},
	}
}

// enrol makes a store with the population and one relying party of an evaluation tenant.
func (d *demo) enrol(ctx context.Context, model zhenni.Model) (_ *recordedStore, err error) {
	d.out.Note("Enrolling %d synthetic people, %d elements each …", d.Credentials, model.Dim)
	start := time.Now()
	root, err := storage.CreateKeyFile(filepath.Join(d.dir, "root.key"), nil)
	if err != nil {
		return nil, environment("%w", err)
	}
	dir := filepath.Join(d.dir, "store")
	store, err := openRecorded(storage.Options{Dir: dir, Model: model, Root: root, Created: start}, auditOptions{dir: auditFlags{}.dir(dir)})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, store.Close())
		}
	}()
	if err := d.fill(ctx, store, model, start); err != nil {
		return nil, err
	}
	var party zhenni.RelyingParty
	if d.key, party, err = newParty(zhenni.RelyingParty{
		ID: "demo", Name: "Demonstration", Tenant: demoTenant, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer, Evaluation: true, CreatedAt: start,
	}); err != nil {
		return nil, err
	}
	if _, err := applyOne(ctx, store, zhenni.PutRelyingParty{Party: party}); err != nil {
		return nil, err
	}
	d.report.EnrolSeconds = time.Since(start).Seconds()
	return store, nil
}

const (
	demoTenant zhenni.TenantID = 1
	// demoAnswers and demoAnswerBytes bound the answers kept, which lie beside the store: they are traffic, and no part of
	// its size.
	demoAnswers     = 1 << 18
	demoAnswerBytes = 1 << 30
)

// fill imports every subject; the ids of a bulk import ascend.
func (d *demo) fill(ctx context.Context, store *recordedStore, model zhenni.Model, at time.Time) error {
	var err error
	if d.ids, err = drawIDs(d.Credentials); err != nil {
		return environment("%w", err)
	}
	load, err := store.NewImport(ctx, storage.ImportOptions{})
	if err != nil {
		return environment("import: %w", err)
	}
	bar := d.out.Progress("people", int64(d.Credentials))
	defer bar.Done()
	embedding := make([]float32, model.Dim)
	for i, id := range d.ids {
		row := make([]int8, model.Dim)
		d.people.Reference(i, embedding)
		simd.Quantize(row, embedding, 0)
		if err := load.Add(zhenni.Enrol{ID: id, Tenant: demoTenant, Level: zhenni.LevelFull, Model: model.ID, Row: row, At: at}); err != nil {
			return errors.Join(environment("import: %w", err), load.Abort())
		}
		bar.Add(1)
	}
	if err := load.Commit(); err != nil {
		return environment("import: %w", err)
	}
	return nil
}

// measure presses in bulk, then one by one at half of what that reaches.
func (d *demo) measure(ctx context.Context, n *node) error {
	d.out.Note("Making the questions: every second probe is of the person it claims to be …")
	driver, err := bench.Drill{
		Target: bench.Target{URL: n.url(), Key: d.key.String()}, Subjects: d.people, IDs: d.ids, Dim: d.people.Dim,
		Connections: d.Connections, BatchItems: d.Batch, Distinct: min(8*d.Credentials, 1<<17), Seed: d.Seed,
	}.Prepare(ctx)
	if err != nil {
		return err
	}
	defer driver.Close()
	debug.FreeOSMemory() // what enrolment and preparation left is not the memory of serving
	d.out.Note("Verifying in batches of %d by Arrow over %d connections for %v, in turns with the bare transport …", d.Batch, d.Connections, d.Duration)
	if err := d.measureBulk(ctx, driver, n); err != nil {
		return err
	}
	d.out.Note("Verifying one by one by JSON …")
	return d.measureSingles(ctx, driver)
}

// demoRounds is how often the bulk run and the bare transport take turns.
const demoRounds = 4

func (d *demo) measureBulk(ctx context.Context, driver *bench.Driver, n *node) error {
	if _, _, err := driver.Bulk(ctx, min(d.Duration, time.Second)); err != nil { // warm connections, pools and heap
		return err
	}
	beside, err := driver.BulkBesideTransport(ctx, d.Duration, demoRounds)
	if err != nil {
		return err
	}
	r, met := &d.report, beside.Result
	d.count(met, beside.Tally, d.Batch)
	r.Limit, r.RatioToLimit = beside.Limit, beside.Ratio
	r.VerificationsPerSecond = met.ItemsPerSecond()
	r.P50, r.P99 = result.InMilliseconds(met.Quantile(0.5)), result.InMilliseconds(met.Quantile(0.99))
	r.RSS, r.Disk = residentBytes(), n.store.Size()
	return nil
}

// count takes the answers of a run into the report; a request that was shed is items without a verdict.
func (d *demo) count(met bench.Result, tally bench.Tally, items int) {
	d.tally.Add(tally)
	d.tally.Refused += met.Shed * int64(items)
	r, t := &d.report, d.tally
	r.FMR, r.FMRUpper95, r.FNMR = t.FMR(), accuracy.UpperBound(t.FalseMatches, t.NonMated), t.FNMR()
	r.Mated, r.NonMated, r.Refused = t.Mated, t.NonMated, t.Refused
	r.FalseMatches, r.FalseNonMatches = t.FalseMatches, t.FalseNonMatches
}

func (d *demo) measureSingles(ctx context.Context, driver *bench.Driver) error {
	part := min(max(d.Duration/2, 500*time.Millisecond), 4*time.Second)
	peak, tally, err := driver.Singles(ctx, part, 0)
	if err != nil {
		return err
	}
	d.count(peak, tally, 1)
	half, tally, err := driver.Singles(ctx, part, peak.CallsPerSecond()/2)
	if err != nil {
		return err
	}
	d.count(half, tally, 1)
	d.report.SinglesPerSecond, d.report.SingleLoad = peak.CallsPerSecond(), half.CallsPerSecond()
	d.report.SingleP50, d.report.SingleP99 = result.InMilliseconds(half.Quantile(0.5)), result.InMilliseconds(half.Quantile(0.99))
	return nil
}

func (d *demo) print() error {
	r := d.report
	if d.JSON {
		return d.out.JSON(r)
	}
	return d.out.Table([][]string{
		{"measure", "value", ""},
		{"verifications/s", fmt.Sprintf("%.0f", r.VerificationsPerSecond), fmt.Sprintf("bulk, %d connections × %d items", r.Connections, r.BatchItems)},
		{"of the bare transport", fmt.Sprintf("%.0f %%", 100*r.RatioToLimit), fmt.Sprintf("%.0f/s with the same requests read and answered, not looked at", r.Limit)},
		{"p50 / p99 of a batch", fmt.Sprintf("%.2f / %.2f ms", r.P50, r.P99), "load generator on the same cores"},
		{"single p50 / p99", fmt.Sprintf("%.2f / %.2f ms", r.SingleP50, r.SingleP99), fmt.Sprintf("at %.0f/s, half of the peak of %.0f/s", r.SingleLoad, r.SinglesPerSecond)},
		{"FMR", fmt.Sprintf("%.2g", r.FMR), fmt.Sprintf("%d of %d, ≤ %.2g at 95 %%; target %.0e", r.FalseMatches, r.NonMated, r.FMRUpper95, r.FMRTarget)},
		{"FNMR", fmt.Sprintf("%.2f %%", 100*r.FNMR), fmt.Sprintf("%d of %d", r.FalseNonMatches, r.Mated)},
		{"refused", fmt.Sprint(r.Refused), "items without a verdict, by the node or by overload"},
		{"credentials", fmt.Sprint(r.Credentials), fmt.Sprintf("enrolled in %.1f s", r.EnrolSeconds)},
		{"memory", byteSize(r.RSS).String(), "load generator included"},
		{"disk", byteSize(r.Disk).String(), ""},
		{"instructions", r.Tier, fmt.Sprintf("%d shards", r.Shards)},
	})
}

// stay keeps the node up until ctx ends.
func (d *demo) stay(ctx context.Context, n *node) error {
	row, embedding := make([]int8, d.people.Dim), make([]float32, d.people.Dim)
	d.people.Probe(0, 0, embedding)
	simd.Quantize(row, embedding, 0)
	raw := make([]byte, len(row))
	for i, x := range row {
		raw[i] = byte(x)
	}
	question, err := json.Marshal(map[string]string{"credential": d.ids[0].String(), "probe_int8": base64.StdEncoding.EncodeToString(raw)})
	if err != nil {
		return err
	}
	file := filepath.Join(d.dir, "question.json")
	if err := os.WriteFile(file, question, 0o600); err != nil {
		return environment("%w", err)
	}
	d.out.Note("\nServing on %s until interrupted. Ask whether subject 0 is who they claim to be:\n", n.url())
	d.out.Note("curl -s %s/v1/verifications -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d @%s\n", n.url(), d.key, file)
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.failed:
		return wrapped("serve", err)
	}
}
