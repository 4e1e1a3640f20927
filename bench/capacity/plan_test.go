package capacity

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"zhenni"
	"zhenni/bench/result"
	"zhenni/engine"
	"zhenni/storage/ledger"
)

var rewrite = flag.Bool("rewrite", false, "write the golden plans anew")

// testProfile has round numbers: 2 cores, 500 ns a bulk item in the cache and 1,000 beyond it, 100 µs a single one.
var testProfile = Profile{
	Dim: 512, Cores: 2, Cache: 32 << 20, Memory: 16 << 30,
	Bulk: Cost{Item: 500, Request: 102400, Miss: 400}, Single: Cost{Item: 80e3}, BulkBusy: 0.9, SingleBusy: 0.8,
	Tail: Tail{Base: 0.5, Queue: 2},
	Heap: Line{100 << 20, 100}, View: Line{50 << 20, 1000}, Log: Line{10 << 20, 900}, Keys: Line{1 << 20, 64},
	Leaf: 88, Answer: 600, AnswerItem: 17,
}

var testDemand = Demand{PerDay: 1e9, Credentials: 30e6, PeakFactor: 3, BulkShare: 0.9, Batch: 1024, P99: 5, Days: 90}

func TestPlanIsAsItWas(t *testing.T) {
	var text strings.Builder
	for _, c := range []struct {
		name   string
		change func(*Demand)
	}{
		{"country", func(*Demand) {}}, {"city", func(d *Demand) { d.PerDay, d.Credentials = 1e6, 1e6 }},
		{"bulk only", func(d *Demand) { d.BulkShare = 1 }},
		{"country with sessions", func(d *Demand) { d.Sessions = true }}, {"city with sessions", func(d *Demand) { d.PerDay, d.Credentials, d.Sessions = 1e6, 1e6, true }},
	} {
		d := testDemand
		c.change(&d)
		plan, err := testProfile.NewPlan(d)
		if err != nil {
			t.Fatal(err)
		}
		assumptions := plan.Assumptions
		plan.Assumptions = nil
		fmt.Fprintf(&text, "%s\n%s\n%s\n", c.name, strings.ReplaceAll(fmt.Sprintf("%+.6v", *plan), " ", "\n"), strings.Join(assumptions, "\n"))
	}
	const golden = "testdata/plan.golden"
	want, err := os.ReadFile(golden)
	if *rewrite {
		err = os.WriteFile(golden, []byte(text.String()), 0o600)
		want = []byte(text.String())
	}
	if err != nil || text.String() != string(want) {
		t.Errorf("%v; -rewrite writes %s anew:\n%s", err, golden, &text)
	}
}

// By hand: 1e9/86400·3·0.1 = 3472.2 singles a second, of which a node answers 2·0.8/80 µs = 20,000; 31,250 bulk items at
// 500 + 100 + 400·(1−32 MiB/W) ns, with W all but infinite 1,000 ns: 1.8 million. Two nodes would have 13.4 GiB of rows, heap and a table of 2²⁶ answers where 12.8 are to be had.
func TestPlanByHand(t *testing.T) {
	plan, err := testProfile.NewPlan(testDemand)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][2]float64{
		"singles": {plan.Singles, 3472.2}, "bulk": {plan.Bulk, 31250}, "allowed": {plan.Allowed, 2.25 / 3.25},
		"nodes for the rate": {plan.NodesForRate, 1}, "nodes for memory": {plan.NodesForMemory, 3}, "cores": {plan.Cores, 6},
		"load": {plan.Load, (31250/1.8e6 + 3472.2/20e3) / 3}, "audit": {plan.Audit, 90 * 88 * (1e8 + 9e8/1024)},
		"ledger": {plan.Ledger, 600*1e8 + 17*9e8}, "keys": {plan.Keys, 3<<20 + 64*30e6}, "table of answers": {plan.Answers, 48 << 26},
	} {
		if !near(c[0], c[1], 0.01) {
			t.Errorf("%s: %v, want %v", name, c[0], c[1])
		}
	}
}

