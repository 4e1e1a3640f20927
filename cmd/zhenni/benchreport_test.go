package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBenchReportIsOnePageOfAllFiles(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	mustRun(t, "bench", "report", olderResult, newerResult, "--out", page)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "old · verify", "new · verify", "new · no commit says", "not of the same governor", "3.37 M/s"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestBenchReportRefuses(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	for args, want := range map[string]int{
		olderResult: exitUsage, "--out " + page: exitUsage,
		"testdata/bench/compare.txt --out " + page:         exitEnvironment,
		olderResult + " --out " + page + "/none/page.html": exitEnvironment,
	} {
		if code, _, notes := runCommand(t, append([]string{"bench", "report"}, strings.Fields(args)...)...); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", args, code, want, notes)
		}
	}
	if _, err := os.Stat(page); err == nil {
		t.Error("a page was written all the same")
	}
}
