package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

const olderResult, newerResult = "testdata/bench/old.json", "testdata/bench/new.json"

// TestCompareIsGolden holds what is said of two files to a file. Run with -rewrite to accept a change.
func TestCompareIsGolden(t *testing.T) {
	code, results, notes := runCommand(t, "bench", "compare", olderResult, newerResult)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, notes)
	}
	wantGolden(t, "testdata/bench/compare.txt", notes+results)
}

func wantGolden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what is said now; -rewrite accepts it:\n%s", path, got)
	}
}

func TestCompareIsAGate(t *testing.T) {
	few := filepath.Join(t.TempDir(), "few.json")
	if err := os.WriteFile(few, []byte(`{"format":1,"measurements":[{"name":"verify","unit":"/s","rounds":[1,2,3]}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{olderResult + " " + olderResult + " --fail-below 1", 0, ""},
		{olderResult + " " + newerResult + " --fail-below 0.75", 0, "WARNING"},
		{olderResult + " " + newerResult + " --fail-below 0.95", exitNotSo, "verify: 0.800"},
		{olderResult + " " + newerResult + " --fail-below 0.95 --of-limit", exitNotSo, "verify of bare loop: 0.800"},
		{olderResult + " " + olderResult + " " + newerResult + " --fail-below 0.95", exitNotSo, "new.json"},
		{newerResult + " " + olderResult + " --fail-below 0.95", exitNotSo, "verify, cold (/s): not measured any more"},
		{few + " " + few + " --fail-below 0.95", exitNotSo, "too few"},
		{olderResult + " " + few + " --fail-below 0.95", exitNotSo, "lookup (ns): not measured any more"},
		{olderResult + " testdata/bench/none.json", exitEnvironment, "none.json"},
		{olderResult + " testdata/bench/compare.txt", exitEnvironment, "not a result file"},
		{olderResult + " " + newerResult + " --fail-below 2", exitUsage, "--fail-below"},
		{olderResult + " " + newerResult + " --of-limit", exitUsage, "--of-limit"},
		{olderResult, exitUsage, "<new>"},
	} {
		code, _, notes := runCommand(t, append([]string{"bench", "compare"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(notes, c.says) {
			t.Errorf("%s: exit code %d, want %d; %q, want %q in it", c.args, code, c.code, notes, c.says)
		}
	}
}

func TestComparePrintsOneObject(t *testing.T) {
	v := object(t, mustRun(t, "bench", "compare", "--json", olderResult, newerResult, olderResult))
	compared := v["compared"].([]any)
	if v["old"] != olderResult || len(compared) != 2 {
		t.Fatalf("%v", v)
	}
	first := compared[0].(map[string]any)
	wantKeys(t, first, "file differences measurements geomeans only_new")
	wantKeys(t, first["measurements"].([]any)[0].(map[string]any), "name unit old new ratio interval p significant rounds")
	wantKeys(t, first["differences"].([]any)[0].(map[string]any), "what old new")
}
