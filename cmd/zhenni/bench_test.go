package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenni/bench/result"
)

// layerBench runs a layer of one case under the flags that every layer has.
func layerBench(t *testing.T, b benchOutput) (results, notes string, err error) {
	t.Helper()
	var stdout, stderr strings.Builder
	out := &output{results: &stdout, notes: &stderr}
	run := b.begin("engine", map[string]string{"dim": "512"})
	rate := func(value float64) func(context.Context, time.Duration) (result.Sample, error) {
		return func(context.Context, time.Duration) (result.Sample, error) {
			return result.Sample{Value: value, Latency: &result.Latency{Count: 9, Quantiles: []result.Quantile{{Q: 0.5, Milliseconds: 0.25}, {Q: 0.99, Milliseconds: 2}}}}, nil
		}
	}
	run.Measurements, err = b.turns(t.Context(), out, []result.Case{
		{Measurement: result.Measurement{Name: "verify", Unit: result.PerSecond, Limit: "bare loop"}, Measure: rate(4e6)},
		{Measurement: result.Measurement{Name: "bare loop", Unit: result.PerSecond}, Measure: rate(8e6)},
	})
	if err != nil {
		t.Fatal(err)
	}
	err = b.finish(out, run)
	return stdout.String(), stderr.String(), err
}

func TestBenchFinishesWithTableAndFiles(t *testing.T) {
	dir := t.TempDir()
	b := benchOutput{Rounds: 4, Time: time.Millisecond, Seed: 7, Out: filepath.Join(dir, "r.json"), Report: filepath.Join(dir, "r.html")}
	table, notes, err := layerBench(t, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"verify", "4.00 M/s", "50 %", "bare loop", "250 µs", "2.00 ms", "seed 7", "of limit: "} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	run, err := readResult(b.Out)
	if err != nil || run.Settings["dim"] != "512" || run.Settings["time"] != "1ms" || run.ToLimit != 0.5 || run.Machine.Cores == 0 || run.Commit == "" {
		t.Errorf("result file %+v, %v", run, err)
	}
	if text, err := os.ReadFile(b.Report); err != nil || !strings.Contains(notes, "report written to "+b.Report) {
		t.Errorf("report of %d bytes, %v; notes %q", len(text), err, notes)
	}
}

func TestBenchPrintsOneObject(t *testing.T) {
	text, _, err := layerBench(t, benchOutput{Rounds: 1, Time: time.Second, JSON: true})
	if err != nil {
		t.Fatal(err)
	}
	v := object(t, text)
	wantKeys(t, v, "format layer machine commit build settings seed rate_per_second p99_ms limit_per_second ratio_to_limit measurements")
}

// A long run whose file can not be written is not lost.
func TestBenchPrintsWhatItCanNotWrite(t *testing.T) {
	b := benchOutput{Rounds: 1, Time: time.Second, Out: filepath.Join(t.TempDir(), "gone", "r.json")}
	if b.Validate() == nil {
		t.Error("a folder that is not there is only noticed at the end")
	}
	table, _, err := layerBench(t, b)
	if err == nil || !strings.Contains(table, "4.00 M/s") {
		t.Errorf("%v, %q", err, table)
	}
}

func TestBenchRefusesRoundsThatNobodyCanTake(t *testing.T) {
	for _, b := range []benchOutput{{Rounds: 0, Time: 1}, {Rounds: result.MaxRounds + 1, Time: 1}, {Rounds: 1}} {
		if b.Validate() == nil {
			t.Errorf("%+v is allowed", b)
		}
	}
}
