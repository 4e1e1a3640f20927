package result

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/perf/benchmath"
	"pgregory.net/rapid"
)

// rounds are n values around a centre, a few percent apart, none twice.
func rounds(n int, centre float64) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = centre * (1 + 0.03*math.Sin(float64(3*i+1)))
	}
	return values
}

// measured is a run of a rate under its limit, and of a cost.
func measured(n int, rate, limit, cost float64) *Run {
	return &Run{Layer: "engine", Commit: "abc", Machine: Machine{Cores: 2}, Measurements: []Measurement{
		{Name: "verify", Unit: PerSecond, Rounds: rounds(n, rate), Limit: "bare"},
		{Name: "bare", Unit: PerSecond, Rounds: rounds(n, limit)},
		{Name: "lookup", Unit: Nanoseconds, Rounds: rounds(n, cost)},
	}}
}

func TestRunBesideItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Run{Commit: "abc", Measurements: []Measurement{
			{Name: "a", Unit: PerSecond, Rounds: rapid.SliceOfN(rapid.Float64Range(1e-3, 1e9), 1, 20).Draw(t, "a"), Limit: "b"},
			{Name: "b", Unit: PerSecond, Rounds: rapid.SliceOfN(rapid.Float64Range(1e-3, 1e9), 1, 20).Draw(t, "b")},
		}}
		c := Compare(r, r)
		if len(c.Rows) != 3 || len(c.Differences)+len(c.OnlyOld)+len(c.OnlyNew) != 0 {
			t.Fatalf("%+v", c)
		}
		for _, row := range c.Rows {
			if row.Ratio != 1 || row.Significant || row.Change() != "~" {
				t.Errorf("%+v", row)
			}
			if row.Interval != nil && !(row.Interval[0] <= 1 && row.Interval[1] >= 1) {
				t.Errorf("interval %v", *row.Interval)
			}
		}
		for _, mean := range c.Geomeans {
			if mean.Ratio != 1 {
				t.Errorf("geomean %+v", mean)
			}
		}
	})
}

func TestTwentyPercentAreSignificantInTenRounds(t *testing.T) {
	c := Compare(measured(10, 4e6, 8e6, 100), measured(10, 3.2e6, 8e6, 80))
	want := map[string]string{"verify": "worse 0.800", "verify of bare": "worse 0.800", "bare": "~ 1.000", "lookup": "better 0.800"}
	for _, row := range c.Rows {
		if got := fmt.Sprintf("%s %.3f", row.Change(), row.Ratio); got != want[row.title()] {
			t.Errorf("%s: %s, want %s", row.title(), got, want[row.title()])
		}
		if row.Significant == (row.Interval[0] <= 1 && row.Interval[1] >= 1) {
			t.Errorf("%s: significant %v, interval %v", row.Name, row.Significant, *row.Interval)
		}
	}
}

// A machine that is slower as a whole is not taken for a program that is.
func TestRatioToTheLimitSurvivesDrift(t *testing.T) {
	c := Compare(measured(10, 4e6, 8e6, 100), measured(10, 2.4e6, 4.8e6, 160))
	if reasons := c.Worse(0.95, false); len(reasons) != 3 {
		t.Errorf("rates of a slower machine pass: %v", reasons)
	}
	if reasons := c.Worse(0.95, true); len(reasons) != 0 {
		t.Errorf("ratios to the limit fail: %v", reasons)
	}
}

// The interval leaves 1 out just where the test tells the rounds apart.
func TestIntervalAgreesWithTheTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := func(name string, centre float64) []float64 {
			return rapid.SliceOfNDistinct(rapid.Float64Range(centre*0.8, centre*1.2), 1, 24, rapid.ID).Draw(t, name)
		}
		before, after := values("before", 1), values("after", rapid.Float64Range(0.7, 1.4).Draw(t, "shift"))
		if slices.ContainsFunc(before, func(v float64) bool { return slices.Contains(after, v) }) {
			t.Skip("a tie")
		}
		ratio := Median(after) / Median(before)
		row := tester{}.row(Row{Unit: PerSecond}, before, after)
		if row.Interval == nil {
			if row.Significant {
				t.Fatalf("significant without an interval: %+v", row)
			}
			return
		}
		low, high := row.Interval[0], row.Interval[1]
		if ratio < low || ratio > high {
			t.Errorf("ratio %v outside of [%v, %v]", ratio, low, high)
		}
		if outside := low > 1 || high < 1; outside && !row.Significant {
			t.Errorf("not significant at [%v, %v], p=%v", low, high, row.P)
		}
		stretched := low == ratio || high == ratio
		if inside := low < 1 && high > 1; inside && row.Significant && !stretched {
			t.Errorf("significant at [%v, %v], p=%v", low, high, row.P)
		}
	})
}

