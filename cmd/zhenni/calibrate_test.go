package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni"
	"zhenni/bench/labelled"
	"zhenni/engine/accuracy"
)

// labelledFolder writes people with two samples each and returns the folder.
func labelledFolder(t *testing.T, name string, seed uint64, people, dim int) string {
	t.Helper()
	set, err := accuracy.Population{Seed: seed, Dim: dim}.Set(people, 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), name)
	if err := labelled.Write(dir, &labelled.Set{Set: set, Factor: zhenni.FactorVoice}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func wantKeys(t *testing.T, v map[string]any, keys string) {
	t.Helper()
	for key := range strings.FieldsSeq(keys) {
		if _, ok := v[key]; !ok {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestCalibrateWritesAProfileAndConfirms(t *testing.T) {
	data, other := labelledFolder(t, "voices", 1, 500, 64), labelledFolder(t, "other", 2, 300, 64)
	path := filepath.Join(t.TempDir(), "profile.json")
	code, results, notes := runCommand(t, "calibrate", "--data", data, "--fmr", "1e-3", "--confirm", other, "--out", path, "--top", "3", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, notes)
	}
	v := object(t, results)
	wantKeys(t, v, "id model fmr_target supported supported_fmr comparisons errors reason threshold_cosine confirmation highest_non_mated")
	if v["supported"] != true || v["reason"] != "" || len(v["highest_non_mated"].([]any)) != 3 {
		t.Errorf("supported %v, reason %q", v["supported"], v["reason"])
	}
	transfer := v["confirmation"].(map[string]any)
	wantKeys(t, transfer, "data persons samples data_hash fmr fmr_target threshold errors comparisons fmr_upper95 fmr_upper95_subjects fnmr")
	if transfer["data"] != "other" || transfer["persons"] != 300.0 || transfer["threshold"] != v["threshold_cosine"] || transfer["fmr"].(float64) > 2e-3 {
		t.Errorf("transfer %v", transfer)
	}
	profile := readProfileFile(t, path)
	if profile.ID != v["id"] || profile.Model.ID != "voices" || profile.Model.Factor != zhenni.FactorVoice || profile.Synthetic {
		t.Errorf("profile %+v", profile.Model)
	}
}

func readProfileFile(t *testing.T, path string) zhenni.Profile {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	profile, err := zhenni.ReadProfile(f)
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

// Data that does not support the rate ends with exit code 1 and still gives the profile.
func TestCalibrateSaysWhatTheDataSupports(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profile.json")
	code, results, notes := runCommand(t, "calibrate", "--synthetic", "300", "--dim", "32", "--fmr", "1e-6", "--out", path, "--json")
	if code != exitNotSo || !strings.Contains(notes, "does not support a false match rate of 1e-6") {
		t.Errorf("exit code %d: %s", code, notes)
	}
	v, profile := object(t, results), readProfileFile(t, path)
	if v["supported"] != false || v["supported_fmr"] != 1e-3 || v["reason"] != profile.Reason || profile.Supported || !profile.Synthetic {
		t.Errorf("supported %v, decade %v: %v", v["supported"], v["supported_fmr"], v["reason"])
	}
	code, results, notes = runCommand(t, "calibrate", "--synthetic", "300", "--dim", "32", "--fmr", "1e-2", "--split", "1/0.5", "--model", "m-1", "--factor", "fingerprint")
	if code != 0 || !strings.Contains(results, "m-1, fingerprint, dimension 32") || !strings.Contains(results, "synthetic-32, other persons: 150 persons") {
		t.Errorf("exit code %d: %s%s", code, results, notes)
	}
}

func TestCalibrateRefusesBadFlags(t *testing.T) {
	data := labelledFolder(t, "set", 1, 20, 8)
	for name, c := range map[string]struct {
		args string
		code int
	}{
		"no data":           {"--fmr 1e-3", exitUsage},
		"two kinds of data": {"--data " + data + " --synthetic 30", exitUsage},
		"rate":              {"--data " + data + " --fmr 1.5", exitUsage},
		"split":             {"--data " + data + " --split 1/2", exitUsage},
		"split too fine":    {"--data " + data + " --split 1/0.001", exitUsage},
		"split and confirm": {"--data " + data + " --split 1/0.5 --confirm " + data, exitUsage},
		"factor":            {"--data " + data + " --factor gait", exitUsage},
		"model":             {"--data " + data + " --model A/B", exitUsage},
		"one person":        {"--synthetic 1", exitUsage},
		"too many people":   {"--synthetic 100000000", exitUsage},
		"missing folder":    {"--data " + data + "/none", exitEnvironment},
		"missing list":      {"--data " + data + " --exclude " + data + "/none", exitEnvironment},
		"unwritable out":    {"--data " + data + " --fmr 1e-2 --out " + data + "/none/p.json", exitEnvironment},
	} {
		if code, _, notes := runCommand(t, append([]string{"calibrate"}, strings.Fields(c.args)...)...); code != c.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, c.code, notes)
		}
	}
}

// The profiles that ship are made by calibrate --synthetic 20000 --fmr 1e-6 from people that have not changed since.
func TestShippedProfilesAreOfTheseSyntheticPeople(t *testing.T) {
	for _, dim := range []int{128, 512} {
		command := calibrateCommand{Synthetic: 20_000, SyntheticSeed: 2, Dim: dim}
		set, err := command.labelled(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		p := readProfileFile(t, filepath.Join("profiles", set.Name+".json"))
		if !p.Synthetic || !p.Supported || p.FMRTarget != 1e-6 || p.Model != (zhenni.Model{ID: set.Name, Dim: dim, Factor: zhenni.FactorFace}) {
			t.Errorf("%s: %+v, synthetic %t, supported %t", set.Name, p.Model, p.Synthetic, p.Supported)
		}
		if p.DataHash != set.Hash() || p.Persons != 20_000 || p.FNMR < 0.0005 || p.FNMR > 0.01 {
			t.Errorf("%s: of other people, or FNMR %g", set.Name, p.FNMR)
		}
	}
}
