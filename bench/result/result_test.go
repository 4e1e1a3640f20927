package result

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
)

// testRun is a rate of three rounds under its limit.
func testRun() *Run {
	return &Run{Layer: "engine", Machine: Machine{CPU: "a CPU", Cores: 2}, Settings: map[string]string{"dim": "512"}, Seed: 7, Measurements: []Measurement{
		{Name: "verify", Unit: PerSecond, Rounds: []float64{4, 2, 3}, Limit: "bare", Latency: &Latency{Count: 3, Quantiles: []Quantile{{0.5, 1}, {0.99, 5}, {1, 9}}}},
		{Name: "bare", Unit: PerSecond, Rounds: []float64{8, 8, 4}},
	}}
}

func TestHeadlineIsTheFirstMeasurement(t *testing.T) {
	r := testRun()
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	if r.Rate != 3 || r.Limit != 8 || r.ToLimit != 0.5 || r.P50 != 1 || r.P99 != 5 {
		t.Errorf("headline %v of %v (%v), %v and %v ms", r.Rate, r.Limit, r.ToLimit, r.P50, r.P99)
	}
}

func TestFilesAreReadAsWritten(t *testing.T) {
	r := testRun()
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := r.Write(&file); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&file)
	if err != nil || !reflect.DeepEqual(r, again) {
		t.Errorf("read %+v, %v", again, err)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "rate 3", "no format": `{"measurements":[{"name":"a","rounds":[1]}]}`, "newer": `{"format":2,"measurements":[{"name":"a","rounds":[1]}]}`,
		"nothing measured": `{"format":1}`, "no rounds": `{"format":1,"measurements":[{"name":"a"}]}`,
	} {
		if _, err := Read(strings.NewReader(text)); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateNamesTheMeasurement(t *testing.T) {
	for name, spoil := range map[string]func(*Run){
		"twice":       func(r *Run) { r.Measurements[1].Name = "verify" },
		"no limit":    func(r *Run) { r.Measurements[0].Limit = "gone" },
		"two lines":   func(r *Run) { r.Measurements[0].Name = "verify\n\x1b[2J" },
		"no order":    func(r *Run) { slices.Reverse(r.Measurements[0].Latency.Quantiles) },
		"too large":   func(r *Run) { r.Measurements[0].Rounds[1] = 2e18 },
		"too many":    func(r *Run) { r.Measurements[0].Rounds = make([]float64, MaxRounds+1) },
		"zero":        func(r *Run) { r.Measurements[0].Rounds[1] = 0 },
		"not a value": func(r *Run) { r.Measurements[0].Rounds[1] = Median(nil) },
	} {
		r := testRun()
		spoil(r)
		if err := r.Finish(); !errors.Is(err, zhenni.ErrBadValue) || !strings.Contains(err.Error(), "verify") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FAULTS: L11
func TestValidateRefusesWhatATerminalWouldObey(t *testing.T) {
	for name, spoil := range map[string]func(*Run){
		"layer": func(r *Run) { r.Layer = "a\rb" }, "setting": func(r *Run) { r.Settings["x"] = "\x1b]0;\a" }, "series": func(r *Run) { r.Series = []Series{{Name: "\n"}} },
		"unit": func(r *Run) { r.Measurements[0].Unit = "/s\n" }, "sweep": func(r *Run) { r.Measurements[0].Sweep = "\u202e" }, "long": func(r *Run) { r.Commit = strings.Repeat("a", 5000) },
	} {
		r := testRun()
		spoil(r)
		if err := r.Finish(); !errors.Is(err, zhenni.ErrBadValue) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTurnsRotate(t *testing.T) {
	var order []string
	one := func(name string) Case {
		return Case{Measurement{Name: name, Unit: PerSecond}, func(context.Context, time.Duration) (Sample, error) {
			order = append(order, name)
			return Sample{Value: float64(len(order)), Counts: map[string]int64{"calls": 1}}, nil
		}}
	}
	done, err := Turns(t.Context(), 3, time.Second, []Case{one("a"), one("b"), one("c")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Fields("a b c b c a c a b"); !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if want := []float64{1, 6, 8}; !slices.Equal(done[0].Rounds, want) || done[0].Counts["calls"] != 3 {
		t.Errorf("rounds of a %v, counts %v", done[0].Rounds, done[0].Counts)
	}
}

func TestTurnsName(t *testing.T) {
	broken := errors.New("broken")
	cases := []Case{{Measurement{Name: "a"}, func(context.Context, time.Duration) (Sample, error) { return Sample{}, broken }}}
	if _, err := Turns(t.Context(), 1, time.Second, cases, nil); !errors.Is(err, broken) || !strings.Contains(err.Error(), "a:") {
		t.Errorf("the error of a case: %v", err)
	}
	if _, err := Turns(t.Context(), 0, time.Second, cases, nil); !errors.Is(err, zhenni.ErrBadValue) {
		t.Errorf("no rounds: %v", err)
	}
}

func TestMachineIsKnown(t *testing.T) {
	m := ReadMachine()
	b, commit := ReadBuild()
	if m.Cores < 1 || m.Tier == "" || m.Platform == "" || b.Go == "" || commit == "" {
		t.Errorf("%+v, %+v, %q", m, b, commit)
	}
	if got := chosen("always [madvise] never"); got != "madvise" {
		t.Errorf("chosen %q", got)
	}
}

// Ten calls have no quantile of a thousand.
func TestLatencyLeavesOutWhatIsTooRare(t *testing.T) {
	l := NewLatency(10, func(q float64) time.Duration { return time.Duration(1000*q) * time.Millisecond })
	var got []float64
	for _, q := range l.Quantiles {
		got = append(got, q.Q)
	}
	if want := []float64{0, 0.1, 0.25, 0.5, 0.75, 0.9, 1}; !slices.Equal(got, want) || l.At(0.99) != 1000 {
		t.Errorf("quantiles %v, 0.99 is %v ms", got, l.At(0.99))
	}
	if NewLatency(0, nil) != nil {
		t.Error("no calls have a distribution")
	}
}