// The counts of Mann and Whitney 1947, and the approximation beside the last exact ones.
func TestCutOff(t *testing.T) {
	for n, want := range map[[2]int]int{{3, 3}: 0, {4, 4}: 1, {5, 5}: 3, {4, 8}: 5, {8, 4}: 5, {10, 10}: 24, {20, 20}: 128, {1, 30}: 0} {
		if got := cutOff(n[0], n[1]); got != want {
			t.Errorf("%v rounds: %d, want %d", n, got, want)
		}
	}
	exact, near := cutOff(50, 50), cutOff(51, 51)
	if near < exact || float64(near) > 1.06*float64(exact) {
		t.Errorf("50 rounds leave out %d, 51 %d", exact, near)
	}
}

// The medians, and what is called no change, are benchstat's.
func TestCompareAgreesWithBenchstat(t *testing.T) {
	for _, shift := range []float64{0.9, 0.97, 0.99, 1, 1.01, 1.05} {
		before, after := rounds(7, 100), rounds(9, 100*shift)
		row := tester{}.row(Row{Unit: PerSecond}, before, after)
		test := benchmath.AssumeNothing.Compare(sample(before), sample(after))
		old, now := benchmath.AssumeNothing.Summary(sample(before), 0.95), benchmath.AssumeNothing.Summary(sample(after), 0.95)
		if row.Old != old.Center || row.New != now.Center || row.P != test.P {
			t.Errorf("shift %v: %+v, want medians %v and %v, p=%v", shift, row, old.Center, now.Center, test.P)
		}
		if none := test.FormatDelta(old.Center, now.Center) == "~"; none != (row.Change() == "~") {
			t.Errorf("shift %v: %s, benchstat says no change: %v", shift, row.Change(), none)
		}
	}
}

func TestWhatCanNotBeToldDoesNotPass(t *testing.T) {
	old := measured(10, 4e6, 8e6, 100)
	few := measured(3, 4e6, 8e6, 100)
	if c := Compare(old, measured(10, 4e6, 8e6, 100)); len(c.Worse(0.95, false)) != 0 || len(c.Warnings()) != 0 {
		t.Errorf("the same: %v, %v", c.Worse(0.95, false), c.Warnings())
	}
	if c := Compare(few, few); len(c.Worse(0.95, false)) != 3 || !strings.Contains(strings.Join(c.Warnings(), ""), "too few") {
		t.Errorf("three rounds: %v, %v", c.Worse(0.95, false), c.Warnings())
	}
	gone := measured(10, 4e6, 8e6, 100)
	gone.Measurements[2].Name = "other"
	c := Compare(old, gone)
	if reasons := c.Worse(0.95, false); len(reasons) != 1 || !strings.HasPrefix(reasons[0], "lookup (ns)") || len(c.OnlyNew) != 1 {
		t.Errorf("one is gone: %v", reasons)
	}
	gone.Measurements[0].Limit = ""
	if reasons := Compare(old, gone).Worse(0.95, true); len(reasons) != 2 {
		t.Errorf("no limits: %v", reasons)
	}
}

func TestDifferencesAreNamed(t *testing.T) {
	for what, change := range map[string]func(*Run){
		"CPU":           func(r *Run) { r.Machine.CPU = "another" },
		"governor":      func(r *Run) { r.Machine.Governor = "powersave" },
		"commit":        func(r *Run) { r.Commit = "def+modified" },
		"seed":          func(r *Run) { r.Seed = 8 },
		"load before":   func(r *Run) { r.Machine.Load = 2.5 },
		"setting dim":   func(r *Run) { r.Settings = map[string]string{"dim": "128"} },
		"setting batch": func(r *Run) { r.Settings = map[string]string{"dim": "512", "batch": "64"} },
		"build":         func(r *Run) { r.Build.Settings = map[string]string{"-race": "true"} },
		"layer":         func(r *Run) { r.Layer = "actors" },
	} {
		old, changed := measured(4, 1, 2, 3), measured(4, 1, 2, 3)
		old.Settings, changed.Settings = map[string]string{"dim": "512"}, map[string]string{"dim": "512"}
		change(changed)
		for _, c := range []*Comparison{Compare(old, changed), Compare(changed, old)} {
			if len(c.Differences) != 1 || c.Differences[0].What != what {
				t.Errorf("%s: %v", what, c.Differences)
			}
		}
		changed.Commit, changed.Started = "def", changed.Started.AddDate(1, 0, 0)
		if c := Compare(changed, changed); what != "load before" && len(c.Differences) != 0 {
			t.Errorf("%s beside itself: %v", what, c.Differences)
		}
	}
}
