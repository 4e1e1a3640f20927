package ingress

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench"
	"zhenni/bench/population"
	"zhenni/bench/result"
)

// Every answer of every format is checked: revoked and unknown are never a match, the others follow the truth but for the
// errors of the threshold.
func TestEveryFormatIsAnsweredByTheTruth(t *testing.T) {
	n := startTestNode(t, actors.Config{})
	raw, err := ServeRows(n, testPeople.Dim)
	must(t, err)
	defer func() { must(t, raw.Close(context.Background())) }()
	ring := testRing(t, 2)
	for name, target := range map[string]Target{
		"arrow": n.target(Arrow), "lines": n.target(Lines), "singles": n.target(Singles), "in process": n.target(Direct),
		"raw rows": {Format: Rows, Server: bench.Target{URL: raw.URL}},
	} {
		p, err := NewPress(ring, target)
		must(t, err)
		var tally population.Tally
		var items, counted, refused int64
		for items < 1000 && err == nil {
			var got bench.Result
			var heard population.Tally
			got, heard, err = p.Run(t.Context(), bench.Load{Duration: 10 * time.Millisecond})
			items += got.Items
			tally.Add(heard)
		}
		p.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for k := range population.Kinds {
			counted += tally.Matched[k] + tally.Not[k]
			refused += tally.Refused[k]
		}
		if counted != items || refused != 0 {
			t.Errorf("%s: %d answers, %d refused, of %d items", name, counted, refused, items)
		}
		mated, others := tally.Matched[population.Mated], tally.Matched[population.NonMated]
		if float64(mated) < 0.6*float64(mated+tally.Not[population.Mated]) || others*20 > tally.Not[population.NonMated] {
			t.Errorf("%s: %+v does not follow the truth", name, tally)
		}
		if tally.Not[population.Unknown] == 0 || tally.Not[population.Revoked] == 0 {
			t.Errorf("%s: %+v: not every kind was asked", name, tally)
		}
	}
}

// A target that says yes to whom it can not know is not measured.
func TestImpossibleAnswersAreAnError(t *testing.T) {
	p, err := NewPress(testRing(t, 1), Target{Format: Direct, Node: yes{}})
	must(t, err)
	if _, _, err := p.Run(t.Context(), bench.Load{Duration: time.Millisecond}); !errors.Is(err, errImpossible) {
		t.Errorf("%v", err)
	}
}

type yes struct{}

func (yes) Verify(b *zhenni.Batch, _ time.Time) error {
	for i := range b.Outcomes {
		b.Outcomes[i] = zhenni.Match
	}
	return nil
}

// The cases are measured in turns beside their limits, and the goals are read from them.
func TestCasesStandBesideTheirLimits(t *testing.T) {
	n := startTestNode(t, actors.Config{})
	b, ring := NewBench(), testRing(t, 2)
	defer func() { must(t, b.Close()) }()
	skipped, err := ServeGateway(n.config, Skipping{n})
	must(t, err)
	defer func() { must(t, skipped.Close(context.Background())) }()
	arrow := Case{Name: NameArrowUnrecorded, Limit: NameTransport, Target: n.target(Arrow)}
	must(t, b.Peak(ring, arrow))
	must(t, b.Transport(t.Context(), ring, Case{Name: NameTransport, Target: n.target(Arrow)}))
	must(t, b.Transport(t.Context(), ring, Case{Name: NameEcho, Target: n.target(Singles)}))
	must(t, b.Peak(ring, Case{Name: NameSkipped, Target: Target{Server: bench.Target{URL: skipped.URL}, Keys: n.keys, Blind: true}}))
	must(t, b.At(ring, arrow, 0.5, 200, 1))
	done, err := result.Turns(t.Context(), 2, 40*time.Millisecond, b.Cases(), nil)
	must(t, err)
	run := &result.Run{Layer: "http", Measurements: done}
	must(t, run.Finish())
	if cpu := ProcessorTime(&run.Measurements[0]); cpu <= 0 || cpu > 10*time.Millisecond {
		t.Errorf("%v of processor an item", cpu)
	}
	if run.ToLimit <= 0 || run.P99 <= 0 {
		t.Errorf("headline %v of the limit, p99 %v", run.ToLimit, run.P99)
	}
	swept := run.Find("arrow unrecorded at 50 %")
	if swept == nil || swept.Sweep != "load" || swept.X != 0.5 || swept.Counts["calls"] < 4 {
		t.Errorf("%+v", swept)
	}
	if findings := Reached(run, Goals()); len(findings) != 1 || findings[0].Wanted != 65 || findings[0].Measured <= 0 {
		t.Errorf("%+v", findings)
	}
}

