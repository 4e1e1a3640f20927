package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/bench"
	"zhenni/bench/labelled"
	"zhenni/bench/labelledtest"
	"zhenni/engine"
	"zhenni/gateway"
	"zhenni/simd"
	"zhenni/storage"
)

// trialSet is the VoxCeleb1-O trials over the embeddings they are of.
type trialSet struct {
	embeddings bench.Vectors
	trials     [][2]int
}

func readTrials(t *testing.T) trialSet {
	t.Helper()
	dir := labelledtest.Folder(t)
	set := labelledtest.Read(t, "vox1-ecapa192", nil)
	list, err := labelled.ReadTrials(filepath.Join(dir, "protocols", "voxceleb1_veri_test2.txt"), set.Set)
	if err != nil {
		t.Fatal(err)
	}
	out := trialSet{embeddings: bench.Vectors{Dim: set.Dim()}}
	for i := range set.Len() {
		out.embeddings.Float32 = append(out.embeddings.Float32, set.Embedding(i)...)
	}
	for _, trial := range list.Trials {
		out.trials = append(out.trials, [2]int{int(trial.A), int(trial.B)})
	}
	return out
}

// trialProfile has the threshold of 1e-3 on all pairs of the set; no claim is made with it.
func trialProfile(t *testing.T) zhenni.Profile {
	t.Helper()
	const cosine = 0.3777
	threshold, err := zhenni.NewThreshold(cosine)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := zhenni.Profile{
		Model:     zhenni.Model{ID: "vox1-ecapa192", Dim: 192, Factor: zhenni.FactorVoice},
		FMRTarget: 1e-3, Cosine: cosine, Threshold: threshold,
	}.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

// direct decides the trials from quantised vectors, with the scalar sum and the accept rule alone.
func (s trialSet) direct(t *testing.T, rule zhenni.Threshold) []zhenni.Outcome {
	t.Helper()
	dim := s.embeddings.Dim
	rows, norms := make([]int8, len(s.embeddings.Float32)), make([]int32, s.embeddings.Len())
	for i := range norms {
		var err error
		if norms[i], err = engine.Prepare(rows[i*dim:(i+1)*dim], s.embeddings.Slice(i, i+1).Float32); err != nil {
			t.Fatal(err)
		}
	}
	outcomes := make([]zhenni.Outcome, len(s.trials))
	for i, trial := range s.trials {
		a, b := trial[0], trial[1]
		var dot int32
		for k := range dim {
			dot += int32(rows[a*dim+k]) * int32(rows[b*dim+k])
		}
		outcomes[i] = zhenni.NoMatch
		if rule.Accept(dot, norms[a], norms[b]) {
			outcomes[i] = zhenni.Match
		}
	}
	return outcomes
}

// startTrialNode serves a new store and returns the address and the key of an evaluation tenant.
func startTrialNode(t *testing.T, profile zhenni.Profile, shards int) bench.Target {
	t.Helper()
	dir := t.TempDir()
	root, err := storage.CreateKeyFile(filepath.Join(dir, "root.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := openRecorded(storage.Options{Dir: filepath.Join(dir, "store"), Model: profile.Model, Root: root}, auditOptions{dir: filepath.Join(dir, "audit")})
	if err != nil {
		t.Fatal(err)
	}
	key, party, err := newParty(zhenni.RelyingParty{
		ID: "trials", Tenant: 1, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer, Evaluation: true, CreatedAt: time.Unix(0, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := applyOne(t.Context(), store, zhenni.PutRelyingParty{Party: party}); err != nil {
		t.Fatal(err)
	}
	n, err := startNode(t.Context(), nodeConfig{
		arena:   64 << 20,
		actors:  actors.Config{Shards: shards},
		gateway: gateway.Config{Addr: "127.0.0.1:0", Profile: profile},
	}, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return bench.Target{URL: n.url(), Key: key.String()}
}

// The decisions on real trials are the same by every way of asking, on one shard and on eight, and are those of the
// plain rule on the quantised vectors; the golden hash makes them the same on every tier that ZHENNI_CPU forces.
//
// FAULTS: N15 L7
func TestRealDataTrialsGiveOneListOfDecisions(t *testing.T) {
	t.Parallel()
	set := readTrials(t)
	profile := trialProfile(t)
	want := set.direct(t, profile.Threshold)
	checkGolden(t, want)
	if raced {
		set.trials, want = set.trials[:4000], want[:4000]
	}
	t.Logf("tier %s, %d trials", simd.Tier(), len(want))
	for _, shards := range []int{1, 8} {
		target := startTrialNode(t, profile, shards)
		got, err := bench.EndToEnd{Target: target, Embeddings: set.embeddings, Trials: set.trials}.Run(t.Context())
		if err != nil {
			t.Fatalf("%d shards: %v", shards, err)
		}
		for way, list := range map[string][]zhenni.Outcome{"NDJSON": got.Lines, "Arrow": got.Arrow, "one at a time": got.Singles} {
			if !slices.Equal(list, want) {
				t.Errorf("%d shards, %s: the decisions are not those of the rule (%d of %d)", shards, way, len(list), len(want))
			}
		}
	}
}

// The same on every tier that this machine has, each in a process of its own.
//
// FAULTS: N15
func TestRealDataTrialsOnEveryTier(t *testing.T) {
	t.Parallel()
	labelledtest.Folder(t)
	if raced {
		t.Skip("the tiers do not differ in what the race detector sees")
	}
	for _, tier := range simd.Tiers() {
		if tier == simd.Tier() {
			continue // the test above
		}
		t.Run(tier, func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestRealDataTrialsGiveOneListOfDecisions$", "-test.v")
			child.Env = append(os.Environ(), "ZHENNI_CPU="+tier)
			report, err := child.CombinedOutput()
			if err != nil || !bytes.Contains(report, []byte("tier "+tier+",")) {
				t.Errorf("%v\n%s", err, report)
			}
		})
	}
}

// checkGolden holds the list against the committed hash.
func checkGolden(t *testing.T, outcomes []zhenni.Outcome) {
	t.Helper()
	text := make([]byte, len(outcomes))
	for i, outcome := range outcomes {
		text[i] = byte(outcome)
	}
	sum := sha256.Sum256(text)
	golden, err := os.ReadFile(filepath.Join("testdata", "voxceleb1-o.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sum[:]); got != strings.TrimSpace(string(golden)) {
		t.Errorf("SHA-256 of the decisions is %s, committed is %s", got, golden)
	}
}
