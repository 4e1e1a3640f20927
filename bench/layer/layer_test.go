package layer_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"zhenni/bench/layer"
	"zhenni/bench/result"
	"zhenni/simd"
)

// TestMain lets the test binary be the process of another tier.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != layer.TierCommand {
		os.Exit(m.Run())
	}
	if err := layer.ServeTier(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// measure takes short rounds of every case and returns a run that is fit to be written.
func measure(t *testing.T, open func(context.Context) (*layer.Bench, error), rounds int, about time.Duration) *result.Run {
	t.Helper()
	b, err := open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	run := &result.Run{Layer: "test"}
	run.Measurements, err = result.Turns(t.Context(), rounds, about, b.Cases, nil)
	if closed := b.Close(); err != nil || closed != nil {
		t.Fatal(err, closed)
	}
	if err := run.Finish(); err != nil {
		t.Fatal(err)
	}
	return run
}

// want fails the test unless the run has the measurements, each with the limit named behind it.
func want(t *testing.T, run *result.Run, names map[string]string) {
	t.Helper()
	for name, limit := range names {
		m := run.Find(name)
		if m == nil {
			t.Errorf("%s is not measured", name)
		} else if m.Limit != limit {
			t.Errorf("%s: limit %q, want %q", name, m.Limit, limit)
		}
	}
	if t.Failed() {
		for _, m := range run.Measurements {
			t.Log(m.Name)
		}
	}
}

func TestKernelsOfEveryTier(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	k := layer.Kernels{
		Tiers: simd.Tiers(), Dims: []int{64, 192}, Memory: 1 << 20, Threads: 2, Seed: 1, Program: []string{program, layer.TierCommand},
	}
	run := measure(t, k.Open, 1, time.Millisecond)
	if head := run.Measurements[0].Name; head != "gathered/d=64/tier="+simd.Tiers()[0] {
		t.Errorf("the headline is %s", head)
	}
	want(t, run, map[string]string{"memory/random/d=192": "", "memory/stream/d=64/threads=2": ""})
	for _, tier := range k.Tiers {
		want(t, run, map[string]string{
			"gathered/d=192/tier=" + tier:               "memory/random/d=192",
			"gathered/d=64/tier=" + tier + "/threads=2": "memory/random/d=64/threads=2",
			"block/d=64/tier=" + tier:                   "memory/stream/d=64",
			"pair/d=64/tier=" + tier:                    "", "tile/d=192/tier=" + tier: "", "checked/d=192/tier=" + tier: "",
			"quantised/d=64/tier=" + tier: "", "hadamard/d=64/tier=" + tier: "",
		})
		if run.Find("hadamard/d=192/tier="+tier) != nil {
			t.Error("192 is no power of two")
		}
	}
}

func TestEngine(t *testing.T) {
	e := layer.Engine{Credentials: 1 << 12, Dim: 128, Threads: 2, Batch: 64, Questions: 1 << 11, Probes: 1 << 10, Seed: 1}
	run := measure(t, e.Open, 2, 2*time.Millisecond)
	if run.Measurements[0].Name != "verify/int8" || run.ToLimit <= 0 || run.P99 <= 0 {
		t.Errorf("headline %s, %v of its limit, p99 %v", run.Measurements[0].Name, run.ToLimit, run.P99)
	}
	want(t, run, map[string]string{
		"verify/int8": "bare", "verify/float32": "bare", "bare": "memory", "memory": "",
		"verify/int8/threads=1": "bare/threads=1", "bare/threads=1": "memory/threads=1",
		"stage/verify": "stage/dots", "stage/check": "", "stage/quantise": "", "stage/locate": "", "stage/dots": "", "stage/decide": "",
	})
}

// Processor time is counted beside the clock's.
func TestPressCounts(t *testing.T) {
	e := layer.Engine{Credentials: 1 << 12, Dim: 128, Threads: 1, Batch: 64, Questions: 1 << 10, Probes: 1 << 10, Seed: 1}
	run := measure(t, e.Open, 1, 20*time.Millisecond)
	if c := run.Measurements[0].Counts; c["items"] < 64 || c["processor_ns"] < 1 {
		t.Errorf("counts %v", c)
	}
}

func TestActors(t *testing.T) {
	a := layer.Actors{
		Credentials: 1 << 12, Dim: 128, Threads: 2, Messages: []int{16, 1024}, Shards: []int{1, 64}, Clients: 4, Questions: 1 << 11, Probes: 1 << 10, Seed: 1,
	}
	run := measure(t, a.Open, 2, 5*time.Millisecond)
	if head := run.Measurements[0]; head.Name != "node/message=1024" || run.ToLimit <= 0 {
		t.Errorf("headline %s, %v of its limit", head.Name, run.ToLimit)
	}
	want(t, run, map[string]string{
		"node/message=1024": "direct/message=1024", "direct/message=1024": "",
		"node/message=16": "direct/message=16", "direct/message=16": "",
		"node/shards=1": "direct/message=1024", "node/shards=64": "direct/message=1024",
	})
	if m := run.Find("node/shards=64"); m.Sweep != "shards" || m.X != 64 {
		t.Errorf("%s stands at %v of %q", m.Name, m.X, m.Sweep)
	}
}

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s := layer.Store{Dir: dir, Credentials: 1 << 12, Imported: 1 << 12, Dim: 128, Threads: 2, Callers: []int{1, 16}, Seed: 1}
	run := measure(t, s.Open, 1, 5*time.Millisecond)
	want(t, run, map[string]string{
		"get/hot": "file/hot", "file/hot": "", "put/callers=1": "disk/sync", "put/callers=16": "disk/sync", "disk/sync": "",
		"import": "file/write", "file/write": "",
	})
	if run.Find("disk/read/depth=1") != nil { // else the file system has no reads around the page cache
		want(t, run, map[string]string{"get/cold": "disk/read/depth=1", "file/cold": "disk/read/depth=1", "disk/read/depth=32": ""})
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
