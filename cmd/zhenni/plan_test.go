package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/bench/capacity"
	"zhenni/bench/result"
)

func TestPlanMeasuresAndConfirms(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	file := filepath.Join(t.TempDir(), "profile.json")
	results := mustRun(t, "plan", "--verifications-per-day", "1e5", "--credentials", "1e5", "--p99", "1m", "--dim", "64",
		"--measure", "500,2000", "--confirm", "--confirm-at", "1000", "--duration", "100ms", "--save", file, "--json")
	var r planReport
	if err := json.Unmarshal([]byte(results), &r); err != nil {
		t.Fatal(err)
	}
	if r.Plan.Nodes < 1 || r.Plan.Memory() <= 0 || r.Plan.Disk() <= 0 || len(r.Plan.Assumptions) == 0 {
		t.Errorf("%+v", r.Plan)
	}
	if len(r.Confirm) != 1 || len(r.Confirm[0].Checks) < 10 {
		t.Errorf("%+v", r.Confirm)
	}
	for _, c := range r.Confirm[0].Checks { // rates are as noisy as the machine, bytes are not
		if c.Name == "record of a bulk item" && (c.Error() < -0.3 || c.Error() > 0.3) {
			t.Errorf("%s: %v predicted, %v measured", c.Name, c.Predicted, c.Measured)
		}
	}
	if p, err := capacity.ProfileOf(readRun(t, file)); err != nil || p.Dim != 64 {
		t.Errorf("%+v, %v", p, err)
	}
}

// A profile in hand needs no measuring.
func TestPlanReadsAProfile(t *testing.T) {
	profile := capacity.Profile{
		Dim: 512, Cores: 2, Cache: 32 << 20, Memory: 16 << 30, Bulk: capacity.Cost{Item: 500}, Single: capacity.Cost{Item: 80e3},
		BulkBusy: 0.9, SingleBusy: 0.8, Tail: capacity.Tail{Base: 0.5, Queue: 2}, Heap: capacity.Line{Base: 1e8}, View: capacity.Line{Slope: 1000},
		Log: capacity.Line{Slope: 900}, Keys: capacity.Line{Slope: 64}, Leaf: 88, Answer: 600, AnswerItem: 17,
	}
	file := filepath.Join(t.TempDir(), "profile.json")
	run := result.Run{Layer: capacity.Layer, Measurements: profile.Measurements()}
	if err := run.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(file, run.Write); err != nil {
		t.Fatal(err)
	}
	demand := []string{"plan", "--verifications-per-day", "1e9", "--credentials", "3e7", "--profile-file", file}
	if text := mustRun(t, demand...); !strings.Contains(text, "2    ") || !strings.Contains(text, "Assumed:") {
		t.Errorf("printed\n%s", text)
	}
	if text := mustRun(t, demand...); !strings.Contains(text, "answers of a day") || !strings.Contains(text, "no sessions") {
		t.Errorf("without sessions\n%s", text)
	}
	if text := mustRun(t, append(demand, "--sessions")...); !strings.Contains(text, "answers of 31.04 days") || !strings.Contains(text, "12 for the answers kept") || !strings.Contains(text, "--answers ") {
		t.Errorf("with sessions\n%s", text)
	}
	if code, _, notes := runCommand(t, append(demand, "--p99", "400us")...); code != exitNotSo || !strings.Contains(notes, "p99") {
		t.Errorf("a p99 that no load has: exit code %d, %s", code, notes)
	}
	for name, args := range map[string][]string{
		"share": {"--bulk-share", "2"}, "peak": {"--peak-factor", "0"}, "not a profile": {"--profile-file", writeConfig(t, "shards: 2\n")},
		"another dimension": {"--confirm", "--dim", "128"},
	} {
		if code, _, notes := runCommand(t, append(demand, args...)...); code != exitUsage {
			t.Errorf("%s: exit code %d, %s", name, code, notes)
		}
	}
}