// A server with sessions keeps every answer for 31 days and an hour, in memory and on disk, and no node more of them than a ledger
// takes. By hand: 1e9 verifications are 1e8 singles and 9e8/1024 requests in bulk a day, each an answer.
func TestPlanKeepsAnswersForSessions(t *testing.T) {
	d := testDemand
	without, err := testProfile.NewPlan(d)
	if err != nil {
		t.Fatal(err)
	}
	d.Sessions = true
	with, err := testProfile.NewPlan(d)
	if err != nil {
		t.Fatal(err)
	}
	const days = 31 + 1.0/24
	answers := days * (1e8 + 9e8/1024)
	for name, c := range map[string][2]float64{
		"days without": {without.KeptDays, 1}, "days": {with.KeptDays, days}, "ledger": {with.Ledger, days * (600*1e8 + 17*9e8)},
		"audit log": {with.Audit, without.Audit}, "answers of a node": {with.KeptAnswers, answers / with.Nodes},
		"bytes of a node": {with.KeptBytes, with.Ledger/with.Nodes + 96<<20}, "nodes for answers": {with.NodesForAnswers, 12}, "nodes for memory": {with.NodesForMemory, 24},
		"table of a node": {with.Answers, 48 << 27},
	} {
		if !near(c[0], c[1], 1e-6) {
			t.Errorf("%s: %v, want %v", name, c[0], c[1])
		}
	}
}

// What a plan says of answers is what a ledger takes: so many, kept so long, and not one more.
func TestPlannedAnswersAreWhatALedgerTakes(t *testing.T) {
	for _, sessions := range []bool{false, true} {
		for _, perDay := range []float64{1, 1e5, 3e9} {
			d, large := testDemand, testProfile
			d.PerDay, d.BulkShare, d.Sessions, large.Memory = perDay, 0, sessions, 1<<50
			plan, err := large.NewPlan(d)
			if err != nil {
				t.Fatal(err)
			}
			if kept := plan.KeptAnswers * plan.Nodes; kept < perDay*d.AnswersKept().Hours()/24 || plan.KeptAnswers > ledger.MaxAnswers || plan.Answers < answerEntry*plan.KeptAnswers {
				t.Errorf("%v a day, sessions %v: %+v", perDay, sessions, plan)
			}
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	d := testDemand
	d.P99 = 0.5
	if _, err := testProfile.NewPlan(d); !errors.Is(err, ErrP99) {
		t.Errorf("a p99 that no load has: %v", err)
	}
	for name, spoil := range map[string]func(*Demand, *Profile){
		"nobody": func(d *Demand, _ *Profile) { d.Credentials = 0 }, "share": func(d *Demand, _ *Profile) { d.BulkShare = 1.1 },
		"no cost": func(_ *Demand, p *Profile) { p.Single = Cost{} }, "no cores": func(_ *Demand, p *Profile) { p.Cores = 0 },
	} {
		d, p := testDemand, testProfile
		spoil(&d, &p)
		if _, err := p.NewPlan(d); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProfileComesBackFromItsFile(t *testing.T) {
	run := &result.Run{Layer: Layer, Measurements: testProfile.Measurements()}
	if err := run.Finish(); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := run.Write(&file); err != nil {
		t.Fatal(err)
	}
	again, err := result.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := ProfileOf(again); err != nil || p != testProfile {
		t.Errorf("%+v, %v", p, err)
	}
	again.Layer = "http"
	if _, err := ProfileOf(again); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("another layer: %v", err)
	}
}

// What the arena takes is package engine's to say.
func TestArenaIsAsTheEngineLaysItOut(t *testing.T) {
	for _, dim := range []int{64, 128, 192, 512, 513} {
		const credentials = 100_000
		budget := ArenaFor(credentials, float64(dim))
		arena, err := engine.NewArena(dim, budget)
		if err != nil {
			t.Fatal(err)
		}
		capacity := arena.Stats().Capacity
		if err := arena.Close(); err != nil {
			t.Fatal(err)
		}
		if float64(capacity)*RowBytes(float64(dim)) != float64(budget) || capacity < credentials {
			t.Errorf("dimension %d: %d bytes hold %d rows of %v", dim, budget, capacity, RowBytes(float64(dim)))
		}
	}
}
