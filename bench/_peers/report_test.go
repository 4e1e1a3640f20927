package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni/bench/result"
)

func TestOrderRotates(t *testing.T) {
	const n, rounds = 7, 4
	first := map[int]bool{}
	for round := range rounds {
		turns := order(n, round, rounds)
		first[turns[0]] = true
		slices.Sort(turns)
		for i, turn := range turns {
			if turn != i {
				t.Fatalf("round %d leaves out %d", round, i)
			}
		}
	}
	if len(first) != rounds {
		t.Errorf("%d contenders begin %d rounds", len(first), rounds)
	}
}

// testRow is a row with its rates of three rounds.
func testRow(peer, kind, about string, rates ...float64) row {
	var rounds []measurement
	for _, rate := range rates {
		rounds = append(rounds, measurement{rate: rate, p50: time.Millisecond, p99: 2 * time.Millisecond, asked: 1000})
	}
	return newRow(contender{peer: peer, kind: kind, about: about, clients: 8, items: 2}, rounds)
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	r := report{rows: []row{
		testRow(peerZhenni, kindBulk, byArrow, 100, 400, 300),
		testRow(peerZhenni, kindBulk, "Arrow float32", 90, 90, 90),
		testRow(peerZhenni, kindBulk, byArrow+unrecorded, 600, 600, 600),
		testRow(peerPostgres, kindBulk, vectorName, 50, 100, 60),
		testRow(peerPostgres, kindPipelined, sqlDotName, 1, 1, 1),
		testRow(peerPostgres, kindBulk, fetchRowName, 200, 200, 200),
		testRow(peerStores, kindStore, flatName, 30, 20, 10),
		testRow(peerStores, kindStore, "Badger Get", 10, 10, 10),
	}}
	r.compare()
	if got := r.rows[3].behind; got != 4 { // 2, 4 and 5: not 300/60 of the medians
		t.Errorf("zhenni is %v times pgvector, want 4", got)
	}
	if got := r.rows[7].behind; got != 2 {
		t.Errorf("the flat file is %v times Badger, want 2", got)
	}
	first := r.Ratios[0]
	if first.Median != 4 || first.Low != 2 || first.High != 5 || first.Wanted != 35 || first.Unrecorded != 10 {
		t.Errorf("the first ratio is %+v", first)
	}
	if !strings.Contains(first.Peer, vectorName) || !strings.HasSuffix(first.verdict(), "not met") {
		t.Errorf("the first ratio is to %s, %s", first.Peer, first.verdict())
	}
	for _, other := range r.Ratios {
		if strings.Contains(other.What, "Redis") {
			t.Errorf("a ratio to %s, which was left out", other.Peer)
		}
	}
}

func TestDisagreement(t *testing.T) {
	r := report{rows: []row{
		{contender: contender{peer: "same"}, asked: 5000}, {contender: contender{peer: "edge"}, asked: 5000, differed: 5},
		{contender: contender{peer: "other"}, asked: 5000, differed: 6}, {contender: contender{peer: "mute"}},
	}}
	names := r.disagreeing()
	if len(names) != 2 || !strings.HasPrefix(names[0], "other") || !strings.HasPrefix(names[1], "mute") {
		t.Errorf("disagreeing: %q", names)
	}
}

func TestThousands(t *testing.T) {
	for rate, want := range map[float64]string{0: "0", 999.4: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(rate); got != want {
			t.Errorf("%v is %q, want %q", rate, got, want)
		}
	}
}

func TestReportIsAResultFile(t *testing.T) {
	r := newReport(config{credentials: 2, dim: 512, probes: 4, rounds: 2, turn: time.Second})
	r.rows = []row{
		testRow(peerZhenni, kindSingle, byJSON, 5, 7),
		testRow(peerZhenni, kindBulk, byArrow, 300, 100),
		testRow(peerPostgres, kindBulk, vectorName, 50, 100),
	}
	path := filepath.Join(t.TempDir(), "peers.json")
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	run, err := result.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if run.Layer != "peers" || run.Rate != 200 || run.P99 != 2 || len(run.Measurements) != 3 {
		t.Errorf("the file says %s, %v/s, p99 %v ms, %d measurements", run.Layer, run.Rate, run.P99, len(run.Measurements))
	}
}
