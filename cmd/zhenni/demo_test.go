package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runCommand runs the command line and returns its exit code with what it wrote.
func runCommand(t *testing.T, args ...string) (code int, results, notes string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, &output{results: &stdout, notes: &stderr})
	return code, stdout.String(), stderr.String()
}

// mustRun is runCommand for a command that has to succeed.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	code, results, notes := runCommand(t, args...)
	if code != 0 {
		t.Fatalf("zhenni %s: exit code %d\n%s%s", strings.Join(args, " "), code, results, notes)
	}
	return results
}

func TestDemoEndsWithTheKeysThatScriptsRelyOn(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	results := mustRun(t, "demo", "--json", "--credentials", "2000", "--duration", "400ms", "--connections", "2", "--batch", "256", "--shards", "2")
	var report map[string]any
	if err := json.Unmarshal([]byte(results), &report); err != nil {
		t.Fatalf("%v in %s", err, results)
	}
	for _, key := range []string{
		"verifications_per_second", "p50_ms", "p99_ms", "fmr", "fmr_upper95", "fnmr", "credentials", "rss_bytes", "disk_bytes", "tier", "shards",
	} {
		if _, ok := report[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
	if report["credentials"] != 2000.0 || report["shards"] != 2.0 || report["refused"] != 0.0 {
		t.Errorf("credentials %v, shards %v, refused %v, want 2000, 2, 0", report["credentials"], report["shards"], report["refused"])
	}
	if fnmr, fmr := report["fnmr"].(float64), report["fmr"].(float64); fnmr > 0.02 || fmr > 1e-3 {
		t.Errorf("FNMR %v, FMR %v: the answers do not follow the truth", fnmr, fmr)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "zhenni-demo-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestDemoRemovesItsFolderWhenInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"demo", "--credentials", "3000", "--duration", "1h"}, &output{results: &stdout, notes: &stderr}); code != exitEnvironment {
		t.Errorf("exit code %d, want %d\n%s", code, exitEnvironment, &stderr)
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "zhenni-demo-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}
