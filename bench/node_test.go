package bench

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"path/filepath"
	"testing"
	"time"

	"zhenni"
	"zhenni/actors"
	"zhenni/engine"
	"zhenni/engine/accuracy"
	"zhenni/gateway"
	"zhenni/storage"
)

// testPeople have few elements, so that tests are quick; the threshold beside them errs about once in a hundred
// thousand comparisons.
var testPeople = accuracy.Population{Seed: 3, Dim: 64}

const testCosine = 0.52

// serveTest serves a new store to an evaluation tenant until the test ends.
func serveTest(t testing.TB, shards int) Target {
	target, _ := serveTestWith(t, shards, nil)
	return target
}

// serveTestWith serves with a changed configuration.
func serveTestWith(t testing.TB, shards int, change func(*gateway.Config)) (Target, *actors.Node) {
	t.Helper()
	threshold, err := zhenni.NewThreshold(testCosine)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := zhenni.Profile{
		Model:  zhenni.Model{ID: "test-64", Dim: testPeople.Dim, Factor: zhenni.FactorFace},
		Cosine: testCosine, Threshold: threshold, Synthetic: true, Supported: true,
	}.Seal()
	if err != nil {
		t.Fatal(err)
	}
	root, err := storage.NewRootKey([32]byte{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.Open(storage.Options{Dir: filepath.Join(t.TempDir(), "store"), Model: profile.Model, Root: root})
	if err != nil {
		t.Fatal(err)
	}
	key := zhenni.APIKey{Party: "bench", Secret: [32]byte{2}}
	results, err := store.Apply(t.Context(), []zhenni.Command{zhenni.PutRelyingParty{Party: zhenni.RelyingParty{
		ID: "bench", Tenant: 1, Roles: zhenni.RoleVerifier | zhenni.RoleIssuer, Evaluation: true, KeyHash: key.Hash(),
	}}})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
	arena, err := engine.NewArena(testPeople.Dim, 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	node, err := actors.Start(actors.Config{Shards: shards}, profile.Model, profile.Threshold, arena, store)
	if err != nil {
		t.Fatal(err)
	}
	<-node.Warmed()
	config := gateway.Config{Profile: profile}
	if change != nil {
		change(&config)
	}
	server, err := gateway.New(config, node)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(server.Shutdown(ctx), <-served, node.Drain(ctx), arena.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return Target{URL: "http://" + ln.Addr().String(), Key: key.String()}, node
}

// samples returns one reference and one probe of each of n people: person i is rows 2i and 2i+1.
func samples(n int) Vectors {
	out := Vectors{Dim: testPeople.Dim, Float32: make([]float32, 2*n*testPeople.Dim)}
	for i := range n {
		testPeople.Reference(i, out.Slice(2*i, 2*i+1).Float32)
		testPeople.Probe(i, 0, out.Slice(2*i+1, 2*i+2).Float32)
	}
	return out
}

// decide answers a trial by the rule alone.
func decide(t *testing.T, v Vectors, trial [2]int) zhenni.Outcome {
	t.Helper()
	rows, norms := [2][]int8{make([]int8, v.Dim), make([]int8, v.Dim)}, [2]int32{}
	for k, i := range trial {
		var err error
		if norms[k], err = engine.Prepare(rows[k], v.Slice(i, i+1).Float32); err != nil {
			t.Fatal(err)
		}
	}
	var dot int32
	for k := range v.Dim {
		dot += int32(rows[0][k]) * int32(rows[1][k])
	}
	threshold, err := zhenni.NewThreshold(testCosine)
	if err != nil {
		t.Fatal(err)
	}
	if threshold.Accept(dot, norms[0], norms[1]) {
		return zhenni.Match
	}
	return zhenni.NoMatch
}

// mixedTrials are mated and non-mated in equal parts, with repeated references.
func mixedTrials(people, n int) [][2]int {
	random := rand.New(rand.NewPCG(1, 2))
	trials := make([][2]int, n)
	for i := range trials {
		a, b := random.IntN(people), random.IntN(people)
		if i%2 == 0 {
			b = a
		}
		trials[i] = [2]int{2 * a, 2*b + 1}
	}
	return trials
}
