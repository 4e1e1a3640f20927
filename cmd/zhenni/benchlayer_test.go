package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/simd"
)

// Every layer is measured by its command, and its result can be read and drawn.
func TestBenchOfEveryLayer(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for layer, want := range map[string]string{
		"kernels --dims 64 --memory 1MiB":                   "gathered/d=64/tier=" + simd.Tiers()[0],
		"engine --credentials 4096 --batch 64":              "verify/int8",
		"actors --credentials 4096 --messages 1024":         "node/message=1024",
		"store --credentials 4096 --callers 1 --dir " + dir: "get/hot",
	} {
		name, _, _ := strings.Cut(layer, " ")
		args := strings.Fields("bench " + layer + " --threads 2 --rounds 1 --time 2ms --json")
		switch name {
		case "engine", "actors":
			args = append(args, "--dim", "128", "--questions", "2048", "--probes", "1024")
		case "store":
			args = append(args, "--dim", "128")
		}
		file := filepath.Join(dir, name+".json")
		run := object(t, mustRun(t, append(args, "--out", file)...))
		head := run["measurements"].([]any)[0].(map[string]any)
		if run["layer"] != name || head["name"] != want || run["rate_per_second"].(float64) <= 0 || run["ratio_to_limit"].(float64) <= 0 {
			t.Errorf("%s: the headline is %v", name, head)
		}
		if settings := run["settings"].(map[string]any); settings["threads"] != "2" || settings["time"] != "2ms" {
			t.Errorf("%s: settings %v", name, settings)
		}
		files = append(files, file)
	}
	page := filepath.Join(dir, "report.html")
	mustRun(t, append([]string{"bench", "report", "--out", page}, files...)...)
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "node/message=1024") {
		t.Errorf("a page of %d bytes, %v", len(text), err)
	}
}

// What can not be measured is refused before anything is made.
func TestBenchRefusesLayers(t *testing.T) {
	for line, want := range map[string]string{
		"kernels --dims 100":                  "dimension 100",
		"kernels --tiers abacus":              "abacus",
		"kernels --memory 1000TiB":            "not a size",
		"engine --credentials 10":             "Credentials 10",
		"engine --dim 64":                     "Dim 64",
		"engine --credentials 1000000000":     "is free",
		"actors --messages 16":                "want 1024 among them",
		"actors --shards 65":                  "number of shards 65",
		"store --dir /nowhere":                "no folder",
		"store --callers 1000":                "number of callers 1000",
		"store --credentials 100000000000000": "Credentials",
	} {
		if code, _, notes := runCommand(t, strings.Fields("bench "+line)...); code == 0 || !strings.Contains(notes, want) {
			t.Errorf("zhenni bench %s: exit code %d, %q", line, code, notes)
		}
	}
}
