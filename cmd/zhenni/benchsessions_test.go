package main

import (
	"encoding/json"
	"testing"
)

// Sessions are measured on a server that the command starts by itself, and both parties of each event are told.
func TestBenchSessions(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv(beZhenni, "1")
	results := mustRun(t, "bench", "sessions", "--live", "20", "--followed", "10", "--rate", "0.5", "--rounds", "1", "--time", "1s", "--json")
	var run struct {
		P50          float64 `json:"p50_ms"`
		P99          float64 `json:"p99_ms"`
		Measurements []struct {
			Name   string           `json:"name"`
			Counts map[string]int64 `json:"counts"`
		} `json:"measurements"`
	}
	if err := json.Unmarshal([]byte(results), &run); err != nil {
		t.Fatal(err)
	}
	if len(run.Measurements) != 4 || run.Measurements[0].Counts["events"] != 10 || run.P50 <= 0 || run.P99 < 0 {
		t.Errorf("%+v", run)
	}
	for _, flags := range [][]string{{"--rate", "0"}, {"--followed", "11", "--live", "10"}, {"--rounds", "1000", "--live", "100"}} {
		if code, _, _ := runCommand(t, append([]string{"bench", "sessions"}, flags...)...); code != exitUsage {
			t.Errorf("%v: exit code %d", flags, code)
		}
	}
}
