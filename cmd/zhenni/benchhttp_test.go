package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenni/bench/ingress"
	"zhenni/bench/result"
)

// tinyPeople are enrolled and asked about in a moment.
var tinyPeople = []string{"--credentials", "400", "--dim", "32", "--connections", "2", "--batch", "64", "--distinct", "256", "--shards", "2"}

func benchRun(t *testing.T, args ...string) *result.Run {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	code, results, notes := runCommand(t, append(args, tinyPeople...)...)
	if code != 0 && (code != exitNotSo || args[1] != "soak") { // a busy machine drifts
		t.Fatalf("%v: exit code %d\n%s%s", args, code, results, notes)
	}
	run, err := result.Read(strings.NewReader(results))
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, results)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	return run
}

func TestBenchHTTPMeasuresEveryFormatBesideItsBounds(t *testing.T) {
	run := benchRun(t, "bench", "http", "--json", "--rounds", "1", "--time", "30ms", "--sweep", "50", "--wide", "4",
		"--signed", "ed25519", "--population", "voices", "--tenants", "2", "--zipf", "1", "--unknown", "0.1", "--revoked", "0.1")
	for _, name := range []string{
		ingress.NameArrow, ingress.NameArrowUnrecorded, ingress.NameRows, ingress.NameSkipped, ingress.NameTransport, ingress.NameDirect,
		ingress.NameLines, ingress.NameLinesUnrecorded, ingress.NameLinesTransport, ingress.NameSingles, ingress.NameSinglesUnrecorded,
		ingress.NameEcho, "arrow at 50 %", "singles at 50 %",
		"arrow signed", "lines signed", "singles signed",
	} {
		if m := run.Find(name); m == nil || m.Latency == nil {
			t.Errorf("%s was not measured", name)
		}
	}
	arrow := run.Find(ingress.NameArrow)
	if run.Layer != "http" || run.Measurements[0].Name != ingress.NameArrow || run.Settings["population"] != "voices" {
		t.Errorf("%s, %s, %v", run.Layer, run.Measurements[0].Name, run.Settings)
	}
	if arrow.Counts["mated_match"] == 0 || arrow.Counts["unknown_no_match"] == 0 || arrow.Counts["revoked_no_match"] == 0 {
		t.Errorf("counts %v", arrow.Counts)
	}
}

func TestBenchHTTPBesideAHistory(t *testing.T) {
	run := benchRun(t, "bench", "http", "--json", "--rounds", "1", "--time", "30ms", "--wide", "4", "--formats", "arrow,singles", "--history", "--mated", "1")
	for _, name := range []string{ingress.NameArrow, ingress.NameSingles} {
		with, without := run.Find(name+ingress.SuffixHistory), run.Find(name+ingress.SuffixRegular)
		if with == nil || without == nil || with.Counts["mated_match"] == 0 {
			t.Errorf("%s: %+v, %+v", name, with, without)
		}
	}
	if code, _, notes := runCommand(t, append([]string{"bench", "http", "--history"}, tinyPeople...)...); code != exitUsage {
		t.Errorf("with strangers: exit code %d: %s", code, notes)
	}
}

func TestBenchHTTPRunsExperiments(t *testing.T) {
	for _, name := range []string{"overload", "hot-credential", "bulk-beside-singles", "checks"} {
		run := benchRun(t, "bench", "http", "--json", "--rounds", "1", "--time", "20ms", "--experiment", name,
			"--wide", "4", "--jobs", "2", "--job-items", "256")
		if run.Settings["experiment"] != name || len(run.Measurements) < 3 {
			t.Errorf("%s: %v", name, run.Measurements)
		}
	}
}

// A store made for it is served by itself and measured from outside.
func TestBenchHTTPMeasuresAnotherServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	mustRun(t, append([]string{"bench", "http", "--make", dir}, tinyPeople...)...)
	server := startServe(t, filepath.Join(dir, "store"), "--key-file", filepath.Join(dir, "root.key"),
		"--profile", filepath.Join(dir, "profile.json"), "--allow-unsupported")
	run := benchRun(t, "bench", "http", "--json", "--rounds", "1", "--time", "30ms", "--url", server.url, "--api-keys-file", filepath.Join(dir, "api.keys"))
	if run.Find(ingress.NameRows) != nil || run.Find(ingress.NameTransport) == nil || run.Find(ingress.NameArrow).Counts["mated_match"] == 0 {
		t.Errorf("%+v", run.Measurements)
	}
}

func TestBenchSoakWatchesToItsEnd(t *testing.T) {
	run := benchRun(t, "bench", "soak", "--json", "--verifications", "5000", "--time", "20ms")
	var names []string
	for _, s := range run.Series {
		names = append(names, s.Name)
	}
	if run.Layer != "soak" || len(names) < 6 {
		t.Errorf("%s with series %v", run.Layer, names)
	}
	var total int64
	for _, n := range run.Measurements[0].Counts {
		total += n
	}
	if total < 5000 {
		text, _ := json.Marshal(run.Measurements[0])
		t.Errorf("%d answers: %s", total, text)
	}
}

func TestBenchRefusesWhatItCanNotMeasure(t *testing.T) {
	for _, args := range []string{
		"bench http --credentials 1", "bench http --batch 6", "bench http --population nobody", "bench http --mated 0.9 --unknown 0.5 --rounds 1 --time 1ms",
		"bench http --formats bytes", "bench soak", "bench soak --duration 1s --share 2", "bench soak --duration 1s --batch 5",
	} {
		t.Setenv("TMPDIR", t.TempDir())
		if code, _, notes := runCommand(t, append(strings.Fields(args), "--dim", "32")...); code != exitUsage {
			t.Errorf("%s: exit code %d, %s", args, code, notes)
		}
	}
}

// Figures that are not as wanted end the command with 1 where that is asked for.
func TestFindingsDecideTheExitCode(t *testing.T) {
	out := &output{results: new(strings.Builder), notes: new(strings.Builder)}
	missed := []ingress.Finding{{Name: "goodput", Measured: 1, Wanted: 2}}
	if err := (&benchHTTP{Strict: true}).judge(out, missed); err == nil {
		t.Error("a figure that was missed passes")
	}
	if err := (&benchHTTP{}).judge(out, missed); err != nil {
		t.Error(err)
	}
	if err := (&benchHTTP{Strict: true}).judge(out, []ingress.Finding{{Measured: 3, Wanted: 2}}); err != nil {
		t.Error(err)
	}
}
