package report

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zhenni/bench/result"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden page")

// layerRun is a run of one layer whose headline is a rate under a limit, swept over shards.
func layerRun(layer string, rate, limit float64) *result.Run {
	r := &result.Run{
		Layer: layer, Started: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC), Commit: "1111111111111111111111111111111111111111", Seed: 1,
		Machine: result.Machine{CPU: "Example CPU @ 2.40GHz", Cores: 2, Tier: "avx512vnni", Governor: "performance", Memory: 24 << 30, Platform: "linux/amd64", Load: 0.3},
		Build:   result.Build{Go: "go1.26.8", MaxProcs: 2, HeapLimit: math.MaxInt64}, Settings: map[string]string{"dim": "512"},
	}
	none := 0.0
	r.Measurements = []result.Measurement{{Name: "verify", Unit: result.PerSecond, Rounds: around(rate), Limit: "bare loop", Latency: latency(4e6 / rate), Allocations: &none}, {Name: "bare loop", Unit: result.PerSecond, Rounds: around(limit)}}
	for shards := 1.0; shards <= 32; shards *= 2 {
		reached := rate * shards / (1 + 0.08*(shards-1) + 0.01*shards*(shards-1))
		r.Measurements = append(r.Measurements, result.Measurement{Name: fmt.Sprintf("verify/shards=%v", shards), Unit: result.PerSecond, Rounds: around(reached), Limit: "bare loop", Sweep: "shards", X: shards})
	}
	return r
}

func around(v float64) []float64 { return []float64{0.98 * v, v, 1.01 * v, 1.03 * v, 0.99 * v} }

func latency(slower float64) *result.Latency {
	l := &result.Latency{Count: 200_000}
	for _, q := range []float64{0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1} {
		l.Quantiles = append(l.Quantiles, result.Quantile{Q: q, Milliseconds: slower * 0.05 * math.Pow(1/(1-min(q, 0.99999)), 0.4)})
	}
	return l
}

// testResults is a page of four layers, the last with its levels over an hour.
func testResults() Results {
	runs := []NamedRun{
		{"kernels", layerRun("kernels", 80e6, 90e6)}, {"engine", layerRun("engine", 9e6, 16e6)},
		{"actors", layerRun("actors", 8.6e6, 9e6)}, {"http", layerRun("http", 4.1e6, 8.6e6)},
	}
	for i := range runs[:3] {
		runs[i].Run.Measurements = runs[i].Run.Measurements[:2]
	}
	soak := runs[3].Run
	for name, base := range map[string]float64{"heap": 3e8, "resident": 9e8} {
		points := make([][2]float64, 60)
		for i := range points {
			points[i] = [2]float64{60 * float64(i), base * (1 + 0.1*math.Sin(float64(i)))}
		}
		soak.Series = append(soak.Series, result.Series{Name: name, Unit: result.Bytes, Points: points})
	}
	slices.SortFunc(soak.Series, func(a, b result.Series) int { return strings.Compare(a.Name, b.Name) })
	return Results{Title: "Benchmark results", Runs: runs}
}

func write(t *testing.T, p Results) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestResultsAreGolden holds the page of four layers to testdata/results.html. Run with -rewrite to accept a change, and
// look at it in a browser.
func TestResultsAreGolden(t *testing.T) {
	text := write(t, testResults())
	const path = "testdata/results.html"
	if *rewrite {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("the page is not %s; -rewrite accepts it", path)
	}
	wantStandsAlone(t, text, 4)
}

// wantStandsAlone checks that a page of so many figures asks for nothing and draws only numbers.
func wantStandsAlone(t *testing.T, text string, figures int) {
	t.Helper()
	for _, bad := range []string{"<script", "http://", "https://", "src=", "url(", "NaN", "Inf", "ZgotmplZ", `width="-`} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	plots := strings.Split(text, `<svg viewBox="0 0 800`)[1:]
	if len(plots) != figures {
		t.Errorf("%d plots, want %d", len(plots), figures)
	}
	for _, plot := range plots {
		plot, _, _ = strings.Cut(plot, "</svg>")
		for decoder := xml.NewDecoder(strings.NewReader(`<svg viewBox="0 0 800` + plot + "</svg>")); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, plot)
			}
		}
	}
	wantInFrame(t, text)
}

// FAULTS: L11
func TestResultsEscape(t *testing.T) {
	p := testResults()
	const bad = `<b>"&'</b>`
	p.Title = bad
	p.Runs[0].Name = bad
	for _, run := range p.Runs {
		run.Run.Commit, run.Run.Machine.CPU, run.Run.Settings = bad, bad, map[string]string{bad: bad}
		for i := range run.Run.Measurements {
			m := &run.Run.Measurements[i]
			m.Name += bad
			if m.Limit != "" {
				m.Limit += bad
			}
			if m.Sweep != "" {
				m.Sweep = bad
			}
		}
		for i := range run.Run.Series {
			run.Run.Series[i].Name, run.Run.Series[i].Unit = bad, bad
		}
	}
	text := write(t, p)
	if strings.Contains(text, "<b>") || !strings.Contains(text, "&lt;b&gt;") {
		t.Error("a text is not escaped")
	}
	wantStandsAlone(t, text, 4)
}