func TestExperimentsMeasureBothSides(t *testing.T) {
	n := startTestNode(t, actors.Config{})
	press := func(connections int, skew population.Skew, format Format) *Press {
		q := Questions{Population: testPeople, Skew: skew, Mix: testMix, Connections: connections, BatchItems: 40}
		ring, err := NewRing(t.Context(), q)
		must(t, err)
		p, err := NewPress(ring, n.target(format))
		must(t, err)
		t.Cleanup(p.Close)
		return p
	}
	rounds := Rounds{N: 2, About: 40 * time.Millisecond}
	for name, experiment := range map[string]interface {
		Run(context.Context, Rounds) (Outcome, error)
	}{
		"overload": Overload{Few: press(2, population.Skew{}, Arrow), Many: press(8, population.Skew{}, Arrow), Memory: Resident},
		"hot credential": HotCredential{
			Others: press(2, population.Skew{}, Singles), Even: press(2, population.Skew{}, Singles),
			Hot: press(2, population.Skew{Hot: 1}, Singles),
		},
		"bulk beside singles": BulkBesideSingles{Singles: press(2, population.Skew{}, Singles), Jobs: press(3, population.Skew{}, Arrow), JobItems: 400},
	} {
		got, err := experiment.Run(t.Context(), rounds)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		run := &result.Run{Measurements: got.Measurements}
		if err := run.Finish(); err != nil || len(got.Findings) == 0 {
			t.Errorf("%s: %v, %+v", name, err, got.Findings)
		}
		for _, f := range got.Findings {
			if !(f.Measured >= 0) || math.IsInf(f.Measured, 0) {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if _, err := experiment.Run(t.Context(), Rounds{}); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: no rounds: %v", name, err)
		}
	}
}

func TestFindingsAreMetOnTheirSide(t *testing.T) {
	if (Finding{Measured: 3, Wanted: 2, AtMost: true}).Met() || !(Finding{Measured: 3, Wanted: 2}).Met() {
		t.Error("a bound is taken for the other side")
	}
}

// What a node refuses for want of room is told apart from what it answers, and refused fast.
func TestOverloadCountsRefusals(t *testing.T) {
	p, err := NewPress(testRing(t, 2), Target{Format: Direct, Node: full{}})
	must(t, err)
	got, _, err := p.Run(t.Context(), bench.Load{Duration: time.Millisecond})
	if err != nil || got.Items != 0 || got.Shed == 0 || got.RefusalQuantile(0.99) <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

type full struct{}

func (full) Verify(*zhenni.Batch, time.Time) error { return zhenni.ErrOverloaded }

func TestSoakEndsAndWatches(t *testing.T) {
	n := startTestNode(t, actors.Config{})
	p, err := NewPress(testRing(t, 2), n.target(Arrow))
	must(t, err)
	defer p.Close()
	kept := 0
	soak := Soak{
		Press: p, Share: 0.5, Verifications: 4000, Interval: 20 * time.Millisecond,
		Levels: func() Levels { return ReadLevels(func() int64 { return 7 }) }, Upkeep: func() error { kept++; return nil },
	}
	got, err := soak.Run(t.Context())
	must(t, err)
	var answered int64
	for k := range population.Kinds {
		answered += got.Tally.Matched[k] + got.Tally.Not[k]
	}
	samples := len(got.Series[0].Points)
	if answered < 4000 || kept != samples || samples == 0 || len(got.Series) != len(soakSeries) || got.Peak <= 0 {
		t.Errorf("%d answers in %d samples, upkeep %d times, %d series", answered, samples, kept, len(got.Series))
	}
	run := &result.Run{Measurements: []result.Measurement{got.Measurement}}
	must(t, run.Finish())
	for name, spoil := range map[string]func(*Soak){
		"no end": func(s *Soak) { s.Verifications = 0 }, "no load": func(s *Soak) { s.Share = 0 }, "no interval": func(s *Soak) { s.Interval = 0 },
	} {
		bad := soak
		spoil(&bad)
		if _, err := bad.Run(t.Context()); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Leaks and drifts are seen through noise and outliers; what settles in the first half, or goes up and down, is neither.
func TestJudgeSeesLeaksAndDrifts(t *testing.T) {
	const points, mib = 200, 1 << 20
	random := rand.New(rand.NewPCG(1, 2))
	line := func(of func(share float64) float64) (out [][2]float64) {
		for i := range points {
			v := of(float64(i)/points) * (1 + 0.01*random.NormFloat64())
			if i%17 == 0 {
				v *= 3
			}
			out = append(out, [2]float64{float64(i * 10), v})
		}
		return out
	}
	for name, c := range map[string]struct {
		series string
		of     func(float64) float64
		met    bool
	}{
		"flat":             {"resident memory", func(float64) float64 { return 900 * mib }, true},
		"settles":          {"resident memory", func(x float64) float64 { return 900 * mib * min(1, 0.5+x) }, true},
		"leaks":            {"resident memory", func(x float64) float64 { return (800 + 200*x) * mib }, false},
		"few more":         {"goroutines", func(x float64) float64 { return 20 + 4*x }, true},
		"goroutines leak":  {"goroutines", func(x float64) float64 { return 20 + 100*x }, false},
		"pruned":           {"disk", func(x float64) float64 { return (700 + 50*math.Mod(x*20, 1)) * mib }, true},
		"rate falls":       {"rate", func(x float64) float64 { return 1e6 * (1 - 0.2*x) }, false},
		"rate rises":       {"rate", func(x float64) float64 { return 1e6 * (1 + 0.2*x) }, true},
		"p99 rises":        {"p99", func(x float64) float64 { return 1 + 20*x }, false},
		"p99 a little":     {"p99", func(x float64) float64 { return 1 + x }, true},
		"descriptors leak": {"descriptors", func(x float64) float64 { return 10 + 50*x }, false},
	} {
		findings := Judge([]result.Series{{Name: c.series, Points: line(c.of)}})
		if len(findings) != 1 || findings[0].Met() != c.met {
			t.Errorf("%s: %+v, want met %v", name, findings, c.met)
		}
	}
	if short := Judge([]result.Series{{Name: "heap", Points: make([][2]float64, 8)}}); short != nil {
		t.Errorf("eight samples were judged: %+v", short)
	}
}

func TestSamplesAreFolded(t *testing.T) {
	var d Soaked
	for range soakSeries {
		d.Series = append(d.Series, result.Series{})
	}
	r, err := bench.Load{Workers: 1, Duration: time.Microsecond}.Run(t.Context(), func(int) (int, error) { return 1, nil })
	must(t, err)
	for i := range 5 * maxSamples {
		d.take(time.Duration(i+1)*time.Second, &r, Levels{Heap: 5})
	}
	points := d.Series[4].Points
	if len(points) > maxSamples || len(points) < maxSamples/2 || !slices.IsSortedFunc(points, func(a, b [2]float64) int { return int(a[0] - b[0]) }) {
		t.Errorf("%d points", len(points))
	}
	for _, p := range points {
		if p[1] != 5 {
			t.Fatalf("a mean of fives is %v", p[1])
		}
	}
}

func TestQuestionsAreChecked(t *testing.T) {
	good := Questions{Population: testPeople, Connections: 1, BatchItems: 4}
	for name, spoil := range map[string]func(*Questions){
		"connections": func(q *Questions) { q.Connections = 0 }, "items": func(q *Questions) { q.BatchItems = 6 },
		"refresh": func(q *Questions) { q.Refresh = 5 }, "population": func(q *Questions) { q.Population.Size = 0 },
	} {
		q := good
		spoil(&q)
		if _, err := NewRing(t.Context(), q); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ring, err := NewRing(t.Context(), good)
	must(t, err)
	if _, err := NewPress(ring, Target{Keys: []string{"one"}}); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("one key for two tenants: %v", err)
	}
}
