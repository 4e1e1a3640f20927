package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/bench/capacity"
	"zhenni/bench/result"
)

func TestTuneWritesWhatServeReads(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := t.TempDir()
	config, page, file := filepath.Join(dir, "zhenni.conf"), filepath.Join(dir, "tune.html"), filepath.Join(dir, "tune.json")
	results := mustRun(t, "tune", "--credentials", "1000", "--duration", "1s", "--knobs", "shards", "--out", config, "--report", page, "--result", file)
	if !strings.Contains(results, "chosen") || !strings.Contains(results, "scalability law") {
		t.Errorf("printed\n%s", results)
	}
	settings := printConfig(t, "--config", config)
	for name, want := range map[string]string{"message-items": "1024", "in-flight": "131072", "arena": "2MiB"} {
		if s := settings[name]; s.Value != want || s.Source != "file" {
			t.Errorf("%s: %q from %s, want %q from the file", name, s.Value, s.Source, want)
		}
	}
	if s := settings["shards"]; s.Source != "file" || s.Value == "0" {
		t.Errorf("shards: %q from %s", s.Value, s.Source)
	}
	text, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(text), "Throughput against shards") {
		t.Errorf("%v: no plot in the page", err)
	}
	run := readRun(t, file)
	if run.Layer != "tune" || run.Rate == 0 || run.P99 == 0 || len(run.Measurements) < 4 {
		t.Errorf("%+v", run)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "zhenni-rig-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func readRun(t *testing.T, path string) *result.Run {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := result.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Whatever is found is written in a form that serve takes.
func TestEveryFindingIsAConfiguration(t *testing.T) {
	for _, arena := range []int64{1 << 20, 63 << 20, 3 << 30, 3<<30 + 1<<20} {
		found := &tuning{tuneCommand: &tuneCommand{}, found: capacity.Found{Best: capacity.Point{
			capacity.Shards: 64, capacity.MessageItems: 128, capacity.InFlight: 1 << 18, capacity.Arena: arena,
		}}}
		settings := printConfig(t, "--config", writeConfig(t, found.config()))
		var got byteSize
		if err := got.UnmarshalText([]byte(settingsOf(found.config())["arena"])); err != nil || int64(got) != arena {
			t.Errorf("arena %d is written as %v, %v", arena, got, err)
		}
		if settings["shards"].Value != "64" || settings["message-items"].Value != "128" || settings["in-flight"].Value != "262144" || settings["arena"].Source != "file" {
			t.Errorf("%+v", settings)
		}
	}
}

// settingsOf reads the lines of a configuration file.
func settingsOf(text string) map[string]string {
	settings := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			settings[name] = value
		}
	}
	return settings
}

func TestReshardingLosesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	results := mustRun(t, "tune", "--reshard", "--credentials", "1000", "--duration", "1s", "--json")
	var report reshardReport
	if err := json.Unmarshal([]byte(results), &report); err != nil {
		t.Fatal(err)
	}
	if report.Lost != 0 || report.Changes < 2 || report.During.Answered == 0 || report.Node["answered"] != uint64(report.Answered) {
		t.Errorf("%+v", report)
	}
}

func TestTuneRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"too short": {"--duration", "10ms"}, "no knob": {"--knobs", "volume"}, "nobody": {"--credentials", "1"}, "dimension": {"--dim", "8"},
	} {
		if code, _, notes := runCommand(t, append([]string{"tune"}, args...)...); code != exitUsage {
			t.Errorf("%s: exit code %d, %s", name, code, notes)
		}
	}
}
