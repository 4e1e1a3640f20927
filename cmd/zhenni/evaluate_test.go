package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEvaluateAllPairs(t *testing.T) {
	data := labelledFolder(t, "set", 1, 300, 32)
	for _, score := range []string{"int8", "float"} {
		v := object(t, mustRun(t, "evaluate", "--data", data, "--score", score, "--json"))
		wantKeys(t, v, "trials missing eer min_dcf operating_points folds")
		points := v["operating_points"].([]any)
		if v["trials"] != 600*599/2.0 || v["missing"] != 0.0 || len(points) != 4 || len(v["folds"].([]any)) != 0 {
			t.Errorf("%s: %v", score, v)
		}
		wantKeys(t, points[0].(map[string]any), "fmr_target threshold errors comparisons fmr_upper95 fmr_upper95_subjects fnmr")
	}
}

func TestEvaluateTrials(t *testing.T) {
	data := labelledFolder(t, "set", 1, 40, 32)
	var list strings.Builder
	for i := range 40 {
		fmt.Fprintf(&list, "1 subject-%08d/0000 subject-%08d/0001\n", i, i)
		fmt.Fprintf(&list, "0 subject-%08d/0000 subject-%08d/0001\n", i, (i+1)%40)
	}
	list.WriteString("0 subject-00000001/0000 nobody\n")
	dir := t.TempDir()
	trials, page := filepath.Join(dir, "trials.txt"), filepath.Join(dir, "report.html")
	exclude := filepath.Join(dir, "bad.csv")
	for path, text := range map[string]string{trials: list.String(), exclude: "set,image_id,reason,evidence\nset,subject-00000003/0001,wrong,seen\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v := object(t, mustRun(t, "evaluate", "--data", data, "--trials", trials, "--exclude", exclude, "--report", page, "--json"))
	if v["trials"] != 78.0 || v["missing"] != 3.0 {
		t.Errorf("%v trials, %v missing, want 78, 3", v["trials"], v["missing"])
	}
	text, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(text), "Evaluation of set") || !strings.Contains(string(text), "<svg") {
		t.Errorf("report: %v", err)
	}
	if table := mustRun(t, "evaluate", "--data", data, "--trials", trials); !strings.Contains(table, "equal error rate") {
		t.Errorf("table: %s", table)
	}
}

func TestEvaluateRefusesBadInput(t *testing.T) {
	data := labelledFolder(t, "set", 1, 5, 8)
	trials := filepath.Join(t.TempDir(), "trials.txt")
	if err := os.WriteFile(trials, []byte("1 a b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]int{
		"--score int8": exitUsage, "--data " + data + " --score int4": exitUsage,
		"--data " + data + "x": exitEnvironment, "--data " + data + " --trials " + trials: exitEnvironment,
		"--data " + data + " --report " + data + "/none/r.html": exitEnvironment,
	} {
		if code, _, notes := runCommand(t, append([]string{"evaluate"}, strings.Fields(args)...)...); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", args, code, want, notes)
		}
	}
}
