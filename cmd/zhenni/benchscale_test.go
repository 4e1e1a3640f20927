package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBenchScale(t *testing.T) {
	dir := t.TempDir()
	file, page, summary := filepath.Join(dir, "scale.json"), filepath.Join(dir, "scale.html"), filepath.Join(dir, "scale.md")
	at := t.TempDir()
	text := mustRun(t, append(strings.Fields("bench scale --credentials 4096 --batch 64 --questions 1024 --cold-share 0.1 --rounds 1 --time 1ms"),
		"--dir", at, "--out", file, "--report", page, "--markdown", summary)...)
	for _, want := range []string{"verify/hot/credentials=4096", "cost among 4096 credentials", "disk", "a credential"} {
		if !strings.Contains(text, want) {
			t.Errorf("the result lacks %q:\n%s", want, text)
		}
	}
	run, err := readResult(file)
	if err != nil || run.Layer != "scale" || run.Settings["cold-share"] != "0.1" || run.Find("verify/cold") == nil {
		t.Errorf("result file %+v, %v", run, err)
	}
	for path, want := range map[string]string{page: "verify/cold", summary: "--credentials 4096 --dim 128"} {
		if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has %d bytes, without %q: %v", path, len(text), want, err)
		}
	}
	if left, err := os.ReadDir(at); err != nil || len(left) != 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}

// What does not fit, and what is out of range, is refused before anything is written.
func TestBenchScaleRefuses(t *testing.T) {
	for args, want := range map[string]int{
		"--credentials 2000000000":         exitEnvironment,
		"--credentials 2000000000 --check": exitEnvironment,
		"--credentials 10":                 exitUsage,
		"--hot 2":                          exitUsage,
		"--markdown /nowhere/else.md":      exitUsage,
	} {
		dir := t.TempDir()
		code, _, notes := runCommand(t, append(strings.Fields("bench scale "+args), "--dir", dir)...)
		left, err := os.ReadDir(dir)
		if code != want || len(left) != 0 || err != nil {
			t.Errorf("%s: exit code %d, want %d: %s; left %v, %v", args, code, want, notes, left, err)
		}
	}
	if _, _, notes := runCommand(t, "bench", "scale", "--credentials", "2000000000", "--check"); !strings.Contains(notes, "fit") {
		t.Errorf("it does not say what fits: %s", notes)
	}
}