func TestResultsWarn(t *testing.T) {
	p := testResults()
	if text := write(t, p); strings.Contains(text, "Warning:") {
		t.Error("a warning of nothing")
	}
	p.Runs[1].Run.Commit, p.Runs[2].Run.Machine.Governor, p.Runs[2].Run.Machine.Load = "unknown", "powersave", 7
	text := write(t, p)
	for _, want := range []string{"engine · no commit says", "actors · the machine had more to do", "not of the same governor", "not of the same commit"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks the warning %q", want)
		}
	}
}

func TestLayersAddUp(t *testing.T) {
	p := testResults()
	for _, want := range [][]string{{"kernels", "kernels: verify", "12.5 ns", "12.5 ns"}, {"engine", "engine: verify", "111 ns", "98.6 ns"}} {
		if !slices.ContainsFunc(p.costTable()[0].Rows, func(row []string) bool { return slices.Equal(row, want) }) {
			t.Errorf("%q lacks %q", p.costTable()[0].Rows, want)
		}
	}
	p.Runs[1].Run = layerRun("engine", 200e6, 300e6)
	if text := costText(p.layerCosts(), 1); text != "5.00 ns, less than below" {
		t.Errorf("a layer faster than the one below: %s", text)
	}
	wantStandsAlone(t, write(t, p), 4)
	p.Runs = p.Runs[1:2]
	if p.layerCosts() != nil {
		t.Error("one layer is drawn beside itself")
	}
}

func TestLinesOfASweepShareTheirName(t *testing.T) {
	for name, want := range map[string]string{"dot/512/avx2": "dot/…/avx2", "dot/1512": "dot/1512", "512": "…", "d5121 512": "d5121 …", "dot": "dot", "0.512": "0.512"} {
		if got := lineName(&result.Measurement{Name: name, Sweep: "dim", X: 512}); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestThinKeepsSpikes(t *testing.T) {
	points := make([][2]float64, 100_000)
	for i := range points {
		points[i] = [2]float64{float64(i), 5}
	}
	points[4321][1], points[70_000][1] = 99, 1
	kept := thin(points)
	if len(kept) > 1000 || !slices.Contains(kept, points[4321]) || !slices.Contains(kept, points[70_000]) {
		t.Errorf("%d of %d points kept", len(kept), len(points))
	}
	if !slices.IsSortedFunc(kept, func(a, b [2]float64) int { return int(a[0] - b[0]) }) {
		t.Error("time runs back")
	}
}

func TestTicksAreRoundAndCover(t *testing.T) {
	for _, high := range []float64{1e-15, 0.3, 7, 1234, 9.99e17} {
		a := linear(0, high, 5, short)
		if n := len(a.ticks); n < 3 || n > 9 || a.high < high || a.ticks[0].at != 0 {
			t.Errorf("to %v: %+v", high, a)
		}
		d := decades(high/1000, high, short)
		if n := len(d.ticks); n < 2 || n > 16 || d.low > high/1000*1.001 || d.high < high*0.999 {
			t.Errorf("decades to %v: %+v", high, d)
		}
	}
}

func TestTicksOfBytesAreBinary(t *testing.T) {
	if a := linearIn(result.Bytes, 0, 9.4e8); a.ticks[1].label != "200 MiB" || a.ticks[1].at != 200<<20 || a.high != 1000<<20 {
		t.Errorf("%+v", a)
	}
}

// FuzzResults draws whatever passes for a result file.
func FuzzResults(f *testing.F) {
	f.Fuzz(func(t *testing.T, file string) {
		run, err := result.Read(strings.NewReader(file))
		if err != nil {
			return
		}
		other := *run
		other.Layer = "engine"
		wantInFrame(t, write(t, Results{Title: "fuzz", Runs: []NamedRun{{"a", run}, {"b", &other}}}))
	})
}

var (
	drawn      = regexp.MustCompile(`<(?:polyline|circle|rect|line|text) [^>]*>`)
	coordinate = regexp.MustCompile(` (?:points|c?[xy][12]?|width|height)="([^"]*)"`)
)

// wantInFrame checks that every coordinate of every plot is a number on the drawing.
func wantInFrame(t *testing.T, text string) {
	t.Helper()
	for _, element := range drawn.FindAllString(text, -1) {
		for _, values := range coordinate.FindAllStringSubmatch(element, -1) {
			for word := range strings.FieldsFuncSeq(values[1], func(r rune) bool { return r == ' ' || r == ',' }) {
				if v, err := strconv.ParseFloat(word, 64); err != nil || !(v >= 0 && v <= width) {
					t.Fatalf("%q in %s", word, element)
				}
			}
		}
	}
}
